package llama

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// tensors are a model's numbers by their names in Hugging Face's layout.
type tensors map[string][]float32

// tinyTensors makes the numbers that testdata/record.py makes.
func tinyTensors(c *Config) tensors {
	_, places := newWeights(huggingFaceNames(), c)
	all := tensors{}
	for _, p := range places {
		scale, add := 0.25, 0.0
		switch {
		case len(p.shape) == 1:
			add = 1
		case p.name != "model.embed_tokens.weight":
			scale = math.Exp2(math.Floor(math.Log2(3 / math.Sqrt(float64(p.shape[1])))))
		}
		numbers := make([]float32, count(p.shape))
		for i := range numbers {
			numbers[i] = float32((float64(splitmix(fnv(p.name)+uint64(i))>>56)-128)/128*scale + add)
		}
		all[p.name] = numbers
	}
	return all
}

func splitmix(z uint64) uint64 {
	z += 0x9E3779B97F4A7C15
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

func fnv(name string) uint64 {
	h := uint64(0xCBF29CE484222325)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001B3
	}
	return h
}

// tinyIDs returns n tokens.
func tinyIDs(name string, n, vocabulary int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(splitmix(fnv(name)+uint64(i)) % uint64(vocabulary))
	}
	return ids
}

// bytesOf returns numbers as a type stores them.
func bytesOf(t testing.TB, x []float32, d tensorfile.DType) []byte {
	var b []byte
	switch d {
	case tensorfile.F32:
		for _, v := range x {
			bits := math.Float32bits(v)
			b = append(b, byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24))
		}
	case tensorfile.BF16, tensorfile.F16:
		words := make([]uint16, len(x))
		if kernel.ToBF16(words, x); d == tensorfile.F16 {
			kernel.ToFP16(words, x)
		}
		for _, v := range words {
			b = append(b, byte(v), byte(v>>8))
		}
	default:
		format, ok := d.Block()
		require.True(t, ok, d)
		b = make([]byte, format.Bytes(len(x)))
		format.Quantize(b, x)
	}
	return b
}

func source(t testing.TB, name string, shape []int, x []float32, d tensorfile.DType) tensorfile.Source {
	return tensorfile.Source{Name: name, DType: d, Shape: shape, Write: func(w io.Writer) error {
		_, err := w.Write(bytesOf(t, x, d))
		return err
	}}
}

// writeFolder writes a Hugging Face model and returns its folder.
func writeFolder(t testing.TB, config []byte, all tensors, d tensorfile.DType) string {
	c, err := ParseConfig(config)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o600))
	_, places := newWeights(huggingFaceNames(), c)
	var list []tensorfile.Source
	for _, p := range places {
		list = append(list, source(t, p.name, p.shape, all[p.name], d))
	}
	require.NoError(t, tensorfile.WriteModel(dir, nil, list, 0))
	return dir
}

