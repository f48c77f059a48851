package llama

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
	"smelt/compute/tensorfile"
)

// recordedModel is a model of testdata/reference.json, which testdata/record.py made.
type recordedModel struct {
	Name       string          `json:"name"`
	Config     json.RawMessage `json:"config"` // as older versions of transformers write it
	Saved      json.RawMessage `json:"saved"`  // as 5.x does
	IDs        []int32         `json:"ids"`
	LogSoftmax string          `json:"log_softmax"` // [ids][V] fp32
	Greedy     []int32         `json:"greedy"`
}

func recorded(t testing.TB) []recordedModel {
	text, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	var file struct{ Models []recordedModel }
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Models)
	return file.Models
}

func open(t testing.TB, path string, o Options) *Model {
	m, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

// allLogits runs ids in a cache of their own.
func allLogits(t testing.TB, m *Model, ids []int32) [][]float32 {
	c := m.NewCache()
	defer c.Release()
	flat := make([]float32, len(ids)*m.config.Vocabulary)
	require.NoError(t, m.AllLogits(context.Background(), flat, []Input{{c, ids}}))
	assert.Equal(t, len(ids), c.Len())
	return rowsOf(flat, m.config.Vocabulary)
}

func rowsOf(flat []float32, cols int) (rows [][]float32) {
	for ; len(flat) > 0; flat = flat[cols:] {
		rows = append(rows, flat[:cols])
	}
	return rows
}

// eachTier runs f on every tier of this machine.
func eachTier(t *testing.T, f func(t *testing.T)) {
	require.Contains(t, cpu.Tiers(), cpu.Detect())
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			defer restore()
			f(t)
		})
	}
}

// The largest error of the log-softmax against double precision is at most twice what
// transformers' fp32 has, and the greedy continuation is the same.
func TestTransformers(t *testing.T) {
	for _, r := range recorded(t) {
		for way, config := range map[string][]byte{"config": r.Config, "saved": r.Saved} {
			c, err := ParseConfig(config)
			require.NoError(t, err)
			all := tinyTensors(c)
			assert.Equal(t, tinyIDs(r.Name, len(r.IDs), c.Vocabulary), r.IDs)
			truth := referenceLogits(c, all, r.IDs)
			theirs, err := base64.StdEncoding.DecodeString(r.LogSoftmax)
			require.NoError(t, err)
			require.Len(t, theirs, 4*len(r.IDs)*c.Vocabulary)
			dir := writeFolder(t, config, all, tensorfile.F32)
			t.Run(r.Name+"/"+way, func(t *testing.T) {
				eachTier(t, func(t *testing.T) {
					m := open(t, dir, Options{Threads: 2})
					var ourError, theirError float64
					for i, row := range allLogits(t, m, r.IDs) {
						want, got := referenceLogSoftmax(truth[i]), referenceLogSoftmax(wide(row))
						for j := range want {
							their := float64(math.Float32frombits(binary.LittleEndian.Uint32(theirs[4*(i*len(want)+j):])))
							theirError = max(theirError, math.Abs(their-want[j]))
							ourError = max(ourError, math.Abs(got[j]-want[j]))
						}
					}
					t.Logf("largest error %.2g, of transformers %.2g", ourError, theirError)
					assert.Less(t, theirError, 2e-4, "the reference is of another model")
					assert.LessOrEqual(t, ourError, 2*theirError)
					assert.Equal(t, r.Greedy, greedy(t, m, r.IDs, len(r.Greedy)))
				})
			})
		}
	}
}

// greedy returns the n most likely tokens after ids, one after the other.
func greedy(t testing.TB, m *Model, ids []int32, n int) (next []int32) {
	c := m.NewCache()
	defer c.Release()
	logits := make([]float32, m.config.Vocabulary)
	for range n {
		require.NoError(t, m.Logits(context.Background(), logits, []Input{{c, ids}}))
		best := 0
		for i, x := range logits {
			if x > logits[best] {
				best = i
			}
		}
		next = append(next, int32(best))
		ids = next[len(next)-1:]
	}
	return next
}

// tinyConfig is for tests that need widths of whole blocks of every format.
func tinyConfig() *Config {
	return &Config{
		Vocabulary: 80, Hidden: 256, FeedForward: 288, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 64,
		Context: 2048, NormEpsilon: 1e-5, Rope: Rope{Theta: 10000}, BOS: -1, EOS: []int32{2},
	}
}

