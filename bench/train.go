package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"time"

	"smelt/compute/chat"
	"smelt/compute/kernel"
	"smelt/compute/kernel/cpu"
	"smelt/compute/llama"
)

// TrainOptions say what MeasureTraining does. The tier is the active one.
type TrainOptions struct {
	Model     string
	Rank      int              // of a LoRA adapter on all matrices of the layers, of alpha 2 Rank; 0 trains all weights
	Precision kernel.Precision // of the products with weights: BF16 or FP32
	Threads   int              // 0 means one, and as many as there are processors
	Tokens    int              // of a sequence, at most; 0 means 512
	Batch     int              // sequences of so many tokens that are one batch; 0 means 1
	Recompute int              // of how many layers activations are computed again
	Runs      int              // after one that is not counted; 0 means 5
	// Examples, unless nil, are trained on in place of made-up tokens: packed into blocks of
	// Tokens times Batch tokens, of which a run takes all. Longer ones are cut.
	Examples iter.Seq2[chat.Example, error]
	// Scratch is a folder for the tokens of Examples.
	Scratch string
	// Progress is called before each run.
	Progress func(done, total int, what string)
}

// Validate tells what cannot be measured.
func (o TrainOptions) Validate() error {
	_, err := o.complete()
	return err
}

// complete returns the options with defaults in place of zeros.
func (o TrainOptions) complete() (TrainOptions, error) {
	for _, n := range []struct {
		name      string
		n         *int
		otherwise int
	}{{"tokens", &o.Tokens, 512}, {"batch", &o.Batch, 1}, {"runs", &o.Runs, 5}} {
		const most = 1 << 20
		if *n.n < 0 || *n.n > most {
			return o, fmt.Errorf("%s of %d: give 1 to %d", n.name, *n.n, most)
		}
		if *n.n == 0 {
			*n.n = n.otherwise
		}
	}
	switch {
	case o.Tokens < 2:
		return o, errors.New("a sequence of 1 token has nothing to learn: give 2 or more")
	case o.Rank < 0 || o.Recompute < 0:
		return o, fmt.Errorf("rank %d, %d layers computed again: give 0 or more", o.Rank, o.Recompute)
	case o.Precision == kernel.Int8:
		return o, errors.New("nothing is trained in int8: give bf16 or fp32")
	}
	return o, nil
}

// TrainFigure is how fast a model is trained on so many threads.
type TrainFigure struct {
	Threads   int `json:"threads"`
	Blocks    int `json:"blocks"`    // of a run; each is one step of the optimiser
	Sequences int `json:"sequences"` // of a run
	Tokens    int `json:"tokens"`    // of a run, none of them padding
	Learned   int `json:"learned"`   // of them, targets that are learned
	// TokensPerSecond are those of the runs, by the wall clock: forward, backward and AdamW.
	TokensPerSecond Spread `json:"tokens_per_second"`
	// TokensPerCPUSecond are by the CPU time of all threads; 0 where the system does not
	// tell it.
	TokensPerCPUSecond Spread `json:"tokens_per_cpu_second"`
	// Products and Attention are the billions of operations that a run needs.
	Products  float64 `json:"products"`
	Attention float64 `json:"attention"`
	// ProductsCeiling and AttentionCeiling are the best arithmetic on registers, measured
	// after each run.
	ProductsCeiling  KernelRate `json:"products_ceiling"`
	AttentionCeiling KernelRate `json:"attention_ceiling"`
	// Roofline is the tokens a second that would be, did all operations go at these rates
	// and did nothing else take time.
	Roofline float64 `json:"roofline"`
	Share    float64 `json:"share"`        // of it: the best run
	Median   float64 `json:"median_share"` // of the runs, each by the ceilings after it
	Estimate int64   `json:"estimate"`     // bytes that llama.Trainable says it takes, beside weights and moments
	Moments  int64   `json:"moments"`      // bytes of AdamW's
	Loss     float64 `json:"loss"`         // of the last run: the mean of the learned targets
}

// TrainResult is what MeasureTraining found.
type TrainResult struct {
	Model      string `json:"model"`
	Parameters int64  `json:"parameters"`
	Trained    int64  `json:"trained"`
	Bytes      int64  `json:"bytes"` // of the weights, as stored
	Rank       int    `json:"rank"`  // of the adapter; 0 is all weights
	Precision  string `json:"precision"`
	CPU        string `json:"cpu"`
	Tier       string `json:"tier"`
	Platform   string `json:"platform"`
	Go         string `json:"go"`
	Runs       int    `json:"runs"`
	// PeakRSS is the most memory the process held so far, in bytes, mapped files included;
	// with figures of several numbers of threads it is of all of them.
	PeakRSS int64         `json:"peak_rss_bytes"`
	Figures []TrainFigure `json:"figures"`
}

