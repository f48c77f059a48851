package finetune

import (
	"context"
	"errors"
	"slices"
	"time"

	"smelt/compute/kernel"
	"smelt/compute/train"
)

// work is what the steps of a run take.
type work struct {
	steps, epochs int   // epochs that they end
	trained       int64 // tokens, those of each epoch counted
	validated     int64 // tokens of a validation
}

// work returns what that many steps take, which may be fewer than the data has. Epochs and tokens
// are then counted as if all steps were alike.
func (j *Job) work(steps int) (work, error) {
	o := j.options.Train
	o.MaxSteps = 0
	all, err := train.Steps(j.data, o)
	if err != nil {
		return work{}, err
	}
	stats := j.data.Stats()
	w := work{steps: steps, epochs: len(stats.Epochs) * steps / all, trained: int64(float64(stats.Tokens) * float64(steps) / float64(all))}
	if validated, ok := j.Validated(); ok {
		w.validated = validated.Tokens
	}
	return w, nil
}

// validateEvery returns after how many steps to validate, so that the course of the loss is
// seen: twenty times in a run, or as often as it takes a twentieth of the time if that is
// less, a validation being a third of the work of training on so many tokens. 0, at the end
// of each epoch, is as often at least.
func (w work) validateEvery() int {
	times := int(min(20, w.trained*3/(20*max(w.validated, 1))))
	if times <= w.epochs {
		return 0
	}
	return (w.steps + times - 1) / times
}

// validations returns how many there are: one before the first step, one after the last, and those
// between that are made every so many steps, or at the end of each epoch if that is 0.
func (w work) validations(every int) int {
	switch {
	case every < 0:
		return 2
	case every == 0:
		return 1 + max(w.epochs, 1)
	}
	return 1 + (w.steps+every-1)/every
}

// calibration is how long Plan measures the speed of training, beside a moment for that of products.
const calibration = 5 * time.Second

// calibrate measures how long the run will take.
func (j *Job) calibrate(ctx context.Context, p *Plan, w work) error {
	pool := kernel.NewPool(j.options.Threads)
	defer pool.Close()
	each := j.calibration / 50
	p.Peak, p.PeakFP32 = peak(pool, j.options.precision(), each), peak(pool, kernel.FP32, each)
	var block train.Block
	var weights, losses []float32
	measured, tokens, start, elapsed, least := 0, 0, time.Now(), time.Duration(0), 0.0
	for i := 0; i < j.data.Blocks() && (measured == 0 || time.Since(start) < j.calibration); i++ {
		if err := j.data.Block(i, &block); err != nil {
			return err
		}
		n := len(block.Batch.Tokens)
		weights, losses = slices.Grow(weights[:0], n)[:n], slices.Grow(losses[:0], n)[:n]
		for k := range weights {
			if weights[k] = 0; block.Learn[k] {
				weights[k] = 1
			}
		}
		block.Batch.Weights = weights
		matmul, attention := j.trainable.Operations(block.Batch)
		if matmul == 0 { // nothing of it is learned, which takes no time
			continue
		}
		begun := time.Now()
		if err := j.trainable.Gradients(ctx, losses, block.Batch); err != nil {
			return err
		}
		if measured == 1 { // the first reads the weights and takes memory: it counts if it is the only one
			tokens, elapsed, least = 0, 0, 0
		}
		measured++
		tokens, elapsed, least = tokens+n, elapsed+time.Since(begun), least+matmul/p.Peak+attention/p.PeakFP32
	}
	for _, parameter := range j.trainable.Parameters() {
		clear(parameter.Grad)
	}
	if tokens == 0 {
		return errors.New("the first blocks hold nothing to measure the speed by")
	}
	p.TokensPerSecond = float64(tokens) / elapsed.Seconds()
	p.LeastPerToken = least / float64(tokens)
	p.Seconds = float64(w.trained)/p.TokensPerSecond + float64(p.Steps)*optimizerSeconds(pool, p.Trained)
	validations := w.validations(j.options.Train.ValidateEvery) // which are forward passes alone
	p.Seconds += float64(w.validated) / p.TokensPerSecond / 3 * float64(validations)
	return nil
}

// peak returns the operations a second of a large product, the best of those that a time has
// room for, or of two.
func peak(pool *kernel.Pool, precision kernel.Precision, about time.Duration) float64 {
	const m, n, k = 512, 1024, 1024
	a := kernel.Matrix{Data: make([]float32, m*k), Rows: m, Cols: k}
	b := kernel.Matrix{Data: make([]float32, k*n), Rows: k, Cols: n}
	c := kernel.Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
	packed := kernel.Pack(pool, b, precision)
	best, begun := time.Duration(1<<63-1), time.Now()
	for i := 0; i < 20 && (i < 2 || time.Since(begun) < about); i++ {
		start := time.Now()
		kernel.MatMul(pool, c, a, packed, kernel.MatMulOptions{Precision: precision})
		best = min(best, time.Since(start))
	}
	return 2 * m * n * k / best.Seconds()
}

// optimizerSeconds estimates what AdamW takes for so many parameters.
func optimizerSeconds(pool *kernel.Pool, parameters int64) float64 {
	threads := pool.Threads()
	n := max(1<<21/threads, 1<<12) // in all more than most caches hold
	var data [4][]float32
	for i := range data {
		data[i] = make([]float32, n*threads)
	}
	step := kernel.AdamW{LearningRate: 1e-4, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	best := time.Duration(1<<63 - 1)
	for t := range 3 {
		start := time.Now()
		pool.Run(threads, func(_, task int) {
			from, to := task*n, (task+1)*n
			step.Step(data[0][from:to], data[1][from:to], data[2][from:to], data[3][from:to], t+1, 1)
		})
		best = min(best, time.Since(start))
	}
	return best.Seconds() / float64(n*threads) * float64(parameters)
}