// tinyJSON is tinyConfig as a Hugging Face model has it.
const tinyJSON = `{"model_type": "llama", "vocab_size": 80, "hidden_size": 256, "intermediate_size": 288, "num_hidden_layers": 2,
	"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 2048, "rms_norm_eps": 1e-05, "bos_token_id": null}`

// smallConfig is for the other tests.
func smallConfig() *Config {
	c := tinyConfig()
	c.Vocabulary, c.Hidden, c.FeedForward, c.HeadDim = 71, 64, 96, 16
	return c
}

// Every type a file may store, in both kinds of file and orders of Q and K, against the
// numbers it stands for, in double precision. In fp32 the error of a logit is that of
// sums of fp32. Rounding activations to 8 bits costs each product some 0.5% of its
// result's size, at random; a logit, of size about 1 to 3, has been through 15 of them.
func TestStoredTypes(t *testing.T) {
	c := tinyConfig()
	all := tinyTensors(c)
	ids := tinyIDs("types", 11, c.Vocabulary) // more than few
	eachTier(t, func(t *testing.T) {
		for _, d := range []tensorfile.DType{
			tensorfile.F32, tensorfile.F16, tensorfile.BF16, tensorfile.Q8_0, tensorfile.Q4_0,
			tensorfile.Q4_1, tensorfile.Q5_0, tensorfile.Q4K, tensorfile.Q6K,
		} {
			truth, all := referenceLogits(c, rounded(t, c, all, d), ids), all
			if d == tensorfile.BF16 {
				all = rounded(t, c, all, d) // GGUF files have norms in F32
			}
			paths := []string{writeGGUF(t, c, all, d)}
			if _, block := d.Block(); !block {
				paths = append(paths, writeFolder(t, []byte(tinyJSON), all, d))
			}
			for precision, tolerance := range map[Precision]float64{FP32: 2e-5, AsStored: 0.25} {
				if d == tensorfile.F32 || d == tensorfile.F16 {
					tolerance = 2e-5
				}
				for _, path := range paths {
					m := open(t, path, Options{Threads: 2, Precision: precision})
					for name, rows := range map[string][][]float32{"prompt": allLogits(t, m, ids), "decode": oneByOne(t, m, ids)} {
						assert.LessOrEqual(t, difference(rows, truth), tolerance, "%s %s, precision %d, %s", path, d, precision, name)
					}
					three := open(t, path, Options{Threads: 3, Precision: precision})
					assert.Equal(t, allLogits(t, m, ids), allLogits(t, three, ids), "any number of threads, the same bits")
				}
			}
		}
	})
}

// oneByOne is allLogits, a token at a time.
func oneByOne(t testing.TB, m *Model, ids []int32) (rows [][]float32) {
	c := m.NewCache()
	defer c.Release()
	for i := range ids {
		row := make([]float32, m.config.Vocabulary)
		require.NoError(t, m.Logits(context.Background(), row, []Input{{c, ids[i : i+1]}}))
		rows = append(rows, row)
	}
	return rows
}

// difference returns the largest difference between numbers, relative to those above 1.
func difference(got [][]float32, want [][]float64) (most float64) {
	for i := range got {
		for j := range got[i] {
			d := math.Abs(float64(got[i][j])-want[i][j]) / max(1, math.Abs(want[i][j]))
			if !(d <= most) { // NaN counts
				most = d
			}
		}
	}
	return most
}

// GGUF's ways to say how rotary embedding is scaled.
func TestGGUFRope(t *testing.T) {
	for _, rope := range []Rope{
		{Theta: 500},
		{Theta: 10000, Type: "linear", Factor: 2.5},
		{Theta: 10000, Type: "llama3", Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 64},
	} {
		c := tinyConfig()
		c.Rope, c.HeadDim, c.Tied = rope, 32, true
		all, ids := tinyTensors(c), tinyIDs("rope", 30, c.Vocabulary)
		m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 1})
		assert.LessOrEqual(t, difference(allLogits(t, m, ids), referenceLogits(c, all, ids)), 2e-5, rope)
		assert.True(t, m.Config().Tied)
	}
}

