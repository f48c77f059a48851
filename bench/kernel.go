package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"smelt/compute/kernel"
	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
)

// KernelShape is a product of M x K and K x N.
type KernelShape struct {
	M int `json:"m"`
	K int `json:"k"`
	N int `json:"n"`
}

// ParseKernelShape reads MxKxN, such as 512x576x1536.
func ParseKernelShape(s string) (KernelShape, error) {
	const largest = 1 << 16
	numbers := strings.Split(s, "x")
	var k KernelShape
	for i, n := range []*int{&k.M, &k.K, &k.N} {
		var err error
		if len(numbers) == 3 {
			*n, err = strconv.Atoi(numbers[i])
		}
		if err != nil || *n < 1 || *n > largest {
			return k, fmt.Errorf("shape %q: give three numbers from 1 to %d, as in 512x576x1536 for 512x576 times 576x1536", s, largest)
		}
	}
	return k, nil
}

func (s KernelShape) String() string { return fmt.Sprintf("%dx%dx%d", s.M, s.K, s.N) }

// KernelShapes are squares, and the products of SmolLM2-135M and TinyLlama with 512
// tokens.
func KernelShapes() []KernelShape {
	return []KernelShape{
		{512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048},
		{512, 576, 1536}, {512, 576, 576}, {512, 2048, 5632}, {512, 2048, 2048}, {512, 5632, 2048},
	}
}

// KernelOptions say what MeasureKernels does. The tier is the active one.
type KernelOptions struct {
	Threads int           // 0 means 1
	Repeats int           // of each figure; 0 means 30
	Shapes  []KernelShape // none means KernelShapes
	// Progress is called after each figure.
	Progress func(done, total int, what string)
}

// KernelCeilings are what the machine does at most, on the threads measured.
type KernelCeilings struct {
	FP32 float64 `json:"fp32_gflops"`
	BF16 float64 `json:"bf16_gflops,omitempty"` // 0 if the tier has no instruction for it
	Read float64 `json:"memory_read_gb_per_second"`
}

// KernelFigure is one product.
type KernelFigure struct {
	KernelShape
	Precision string  `json:"precision"`
	Layout    string  `json:"layout"` // NN, NT, TN or packed
	Repeats   int     `json:"repeats"`
	Seconds   float64 `json:"seconds"` // of the best repeat, see nearBest
	GFLOPS    float64 `json:"gflops"`  // of that
	Ceiling   float64 `json:"ceiling_gflops"`
	Share     float64 `json:"share"`        // GFLOPS / Ceiling
	Median    float64 `json:"median_share"` // of the repeats, each with the ceiling just after it
}

// KernelResult is what MeasureKernels found.
type KernelResult struct {
	CPU      string         `json:"cpu"`
	Tier     string         `json:"tier"`
	Platform string         `json:"platform"`
	Go       string         `json:"go"`
	Threads  int            `json:"threads"`
	Clock    string         `json:"clock"` // cpu or wall
	Ceilings KernelCeilings `json:"ceilings"`
	Figures  []KernelFigure `json:"figures"`
}

