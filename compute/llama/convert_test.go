package llama

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// tinyTokenizer returns a tokenizer of some 300 tokens, of which 0 begins a text, 1 ends
// it and 2 ends a turn.
func tinyTokenizer(t testing.TB) *tokenizer.Tokenizer {
	text := []string{"the cat sat on the mat, the hat and the bat; größe 猫が好き 🙂", "on and on the cat sat on 10 mats"}
	tok, err := tokenizer.Train(context.Background(), slices.Values(text), 290, "<|begin|>", "<|end|>", "<|turn|>")
	require.NoError(t, err)
	return tok
}

// shapes are models that differ in what a conversion has to mind.
func shapes(t testing.TB) map[string]Config {
	c := Config{
		Vocabulary: tinyTokenizer(t).Size(), Hidden: 96, FeedForward: 160, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 24,
		Context: 512, NormEpsilon: 1e-5, Rope: Rope{Theta: 10000}, BOS: 0, EOS: []int32{1, 2}, Tied: true,
	}
	list := map[string]Config{"tied": c}
	c.Tied, c.KVHeads, c.NormEpsilon, c.EOS = false, 4, 1e-6, []int32{1}
	list["untied"] = c
	c.Tied = true
	list["tied, all heads"] = c
	c.Tied = false
	c.HeadDim, c.KVHeads, c.BOS, c.EOS = 10, 1, -1, nil
	c.Rope = Rope{Theta: 1000, Type: "linear", Factor: 2.5}
	list["linear, other heads"] = c
	c.HeadDim, c.Hidden, c.FeedForward, c.Heads = 64, 40, 72, 2
	c.Rope = Rope{Theta: 500000, Type: "llama3", Factor: 32, LowFreq: 1, HighFreq: 4, OriginalContext: 8192}
	list["llama3, odd widths"] = c
	return list
}

// fullTensors returns numbers that fill the fraction of a float32, of magnitude below 1/4,
// and for norms about 1; the same everywhere and for ever.
func fullTensors(c *Config) tensors {
	all := tinyTensors(c)
	for name, x := range all {
		for i := range x {
			uniform := float64(splitmix(fnv(name)^uint64(i)*0x9E3779B97F4A7C15)>>11)/(1<<53) - 0.5
			base := 0.0
			if strings.HasSuffix(name, "norm.weight") {
				base = 1
			}
			// Cubes, so that blocks have large numbers among many small ones.
			x[i] = float32(base + float64(2*uniform*uniform*uniform))
		}
	}
	return all
}

// writeModel writes a model as a Hugging Face folder, tokenizer and all.
func writeModel(t testing.TB, c Config, all tensors, d tensorfile.DType) string {
	dir := filepath.Join(t.TempDir(), "model")
	o := NewOptions{Weights: d, Template: "{{ messages }}"}
	require.NoError(t, New(context.Background(), dir, c, tinyTokenizer(t), o))
	_, places := newWeights(huggingFaceNames(), &c)
	var list []tensorfile.Source
	for _, p := range places {
		list = append(list, source(t, p.name, p.shape, all[p.name], d))
	}
	require.NoError(t, tensorfile.WriteModel(dir, nil, list, 0))
	return dir
}

func toFolder(t testing.TB, from string, d tensorfile.DType) string {
	to := filepath.Join(t.TempDir(), "folder")
	_, err := Convert(context.Background(), from, to, ConvertOptions{Weights: d, Threads: 2})
	require.NoError(t, err)
	return to
}

func toGGUF(t testing.TB, from string, d tensorfile.DType) string {
	to := filepath.Join(t.TempDir(), "model.gguf")
	_, err := Convert(context.Background(), from, to, ConvertOptions{Format: tensorfile.GGUF, Weights: d, Threads: 2})
	require.NoError(t, err)
	return to
}

func read(t testing.TB, path ...string) []byte {
	text, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return text
}

// A folder becomes a GGUF file and that the same folder; so does the file, the other way
// round. All types, whose numbers both kinds of file hold, keep their bits.
func TestConvertThereAndBack(t *testing.T) {
	for name, c := range shapes(t) {
		for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.BF16, tensorfile.F16} {
			t.Run(name+" "+string(d), func(t *testing.T) {
				first := writeModel(t, c, fullTensors(&c), d)
				file := toGGUF(t, first, d)
				second := toFolder(t, file, d)
				for _, name := range []string{"model.safetensors", "config.json", "generation_config.json", "special_tokens_map.json"} {
					assert.Equal(t, read(t, first, name), read(t, second, name), name)
				}
				again := toGGUF(t, second, d)
				equalTensors(t, file, again)
				equalTensors(t, file, toGGUF(t, file, d))
				third := toFolder(t, first, d) // and the files of the tokenizer are copied
				for _, e := range must(os.ReadDir(first)) {
					assert.Equal(t, read(t, first, e.Name()), read(t, third, e.Name()), e.Name())
				}
				sameText(t, first, file)
				sameText(t, first, second)
			})
		}
	}
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// equalTensors checks that two files have the same tensors, in bytes.
func equalTensors(t testing.TB, a, b string) {
	x, y := openTensors(t, a), openTensors(t, b)
	require.Len(t, y.Tensors(), len(x.Tensors()))
	for _, want := range x.Tensors() {
		got := y.Tensor(want.Name)
		require.NotNil(t, got, want.Name)
		require.Equal(t, want.DType, got.DType, want.Name)
		require.True(t, bytes.Equal(must(want.Data()), must(got.Data())), want.Name)
	}
}

