package finetune

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/llama"
	"smelt/compute/train"
)

// wide is a task whose activations take most of the memory.
func wide(t testing.TB) *task {
	c := tiny(t)
	c.Hidden, c.FeedForward, c.Layers, c.Context = 128, 512, 6, 512
	return newTask(t, newModel(t, c)).with(t, func(o *Options) { o.Context, o.Block, o.GGUF, o.Recompute = 128, 1024, "", Auto })
}

// As many layers are computed again as it takes to fit, and no more; it changes no bits.
func TestRecomputeFits(t *testing.T) {
	k := wide(t)
	_, most := k.with(t, func(o *Options) { o.Memory = 1 << 40 }).planned(t)
	require.Zero(t, most.Recompute)
	_, least := k.with(t, func(o *Options) { o.Recompute = 6 }).planned(t)
	require.Less(t, least.Bytes, most.Bytes-10e6)

	middle := k.with(t, func(o *Options) { o.Memory = (least.Bytes + most.Bytes) / 2 })
	_, p := middle.planned(t)
	assert.Greater(t, p.Recompute, 0)
	assert.Less(t, p.Recompute, 6)
	assert.LessOrEqual(t, p.Bytes, middle.o.Memory)
	assert.Equal(t, middle.o.Memory, p.Available)
	_, before := k.with(t, func(o *Options) { o.Recompute = p.Recompute - 1 }).planned(t)
	assert.Greater(t, before.Bytes, middle.o.Memory)
	sum := int64(0)
	for _, part := range p.Memory {
		sum += part.Bytes
	}
	assert.Equal(t, p.Bytes, sum)

	few := k.with(t, func(o *Options) { o.Train.MaxSteps, o.Memory = 2, middle.o.Memory })
	few.must(t)
	all := k.with(t, func(o *Options) { o.Train.MaxSteps, o.Recompute = 2, 0 })
	all.must(t)
	same(t, written(t, all.dir), few.dir)
}

// What does not fit is refused before anything is written, with what would.
func TestPlanRefuses(t *testing.T) {
	k := wide(t)
	_, least := k.with(t, func(o *Options) { o.Recompute = 6 }).planned(t)
	for name, test := range map[string]struct {
		change func(*Options)
		ways   []string
	}{
		"lora":     {func(*Options) {}, []string{"a shorter context and smaller blocks", "adamw8", "a model in a smaller precision"}},
		"full":     {func(o *Options) { o.Train.Method = train.Full }, []string{"an adapter (lora)", "adamw8"}},
		"no layer": {func(o *Options) { o.Recompute, o.Train.Optimizer = 0, train.AdamW8 }, []string{"compute activations of more layers again"}},
	} {
		small := k.with(t, func(o *Options) { o.Memory = least.Bytes - 1; test.change(o) })
		_, _, err := small.run(t.Context())
		require.ErrorIs(t, err, llama.ErrMemory, name)
		for _, way := range test.ways {
			assert.ErrorContains(t, err, way, name)
		}
		assert.Equal(t, small.o.Train.Optimizer != train.AdamW8, strings.Contains(err.Error(), "adamw8"))
		assert.NoFileExists(t, small.dir+"/"+StateName)
		assert.NoDirExists(t, small.dir+"/"+train.CheckpointsName)
	}
}

// heap returns the bytes in use.
func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// What is planned is what a run takes in the midst of training, within 10 % and 2 MB, beside
// the weights, which are in no heap, and the program.
func TestPlannedMemoryHolds(t *testing.T) {
	k := wide(t)
	for name, change := range kinds() {
		k := k.with(t, change)
		k.o.Recompute, k.o.Train.MaxSteps, k.o.Train.CheckpointEvery = 1, 2, 0
		before := heap()
		j, p := k.planned(t)
		taken := int64(0)
		_, err := j.Train(t.Context(), func(e train.Event) {
			if step, ok := e.(*train.Progress); ok && step.Step == 1 {
				taken = heap() - before
			}
		})
		require.NoError(t, err)
		said := p.Bytes - programBytes
		if k.o.Train.Method != train.Full {
			said -= j.model.Bytes()
		}
		assert.InDelta(t, taken, said, 0.1*float64(taken)+2e6, name)
		require.NoError(t, j.Close())
	}
}
