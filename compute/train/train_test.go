package train

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// reference trains as Run should, in double precision, straight from the definitions.
func reference(m *bigram, data *memory, o Options, losses *[]float64, norms *[]float64) []float64 {
	n := len(m.bits())
	param, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
	for i, x := range m.bits() {
		param[i] = float64(x)
	}
	matrix := m.v * m.v
	for step, block := 1, 0; block < len(data.blocks); step++ {
		grad, loss, count := make([]float64, n), 0.0, 0
		for range o.BlocksPerStep {
			b := data.blocks[block]
			block++
			for i, token := range b.Batch.Tokens {
				if !b.Learn[i] {
					continue
				}
				at := int(token) * m.v
				p, sum := make([]float64, m.v), 0.0
				for j := range p {
					p[j] = math.Exp(param[at+j] + param[matrix+j])
					sum += p[j]
				}
				target := int(b.Batch.Targets[i])
				loss -= math.Log(p[target] / sum)
				count++
				for j := range p {
					d := p[j] / sum
					if j == target {
						d--
					}
					grad[at+j] += d
					grad[matrix+j] += d
				}
			}
		}
		norm := 0.0
		for i := range grad {
			grad[i] /= float64(count)
			norm += grad[i] * grad[i]
		}
		norm = math.Sqrt(norm)
		*losses, *norms = append(*losses, loss/float64(count)), append(*norms, norm)
		total := len(data.blocks) / o.BlocksPerStep
		rate := o.LearningRate * float64(total-step+1) / float64(total) // linear, without warm-up
		for i := range grad {
			g := grad[i] * min(1, o.ClipNorm/norm)
			first[i] = o.Beta1*first[i] + (1-o.Beta1)*g
			second[i] = o.Beta2*second[i] + (1-o.Beta2)*g*g
			if i < matrix {
				param[i] -= rate * o.WeightDecay * param[i]
			}
			hat := math.Sqrt(second[i] / (1 - math.Pow(o.Beta2, float64(step))))
			param[i] -= rate * first[i] / (1 - math.Pow(o.Beta1, float64(step))) / (hat + o.Epsilon)
		}
	}
	return param
}

// Losses, norms and parameters follow a run in double precision: weights, accumulation, clipping,
// the schedule, the optimiser and what decays.
func TestTrainFollowsDoublePrecision(t *testing.T) {
	const v = 40
	for name, clip := range map[string]float64{"clipped": 0.05, "not clipped": 100} {
		t.Run(name, func(t *testing.T) {
			data := chain(3, v, 60)
			o := Options{
				LearningRate: 0.02, Schedule: Linear, WarmupShare: -1, WeightDecay: 0.3, ClipNorm: clip, BlocksPerStep: 3,
				Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-4,
			}
			var losses, norms []float64
			want := reference(newBigram(v), data, o, &losses, &norms)
			m := newBigram(v)
			m.noise = 0
			var seen events
			result, err := newTestRun(t, m, 2, data, nil, o, folder(t)).Train(context.Background(), seen.add)
			require.NoError(t, err)
			steps := of[*Progress](seen)
			require.Len(t, steps, 20)
			clipped := false
			for i, e := range steps {
				assert.InDelta(t, losses[i], e.Loss, 1e-5)
				assert.InDelta(t, norms[i], e.GradientNorm, 1e-5)
				clipped = clipped || norms[i] > clip
			}
			assert.Equal(t, clip < 1, clipped)
			for i, x := range m.bits() {
				require.InDelta(t, want[i], x, 2e-5, "parameter %d", i)
			}
			assert.Equal(t, steps[0].Loss, result.FirstLoss)
			assert.Equal(t, 20, m.updates)
			for _, x := range m.table.Grad {
				require.Zero(t, x)
			}
		})
	}
}

// Decay moves matrices alone: with no gradient to speak of, norms stay.
func TestDecayIsOfMatrices(t *testing.T) {
	m := newBigram(5)
	before := m.bits()
	pool := kernel.NewPool(1)
	defer pool.Close()
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		newOptimizer(pool, m.Parameters(), Options{Optimizer: kind}).step(kernel.AdamW{LearningRate: 0.1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.5}, 1, 1)
	}
	m.Updated()
	for i, x := range m.bits() {
		if i < 25 {
			assert.InEpsilon(t, float64(before[i])*0.95*0.95, float64(x), 1e-6)
		} else {
			assert.Equal(t, before[i], x)
		}
	}
}