func openTensors(t testing.TB, path string) *tensorfile.File {
	f, err := tensorfile.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// sameText checks that two models take texts for the same tokens, and have the same template
// and configuration.
func sameText(t testing.TB, a, b string) {
	x, y := open(t, a, Options{Threads: 1}), open(t, b, Options{Threads: 1})
	tok, other := must(x.Tokenizer()), must(y.Tokenizer())
	for _, text := range []string{"", "the cat<|turn|> sat 123", "größe 猫 🙂\x00\n  x"} {
		o := tokenizer.Options{Special: true}
		require.Equal(t, tok.Encode(nil, text, o), other.Encode(nil, text, o))
	}
	assert.Equal(t, must(x.Template()), must(y.Template()))
	c, d := x.Config(), y.Config()
	assert.Equal(t, c.Rope.Frequencies(c.HeadDim)[0], d.Rope.Frequencies(d.HeadDim)[0])
	for i, f := range c.Rope.Frequencies(c.HeadDim) {
		assert.InEpsilon(t, f, d.Rope.Frequencies(d.HeadDim)[i], 1e-6) // by way of fp32
	}
	assert.InEpsilon(t, c.NormEpsilon, d.NormEpsilon, 1e-6)
	c.Rope, d.Rope, c.NormEpsilon, d.NormEpsilon = Rope{}, Rope{}, 0, 0
	if c.EOS == nil {
		d.EOS = slices.Clip(d.EOS)[:0:0]
		c.EOS = d.EOS
	}
	assert.Equal(t, c, d)
}

// A converted model computes what the first one does: in fp32 but for the order of sums in
// a head, in the others of numbers that are rounded alike.
func TestConvertedModelsAgree(t *testing.T) {
	for name, c := range shapes(t) {
		t.Run(name, func(t *testing.T) {
			first := writeModel(t, c, fullTensors(&c), tensorfile.F32)
			ids := tinyIDs(name, 20, c.Vocabulary)
			for _, d := range []tensorfile.DType{tensorfile.F32, tensorfile.F16, tensorfile.Q8_0, tensorfile.Q4K} {
				file := toGGUF(t, first, d)
				want := allLogits(t, open(t, file, Options{Threads: 1, Precision: FP32}), ids)
				folder := toFolder(t, file, tensorfile.F32)
				got := allLogits(t, open(t, folder, Options{Threads: 1, Precision: FP32}), ids)
				for i := range want {
					// Logits are of size 1, and sums of some hundred products of fp32.
					assert.InDeltaSlice(t, want[i], got[i], 2e-5, "%s, position %d", d, i)
				}
			}
		})
	}
}

// The number of threads changes no byte, and shards hold what one file does.
func TestConvertThreadsAndShards(t *testing.T) {
	c := shapes(t)["untied"]
	first := writeModel(t, c, fullTensors(&c), tensorfile.F32)
	dir := t.TempDir()
	for i, threads := range []int{1, 3} {
		to := filepath.Join(dir, fmt.Sprint(i))
		_, err := Convert(context.Background(), first, to, ConvertOptions{Format: tensorfile.GGUF, Weights: tensorfile.Q4K, Threads: threads})
		require.NoError(t, err)
	}
	assert.Equal(t, read(t, dir, "0"), read(t, dir, "1"))
	shards := filepath.Join(dir, "shards")
	var done, total int64
	o := ConvertOptions{Weights: tensorfile.F32, ShardBytes: 200_000, Progress: func(d, all int64) {
		assert.Greater(t, d, done)
		done, total = d, all
	}}
	result, err := Convert(context.Background(), first, shards, o)
	require.NoError(t, err)
	assert.Equal(t, []int64{4 * c.Parameters(), 4 * c.Parameters(), 4 * c.Parameters()}, []int64{done, total, result.Bytes})
	assert.Greater(t, len(must(filepath.Glob(filepath.Join(shards, "model-0000?-of-0000?.safetensors")))), 2)
	equalTensors(t, first, shards)
}

// A file that takes the place of another, and files that are no part of a model.
func TestConvertOverwrites(t *testing.T) {
	c := shapes(t)["tied"]
	first := writeModel(t, c, fullTensors(&c), tensorfile.F32)
	require.NoError(t, os.WriteFile(filepath.Join(first, "README.md"), []byte("x"), 0o600))
	dir := t.TempDir()
	for _, to := range []string{filepath.Join(dir, "folder"), filepath.Join(dir, "m.gguf")} {
		o := ConvertOptions{Weights: tensorfile.F32}
		if strings.HasSuffix(to, "gguf") {
			o.Format = tensorfile.GGUF
		} else {
			require.NoError(t, os.Mkdir(to, 0o700)) // an empty one is taken
		}
		result, err := Convert(context.Background(), first, to, o)
		require.NoError(t, err)
		if o.Format == tensorfile.Safetensors {
			assert.Equal(t, []string{"README.md"}, result.LeftOut)
		}
		_, err = Convert(context.Background(), first, to, o)
		require.ErrorIs(t, err, fs.ErrExist)
		o.Overwrite, o.Weights = true, tensorfile.BF16
		_, err = Convert(context.Background(), first, to, o)
		require.NoError(t, err)
		assert.Equal(t, tensorfile.BF16, openTensors(t, to).Tensors()[0].DType)
	}
	o := ConvertOptions{Weights: tensorfile.F32, Overwrite: true}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "folder", "notes"), []byte("x"), 0o600))
	_, err := Convert(context.Background(), filepath.Join(dir, "m.gguf"), filepath.Join(dir, "folder"), o)
	require.ErrorContains(t, err, `"notes" in it is no part of a model`)
	assert.Equal(t, []string{"folder", "m.gguf"}, inFolder(t, dir))
}