// MeasureKernels measures the machine's ceilings and then the matrix products
// against them. On one thread it goes by CPU time, so that other work on the machine
// counts as little as it can, and on several by the wall clock.
//
// A processor's clock changes from one moment to the next. So the ceiling of a
// product is measured anew after each of its repeats; the share is that of the best
// of both, and the median of the repeats is there to be compared with it.
func MeasureKernels(ctx context.Context, o KernelOptions) (*KernelResult, error) {
	if o.Repeats == 0 {
		o.Repeats = 30
	}
	if len(o.Shapes) == 0 {
		o.Shapes = KernelShapes()
	}
	p := kernel.NewPool(max(o.Threads, 1))
	defer p.Close()
	m := &kernelMeter{pool: p, repeats: o.Repeats, clock: wallClock, tier: cpu.Active()}
	r := &KernelResult{
		CPU: cpu.Brand(), Tier: m.tier.String(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		Threads: p.Threads(), Clock: "wall",
	}
	if _, known := processCPU(); known && p.Threads() == 1 {
		m.clock, r.Clock = cpuClock, "cpu"
	}
	r.Ceilings = m.ceilings()
	total := len(o.Shapes) * len(kernelKinds)
	for _, shape := range o.Shapes {
		data := newKernelData(shape)
		for _, kind := range kernelKinds {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			r.Figures = append(r.Figures, m.product(data, kind))
			if o.Progress != nil {
				o.Progress(len(r.Figures), total, shape.String())
			}
		}
	}
	return r, nil
}

// kernelKind is one way to multiply.
type kernelKind struct {
	precision              kernel.Precision
	layout                 string
	transposeA, transposeB bool
	packed                 bool
}

var kernelKinds = []kernelKind{
	{kernel.FP32, "NN", false, false, false},
	{kernel.FP32, "NT", false, true, false},
	{kernel.FP32, "TN", true, false, false},
	{kernel.FP32, "packed", false, false, true},
	{kernel.BF16, "NN", false, false, false},
	{kernel.BF16, "NT", false, true, false},
	{kernel.BF16, "TN", true, false, false},
	{kernel.BF16, "packed", false, false, true},
}

// kernelData are the numbers of one shape: any numbers, read as any layout.
type kernelData struct {
	KernelShape
	a, b, c []float32
}

func newKernelData(s KernelShape) *kernelData {
	r := rand.New(rand.NewPCG(1, 2))
	d := &kernelData{s, make([]float32, s.M*s.K), make([]float32, s.K*s.N), make([]float32, s.M*s.N)}
	for _, x := range [][]float32{d.a, d.b} {
		for i := range x {
			x[i] = r.Float32() - 0.5
		}
	}
	return d
}

// kernelMeter measures with one pool and one clock.
type kernelMeter struct {
	pool    *kernel.Pool
	repeats int
	clock   func() time.Duration
	tier    cpu.Tier
}

// patience is when a figure has been measured for long enough, if thrice.
const patience = 5 * time.Second

// repeat calls do as often as a figure wants it, after one call to warm up.
func (m *kernelMeter) repeat(do func()) {
	do()
	start := time.Now()
	for i := range m.repeats {
		if i >= 3 && time.Since(start) >= patience {
			return
		}
		do()
	}
}

// seconds returns how long do takes.
func (m *kernelMeter) seconds(do func()) float64 {
	before := m.clock()
	do()
	return max(m.clock()-before, time.Nanosecond).Seconds()
}

func (m *kernelMeter) product(d *kernelData, kind kernelKind) KernelFigure {
	a := kernel.Matrix{Data: d.a, Rows: d.M, Cols: d.K, Transposed: kind.transposeA}
	b := kernel.Matrix{Data: d.b, Rows: d.K, Cols: d.N, Transposed: kind.transposeB}
	c := kernel.Matrix{Data: d.c, Rows: d.M, Cols: d.N}
	o := kernel.MatMulOptions{Precision: kind.precision}
	do := func() { kernel.MatMul(m.pool, c, a, b, o) }
	if kind.packed {
		w := kernel.Pack(m.pool, b, kind.precision)
		do = func() { kernel.MatMul(m.pool, c, a, w, o) }
	}
	loop := ceiling.FMA(m.tier) // a bf16 product is one of fp32 where there is no other
	if l, ok := ceiling.BF16(m.tier); ok && kind.precision == kernel.BF16 {
		loop = l
	}
	operations := 2 * float64(d.M) * float64(d.K) * float64(d.N) / 1e9
	var rates, ceilings, shares []float64
	m.repeat(func() {
		rate := operations / m.seconds(do)
		top := m.arithmetic(loop)
		rates, ceilings, shares = append(rates, rate), append(ceilings, top), append(shares, rate/top)
	})
	// The first was to warm up.
	best, top := nearBest(rates[1:]), nearBest(ceilings[1:])
	return KernelFigure{
		KernelShape: d.KernelShape, Precision: kind.precision.String(), Layout: kind.layout, Repeats: len(rates) - 1,
		Seconds: operations / best, GFLOPS: best, Ceiling: top, Share: best / top, Median: newSpread(shares[1:]).Median,
	}
}

// nearBest returns the best rate but for the best tenth of them. On a virtual machine
// the system takes the time the host kept for itself off a process's CPU time when it
// learns of it, which may be a millisecond too late: a loop was seen to run at 18 times
// the machine's speed. Both the products and their ceilings are taken so.
func nearBest(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	return sorted[len(sorted)-1-len(sorted)/10]
}

// arithmetic runs a loop on all threads at once, about a millisecond, and returns its
// rate in GFLOP/s.
func (m *kernelMeter) arithmetic(l ceiling.Loop) float64 {
	const calls, rounds = 10, 40_000
	threads := m.pool.Threads()
	took := m.seconds(func() {
		m.pool.Run(threads, func(_, _ int) {
			for range calls {
				l.Run(rounds)
			}
		})
	})
	return float64(threads*calls*rounds) * float64(l.Operations) / took / 1e9
}

// ceilings measures the best the machine does, with all threads at once.
func (m *kernelMeter) ceilings() (c KernelCeilings) {
	best := func(rate func() float64) float64 {
		var rates []float64
		m.repeat(func() { rates = append(rates, rate()) })
		return nearBest(rates)
	}
	c.FP32 = best(func() float64 { return m.arithmetic(ceiling.FMA(m.tier)) })
	if l, ok := ceiling.BF16(m.tier); ok {
		c.BF16 = best(func() float64 { return m.arithmetic(l) })
	}
	const size = 128 << 20 // beyond any cache
	data := make([]byte, size)
	for i := 0; i < size; i += 4096 { // pages that were never written to are all one page
		data[i] = 1
	}
	threads := m.pool.Threads()
	part := size / threads
	c.Read = best(func() float64 {
		took := m.seconds(func() {
			m.pool.Run(threads, func(_, task int) { ceiling.Read(m.tier, data[task*part:][:part]) })
		})
		return float64(part*threads) / took / 1e9
	})
	return c
}

func wallClock() time.Duration { return time.Duration(time.Now().UnixNano()) }