// A step of four blocks is that of one block with all their sequences.
func TestAccumulationEqualsOneBlock(t *testing.T) {
	const v = 40
	small := chain(5, v, 24)
	large := &memory{buckets: small.buckets, epochs: []int{6}}
	for i := 0; i < 24; i += 4 {
		var b Block
		for _, s := range small.blocks[i : i+4] {
			for _, end := range s.Batch.Ends {
				b.Batch.Ends = append(b.Batch.Ends, len(b.Batch.Tokens)+end)
			}
			b.Batch.Tokens = append(b.Batch.Tokens, s.Batch.Tokens...)
			b.Batch.Targets = append(b.Batch.Targets, s.Batch.Targets...)
			b.Learn = append(b.Learn, s.Learn...)
			b.Buckets = append(b.Buckets, s.Buckets...)
			b.Examples = append(b.Examples, s.Examples...)
		}
		large.blocks = append(large.blocks, b)
	}
	var models [2]*bigram
	var seen [2]events
	for i, c := range []struct {
		data   *memory
		blocks int
	}{{small, 4}, {large, 1}} {
		models[i] = newBigram(v)
		models[i].noise = 0
		o := Options{LearningRate: 0.01, BlocksPerStep: c.blocks, Epsilon: 1e-4}
		_, err := newTestRun(t, models[i], 1, c.data, nil, o, folder(t)).Train(context.Background(), seen[i].add)
		require.NoError(t, err)
	}
	a, b := of[*Progress](seen[0]), of[*Progress](seen[1])
	require.Len(t, a, 6)
	for i := range a {
		assert.InDelta(t, a[i].Loss, b[i].Loss, 1e-6)
		assert.Equal(t, a[i].Trained, b[i].Trained)
		assert.Equal(t, a[i].Tokens, b[i].Tokens)
		assert.Equal(t, len(a[i].Buckets), len(b[i].Buckets))
	}
	off := 0.0
	for i, x := range models[0].bits() {
		off += math.Abs(float64(x - models[1].bits()[i]))
	}
	assert.Less(t, off/float64(len(models[0].bits())), 1e-6)
}

// Any number of threads gives the same bits. The table has more elements than a thread takes
// at a time, and its last block of moments is short.
func TestThreadsGiveTheSameBits(t *testing.T) {
	const v = 301
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		var digests, norms []string
		for threads := 1; threads <= 4; threads++ {
			m := newBigram(v)
			var seen events
			o := Options{LearningRate: 0.05, Optimizer: kind, BlocksPerStep: 2, CheckpointMinutes: -1, Seed: 9}
			_, err := newTestRun(t, m, threads, chain(3, v, 8), nil, o, folder(t)).Train(context.Background(), seen.add)
			require.NoError(t, err)
			digests = append(digests, m.digest())
			norm := ""
			for _, e := range of[*Progress](seen) {
				norm += string(mustJSON(t, e.GradientNorm)) + " "
			}
			norms = append(norms, norm)
		}
		assert.Len(t, slices.Compact(digests), 1, kind)
		assert.Len(t, slices.Compact(norms), 1, kind)
	}
}

// The seed matters, and moments of 16 bits are not those of 32.
func TestSeedAndOptimizerMatter(t *testing.T) {
	digests := map[string]bool{}
	for _, o := range []Options{{}, {Seed: 1}, {Optimizer: AdamW8}, {Optimizer: AdamW8, Seed: 1}} {
		m := newBigram(20)
		_, err := newTestRun(t, m, 1, chain(3, 20, 8), nil, o, folder(t)).Train(context.Background(), nil)
		require.NoError(t, err)
		digests[m.digest()] = true
	}
	assert.Len(t, digests, 4)
}

func TestOptimizerBytes(t *testing.T) {
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		m := newBigram(30)
		z := newOptimizer(nil, m.Parameters(), Options{Optimizer: kind})
		total := 0
		for _, x := range z.moments {
			total += 4 * (len(x.first) + len(x.second))
			if x.coded != nil {
				total += len(x.coded.Bytes())
			}
		}
		assert.EqualValues(t, total, OptimizerBytes(kind, 900, 30))
	}
}

