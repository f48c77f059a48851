package llama

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// What cannot be converted is said, and leaves nothing.
func TestConvertErrors(t *testing.T) {
	plain := shapes(t)["untied"]
	with := func(name string, x float32) tensors {
		all := fullTensors(&plain)
		all[name][100] = x
		return all
	}
	const down = "model.layers.1.mlp.down_proj.weight"
	deeper := plain
	deeper.Layers = 3
	wider := plain
	wider.FeedForward = 192
	// modelAs has the tensors of one shape and the configuration of another.
	modelAs := func(t *testing.T, said, c Config) string {
		dir := writeModel(t, c, fullTensors(&c), tensorfile.F32)
		config, err := said.JSON(tensorfile.F32)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600))
		return dir
	}
	frequencies := shapes(t)["tied"]
	frequencies.Rope.Divisors = make([]float32, 12)
	for i := range frequencies.Rope.Divisors {
		frequencies.Rope.Divisors[i] = 1 + float32(i)
	}
	for name, test := range map[string]struct {
		from   func(t *testing.T) string
		format tensorfile.Format
		to     tensorfile.DType
		want   string
	}{
		"beyond F16": {func(t *testing.T) string { return writeModel(t, plain, with(down, 65520), tensorfile.F32) },
			tensorfile.GGUF, tensorfile.F16, `tensor "blk.1.ffn_down.weight": row 0: type F16: a number is not finite`},
		"beyond Q8_0": {func(t *testing.T) string { return writeModel(t, plain, with(down, -9e6), tensorfile.F32) },
			tensorfile.GGUF, tensorfile.Q8_0, `tensor "blk.1.ffn_down.weight": row 0: type Q8_0: a number is not finite`},
		"not a number": {func(t *testing.T) string {
			return writeModel(t, plain, with(down, float32(math.NaN())), tensorfile.BF16)
		}, tensorfile.Safetensors, tensorfile.F32, `tensor "` + down + `": row 0: type F32: a number is not finite`},
		"missing tensor": {func(t *testing.T) string { return modelAs(t, plain, shapes(t)["tied, all heads"]) },
			tensorfile.GGUF, tensorfile.F32, `has no tensor "lm_head.weight"`},
		"missing layer": {func(t *testing.T) string { return modelAs(t, deeper, plain) },
			tensorfile.GGUF, tensorfile.F32, `has 21 tensors, which are not those of 3 layers`},
		"too many tensors": {func(t *testing.T) string { return modelAs(t, plain, deeper) },
			tensorfile.GGUF, tensorfile.F32, `tensor "model.layers.2.input_layernorm.weight" is no part of a Llama model of 2 layers`},
		"other shape": {func(t *testing.T) string { return modelAs(t, wider, plain) },
			tensorfile.GGUF, tensorfile.F32, `tensor "model.layers.0.mlp.gate_proj.weight": shape [160 96]`},
		"other frequencies": {func(t *testing.T) string {
			return writeGGUFWithDivisors(t, frequencies)
		}, tensorfile.Safetensors, tensorfile.F32, "divisors of the frequencies that are not those of Llama 3"},
		"small embedding": {func(t *testing.T) string {
			c := plain
			c.Vocabulary -= 3
			dir := writeFolder(t, must(c.JSON(tensorfile.F32)), fullTensors(&c), tensorfile.F32)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer.json"), tinyTokenizer(t).JSON(), 0o600))
			return dir
		}, tensorfile.GGUF, tensorfile.F32, fmt.Sprintf("the tokenizer has %d tokens, and the embedding %d", plain.Vocabulary, plain.Vocabulary-3)},
		"no tokenizer": {func(t *testing.T) string {
			return writeFolder(t, must(plain.JSON(tensorfile.F32)), fullTensors(&plain), tensorfile.F32)
		}, tensorfile.GGUF, tensorfile.F32, "tokenizer.json"},
		"no such type":   {func(*testing.T) string { return "" }, tensorfile.GGUF, tensorfile.Q6K, `weights of type "Q6_K": not supported`},
		"blocks":         {func(*testing.T) string { return "" }, tensorfile.Safetensors, tensorfile.Q8_0, `weights of type Q8_0 in safetensors: not supported`},
		"no such source": {func(*testing.T) string { return "nowhere" }, tensorfile.GGUF, tensorfile.F32, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Convert(context.Background(), test.from(t), filepath.Join(dir, "to"), ConvertOptions{Format: test.format, Weights: test.to})
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, inFolder(t, dir))
		})
	}
}

// writeGGUFWithDivisors writes a model whose frequencies have a divisor each.
func writeGGUFWithDivisors(t testing.TB, c Config) string {
	plain := c
	plain.Rope.Divisors = nil
	sources := []tensorfile.Source{vector("rope_freqs.weight", c.Rope.Divisors)}
	f := openTensors(t, toGGUF(t, writeModel(t, plain, fullTensors(&plain), tensorfile.F32), tensorfile.F32))
	for _, x := range f.Tensors() {
		sources = append(sources, x.Copy())
	}
	path := filepath.Join(t.TempDir(), "divisors.gguf")
	require.NoError(t, tensorfile.WriteGGUF(path, f.Metadata(), sources))
	return path
}

// Targets that cannot be written, and an end in the middle.
func TestConvertTargets(t *testing.T) {
	c := shapes(t)["tied"]
	first := writeModel(t, c, fullTensors(&c), tensorfile.F32)
	dir := t.TempDir()
	blocked := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(blocked, nil, 0o600))
	for _, format := range []tensorfile.Format{tensorfile.GGUF, tensorfile.Safetensors} {
		o := ConvertOptions{Format: format, Weights: tensorfile.BF16, Overwrite: true}
		for _, to := range []string{filepath.Join(dir, "no", "such", "folder"), filepath.Join(blocked, "to"), first} {
			_, err := Convert(context.Background(), first, to, o)
			require.Error(t, err, to)
		}
		for _, keep := range []string{"", "model.safetensors"} {
			to := filepath.Join(dir, "to")
			if keep != "" {
				_, err := Convert(context.Background(), first, to, o)
				require.NoError(t, err)
			}
			before := inFolder(t, dir)
			ctx, cancel := context.WithCancel(context.Background())
			o.Progress = func(done, total int64) { cancel() }
			_, err := Convert(ctx, first, to, o)
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, before, inFolder(t, dir))
			o.Progress = nil
			if keep != "" {
				assert.Equal(t, c.Layers, open(t, to, Options{Threads: 1}).Config().Layers)
				require.NoError(t, os.RemoveAll(to))
			}
		}
	}
	_, err := Convert(context.Background(), first, filepath.Join(first, "model.safetensors"), ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32, Overwrite: true})
	require.ErrorContains(t, err, "is what is read")
	_, err = Convert(context.Background(), first, filepath.Join(first, "config.json"), ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.F32, Overwrite: true})
	require.ErrorContains(t, err, "a part of a Hugging Face model")
	assert.Equal(t, []string{"file"}, inFolder(t, dir))
	equalTensors(t, first, first)
}
