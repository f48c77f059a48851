package bench

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"smelt/compute/kernel"
	"smelt/compute/kernel/ceiling"
	"smelt/compute/kernel/cpu"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
)

// InferOptions say what MeasureInference does. The tier is the active one.
type InferOptions struct {
	Model     string
	Precision llama.Precision
	Threads   int // 0 means one, and as many as there are processors
	Prompt    int // tokens run at once; 0 means 512
	Decode    int // tokens run one after the other; 0 means 64
	Depth     int // tokens before the decoded ones
	Runs      int // of each figure, after one that is not counted; 0 means 5
	// FirstToken is the seconds from the start of a new process, of so many threads, to the
	// first text of the model; nil leaves that out.
	FirstToken func(ctx context.Context, threads int) (float64, error)
	// Progress is called before each run.
	Progress func(done, total int, what string)
}

// Validate tells what cannot be measured.
func (o *InferOptions) Validate() error {
	for _, n := range []struct {
		name string
		n    int
	}{{"prompt", o.Prompt}, {"decode", o.Decode}, {"depth", o.Depth}, {"runs", o.Runs}} {
		if n.n < 0 || n.n > 1<<20 {
			return fmt.Errorf("%s of %d: give 1 to %d", n.name, n.n, 1<<20)
		}
	}
	return nil
}

// InferFigure is how fast a model does something.
type InferFigure struct {
	Name    string `json:"name"` // prompt or decode
	Threads int    `json:"threads"`
	Tokens  int    `json:"tokens"` // of a run
	// TokensPerSecond are those of the runs, by the wall clock.
	TokensPerSecond Spread `json:"tokens_per_second"`
	// PerToken is what a token takes at least, in billions of the ceiling's unit: arithmetic
	// of a prompt, memory read in decoding.
	PerToken float64    `json:"per_token"`
	Ceiling  KernelRate `json:"ceiling"` // the best, measured after each run
	Share    float64    `json:"share"`   // of it: the best run
	Median   float64    `json:"median_share"`
}

// FirstToken is how long a new process takes to its first text.
type FirstToken struct {
	Threads int    `json:"threads"`
	Seconds Spread `json:"seconds"`
}

// InferResult is what MeasureInference found.
type InferResult struct {
	Model       string        `json:"model"`
	Parameters  int64         `json:"parameters"`
	Bytes       int64         `json:"bytes"` // of the weights, as stored
	Precision   string        `json:"precision"`
	CPU         string        `json:"cpu"`
	Tier        string        `json:"tier"`
	Platform    string        `json:"platform"`
	Go          string        `json:"go"`
	Runs        int           `json:"runs"`
	Depth       int           `json:"depth"`
	Figures     []InferFigure `json:"figures"`
	FirstTokens []FirstToken  `json:"first_token,omitempty"`
}

