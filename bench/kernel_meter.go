package bench

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"smelt/compute/kernel"
	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

// kernelMeter measures kernels and their ceilings.
//
// On one thread it goes by that thread's CPU time, so that other work on the machine
// counts as little as it can, and on several by the wall clock. A repeat is a batch
// of calls that takes a while by that clock, and after each repeat the ceiling is
// measured, in the same way: a processor's own clock changes from one moment to the
// next.
type kernelMeter struct {
	KernelOptions
	tier    cpu.Tier
	threads int // where several are to be used
	pools   map[int]*kernel.Pool
	memory  []byte // see weights
	at      int    // where its next window begins
}

func newKernelMeter(o KernelOptions) *kernelMeter {
	m := &kernelMeter{KernelOptions: o, tier: cpu.Active(), threads: o.Threads, pools: map[int]*kernel.Pool{}}
	if m.threads == 0 {
		m.threads = runtime.GOMAXPROCS(0)
	}
	return m
}

func (m *kernelMeter) close() {
	for _, p := range m.pools {
		p.Close()
	}
}

// pool returns a pool of so many threads.
func (m *kernelMeter) pool(threads int) *kernel.Pool {
	p := m.pools[threads]
	if p == nil {
		p = kernel.NewPool(threads)
		m.pools[threads] = p
	}
	return p
}

// each returns the numbers of threads that figures are wanted for.
func (m *kernelMeter) each() []int {
	if m.Threads == 0 && m.threads > 1 {
		return []int{1, m.threads}
	}
	return []int{m.threads}
}

// kernelCase is something to measure.
type kernelCase struct {
	family, name string
	threads      int
	wall         bool    // by the wall clock even on one thread
	work         float64 // of a call, in billions of ceiling.unit
	elements     float64 // of a call, in billions, if that is of interest too
	ceiling      kernelCeiling
	prepare      func() (call func()) // allocates what a call works on
}

// kernelCeiling is what a kernel can reach at most.
type kernelCeiling struct {
	what, unit string
	work       float64 // of a call, in billions of the unit
	call       func()
}

const (
	// batchTime is that of one repeat: thousands of times what reading a clock takes.
	batchTime = 2 * time.Millisecond
	// patience is when a figure has been measured for long enough, if leastRepeats
	// have been made.
	patience      = 5 * time.Second
	quickPatience = time.Second
	leastRepeats  = 5
	// A share above this is an error of the measurement, which is then made again.
	mostShare = 1.03
	attempts  = 3
)

// measure returns a case's figure.
func (m *kernelMeter) measure(c kernelCase) (f KernelFigure) {
	call := c.prepare()
	clock := wallClock()
	if c.threads == 1 && !c.wall {
		// The caller is the pool's one thread and must stay on its system thread,
		// whose time is measured.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		clock = threadClock()
	}
	for range attempts {
		f = m.attempt(c, call, clock)
		f.Doubtful = f.Share > mostShare
		if !f.Doubtful {
			return f
		}
	}
	return f
}

func (m *kernelMeter) attempt(c kernelCase, call func(), clock stopwatch) KernelFigure {
	most := patience
	if m.Quick {
		most = quickPatience
	}
	calls, tops := clock.batch(call), clock.batch(c.ceiling.call)
	var rates, ceilings, shares []float64
	for start := time.Now(); len(rates) < m.Repeats && (len(rates) < leastRepeats || time.Since(start) < most); {
		rate := float64(calls) * c.work / clock.seconds(calls, call)
		top := float64(tops) * c.ceiling.work / clock.seconds(tops, c.ceiling.call)
		rates, ceilings, shares = append(rates, rate), append(ceilings, top), append(shares, rate/top)
	}
	rate, top := clock.best(rates), clock.best(ceilings)
	return KernelFigure{
		Family: c.family, Name: c.name, Threads: c.threads, Clock: clock.name, Repeats: len(rates),
		Seconds: c.work / rate, Rate: rate, Ceiling: KernelRate{c.ceiling.what, top, c.ceiling.unit},
		Share: rate / top, Median: newSpread(shares).Median, Elements: c.elements * rate / c.work,
	}
}

// stopwatch measures the time that calls take.
type stopwatch struct {
	name string
	// start returns a function that returns the seconds since.
	start func() func() float64
}

