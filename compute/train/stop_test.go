package train

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/llama"
)

// scripted is a model whose validation losses are given, one after the other.
type scripted struct {
	*bigram
	losses []float32
	next   int
}

func (m *scripted) Losses(_ context.Context, losses []float32, b llama.Batch) error {
	for i, w := range b.Weights {
		losses[i] = w * m.losses[m.next]
	}
	m.next++
	return nil
}

func TestEarlyStopping(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		losses   []float32 // of validations after steps 0, 2, 4, ... and 10
		patience int
		least    float64
		steps    int
		best     int
		restored bool
		stopped  bool
	}{
		"goes on without patience":   {[]float32{3, 4, 5, 6, 7, 8}, 0, 0, 10, 0, true, false},
		"stops":                      {[]float32{3, 2, 2.5, 2.1, 9, 9}, 2, 0, 6, 2, true, true},
		"equal is not better":        {[]float32{3, 2, 2, 2, 9, 9}, 2, 0, 6, 2, true, true},
		"waits again after a better": {[]float32{3, 4, 2, 4, 1, 4}, 2, 0, 10, 8, true, false},
		"by too little":              {[]float32{3, 2.9, 2.85, 2.8, 2.7, 2}, 3, 0.5, 6, 0, true, true},
		"the start was the best":     {[]float32{1, 2, 3}, 1, 0, 2, 0, true, true},
		"the last is the best":       {[]float32{3, 4, 5, 6, 7, 1}, 9, 0, 10, 10, false, false},
		"stops at the end":           {[]float32{3, 2, 2, 2, 2, 2}, 4, 0, 10, 2, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := quick()
			o.ValidateEvery, o.Patience, o.MinDelta, o.RestoreBest = 2, c.patience, c.least, true
			dir := folder(t)
			m := &scripted{newBigram(testWords), c.losses, 0}
			one := chain(4, testWords, 1)
			digests := map[int]string{0: m.digest()}
			result, err := newTestRun(t, m, 1, chain(3, testWords, 20), one, o, dir).Train(context.Background(), func(e Event) {
				if e, ok := e.(*Progress); ok {
					digests[e.Step] = m.digest()
				}
			})
			require.NoError(t, err)
			assert.Equal(t, c.steps, result.Steps)
			assert.Equal(t, 10, result.Of)
			assert.Equal(t, c.stopped, result.StoppedEarly)
			assert.Equal(t, c.best, result.Best.Step)
			assert.Equal(t, c.restored, result.Restored)
			assert.Equal(t, digests[c.best], m.digest())
			assert.Equal(t, result.Best, result.After)
			assert.InDelta(t, c.losses[0], result.Before.Loss, 1e-6)

			// Resumed, it is over.
			again := &scripted{newBigram(testWords), nil, 0}
			r := newTestRun(t, again, 1, chain(3, testWords, 20), one, o, dir)
			step, err := r.Resume()
			require.NoError(t, err)
			assert.Equal(t, c.steps, step)
			second, err := r.Train(context.Background(), nil)
			require.NoError(t, err)
			assert.Equal(t, result, second)
			assert.Equal(t, m.digest(), again.digest())
		})
	}
}

// If the checkpoint of the best step could not be written, the last parameters stay, and a warning
// says so.
func TestBestIsLost(t *testing.T) {
	t.Parallel()
	o := quick()
	o.ValidateEvery, o.RestoreBest = 2, true
	m := &scripted{newBigram(testWords), []float32{3, 1, 2, 2, 2, 2}, 0}
	r := newTestRun(t, m, 1, chain(3, testWords, 20), chain(4, testWords, 1), o, folder(t))
	r.store.fault = func(string) error {
		if r.state.Step == 2 {
			return os.ErrPermission
		}
		return nil
	}
	var seen events
	last := ""
	result, err := r.Train(context.Background(), func(e Event) {
		seen.add(e)
		if _, ok := e.(*Progress); ok {
			last = m.digest()
		}
	})
	require.NoError(t, err)
	assert.False(t, result.Restored)
	assert.Equal(t, last, m.digest())
	assert.Equal(t, 2, result.Best.Step)
	assert.Equal(t, 10, result.After.Step)
	warnings := of[*Warning](seen)
	require.Len(t, warnings, 2)
	assert.Contains(t, warnings[1].Text, "the parameters of step 2, the best, are lost; those of the last step stay")
}

