package bench

import (
	"slices"
	"time"
)

// Usage is what one run of a measurement took of the machine.
type Usage struct {
	Wall float64 `json:"wall_seconds"`
	// CPU is user and system time of the whole process, in seconds; 0 where the
	// system does not say.
	CPU float64 `json:"cpu_seconds"`
	// PeakRSS is the most memory the process held so far, in bytes, mapped files
	// included; 0 where the system does not say. It is the measurement's own only
	// in a process of its own.
	PeakRSS int64 `json:"peak_rss_bytes"`
}

// measured runs fn and says what it took.
func measured(fn func() error) (Usage, error) {
	start := time.Now()
	before, known := processCPU()
	err := fn()
	u := Usage{Wall: time.Since(start).Seconds(), PeakRSS: peakRSS()}
	if after, _ := processCPU(); known {
		u.CPU = (after - before).Seconds()
	}
	return u, err
}

// Spread sums up one figure over several runs: the median and the extremes. Of an
// even number of runs the median is the mean of the two in the middle; of none, all
// is 0.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func newSpread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return Spread{Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}

// cpuClock is the CPU time used so far, or the wall clock where that is not
// known: for differences.
func cpuClock() time.Duration {
	if used, known := processCPU(); known {
		return used
	}
	return time.Duration(time.Now().UnixNano())
}

// PeakRSS returns the most memory this process held so far, in bytes, mapped files
// included; 0 where the system does not say.
func PeakRSS() int64 { return peakRSS() }