// MeasureTraining measures how fast a model is trained, beside what the machine's
// arithmetic can do at most. The model's file stays as it is.
func MeasureTraining(ctx context.Context, o TrainOptions) (*TrainResult, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	meter := newKernelMeter(KernelOptions{Threads: o.Threads})
	defer meter.close()
	r := &TrainResult{
		Model: o.Model, Rank: o.Rank, Precision: o.Precision.String(), CPU: cpu.Brand(), Tier: meter.tier.String(),
		Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Runs: o.Runs,
	}
	for i, threads := range meter.each() {
		x := training{TrainOptions: o, meter: meter, threads: threads, result: r, said: i * (o.Runs + 1), says: len(meter.each()) * (o.Runs + 1)}
		if err := x.measure(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// training measures on one number of threads.
type training struct {
	TrainOptions
	meter      *kernelMeter
	threads    int
	result     *TrainResult
	said, says int // runs, for Progress

	model   *llama.Trainable
	batches []llama.Batch
	learned []int // targets of each batch
	losses  []float32
	adamW   *adamWStep
}

func (x *training) measure(ctx context.Context) error {
	m, err := llama.Open(x.Model, llama.Options{Threads: x.threads})
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	c := m.Config()
	if x.Tokens > c.Context {
		return fmt.Errorf("sequences of %d tokens: %w of %d", x.Tokens, llama.ErrContext, c.Context)
	}
	if err := x.rows(ctx, m); err != nil {
		return err
	}
	o := llama.TrainableOptions{Precision: x.TrainOptions.Precision, Recompute: min(x.Recompute, c.Layers)}
	for i := range x.batches {
		o.Tokens = max(o.Tokens, len(x.batches[i].Tokens))
	}
	if x.Rank > 0 {
		if o.Adapter, err = m.NewAdapter(llama.LoRA{Rank: x.Rank, Alpha: 2 * float64(x.Rank)}, 1); err != nil {
			return err
		}
	}
	if x.model, err = m.NewTrainable(o); err != nil {
		return err
	}
	parameters := x.model.Parameters()
	x.adamW = newAdamWStep(x.meter.pool(x.threads), parameters)
	x.losses = make([]float32, o.Tokens)
	x.result.Parameters, x.result.Bytes, x.result.Trained = c.Parameters(), m.Bytes(), 0
	for _, p := range parameters {
		x.result.Trained += int64(len(p.Data))
	}
	f := TrainFigure{Threads: x.threads, Blocks: len(x.batches), Estimate: x.model.Bytes(o.Tokens), Moments: 8 * x.result.Trained}
	for i, b := range x.batches {
		products, attention := x.model.Operations(b)
		f.Products, f.Attention = f.Products+products/1e9, f.Attention+attention/1e9
		f.Sequences, f.Tokens, f.Learned = f.Sequences+len(b.Ends), f.Tokens+len(b.Tokens), f.Learned+x.learned[i]
	}
	return x.figure(ctx, f)
}

// rows sets batches: of the examples, or of made-up tokens that are all learned.
func (x *training) rows(ctx context.Context, m *llama.Model) (err error) {
	if x.Examples != nil {
		x.batches, err = packedBatches(ctx, m, x.TrainOptions)
	} else {
		x.batches = []llama.Batch{madeUpBatch(x.Tokens, x.Batch, m.Config().Vocabulary)}
	}
	x.learned = make([]int, len(x.batches))
	for i, b := range x.batches {
		for _, w := range b.Weights {
			if w != 0 {
				x.learned[i]++
			}
		}
	}
	return err
}

// run takes a step on each batch and returns the mean loss.
func (x *training) run(ctx context.Context) (float64, error) {
	sum, learned := 0.0, 0
	for i, b := range x.batches {
		losses := x.losses[:len(b.Tokens)]
		if err := x.model.Gradients(ctx, losses, b); err != nil {
			return 0, err
		}
		x.adamW.step()
		x.model.Updated()
		for _, l := range losses {
			sum += float64(l)
		}
		learned += x.learned[i]
	}
	return sum / float64(learned), nil
}

// figure measures f by runs, and the ceilings after each.
func (x *training) figure(ctx context.Context, f TrainFigure) error {
	clock := wallClock()
	tops := []kernelCeiling{x.meter.arithmetic(x.TrainOptions.Precision, x.threads), x.meter.arithmetic(kernel.FP32, x.threads)}
	calls := []int{clock.batch(tops[0].call), clock.batch(tops[1].call)}
	best := make([]float64, len(tops))
	roofline := func(limits []float64) float64 {
		return float64(f.Tokens) / (f.Products/limits[0] + f.Attention/limits[1])
	}
	var rates, byCPU, shares []float64
	for i := range x.Runs + 1 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if x.Progress != nil {
			x.Progress(x.said+i, x.says, fmt.Sprintf("%d threads", x.threads))
		}
		start := time.Now()
		used, known := processCPU()
		loss, err := x.run(ctx)
		if err != nil {
			return err
		}
		rate := float64(f.Tokens) / time.Since(start).Seconds()
		after, _ := processCPU()
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return fmt.Errorf("run %d: the loss is %v", i, loss)
		}
		limits := make([]float64, len(tops))
		for j, top := range tops {
			const batches = 10
			for range batches {
				limits[j] = max(limits[j], float64(calls[j])*top.work/clock.seconds(calls[j], top.call))
			}
		}
		if i == 0 {
			continue
		}
		for j := range best {
			best[j] = max(best[j], limits[j])
		}
		f.Loss = loss
		rates, shares = append(rates, rate), append(shares, rate/roofline(limits))
		if known {
			byCPU = append(byCPU, float64(f.Tokens)/(after-used).Seconds())
		}
	}
	f.TokensPerSecond, f.TokensPerCPUSecond = newSpread(rates), newSpread(byCPU)
	f.ProductsCeiling, f.AttentionCeiling = KernelRate{tops[0].what, best[0], tops[0].unit}, KernelRate{tops[1].what, best[1], tops[1].unit}
	f.Roofline = roofline(best)
	f.Share, f.Median = f.TokensPerSecond.Max/f.Roofline, newSpread(shares).Median
	x.result.Figures = append(x.result.Figures, f)
	x.result.PeakRSS = peakRSS()
	return nil
}
