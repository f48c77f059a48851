package llama

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
	"smelt/compute/tensorfile"
)

// Once a sequence has room, a token allocates nothing: neither alone nor in a batch,
// whatever the weights are stored as.
func TestTokensAllocateNothing(t *testing.T) {
	c := tinyConfig()
	all := tinyTensors(c)
	for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.F16, tensorfile.BF16, tensorfile.Q4_1, tensorfile.Q6K} {
		for _, precision := range []Precision{AsStored, FP32} {
			m := open(t, writeGGUF(t, c, all, d), Options{Threads: 2, Precision: precision})
			for _, batch := range []int{1, 3, 9} {
				if batch == 9 && m.weights.head.int8() && cpu.Active() == cpu.Generic {
					continue // there, a product in int8 allocates its kernel, a bound method
				}
				inputs := make([]Input, batch)
				for i := range inputs {
					inputs[i] = Input{m.NewCache(), []int32{int32(i)}}
				}
				logits := make([]float32, batch*c.Vocabulary)
				step := func() {
					if err := m.Logits(context.Background(), logits, inputs); err != nil {
						t.Fatal(err)
					}
				}
				for range 3 {
					step()
				}
				// 20 more are all in the first page.
				assert.Zero(t, testing.AllocsPerRun(20, step), "%s, precision %d, batch of %d", d, precision, batch)
			}
		}
	}
}

// stopAfter is a context that ends when it has been asked so often.
type stopAfter struct {
	context.Context
	left int
}

func (s *stopAfter) Err() error {
	if s.left--; s.left < 0 {
		return context.Canceled
	}
	return nil
}

// A run that is interrupted, in whatever layer of whatever step, leaves the caches as
// they were.
func TestInterruptedRun(t *testing.T) {
	c := smallConfig()
	m := open(t, writeGGUF(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	ids := tinyIDs("interrupted", stepRows+100, c.Vocabulary)
	want := make([]float32, 2*c.Vocabulary)
	a, b := m.NewCache(), m.NewCache()
	require.NoError(t, m.Logits(context.Background(), want, []Input{{a, ids[:pageRows+8]}, {b, ids[:10]}}))
	held, _ := m.CacheBytes()
	a.Truncate(pageRows + 1)
	b.Truncate(9)
	for steps := range 4 {
		err := m.Logits(&stopAfter{context.Background(), steps}, want, []Input{{a, ids[pageRows+1 : 600]}, {b, ids[9:10]}})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []int{pageRows + 1, 9}, []int{a.Len(), b.Len()})
		now, _ := m.CacheBytes()
		assert.Equal(t, held, now)
	}
	got := make([]float32, len(want))
	require.NoError(t, m.Logits(context.Background(), got, []Input{{a, ids[pageRows+1 : pageRows+8]}, {b, ids[9:10]}}))
	assert.LessOrEqual(t, difference(rowsOf(got, c.Vocabulary), [][]float64{wide(want[:c.Vocabulary]), wide(want[c.Vocabulary:])}), 1e-5)
}

func TestLimits(t *testing.T) {
	c := smallConfig()
	path := writeGGUF(t, c, tinyTensors(c), tensorfile.F32)
	_, err := Open(path, Options{Memory: 1 << 16})
	require.ErrorIs(t, err, ErrMemory)
	assert.Contains(t, err.Error(), "MB of weights")

	// Room for two pages: the third is refused, and the sequence stays as it was.
	m := open(t, path, Options{Threads: 1, Memory: 1 << 40})
	m.pages.limit = 2 * m.pages.pageBytes()
	cache := m.NewCache()
	ids := tinyIDs("limits", 3*pageRows, c.Vocabulary)
	require.NoError(t, m.Logits(context.Background(), nil, []Input{{cache, ids[:pageRows+8]}}))
	require.ErrorIs(t, m.Logits(context.Background(), nil, []Input{{cache, ids[:pageRows]}}), ErrMemory)
	assert.Equal(t, pageRows+8, cache.Len())
	require.ErrorIs(t, m.Logits(context.Background(), nil, []Input{{cache.Fork(), ids[:1]}}), ErrMemory, "the copy of a shared page")

	other := open(t, path, Options{Threads: 1})
	assert.Error(t, other.Logits(context.Background(), nil, []Input{{cache, ids[:1]}}), "a cache of another model")
	assert.ErrorContains(t, m.Logits(context.Background(), nil, []Input{{m.NewCache(), nil}, {cache, ids[:1]}, {cache, ids[:1]}}), "inputs 1 and 2 have the same cache")
	require.ErrorIs(t, m.Logits(context.Background(), nil, []Input{{m.NewCache(), make([]int32, c.Context+1)}}), ErrContext)
	assert.NoError(t, m.Logits(context.Background(), nil, nil))
	assert.NoError(t, m.Logits(context.Background(), nil, []Input{{m.NewCache(), nil}}))
}

// What comes after no tokens is not known, and must not take another input's place.
func TestLogitsOfNothing(t *testing.T) {
	c := tinyConfig()
	m := open(t, writeGGUF(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 1})
	inputs := []Input{{m.NewCache(), []int32{1}}, {m.NewCache(), nil}}
	logits := make([]float32, len(inputs)*c.Vocabulary)
	assert.ErrorContains(t, m.Logits(context.Background(), logits, inputs), "input 1 has no tokens")
	assert.Zero(t, inputs[0].Cache.Len())
	assert.NoError(t, m.Logits(context.Background(), nil, inputs))
}
