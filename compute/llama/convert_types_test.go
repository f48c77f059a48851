package llama

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

var quantizeModels = flag.String("quantize-models", "", "write the models that testdata/record_quantize.py quantises to this `folder`")

// quantized returns models whose widths divide by 256, by 32 alone, and by neither but for
// one matrix.
func quantized(t testing.TB) map[string]Config {
	c := shapes(t)["untied"]
	c.Hidden, c.FeedForward, c.Layers, c.KVHeads, c.HeadDim = 256, 256, 9, 2, 64
	list := map[string]Config{"wide": c}
	c = shapes(t)["tied"]
	c.Layers = 4
	list["narrow"] = c
	c.Hidden, c.FeedForward, c.HeadDim, c.Tied = 40, 256, 10, false
	list["odd"] = c
	return list
}

// The types of the tensors are those that llama-quantize gives them, and their bytes as
// well, all of them: testdata/quantize.json has the type and the SHA-256 of each.
func TestQuantizesAsLlamaCpp(t *testing.T) {
	var want map[string]map[string]map[string][2]string // model, weights, tensor
	require.NoError(t, json.Unmarshal(read(t, "testdata", "quantize.json"), &want))
	models := quantized(t)
	if dir := *quantizeModels; dir != "" {
		for name, c := range models {
			from := writeModel(t, c, fullTensors(&c), tensorfile.F32)
			o := ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32, Overwrite: true}
			_, err := Convert(context.Background(), from, filepath.Join(dir, name+".gguf"), o)
			require.NoError(t, err)
		}
		t.Skip("models written, nothing tested")
	}
	assert.Equal(t, slices.Sorted(maps.Keys(models)), slices.Sorted(maps.Keys(want)))
	for name, c := range models {
		from := writeModel(t, c, fullTensors(&c), tensorfile.F32)
		for _, d := range []tensorfile.DType{tensorfile.F16, tensorfile.BF16, tensorfile.Q8_0, tensorfile.Q4_0, tensorfile.Q4K} {
			got := map[string][2]string{}
			for _, x := range openTensors(t, toGGUF(t, from, d)).Tensors() {
				sum := sha256.Sum256(must(x.Data()))
				got[x.Name] = [2]string{string(x.DType), hex.EncodeToString(sum[:8])}
			}
			assert.Equal(t, want[name][string(d)], got, "%s, %s", name, d)
		}
	}
}

// A file made by llama-quantize itself, of a real model, on demand: SMELT_MODELS has
// *.F32.gguf and beside them *.Q4_K_M.gguf and so on.
func TestQuantizesRealModels(t *testing.T) {
	dir := os.Getenv("SMELT_MODELS")
	if dir == "" {
		t.Skip("SMELT_MODELS is not set: a folder with *.F32.gguf and what llama-quantize made of it")
	}
	sources, err := filepath.Glob(filepath.Join(dir, "*.F32.gguf"))
	require.NoError(t, err)
	compared := 0
	for _, from := range sources {
		for suffix, d := range map[string]tensorfile.DType{
			"F16": tensorfile.F16, "BF16": tensorfile.BF16, "Q8_0": tensorfile.Q8_0, "Q4_0": tensorfile.Q4_0, "Q4_K_M": tensorfile.Q4K,
		} {
			theirs := from[:len(from)-len("F32.gguf")] + suffix + ".gguf"
			if _, err := os.Stat(theirs); err == nil {
				equalTensors(t, theirs, toGGUF(t, from, d))
				compared++
			}
		}
	}
	if compared == 0 {
		t.Skipf("%s has no *.F32.gguf with what llama-quantize made of it", dir)
	}
}
