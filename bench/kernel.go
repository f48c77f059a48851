package bench

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/kernel/cpu"
)

// KernelShape is a product of M x K and K x N.
type KernelShape struct{ M, K, N int }

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

// billions of multiply-adds, counted as two operations each.
func (s KernelShape) operations() float64 {
	return 2 * float64(s.M) * float64(s.K) * float64(s.N) / 1e9
}

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
	// Threads of what runs on several; 0 means one, and as many as there are
	// processors too where that is a figure of its own.
	Threads int
	Repeats int           // of each figure; 0 means 30, or 10 if Quick
	Quick   bool          // few shapes and few repeats
	Shapes  []KernelShape // of products; none means KernelShapes, or two of them if Quick
	Only    []string      // families; none means all of KernelFamilies
	// Progress is called before each figure.
	Progress func(done, total int, what string)
}

// complete returns the options with defaults in place of zeros.
func (o KernelOptions) complete() (KernelOptions, error) {
	for _, name := range o.Only {
		if err := CheckKernelFamily(name); err != nil {
			return o, err
		}
	}
	if len(o.Only) == 0 {
		o.Only = KernelFamilies()
	}
	if o.Repeats == 0 {
		o.Repeats = 30
		if o.Quick {
			o.Repeats = 10
		}
	}
	if len(o.Shapes) == 0 {
		o.Shapes = KernelShapes()
		if o.Quick {
			o.Shapes = []KernelShape{{512, 576, 576}, {512, 2048, 2048}}
		}
	}
	return o, nil
}

// KernelRate is how fast something goes.
type KernelRate struct {
	What string  `json:"what"`
	Rate float64 `json:"rate"` // in billions of the unit per second
	Unit string  `json:"unit"` // FLOP, B (bytes) or elem (elements)
}

// KernelFigure is a kernel's rate beside the limit it could reach at most, measured
// by turns with it.
type KernelFigure struct {
	Family  string `json:"family"`
	Name    string `json:"name"`
	Threads int    `json:"threads"`
	Clock   string `json:"clock"` // cpu or wall
	Repeats int    `json:"repeats"`
	// Seconds of one call and Rate are those of the best repeats, see stopwatch.best.
	Seconds float64    `json:"seconds"`
	Rate    float64    `json:"rate"` // in billions of Ceiling.Unit per second
	Ceiling KernelRate `json:"ceiling"`
	Share   float64    `json:"share"`        // Rate / Ceiling.Rate
	Median  float64    `json:"median_share"` // of the repeats, each with the ceiling just after it
	// Elements are billions of elements per second, of kernels whose ceiling counts
	// bytes and that have elements.
	Elements float64 `json:"gigaelements_per_second,omitempty"`
	// Doubtful says that the share was above 1 however often it was measured.
	Doubtful bool `json:"doubtful,omitempty"`
}

// KernelResult is what MeasureKernels found.
type KernelResult struct {
	CPU      string         `json:"cpu"`
	Tier     string         `json:"tier"`
	Platform string         `json:"platform"`
	Go       string         `json:"go"`
	Threads  int            `json:"threads"`
	Figures  []KernelFigure `json:"figures"`
}

// MeasureKernels measures kernels against what the machine does at most: arithmetic
// on registers, or reading. See kernelMeter for how.
func MeasureKernels(ctx context.Context, o KernelOptions) (*KernelResult, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	m := newKernelMeter(o)
	defer m.close()
	r := &KernelResult{
		CPU: cpu.Brand(), Tier: m.tier.String(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Threads: m.threads,
	}
	var cases []kernelCase
	for _, f := range kernelFamilies() {
		if slices.Contains(o.Only, f.name) {
			for _, c := range f.cases(m) {
				c.family = f.name
				cases = append(cases, c)
			}
		}
	}
	for i, c := range cases {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(i, len(cases), c.family+" "+c.name)
		}
		r.Figures = append(r.Figures, m.measure(c))
	}
	return r, nil
}