// MeasureInference measures how fast a model runs a prompt and decodes, beside what the
// machine can do at most. A run of decoding does not choose tokens: it takes given ones.
func MeasureInference(ctx context.Context, o InferOptions) (*InferResult, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	for _, n := range []struct {
		n         *int
		otherwise int
	}{{&o.Prompt, 512}, {&o.Decode, 64}, {&o.Runs, 5}} {
		if *n.n == 0 {
			*n.n = n.otherwise
		}
	}
	meter := newKernelMeter(KernelOptions{Threads: o.Threads})
	defer meter.close()
	r := &InferResult{
		Model: o.Model, Precision: precisionName(o.Precision), CPU: cpu.Brand(), Tier: meter.tier.String(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Runs: o.Runs, Depth: o.Depth,
	}
	perThreads := 2
	if o.FirstToken != nil {
		perThreads = 3
	}
	for i, threads := range meter.each() {
		x := inference{InferOptions: o, meter: meter, threads: threads, result: r}
		x.said, x.says = i*perThreads*(o.Runs+1), len(meter.each())*perThreads*(o.Runs+1)
		if err := x.measure(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func precisionName(p llama.Precision) string {
	if p == llama.FP32 {
		return "fp32"
	}
	return "stored"
}

// inference measures on one number of threads.
type inference struct {
	InferOptions
	meter      *kernelMeter
	threads    int
	result     *InferResult
	said, says int // runs, for Progress
}

func (x *inference) progress(what string) {
	if x.Progress != nil {
		x.Progress(x.said, x.says, fmt.Sprintf("%s, %d threads", what, x.threads))
	}
	x.said++
}

func (x *inference) measure(ctx context.Context) error {
	m, err := llama.Open(x.Model, llama.Options{Threads: x.threads, Precision: x.InferOptions.Precision})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	c := m.Config()
	if n := max(x.Prompt, x.Depth+x.Decode); n > c.Context {
		return fmt.Errorf("%d positions: %w of %d", n, llama.ErrContext, c.Context)
	}
	x.result.Parameters, x.result.Bytes = c.Parameters(), m.Bytes()
	logits := make([]float32, c.Vocabulary)
	tokens := make([]int32, max(x.Prompt, x.Depth+x.Decode))
	for i := range tokens {
		tokens[i] = int32((i*7919 + 13) % c.Vocabulary)
	}
	cache := m.NewCache()
	run := func(from, to int) error {
		return m.Logits(ctx, logits, []llama.Input{{Cache: cache, Tokens: tokens[from:to]}})
	}

	prompt := InferFigure{Name: "prompt", Tokens: x.Prompt, PerToken: promptOperations(&c, x.Prompt)}
	err = x.figure(ctx, prompt, x.arithmetic(m), cache.Release, func() error { return run(0, x.Prompt) })
	if err != nil {
		return err
	}
	decode := InferFigure{Name: "decode", Tokens: x.Decode, PerToken: decodeBytes(m, float64(x.Depth)+float64(x.Decode-1)/2)}
	err = x.figure(ctx, decode, x.meter.reading(x.threads), func() {
		cache.Release()
		if err == nil && x.Depth > 0 {
			err = run(0, x.Depth)
		}
	}, func() error {
		for i := range x.Decode {
			if err := run(x.Depth+i, x.Depth+i+1); err != nil {
				return err
			}
		}
		return err // of depth
	})
	if err != nil || x.FirstToken == nil {
		return err
	}
	var seconds []float64
	for i := range x.Runs + 1 {
		x.progress("first token")
		s, err := x.FirstToken(ctx, x.threads)
		if err != nil {
			return err
		}
		if i > 0 {
			seconds = append(seconds, s)
		}
	}
	x.result.FirstTokens = append(x.result.FirstTokens, FirstToken{x.threads, newSpread(seconds)})
	return nil
}

// figure measures f by runs of call, and the ceiling after each.
func (x *inference) figure(ctx context.Context, f InferFigure, top kernelCeiling, prepare func(), call func() error) error {
	clock := wallClock()
	tops := clock.batch(top.call)
	var rates, shares []float64
	best := 0.0
	for i := range x.Runs + 1 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		x.progress(f.Name)
		prepare()
		start := time.Now()
		if err := call(); err != nil {
			return err
		}
		rate := float64(f.Tokens) / time.Since(start).Seconds()
		const batches = 10
		limit := 0.0
		for range batches {
			limit = max(limit, float64(tops)*top.work/clock.seconds(tops, top.call))
		}
		if i == 0 {
			continue
		}
		best = max(best, limit)
		rates, shares = append(rates, rate), append(shares, rate*f.PerToken/limit)
	}
	f.Threads, f.TokensPerSecond = x.threads, newSpread(rates)
	f.Ceiling = KernelRate{top.what, best, top.unit}
	f.Share, f.Median = f.TokensPerSecond.Max*f.PerToken/best, newSpread(shares).Median
	x.result.Figures = append(x.result.Figures, f)
	return nil
}

// arithmetic is the ceiling of the products of a prompt: that of the type that most bytes
// of the layers are of.
func (x *inference) arithmetic(m *llama.Model) kernelCeiling {
	stored := map[tensorfile.DType]int64{}
	var most tensorfile.DType
	for _, t := range m.File().Tensors() {
		if len(t.Shape) == 2 && t.Shape[0] != m.Config().Vocabulary {
			if stored[t.DType] += t.Size; stored[t.DType] > stored[most] {
				most = t.DType
			}
		}
	}
	if x.InferOptions.Precision == llama.FP32 {
		most = tensorfile.F32
	}
	if _, block := most.Block(); block {
		if l, ok := ceiling.Int8(x.meter.tier); ok {
			top := x.meter.loop("int8", l, x.threads)
			top.unit = "OP"
			return top
		}
	}
	if most == tensorfile.BF16 {
		return x.meter.arithmetic(kernel.BF16, x.threads)
	}
	return x.meter.arithmetic(kernel.FP32, x.threads)
}

// promptOperations returns the billions of operations that a token of a prompt takes, a
// multiply-add as two: the products with the matrices of the layers, attention to the
// positions before, and its part of one row of logits.
func promptOperations(c *llama.Config, tokens int) float64 {
	head := float64(c.Vocabulary) * float64(c.Hidden)
	matrices := float64(c.Parameters()) - head
	if !c.Tied {
		matrices -= head
	}
	attention := 2 * float64(c.Layers) * float64(c.Heads) * float64(c.HeadDim) * float64(tokens+1) / 2
	return 2 * (matrices + attention + head/float64(tokens)) / 1e9
}

// decodeBytes returns the billions of bytes that decoding a token reads at least, with so
// many positions before: all weights but the embedding, if the head is not the same, and
// the keys and values, in fp32.
func decodeBytes(m *llama.Model, positions float64) float64 {
	c := m.Config()
	bytes := float64(m.Bytes())
	if !c.Tied {
		for _, name := range []string{"model.embed_tokens.weight", "token_embd.weight"} {
			if t := m.File().Tensor(name); t != nil {
				bytes -= float64(t.Size)
			}
		}
	}
	return (bytes + 4*2*float64(c.Layers)*float64(c.KVHeads)*float64(c.HeadDim)*positions) / 1e9
}
