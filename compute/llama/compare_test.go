package llama

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// compareConfig is a model of a few numbers.
const compareConfig = `{"model_type": "llama", "vocab_size": 97, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
	"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "eos_token_id": 0}`

func comparable(t *testing.T, d tensorfile.DType) *Model {
	c, err := ParseConfig([]byte(compareConfig))
	require.NoError(t, err)
	return open(t, writeFolder(t, []byte(compareConfig), tinyTensors(c), d), Options{Threads: 2, Precision: FP32})
}

// The figures are those that a plain computation on all logits gives.
func TestCompare(t *testing.T) {
	a, b := comparable(t, tensorfile.F32), comparable(t, tensorfile.BF16)
	// Weights of a few bits are the same numbers in bf16: other ones are needed.
	b.weights.norm[3] *= 1.25
	tokens := tinyIDs("compare", 150, 97)
	const window = 70
	var done []int
	got, err := Compare(t.Context(), a, b, tokens, window, func(n int) { done = append(done, n) })
	require.NoError(t, err)
	assert.Equal(t, []int{32, 64, 70, 102, 134, 140, 150}, done)

	want := Comparison{Positions: len(tokens), At: -1}
	var surprise [2]float64
	for from := 0; from < len(tokens); from += window {
		part := tokens[from:min(from+window, len(tokens))]
		var logits [2][]float32
		for i, m := range []*Model{a, b} {
			logits[i] = make([]float32, len(part)*97)
			cache := m.NewCache()
			require.NoError(t, m.AllLogits(t.Context(), logits[i], []Input{{cache, part}}))
			cache.Release()
		}
		for row := range part {
			var logp [2][]float64
			for i := range logits {
				logp[i] = logSoftmax(logits[i][row*97 : (row+1)*97])
				if at := from + row + 1; at < len(tokens) {
					surprise[i] -= logp[i][tokens[at]]
				}
			}
			kl := 0.0
			for j := range logp[0] {
				kl += math.Exp(logp[0][j]) * (logp[0][j] - logp[1][j])
				if d := math.Abs(float64(logits[0][row*97+j]) - float64(logits[1][row*97+j])); d > want.Largest {
					want.Largest, want.At = d, from+row
				}
			}
			want.MeanKL += kl / float64(len(tokens))
			want.MaxKL = max(want.MaxKL, kl)
			if mostLikely(logits[0][row*97:(row+1)*97]) == mostLikely(logits[1][row*97:(row+1)*97]) {
				want.SameBest++
			}
		}
	}
	assert.Equal(t, want.Positions, got.Positions)
	assert.Equal(t, want.SameBest, got.SameBest)
	assert.Equal(t, want.At, got.At)
	// Logits differ by the rounding of fp32 between batches; sums of their exponentials are
	// within 1e-6.
	assert.InEpsilon(t, want.Largest, got.Largest, 1e-4)
	assert.InEpsilon(t, want.MeanKL, got.MeanKL, 1e-2)
	assert.InEpsilon(t, want.MaxKL, got.MaxKL, 1e-2)
	for i := range surprise {
		assert.InEpsilon(t, math.Exp(surprise[i]/float64(len(tokens)-1)), got.Perplexity[i], 1e-4)
	}
	for _, m := range []*Model{a, b} {
		held, _ := m.CacheBytes()
		assert.Zero(t, held)
	}

	same, err := Compare(t.Context(), a, a, tokens, 0, nil)
	require.NoError(t, err)
	assert.Equal(t, 150, same.SameBest)
	assert.Zero(t, same.MaxKL)
	assert.Zero(t, same.Largest)
}

func logSoftmax(logits []float32) []float64 {
	most, sum := math.Inf(-1), 0.0
	for _, x := range logits {
		most = max(most, float64(x))
	}
	for _, x := range logits {
		sum += math.Exp(float64(x) - most)
	}
	out := make([]float64, len(logits))
	for i, x := range logits {
		out[i] = float64(x) - most - math.Log(sum)
	}
	return out
}

// A model that gives no numbers is not taken for one that agrees.
func TestCompareNaN(t *testing.T) {
	a, b := comparable(t, tensorfile.F32), comparable(t, tensorfile.F32)
	b.weights.norm[0] = float32(math.NaN())
	got, err := Compare(t.Context(), a, b, tinyIDs("nan", 5, 97), 0, nil)
	require.NoError(t, err)
	assert.True(t, math.IsNaN(got.MeanKL))
	assert.True(t, math.IsNaN(got.MaxKL))
	assert.True(t, math.IsNaN(got.Largest))
}

func TestCompareErrors(t *testing.T) {
	a := comparable(t, tensorfile.F32)
	_, err := Compare(t.Context(), a, speaker(t, 64), []int32{1, 2}, 0, nil)
	assert.ErrorContains(t, err, "vocabularies of 97 and")
	for _, at := range []int{1, compareRows} {
		tokens := make([]int32, at+1)
		tokens[at] = 97
		_, err = Compare(t.Context(), a, a, tokens, 0, nil)
		assert.ErrorContains(t, err, "token 97")
	}
	none, err := Compare(t.Context(), a, a, nil, 0, nil)
	require.NoError(t, err)
	assert.Equal(t, &Comparison{Perplexity: [2]float64{1, 1}}, none)
}