// The losses of a step, of its buckets and of a validation are those of the model, and the standard
// error is that of sequences.
func TestLossesAreThoseOfTheModel(t *testing.T) {
	const v = 30
	data, validation := chain(3, v, 2), chain(4, v, 3)
	m := newBigram(v)
	type total struct {
		sum   float64
		n     int
		lists [][2]float64 // of sequences
	}
	of2 := func(d *memory) map[string]*total {
		totals := map[string]*total{"": {}}
		for _, b := range d.blocks {
			weights := make([]float32, len(b.Learn))
			for i, l := range b.Learn {
				if l {
					weights[i] = 1
				}
			}
			losses := make([]float32, len(weights))
			batch := b.Batch
			batch.Weights = weights
			require.NoError(t, m.Losses(context.Background(), losses, batch))
			from := 0
			for k, end := range batch.Ends {
				var pair [2]float64
				for i := from; i < end; i++ {
					pair[0] += float64(losses[i])
					pair[1] += float64(weights[i])
				}
				from = end
				for _, name := range []string{"", d.buckets[b.Buckets[k]]} {
					if totals[name] == nil {
						totals[name] = &total{}
					}
					x := totals[name]
					x.sum += pair[0]
					x.n += int(pair[1])
					x.lists = append(x.lists, pair)
				}
			}
		}
		return totals
	}
	check := func(want *total, loss, stderr float64, n int) {
		t.Helper()
		mean := want.sum / float64(want.n)
		assert.InDelta(t, mean, loss, 1e-12)
		assert.Equal(t, want.n, n)
		squares, k := 0.0, float64(len(want.lists))
		for _, p := range want.lists {
			squares += (p[0] - mean*p[1]) * (p[0] - mean*p[1])
		}
		assert.InDelta(t, math.Sqrt(k/(k-1)*squares)/float64(want.n), stderr, 1e-9)
	}
	inTraining, inValidation := of2(data), of2(validation)
	var seen events
	result, err := newTestRun(t, m, 1, data, validation, Options{}, folder(t)).Train(context.Background(), seen.add)
	require.NoError(t, err)

	e := of[*Progress](seen)[0]
	assert.InDelta(t, inTraining[""].sum/float64(inTraining[""].n), e.Loss, 1e-12)
	require.Len(t, e.Buckets, 2)
	for _, b := range e.Buckets {
		assert.InDelta(t, inTraining[b.Bucket].sum/float64(inTraining[b.Bucket].n), b.Loss, 1e-12)
		assert.Equal(t, inTraining[b.Bucket].n, b.Targets)
		assert.Zero(t, b.StdErr)
	}
	before := result.Before
	check(inValidation[""], before.Loss, before.StdErr, before.Targets)
	assert.InDelta(t, math.Exp(before.Loss), before.Perplexity, 1e-9)
	require.Len(t, before.Buckets, 2)
	for _, b := range before.Buckets {
		check(inValidation[b.Bucket], b.Loss, b.StdErr, b.Targets)
	}
	assert.Equal(t, 1, result.After.Step)
	assert.NotEqual(t, before.Loss, result.After.Loss)
}

// What New cannot train on it refuses.
func TestNewRefuses(t *testing.T) {
	data, none := chain(3, 20, 4), &memory{epochs: []int{0}}
	silent := chain(3, 20, 1)
	silent.blocks[0].Learn = make([]bool, len(silent.blocks[0].Learn))
	short := newBigram(20)
	short.table.Grad = short.table.Grad[1:]
	for want, c := range map[string]struct {
		m                *bigram
		data, validation Blocks
		o                Options
		settings         []Setting
	}{
		"option beta1 is 2":                                                      {o: Options{Beta1: 2}},
		"there is nothing to train on":                                           {data: none},
		"step 1 has nothing to learn":                                            {data: silent},
		"the data for validation has no learned":                                 {validation: silent},
		"option patience needs data":                                             {o: Options{Patience: 1}},
		"option restore_best needs data":                                         {o: Options{RestoreBest: true}, validation: none},
		`setting "seed" is given twice`:                                          {settings: []Setting{{"seed", "1"}}},
		`parameter "table" of shape [20 20] has 400 numbers and 399 derivatives`: {m: short},
	} {
		if c.m == nil {
			c.m = newBigram(20)
		}
		if c.data == nil {
			c.data = data
		}
		_, err := New(c.m, nil, c.data, c.validation, c.o, folder(t), c.settings)
		assert.ErrorContains(t, err, want)
	}
}

// lying announces one target too many.
type lying struct{ *memory }

func (d lying) Learned(i int) int { return d.memory.Learned(i) + 1 }

// An error of the data or the model ends the run with a checkpoint of the step before.
func TestErrorsEndWithACheckpoint(t *testing.T) {
	dir := folder(t)
	m := newBigram(20)
	broken := errors.New("broken")
	m.before = func(call int) error {
		if call == 6 {
			return broken
		}
		return nil
	}
	data := chain(3, 20, 8)
	result, err := newTestRun(t, m, 1, data, nil, Options{BlocksPerStep: 2}, dir).Train(context.Background(), nil)
	require.ErrorIs(t, err, broken)
	assert.EqualError(t, err, "training: step 3 of 4: block 5: broken")
	assert.Nil(t, result)
	again := newBigram(20)
	r := newTestRun(t, again, 1, data, nil, Options{BlocksPerStep: 2}, dir)
	step, err := r.Resume()
	require.NoError(t, err)
	assert.Equal(t, 2, step)
	_, err = r.Train(context.Background(), nil)
	require.NoError(t, err)
	whole := newBigram(20)
	_, err = newTestRun(t, whole, 1, data, nil, Options{BlocksPerStep: 2}, folder(t)).Train(context.Background(), nil)
	require.NoError(t, err)
	assert.Equal(t, whole.digest(), again.digest())

	_, err = newTestRun(t, newBigram(20), 1, lying{data}, nil, Options{}, folder(t)).Train(context.Background(), nil)
	assert.ErrorContains(t, err, "were announced")
}