func inFolder(t testing.TB, dir string) (list []string) {
	for _, e := range must(os.ReadDir(dir)) {
		list = append(list, e.Name())
	}
	return list
}

// Each row of either order is one of the other, and the way there and back leads home.
func TestRowOrder(t *testing.T) {
	for _, dim := range []int{2, 10, 64} {
		there, back := rowOrder{dim, ggufNames().pairing}, rowOrder{dim, huggingFaceNames().pairing}
		for i := range 3 * dim {
			assert.Equal(t, i, there.of(back.of(i)))
		}
	}
	// The pairs of a head of 6: 0 3, 1 4, 2 5.
	var rows []int
	for i := range 6 {
		rows = append(rows, rowOrder{6, ggufNames().pairing}.of(6+i)-6)
	}
	assert.Equal(t, []int{0, 3, 1, 4, 2, 5}, rows)
}

// A model that is larger than its tokenizer gets tokens for the rest, and keeps them.
func TestConvertPadsVocabulary(t *testing.T) {
	c := shapes(t)["tied"]
	c.Vocabulary += 5
	dir := writeFolder(t, must(c.JSON(tensorfile.F32)), fullTensors(&c), tensorfile.F32)
	tok := tinyTokenizer(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer.json"), tok.JSON(), 0o600))
	config := `{"unk_token": "<|begin|>", "pad_token": {"content": "<|turn|>", "special": true}, "eos_token": "<|turn|>"}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(config), 0o600))
	f := openTensors(t, toGGUF(t, dir, tensorfile.F32))
	value := func(key string) tensorfile.Value {
		v, ok := f.Value("tokenizer.ggml." + key)
		require.True(t, ok, key)
		return v
	}
	tokens, _ := value("tokens").Strings()
	assert.Equal(t, fmt.Sprintf("[PAD%d]", tok.Size()), tokens[tok.Size()])
	types, _ := value("token_type").Ints()
	assert.EqualValues(t, tokenizer.TokenUnused, types[tok.Size()])
	for key, want := range map[string]int64{"unknown": 0, "padding": 2, "eos": 2, "eot": 1, "bos": 0} {
		id, _ := value(key + "_token_id").Int()
		assert.Equal(t, want, id, key)
	}
	again := toFolder(t, f.Path(), tensorfile.F32)
	assert.Contains(t, string(read(t, again, "tokenizer_config.json")), `"pad_token": "<|turn|>"`)
	equalTensors(t, dir, again)
}

// Sizes as they stand in the names of published files.
func TestSizeLabel(t *testing.T) {
	for n, want := range map[int64]string{134_515_008: "135M", 1_100_048_384: "1.1B", 8_030_261_248: "8.0B", 70_553_706_496: "71B", 1_310_000: "1.3M", 900: "0.9K", 405_853_388_800: "406B"} {
		assert.Equal(t, want, sizeLabel(n))
	}
}
