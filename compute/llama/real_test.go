package llama

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// smollm2 opens the file that testdata/record_smollm2.py read, from the folder of models
// SMELT_MODELS.
func smollm2(t testing.TB, o Options) *Model {
	dir := os.Getenv("SMELT_MODELS")
	if dir == "" {
		t.Skip("SMELT_MODELS, a folder with SmolLM2-135M-Instruct.Q4_1.gguf, is not set")
	}
	return open(t, filepath.Join(dir, "SmolLM2-135M-Instruct.Q4_1.gguf"), o)
}

// In fp32, log-probabilities are as close to those in double precision as transformers'
// are, but for a factor of at most 2, and greedy tokens the same up to the first place
// where two are nearly as likely.
func TestSmolLM2(t *testing.T) {
	m := smollm2(t, Options{Precision: FP32})
	text, err := os.ReadFile("testdata/smollm2.json")
	require.NoError(t, err)
	var r struct {
		Asked, Best, Greedy []int32
		LogSoftmax          [][]float64 `json:"log_softmax"` // of the tokens asked for, and of the best
		Close               []int       // places in greedy
	}
	require.NoError(t, json.Unmarshal(text, &r))
	ids := tinyIDs("smollm2", len(r.Best), m.config.Vocabulary)
	truth := referenceLogits(&m.config, dequantised(t, m), ids)
	var ours, theirs float64
	for i, row := range allLogits(t, m, ids) {
		want, got := referenceLogSoftmax(truth[i]), referenceLogSoftmax(wide(row))
		for j, id := range append(slices.Clone(r.Asked), r.Best[i]) {
			ours = max(ours, math.Abs(got[id]-want[id]))
			theirs = max(theirs, math.Abs(r.LogSoftmax[i][j]-want[id]))
		}
	}
	t.Logf("largest error %.2g, of transformers %.2g", ours, theirs)
	assert.Less(t, theirs, 1e-2, "the reference is of another model")
	assert.LessOrEqual(t, ours, 2*theirs)
	same := len(r.Greedy)
	if len(r.Close) > 0 {
		same = r.Close[0]
	}
	assert.Equal(t, r.Greedy[:same], greedy(t, m, ids, len(r.Greedy))[:same])
}

// dequantised returns a GGUF model's tensors in fp32 by their names in Hugging Face's
// layout, and Q and K in its order.
func dequantised(t testing.TB, m *Model) tensors {
	c := &m.config
	_, places := newWeights(huggingFaceNames(), c)
	_, renamed := newWeights(ggufNames(), c)
	all := tensors{}
	for i, p := range places {
		x, err := readVector(m.file.Tensor(renamed[i].name), count(p.shape))
		require.NoError(t, err)
		if turned(p.name) {
			x = permuted(x, c.HeadDim, c.Hidden, true)
		}
		all[p.name] = x
	}
	return all
}

// A conversation as the model was taught to have them.
func TestSmolLM2Answers(t *testing.T) {
	m := smollm2(t, Options{})
	tok, err := m.Tokenizer()
	require.NoError(t, err)
	prompt := tok.Encode(nil, "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n", tokenizer.Options{})
	s := generate(t, m, 1, Request{Prompt: prompt, MaxTokens: 40})[0]
	assert.Equal(t, "The capital of France is Paris.", s.text)
	assert.Equal(t, EndOfText, s.end)
}