// A loss or a gradient that is no number never reaches the parameters; the batch is written.
func TestNoNumbers(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		spoil  func(m *bigram, losses []float32, at int)
		reason string
		loss   bool
	}{
		"loss is NaN":       {func(_ *bigram, l []float32, at int) { l[at] = nan }, "the loss is no number", true},
		"loss is infinite":  {func(_ *bigram, l []float32, at int) { l[at] = inf }, "the loss is no number", true},
		"gradient is NaN":   {func(m *bigram, _ []float32, _ int) { m.bias.Grad[3] = nan }, "norm is no number", false},
		"gradient infinite": {func(m *bigram, _ []float32, _ int) { m.table.Grad[7] = -inf }, "norm is no number", false},
		"gradient is huge":  {func(m *bigram, _ []float32, _ int) { m.table.Grad[7] = 1e30 }, "too large to square", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := quick()
			o.ClipNorm = -1
			data := chain(3, testWords, 20)
			at := 0 // the first learned target of block 7
			for !data.blocks[7].Learn[at] {
				at++
			}
			m := newBigram(testWords)
			before := ""
			m.before = func(call int) error {
				if call == 7 {
					before = m.digest()
				}
				return nil
			}
			m.after = func(call int, losses []float32) {
				if call == 8 { // block 7, of step 4
					c.spoil(m, losses, at)
				}
			}
			dir := folder(t)
			var seen events
			result, err := newTestRun(t, m, 1, data, nil, o, dir).Train(context.Background(), seen.add)
			require.ErrorIs(t, err, ErrDiverged)
			assert.Nil(t, result)
			assert.Equal(t, before, m.digest())
			var diverged *DivergedError
			require.ErrorAs(t, err, &diverged)
			assert.Equal(t, 4, diverged.Step)
			assert.Contains(t, diverged.Reason, c.reason)
			assert.ErrorContains(t, err, diverged.Path)
			assert.Len(t, of[*Progress](seen), 3)
			assert.Equal(t, []string{"step-00000003"}, folders(t, dir))

			text, err := os.ReadFile(filepath.Join(dir, "diverged", "step-00000004.json"))
			require.NoError(t, err)
			var batch Diverged
			require.NoError(t, json.Unmarshal(text, &batch))
			assert.Equal(t, 4, batch.Step)
			sequences := len(data.blocks[6].Batch.Ends) + len(data.blocks[7].Batch.Ends)
			require.Len(t, batch.Sequences, sequences)
			k, bad := 0, 0
			for _, block := range []int{6, 7} {
				b, from := data.blocks[block], 0
				for i, end := range b.Batch.Ends {
					s := batch.Sequences[k]
					assert.Equal(t, block, s.Block)
					assert.Equal(t, b.Batch.Tokens[from:end], s.Tokens)
					assert.Equal(t, b.Examples[i], s.Example)
					assert.Equal(t, data.buckets[b.Buckets[i]], s.Bucket)
					if !finite(float64(s.Loss)) {
						bad++
						assert.Equal(t, 7, block)
						assert.True(t, from <= at && at < end)
					}
					from = end
					k++
				}
			}
			assert.Equal(t, c.loss, bad == 1)
			assert.Equal(t, c.loss, !finite(float64(batch.Loss)))

			// What is resumed is from before.
			r := newTestRun(t, newBigram(testWords), 1, data, nil, o, dir)
			step, err := r.Resume()
			require.NoError(t, err)
			assert.Equal(t, 3, step)
		})
	}
}

// A loss that rises and stays ends the run, unless that is turned off.
func TestLossRises(t *testing.T) {
	t.Parallel()
	rising := func(o Options) (*bigram, error) {
		o.BlocksPerStep, o.CheckpointMinutes, o.WarmupShare = 1, -1, -1
		m := newBigram(testWords)
		m.after = func(call int, losses []float32) {
			if call > 10 {
				for i := range losses {
					losses[i] *= 9
				}
			}
		}
		_, err := newTestRun(t, m, 1, chain(3, testWords, 60), nil, o, folder(t)).Train(context.Background(), nil)
		return m, err
	}
	m, err := rising(Options{})
	require.ErrorIs(t, err, ErrDiverged)
	require.ErrorContains(t, err, "for 10 steps the smoothed loss was more than 3 times the least one, which was")
	var diverged *DivergedError
	require.ErrorAs(t, err, &diverged)
	assert.Equal(t, diverged.Step-1, m.updates)
	assert.Greater(t, diverged.Step, 20)
	assert.Less(t, diverged.Step, 40)
	_, err = rising(Options{Divergence: 20})
	require.NoError(t, err)
	_, err = rising(Options{Divergence: -1})
	require.NoError(t, err)
	_, err = rising(Options{WarmupSteps: 60})
	require.NoError(t, err)
}

func TestSmooth(t *testing.T) {
	t.Parallel()
	s := smooth{}.add(4, 3)
	assert.Equal(t, 4.0, s.value())
	s = s.add(2, 3)
	assert.InDelta(t, (0.95*4+2)/1.95, s.value(), 1e-15)
	assert.Equal(t, s.value(), s.Least)
	// Thrice next to nothing is no divergence: it takes a nat.
	s = smooth{}.add(0.01, 3)
	for range 30 {
		s = s.add(0.9, 3)
	}
	assert.Zero(t, s.Above)
	for range 3 {
		s = s.add(9, 3)
	}
	assert.Positive(t, s.Above)
	assert.Zero(t, s.add(0, -1).Above)
	assert.Zero(t, smooth{}.value())
}

// A validation that is no number ends the run too.
func TestValidationIsNoNumber(t *testing.T) {
	t.Parallel()
	m := &scripted{newBigram(testWords), []float32{3, float32(math.NaN())}, 0}
	o := quick()
	o.ValidateEvery = 2
	_, err := newTestRun(t, m, 1, chain(3, testWords, 20), chain(4, testWords, 1), o, folder(t)).Train(context.Background(), nil)
	require.ErrorIs(t, err, ErrDiverged)
	assert.ErrorContains(t, err, "at step 2: the loss of the validation is no number; begin")
}

// Training lowers the loss on data that it has not seen.
func TestTrainingHelps(t *testing.T) {
	t.Parallel()
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		o := Options{LearningRate: 0.05, Optimizer: kind}
		result, err := newTestRun(t, newBigram(testWords), 1, chain(3, testWords, 150, 150), chain(4, testWords, 10), o, folder(t)).Train(context.Background(), nil)
		require.NoError(t, err)
		assert.Less(t, result.After.Loss, 0.7*result.Before.Loss)
		assert.Less(t, result.Smoothed, 0.7*result.FirstLoss)
	}
}
