package llama

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// FuzzConfigJSON writes configurations and reads them.
func FuzzConfigJSON(f *testing.F) {
	f.Add(int64(1), 10000.0, 8.0, 1.0, 1e-5, true, uint8(0))
	f.Add(int64(2), 500000.0, 32.0, 0.5, 9.999999747378752e-06, false, uint8(1))
	f.Add(int64(3), 1e6, 2.5, 2.0, 1e-6, true, uint8(2))
	f.Fuzz(func(t *testing.T, seed int64, theta, factor, low, epsilon float64, tied bool, kind uint8) {
		n := func(i uint64, most int) int { return 1 + int(splitmix(uint64(seed)+i)%uint64(most)) }
		c := Config{
			Vocabulary: n(0, 1<<20), Hidden: n(1, 1<<14), FeedForward: n(2, 1<<14), Layers: n(3, 100), KVHeads: n(4, 8), HeadDim: 2 * n(5, 100),
			Context: n(6, 1<<20), NormEpsilon: epsilon, Tied: tied, BOS: int32(n(7, 4)) - 2,
			Rope: Rope{Theta: theta, Type: []string{"", "linear", "llama3"}[kind%3]},
		}
		c.Heads = c.KVHeads * n(8, 8)
		if c.Rope.Type != "" {
			c.Rope.Factor = factor
		}
		if c.Rope.Type == "llama3" {
			c.Rope.LowFreq, c.Rope.HighFreq, c.Rope.OriginalContext = low, 2*low, n(9, 1<<16)
		}
		for i := range n(10, 3) - 1 {
			c.EOS = append(c.EOS, int32(i))
		}
		if c.Validate() != nil {
			t.Skip()
		}
		text, err := c.JSON(tensorfile.BF16)
		require.NoError(t, err)
		got, err := ParseConfig(text)
		require.NoError(t, err, "%s", text)
		// Numbers that come from fp32 are written in the digits they have there.
		for _, x := range []struct{ want, got *float64 }{
			{&c.NormEpsilon, &got.NormEpsilon}, {&c.Rope.Theta, &got.Rope.Theta}, {&c.Rope.Factor, &got.Rope.Factor},
			{&c.Rope.LowFreq, &got.Rope.LowFreq}, {&c.Rope.HighFreq, &got.Rope.HighFreq},
		} {
			if float64(float32(*x.want)) == *x.want {
				*x.got = float64(float32(*x.got))
			}
		}
		require.Equal(t, &c, got, "%s", text)
	})
}

// Divisors of 1 are none, Llama 3's are known, and no others have a name in config.json.
func TestNamedFrequencies(t *testing.T) {
	plain := Rope{Theta: 500000}
	known := Rope{Theta: 500000, Type: "llama3", Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 8192}
	with := func(divisors []float32) Rope { return Rope{Theta: 500000, Divisors: divisors} }
	ones := slices.Repeat([]float32{1}, 32)
	other := slices.Clone(known.llama3Divisors(64))
	other[20] *= 1.001
	for _, test := range []struct{ from, want Rope }{
		{plain, plain}, {known, known}, {with(ones), plain}, {with(known.llama3Divisors(64)), known},
	} {
		got, err := test.from.named(64)
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
	_, err := with(other).named(64)
	require.ErrorIs(t, err, ErrUnsupported)
}

// What a config.json says that is not ours to know is kept as it was written; the type of
// the weights and the frequencies are as in a new one.
func TestConvertKeepsConfig(t *testing.T) {
	c := shapes(t)["tied"]
	dir := writeModel(t, c, fullTensors(&c), tensorfile.F32)
	original := `{"architectures": ["LlamaForCausalLM"], "hidden_size": 96, "intermediate_size": 160, "model_type": "llama",
  "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "vocab_size": ` + strconv.Itoa(c.Vocabulary) + `,
  "torch_dtype": "float32", "rope_theta": 10000, "rope_scaling": null, "rms_norm_eps": 1.0e-5, "max_position_embeddings": 512,
  "tie_word_embeddings": true, "bos_token_id": 0, "eos_token_id": [1, 2], "pad_token_id": 2, "transformers_version": "4.31.0",
  "use_cache": false, "initializer_range": 0.041666666666666664, "is_llama_config": true, "rope_interleaved": false, "ä\n": {"b": [1.50, 2]}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(original), 0o600))
	want, err := readConfig(dir)
	require.NoError(t, err)
	to := toFolder(t, dir, tensorfile.BF16)
	text := read(t, to, "config.json")
	got, err := readConfig(to)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for _, line := range []string{
		`"bos_token_id": 0,`, `"dtype": "bfloat16",`, `"eos_token_id": [1, 2],`, `"head_dim": 24,`, `"initializer_range": 0.041666666666666664,`,
		`"is_llama_config": true,`, `"pad_token_id": 2,`, `"rms_norm_eps": 1.0e-5,`, `"rope_interleaved": false,`, `"rope_theta": 10000.0,`,
		`"torch_dtype": "bfloat16",`, `"transformers_version": "4.31.0",`, `"use_cache": false,`, `"ä\n": {"b": [1.50, 2]}`,
	} {
		assert.Contains(t, string(text), "\n  "+line)
	}
	assert.NotContains(t, string(text), "float32")
	assert.Equal(t, string(text), string(read(t, toFolder(t, to, tensorfile.BF16), "config.json")), "it stays")
}
