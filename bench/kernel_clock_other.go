//go:build !linux

package bench

// threadClock goes by the CPU time of the process, or by the wall clock where the
// system does not tell it.
func threadClock() stopwatch {
	if _, known := processCPU(); !known {
		return wallClock()
	}
	return stopwatch{"cpu", func() func() float64 {
		before := cpuClock()
		return func() float64 { return (cpuClock() - before).Seconds() }
	}}
}