// A batch, any batch, chunks and forks give what a sequence gives alone, to 1e-5, and
// any number of threads gives the same bits.
func TestWaysToRunAgree(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	path := writeGGUF(t, c, all, tensorfile.F32)
	ids := tinyIDs("ways", 150, c.Vocabulary)
	eachTier(t, func(t *testing.T) {
		m := open(t, path, Options{Threads: 2})
		alone := allLogits(t, m, ids)
		want := make([][]float64, len(ids))
		for i := range alone {
			want[i] = wide(alone[i])
		}
		t.Run("threads", func(t *testing.T) {
			for _, threads := range []int{1, 3} {
				assert.Equal(t, alone, allLogits(t, open(t, path, Options{Threads: threads}), ids))
			}
		})
		t.Run("one by one", func(t *testing.T) {
			assert.LessOrEqual(t, difference(oneByOne(t, m, ids[:70]), want[:70]), 1e-5)
		})
		t.Run("chunks", func(t *testing.T) {
			for _, size := range []int{2, 3, 16, 31, 64} {
				cache := m.NewCache()
				for from := 0; from < len(ids); from += size {
					chunk := ids[from:min(from+size, len(ids))]
					flat := make([]float32, len(chunk)*c.Vocabulary)
					require.NoError(t, m.AllLogits(context.Background(), flat, []Input{{cache, chunk}}))
					assert.LessOrEqual(t, difference(rowsOf(flat, c.Vocabulary), want[from:]), 1e-5, size)
				}
				cache.Release()
			}
		})
		t.Run("batch", func(t *testing.T) {
			// 16 sequences of different lengths, each a beginning of ids, then a token more.
			var inputs []Input
			for i := range 16 {
				inputs = append(inputs, Input{m.NewCache(), ids[:i*9+1]})
			}
			for range 3 {
				logits := make([]float32, len(inputs)*c.Vocabulary)
				require.NoError(t, m.Logits(context.Background(), logits, inputs))
				for i, row := range rowsOf(logits, c.Vocabulary) {
					at := inputs[i].Cache.Len()
					assert.LessOrEqual(t, difference([][]float32{row}, want[at-1:at]), 1e-5)
					inputs[i].Tokens = ids[at : at+1]
				}
			}
			for _, in := range inputs {
				in.Cache.Release()
			}
		})
		t.Run("forks", func(t *testing.T) {
			// Forks inside a page and at its end, that go on differently, in one batch.
			for _, at := range []int{1, pageRows - 1, pageRows, pageRows + 1, 100} {
				base := m.NewCache()
				require.NoError(t, m.Logits(context.Background(), nil, []Input{{base, ids[:at]}}))
				other := base.Fork()
				third := other.Fork()
				tail := tinyIDs("tail", 40, c.Vocabulary)
				flat := make([]float32, 90*c.Vocabulary)
				require.NoError(t, m.AllLogits(context.Background(), flat, []Input{{base, tail}, {other, ids[at : at+40]}, {third, ids[at : at+10]}}))
				rows := rowsOf(flat, c.Vocabulary)
				assert.LessOrEqual(t, difference(rows[40:80], want[at:at+40]), 1e-5, at)
				assert.LessOrEqual(t, difference(rows[80:], want[at:at+10]), 1e-5, at)
				for _, cache := range []*Cache{base, other, third} {
					cache.Release()
				}
			}
			held, kept := m.CacheBytes()
			assert.Zero(t, held)
			assert.Positive(t, kept)
		})
	})
}

// A prompt of several steps, and going on after it.
func TestLongPrompt(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	ids := tinyIDs("long", 2*stepRows+77, c.Vocabulary)
	m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 2})
	logits := make([]float32, c.Vocabulary)
	cache := m.NewCache()
	require.NoError(t, m.Logits(context.Background(), logits, []Input{{cache, ids}}))
	truth := referenceLogits(c, all, ids)
	assert.LessOrEqual(t, difference([][]float32{logits}, truth[len(ids)-1:]), 2e-5)
	cache.Truncate(700)
	require.NoError(t, m.Logits(context.Background(), logits, []Input{{cache, ids[700:900]}}))
	assert.LessOrEqual(t, difference([][]float32{logits}, truth[899:900]), 2e-5)
}