// writeGGUF writes the same model as GGUF, matrices in the type, norms in F32; where the
// width is not whole blocks it takes Q8_0. extra keys replace those of the model.
func writeGGUF(t testing.TB, c *Config, all tensors, d tensorfile.DType, extra ...tensorfile.Entry) string {
	metadata := []tensorfile.Entry{
		{Key: "general.architecture", Value: tensorfile.ValueOf("llama")},
		{Key: "llama.block_count", Value: tensorfile.ValueOf(uint32(c.Layers))},
		{Key: "llama.context_length", Value: tensorfile.ValueOf(uint32(c.Context))},
		{Key: "llama.embedding_length", Value: tensorfile.ValueOf(uint32(c.Hidden))},
		{Key: "llama.feed_forward_length", Value: tensorfile.ValueOf(uint32(c.FeedForward))},
		{Key: "llama.attention.head_count", Value: tensorfile.ValueOf(uint32(c.Heads))},
		{Key: "llama.attention.head_count_kv", Value: tensorfile.ValueOf(uint32(c.KVHeads))},
		{Key: "llama.attention.key_length", Value: tensorfile.ValueOf(uint32(c.HeadDim))},
		{Key: "llama.attention.value_length", Value: tensorfile.ValueOf(uint32(c.HeadDim))},
		{Key: "llama.rope.dimension_count", Value: tensorfile.ValueOf(uint32(c.HeadDim))},
		{Key: "llama.rope.freq_base", Value: tensorfile.ValueOf(float32(c.Rope.Theta))},
		{Key: "llama.attention.layer_norm_rms_epsilon", Value: tensorfile.ValueOf(float32(c.NormEpsilon))},
		{Key: "llama.vocab_size", Value: tensorfile.ValueOf(uint32(c.Vocabulary))},
		{Key: "tokenizer.ggml.eos_token_id", Value: tensorfile.ValueOf(uint32(2))},
	}
	_, places := newWeights(huggingFaceNames(), c)
	_, renamed := newWeights(ggufNames(), c)
	var list []tensorfile.Source
	switch c.Rope.Type {
	case "linear":
		metadata = append(metadata,
			tensorfile.Entry{Key: "llama.rope.scaling.type", Value: tensorfile.ValueOf("linear")},
			tensorfile.Entry{Key: "llama.rope.scaling.factor", Value: tensorfile.ValueOf(float32(c.Rope.Factor))})
	case "llama3":
		plain, scaled := Rope{Theta: c.Rope.Theta}.Frequencies(c.HeadDim), c.Rope.Frequencies(c.HeadDim)
		divisors := make([]float32, len(plain))
		for i := range plain {
			divisors[i] = float32(plain[i] / scaled[i])
		}
		list = append(list, source(t, "rope_freqs.weight", []int{len(divisors)}, divisors, tensorfile.F32))
	}
	for _, e := range extra {
		replaced := false
		for i := range metadata {
			if metadata[i].Key == e.Key {
				metadata[i], replaced = e, true
			}
		}
		if !replaced {
			metadata = append(metadata, e)
		}
	}
	for i, p := range places {
		x, stored := all[p.name], d
		if format, ok := d.Block(); len(p.shape) == 1 {
			stored = tensorfile.F32
		} else if ok && p.shape[1]%format.Elements() != 0 {
			stored = tensorfile.Q8_0
		}
		if turned(p.name) {
			x = permuted(x, c.HeadDim, c.Hidden, false)
		}
		list = append(list, source(t, renamed[i].name, p.shape, x, stored))
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	require.NoError(t, tensorfile.WriteGGUF(path, metadata, list))
	return path
}

// turned tells whether a tensor's rows are in another order in GGUF files.
func turned(name string) bool {
	return strings.HasSuffix(name, "q_proj.weight") || strings.HasSuffix(name, "k_proj.weight")
}

// permuted reorders the rows of each head as llama.cpp's converter does: row i of the
// first half goes to 2i, row i of the second to 2i+1; or back.
func permuted(x []float32, dim, cols int, back bool) []float32 {
	y := make([]float32, len(x))
	for row := range len(x) / cols {
		head, i := row/dim*dim, row%dim
		from, to := row, head+i%(dim/2)*2+i/(dim/2)
		if back {
			from, to = to, from
		}
		copy(y[to*cols:(to+1)*cols], x[from*cols:])
	}
	return y
}

// count returns how many numbers a shape has.
func count(shape []int) int {
	n := 1
	for _, size := range shape {
		n *= size
	}
	return n
}

// rounded returns the tensors as they are after a type has stored them, norms in 16 bits
// if the type has.
func rounded(t testing.TB, c *Config, all tensors, d tensorfile.DType) tensors {
	_, places := newWeights(huggingFaceNames(), c)
	result := tensors{}
	for _, p := range places {
		x := all[p.name]
		format, block := d.Block()
		switch {
		case d == tensorfile.BF16: // which holds all but the norms' numbers exactly
			words := make([]uint16, len(x))
			kernel.ToBF16(words, x)
			x = make([]float32, len(x))
			kernel.FromBF16(x, words)
		case block && len(p.shape) == 2:
			if p.shape[1]%format.Elements() != 0 {
				format = kernel.Q8_0
			}
			b := make([]byte, format.Bytes(len(x)))
			format.Quantize(b, x)
			x = make([]float32, len(x))
			format.Dequantize(x, b)
		}
		result[p.name] = x
	}
	return result
}
