package llama

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// What a preset takes, worked out by hand for nano: of a layer, queries and the output
// have 128 x 128 numbers, keys and values 64 x 128, and the feed-forward block 3 x 384 x
// 128; the vocabulary has 4,096 x 128.
func TestNeeds(t *testing.T) {
	c, err := PresetConfig("nano")
	require.NoError(t, err)
	const layer = 2*128*128 + 2*64*128 + 3*384*128
	const matrices, norms = 4*layer + 4096*128, 9 * 128
	for _, want := range []struct {
		format  tensorfile.Format
		weights tensorfile.DType
		bytes   int64
	}{
		{tensorfile.Safetensors, tensorfile.F32, 4 * (matrices + norms)},
		{tensorfile.Safetensors, tensorfile.BF16, 2 * (matrices + norms)},
		{tensorfile.GGUF, tensorfile.BF16, 2*matrices + 4*norms},
		{tensorfile.GGUF, tensorfile.Q8_0, matrices/32*34 + 4*norms},
	} {
		got, err := c.StoredBytes(want.format, want.weights)
		require.NoError(t, err)
		assert.Equal(t, want.bytes, got, "%s %s", want.format, want.weights)
	}
	// A position has keys and values of 64 numbers in each of 4 layers.
	const page = pageRows * 4 * 2 * 64 * 4
	assert.EqualValues(t, page, c.CacheBytes(1))
	assert.EqualValues(t, 2*page, c.CacheBytes(pageRows+1))

	assert.EqualValues(t, matrices+norms, c.Trained(Training{}))
	const sides = 2*(128+128) + 2*(128+64) + 3*(128+384)
	assert.EqualValues(t, 4*8*sides, c.Trained(Training{Rank: 8}))
}

// The estimate of a shape is near what a model of it says, less the moments and what it is stored in.
func TestTrainingBytesOfShape(t *testing.T) {
	c := smallConfig()
	c.Hidden, c.FeedForward, c.HeadDim, c.Vocabulary, c.Layers = 256, 768, 64, 4000, 12
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.BF16), Options{Threads: 2})
	const tokens = 4096
	for _, rank := range []int{0, 16} {
		o := TrainableOptions{Precision: kernel.BF16, Recompute: c.Layers}
		stored := int64(0)
		if rank > 0 {
			a, err := m.NewAdapter(LoRA{Rank: rank, Alpha: 1}, 1)
			require.NoError(t, err)
			o.Adapter, stored = a, m.Bytes()
		}
		trainable, err := m.NewTrainable(o)
		require.NoError(t, err)
		training := Training{Tokens: tokens, Rank: rank}
		want := trainable.Bytes(tokens) + 8*c.Trained(training) + stored
		assert.InEpsilon(t, want, c.TrainingBytes(training, m.Bytes()), 0.1, "rank %d", rank)
	}
}

// StoredBytes is what Convert writes.
func TestStoredBytesAreConverts(t *testing.T) {
	c, err := PresetConfig("nano")
	require.NoError(t, err)
	tok, err := speaker(t, 64).Tokenizer()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, New(t.Context(), dir+"/nano", *c, tok, NewOptions{Weights: tensorfile.F32}))
	c.Vocabulary = tok.Size()
	for _, d := range []tensorfile.DType{tensorfile.F16, tensorfile.Q4_0, tensorfile.Q4K} {
		got, err := Convert(t.Context(), dir+"/nano", dir+"/x"+string(d)+".gguf", ConvertOptions{Format: tensorfile.GGUF, Weights: d})
		require.NoError(t, err)
		want, err := c.StoredBytes(tensorfile.GGUF, d)
		require.NoError(t, err)
		assert.Equal(t, want, got.Bytes, d)
	}
}

// A tokenizer can be had without its model.
func TestOpenTokenizer(t *testing.T) {
	m := speaker(t, 64)
	want, err := m.Tokenizer()
	require.NoError(t, err)
	dir := m.folder()
	gguf := t.TempDir() + "/m.gguf"
	_, err = Convert(t.Context(), dir, gguf, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F16})
	require.NoError(t, err)
	for _, path := range []string{dir, dir + "/tokenizer.json", gguf} {
		tok, err := OpenTokenizer(path)
		require.NoError(t, err, path)
		assert.Equal(t, want.Size(), tok.Size(), path)
	}
	for _, path := range []string{t.TempDir(), dir + "/none.json", dir + "/config.json", dir + "/model.safetensors"} {
		_, err := OpenTokenizer(path)
		assert.Error(t, err, path)
	}
}
