package llama

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// One error tells that a model is of a kind that is not supported, be it for its tokenizer.
func TestUnsupportedTokenizer(t *testing.T) {
	c := smallConfig()
	gguf := writeGGUF(t, c, tinyTensors(c), tensorfile.F32,
		tensorfile.Entry{Key: "tokenizer.ggml.model", Value: tensorfile.ValueOf("bert")},
		tensorfile.Entry{Key: "tokenizer.ggml.tokens", Value: tensorfile.ArrayOf([]string{"a", "b", "c"})})
	folder := writeFolder(t, []byte("{"+plain+"}"), tinyTensors(plainConfig(t)), tensorfile.F32)
	json := filepath.Join(folder, "tokenizer.json")
	require.NoError(t, os.WriteFile(json, []byte(`{"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {}, "merges": []}}`), 0o600))
	for path, names := range map[string]string{gguf: `"bert"`, folder: "no decoder"} {
		_, err := open(t, path, Options{Threads: 1}).Tokenizer()
		assert.ErrorIs(t, err, ErrUnsupported)
		assert.ErrorContains(t, err, names)
		_, err = OpenTokenizer(path)
		assert.ErrorIs(t, err, ErrUnsupported)
	}
	_, err := OpenTokenizer(json)
	assert.ErrorIs(t, err, ErrUnsupported)
}
