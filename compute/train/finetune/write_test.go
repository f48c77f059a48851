package finetune

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/train"
)

// trained is a job after its training.
func (k *task) trained(t testing.TB) *Job {
	j, _ := k.planned(t)
	_, err := j.Train(t.Context(), func(train.Event) {})
	require.NoError(t, err)
	return j
}

func silent(string, int64, int64) {}

// What is written and is not what was trained is refused, and the run is not finished.
func TestWriteCompares(t *testing.T) {
	model := newModel(t, tiny(t))
	k := newTask(t, model)
	j := k.trained(t)
	mine := j.adapter
	other, err := j.model.NewAdapter(mine.LoRA(), 77)
	require.NoError(t, err)
	j.adapter = other // and not that of the trained model
	_, err = j.Write(t.Context(), silent)
	require.ErrorIs(t, err, ErrDiffers)
	require.ErrorContains(t, err, AdapterName)
	said, err := j.say(t.Context())
	require.NoError(t, err)
	_, err = j.writeModel(t.Context(), target{MergedName, tensorfile.Safetensors, tensorfile.BF16}, said, silent)
	require.ErrorIs(t, err, ErrDiffers)
	require.ErrorContains(t, err, MergedName)
	state, err := ReadState(k.dir)
	require.NoError(t, err)
	assert.Zero(t, state.Finished)
	assert.Empty(t, state.Outputs)

	j.adapter = mine
	outputs, err := j.Write(t.Context(), silent)
	require.NoError(t, err)
	for _, o := range outputs {
		assert.Less(t, o.MeanKL, 0.01, o.Name)
		assert.GreaterOrEqual(t, o.SameBest, o.Positions*9/10, o.Name)
	}

	full := k.with(t, func(o *Options) { o.Train.Method = train.Full })
	j = full.trained(t)
	said, err = j.say(t.Context())
	require.NoError(t, err)
	for _, p := range j.trainable.Parameters() {
		if len(p.Shape) > 1 {
			for i := range p.Data {
				p.Data[i] = -p.Data[i]
			}
			break
		}
	}
	_, err = j.writeModel(t.Context(), target{GGUFName, tensorfile.GGUF, tensorfile.Q8_0}, said, silent)
	require.ErrorIs(t, err, ErrDiffers)
}

// A distribution that is no number is never taken for the same.
func TestCompare(t *testing.T) {
	nan := float32(math.NaN())
	s := &said{batch: llama.Batch{Tokens: []int32{1, 2}}, logits: []float32{1, 2, 3, 3, 2, 1}}
	for _, test := range []struct {
		logits []float32
		same   int
		far    float64
		ok     bool
	}{
		{[]float32{1, 2, 3, 3, 2, 1}, 2, 0, true},
		{[]float32{11, 12, 13, 3, 2, 1}, 2, 10, true}, // a constant changes no distribution
		{[]float32{1, 2, 3, 1, 2, 3}, 1, 2, false},
		{[]float32{1, 2, nan, 3, 2, 1}, 1, 0, false},
	} {
		o := &Output{}
		err := s.compare(o, test.logits, 0.02)
		assert.Equal(t, test.ok, err == nil, test.logits)
		assert.Equal(t, 2, o.Positions)
		if !math.IsNaN(o.MeanKL) {
			assert.Equal(t, test.same, o.SameBest, test.logits)
			assert.InDelta(t, test.far, o.Largest, 1e-6)
		}
	}
}

// 64 rows are learned by heart, by all weights; and by an adapter of what came of that, 64 others.
// An adapter of random weights could not: the head, which is tied to an embedding of small
// numbers, gives no probability near 1.
func TestMemorisation(t *testing.T) {
	c, err := llama.PresetConfig("nano")
	require.NoError(t, err)
	model := newModel(t, *c)
	for _, test := range []struct {
		method train.Method
		rate   float64
		from   int
	}{{train.Full, 2e-3, 0}, {train.LoRA, 2e-3, 64}} {
		k := &task{dir: t.TempDir(), model: model, rows: some(test.from, test.from+64, 40, nil), o: Options{
			Threads: 2, Context: 64, Block: 128, LoRA: llama.LoRA{Rank: 32},
			Train: train.Options{Method: test.method, BlocksPerStep: 1, LearningRate: test.rate, CheckpointMinutes: -1},
		}}
		result, outputs := k.must(t)
		t.Logf("%s: %d steps, loss %.4f", test.method, result.Steps, result.LastLoss)
		assert.Less(t, result.LastLoss, 0.1, test.method)
		assert.Less(t, result.Smoothed, 0.1, test.method)
		model = outputs[len(outputs)-1].Path
	}
}