func wallClock() stopwatch {
	return stopwatch{"wall", func() func() float64 {
		start := time.Now()
		return func() float64 { return time.Since(start).Seconds() }
	}}
}

func (s stopwatch) seconds(calls int, call func()) float64 {
	stop := s.start()
	for range calls {
		call()
	}
	return max(stop(), 1e-9)
}

// best returns the rate of the machine's own among those of some repeats. What
// disturbs a repeat makes it slow, so that is the best of them by the wall clock. A
// clock of CPU time may err to the other side (see threadClock): there it is the
// median of the best third, which outvotes that.
func (s stopwatch) best(rates []float64) float64 {
	if s.name == wallClock().name {
		return slices.Max(rates)
	}
	sorted := slices.Sorted(slices.Values(rates))
	third := (len(sorted) + 2) / 3
	return newSpread(sorted[len(sorted)-third:]).Median
}

// batch returns how many calls take batchTime, and so warms up.
func (s stopwatch) batch(call func()) int {
	const most = 1 << 20
	for calls := 1; ; {
		took := s.seconds(calls, call)
		if took >= batchTime.Seconds() || calls >= most {
			return calls
		}
		calls = min(most, max(2*calls, int(1.2*float64(calls)*batchTime.Seconds()/took)))
	}
}

// arithmetic is the ceiling of products of a precision, on all of the threads.
func (m *kernelMeter) arithmetic(precision kernel.Precision, threads int) kernelCeiling {
	if precision == kernel.BF16 {
		if l, ok := ceiling.BF16(m.tier); ok {
			return m.loop("bf16", l, threads)
		}
	}
	return m.loop("fp32", ceiling.FMA(m.tier), threads) // which bf16 becomes elsewhere
}

// loop is the ceiling that is a loop on registers.
func (m *kernelMeter) loop(name string, l ceiling.Loop, threads int) kernelCeiling {
	const runs, rounds = 10, 20_000 // of a task, some half a millisecond
	p := m.pool(threads)
	return kernelCeiling{name, "FLOP", float64(threads*runs*rounds) * float64(l.Operations) / 1e9, func() {
		p.Run(threads, func(_, _ int) {
			for range runs {
				l.Run(rounds)
			}
		})
	}}
}

// window is how much of the memory a call reads: the rest is more than caches hold by
// the time it is this part's turn again.
const (
	memorySize = 256 << 20
	windowSize = memorySize / 4
)

// reading is the ceiling of what reads memory, on all of the threads.
func (m *kernelMeter) reading(threads int) kernelCeiling {
	p := m.pool(threads)
	part := windowSize / threads &^ 4095
	return kernelCeiling{"memory read", "B", float64(part*threads) / 1e9, func() {
		window := m.window()
		p.Run(threads, func(_, task int) { ceiling.Read(m.tier, window[task*part:][:part]) })
	}}
}

// moving is the ceiling of what works on numbers in a core's first cache: the sum of
// two arrays, which reads and writes as much at once as there are ports for.
func (m *kernelMeter) moving() kernelCeiling {
	const n = 2048
	x, y, sum := numbers(n), numbers(n), make([]float32, n)
	return kernelCeiling{"a + b in cache", "B", 12 * n / 1e9, func() { kernel.Add(sum, x, y) }}
}

// weights returns memory beyond any cache that is numbers of about 0.1 and less,
// whether it is read as float32, bfloat16, or blocks of any format: all bytes are
// 0x20 to 0x3f.
func (m *kernelMeter) weights() []byte {
	if m.memory == nil {
		m.memory = make([]byte, memorySize)
		pattern := make([]byte, 65521) // a prime, so that rows differ
		r := rand.New(rand.NewPCG(1, 2))
		for i := range pattern {
			pattern[i] = 0x20 | byte(r.Uint32())&0x1f
		}
		for at := 0; at < memorySize; {
			at += copy(m.memory[at:], pattern)
		}
	}
	return m.memory
}

// window returns the next part of weights. Kernels and their ceiling take turns at
// them, so that neither finds in a cache what the other has read.
func (m *kernelMeter) window() []byte {
	at := m.at
	m.at = (at + windowSize) % memorySize
	return m.weights()[at:][:windowSize]
}

// as views bytes as numbers.
func as[T float32 | uint16](data []byte) []T {
	var number T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/int(unsafe.Sizeof(number)))
}
