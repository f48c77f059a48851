package train

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"smelt/compute/kernel"
)

// sequenceLoss is the sum of the losses of a sequence's learned targets.
type sequenceLoss struct {
	block, index int // of the data, and in the block
	example      uint32
	bucket       uint16
	sum          float64
	targets      int
}

// learn makes the next step: all blocks' gradients first, and only if they are sound the
// parameters. After an error these are as before.
func (r *Run) learn(ctx context.Context) (*Progress, error) {
	begin := time.Now()
	s := &r.state
	from, to, epoch := r.plan.blocks(s.Step)
	e := &Progress{Step: s.Step + 1, Of: r.plan.steps, Epoch: epoch, LearningRate: r.rates.rate(s.Step + 1)}
	e.Trained = learned(r.data, from, to)

	sum := 0.0
	r.sequences = r.sequences[:0]
	for i := from; i < to; i++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.read(r.data, i, float32(1/float64(e.Trained))); err != nil {
			return nil, err
		}
		b := &r.block
		b.Batch.Seed = mix(s.Seed, uint64(s.Step), uint64(i-from))
		if err := r.model.Gradients(ctx, r.losses, b.Batch); err != nil {
			return nil, fmt.Errorf("block %d: %w", i, err)
		}
		e.Tokens += len(b.Batch.Tokens)
		sum += r.gather(i)
		if !finite(sum) {
			return nil, r.diverged(e, sum, 0, "the loss is no number")
		}
	}
	e.Loss = sum / float64(e.Trained)
	e.GradientNorm = r.optimizer.norm()
	scale := clipScale(e.GradientNorm, r.o.ClipNorm)
	if !usable(e.GradientNorm, scale) {
		return nil, r.diverged(e, sum, e.GradientNorm, "the gradient's norm is no number, or too large to square")
	}
	bound := r.o.Divergence
	if e.Step <= r.rates.warmup {
		bound = -1
	}
	smooth := s.Smooth.add(e.Loss, bound)
	if e.Smoothed = smooth.value(); smooth.Above >= patienceSteps {
		return nil, r.diverged(e, sum, e.GradientNorm, fmt.Sprintf("for %d steps the smoothed loss was more than %g times the least one, which was %.4g", patienceSteps, bound, smooth.Least))
	}

	r.optimizer.step(kernel.AdamW{
		LearningRate: e.LearningRate, Beta1: r.o.Beta1, Beta2: r.o.Beta2, Epsilon: r.o.Epsilon, WeightDecay: r.o.WeightDecay,
	}, e.Step, scale)
	r.model.Updated()

	e.Buckets = bucketLosses(r.data.Buckets(), r.sequences, false)
	if s.Step == 0 {
		s.FirstLoss = e.Loss
	}
	s.Step, s.Block, s.Smooth, s.LastLoss = e.Step, to, smooth, e.Loss
	s.Tokens += int64(e.Tokens)
	s.Trained += int64(e.Trained)
	e.Seconds = time.Since(begin).Seconds()
	e.TokensPerSecond = float64(e.Tokens) / max(e.Seconds, 1e-9)
	return e, nil
}

// read reads a block and gives its learned targets a weight. It leaves as much room for losses.
func (r *Run) read(blocks Blocks, i int, weight float32) error {
	b := &r.block
	if err := blocks.Block(i, b); err != nil {
		return fmt.Errorf("block %d: %w", i, err)
	}
	n := len(b.Batch.Tokens)
	r.weights = slices.Grow(r.weights[:0], n)[:n]
	r.losses = slices.Grow(r.losses[:0], n)[:n]
	count := 0
	for t := range r.weights {
		r.weights[t] = 0
		if b.Learn[t] {
			r.weights[t] = weight
			count++
		}
	}
	if count != blocks.Learned(i) {
		return fmt.Errorf("block %d has %d targets to learn; %d were announced", i, count, blocks.Learned(i))
	}
	b.Batch.Weights = r.weights
	return nil
}

// gather appends the losses of the sequences of r.block, which is block i, to r.sequences, and
// returns their sum.
func (r *Run) gather(i int) float64 {
	total, from := 0.0, 0
	for k, end := range r.block.Batch.Ends {
		s := sequenceLoss{block: i, index: k, example: r.block.Examples[k], bucket: r.block.Buckets[k]}
		for t := from; t < end; t++ {
			if r.block.Learn[t] {
				s.sum += float64(r.losses[t])
				s.targets++
			}
		}
		r.sequences = append(r.sequences, s)
		total += s.sum
		from = end
	}
	return total
}

// bucketLosses returns the mean loss of each bucket that has targets, with the standard error if
// that is asked for.
func bucketLosses(names []string, sequences []sequenceLoss, errors bool) []BucketLoss {
	list := make([]BucketLoss, 0, len(names))
	for i, name := range names {
		var m mean
		for _, s := range sequences {
			if int(s.bucket) == i {
				m.add(s)
			}
		}
		if m.targets == 0 {
			continue
		}
		b := BucketLoss{Bucket: name, Loss: m.value(), Targets: m.targets}
		if errors {
			b.StdErr = m.standardError()
		}
		list = append(list, b)
	}
	return list
}

// mean is a mean over targets that come in sequences.
type mean struct {
	sequences, targets int
	sum                float64
	ll, ln, nn         float64 // sums over sequences of products of loss and number of targets
}

func (m *mean) add(s sequenceLoss) {
	n := float64(s.targets)
	m.sequences++
	m.targets += s.targets
	m.sum += s.sum
	m.ll += s.sum * s.sum
	m.ln += s.sum * n
	m.nn += n * n
}

func (m *mean) value() float64 { return m.sum / float64(m.targets) }

// standardError is BucketLoss's.
func (m *mean) standardError() float64 {
	if m.sequences < 2 {
		return 0
	}
	v, k := m.value(), float64(m.sequences)
	squares := max(0, m.ll-2*v*m.ln+v*v*m.nn)
	return math.Sqrt(k/(k-1)*squares) / float64(m.targets)
}

// validate computes the loss on the data for validation.
func (r *Run) validate(ctx context.Context) (*Validation, error) {
	begin := time.Now()
	r.sequences = r.sequences[:0]
	for i := range r.validation.Blocks() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := r.read(r.validation, i, 1); err != nil {
			return nil, fmt.Errorf("validation: %w", err)
		}
		r.block.Batch.Seed = 0
		if err := r.model.Losses(ctx, r.losses, r.block.Batch); err != nil {
			return nil, fmt.Errorf("validation: block %d: %w", i, err)
		}
		r.gather(i)
	}
	var all mean
	for _, s := range r.sequences {
		all.add(s)
	}
	v := &Validation{Step: r.state.Step, Of: r.plan.steps, Loss: all.value(), Targets: all.targets, StdErr: all.standardError()}
	v.Perplexity = min(math.Exp(v.Loss), math.MaxFloat64)
	if !finite(v.Loss) {
		return nil, &DivergedError{Step: r.state.Step, Reason: "the loss of the validation is no number"}
	}
	v.Buckets = bucketLosses(r.validation.Buckets(), r.sequences, true)
	v.Seconds = time.Since(begin).Seconds()
	return v, nil
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
