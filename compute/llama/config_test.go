package llama

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// plain is what a config.json must have.
const plain = `"model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4`

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig([]byte("{" + plain + "}"))
	require.NoError(t, err)
	assert.Equal(t, &Config{
		Vocabulary: 100, Hidden: 64, FeedForward: 96, Layers: 2, Heads: 4, KVHeads: 4, HeadDim: 16, Context: 2048,
		NormEpsilon: 1e-6, Rope: Rope{Theta: 10000}, BOS: 1, EOS: []int32{2},
	}, c)

	for text, want := range map[string]func(*Config){
		`"num_key_value_heads": 2, "head_dim": 20`:                                                                           func(c *Config) { c.KVHeads, c.HeadDim = 2, 20 },
		`"num_key_value_heads": null, "head_dim": null`:                                                                      func(*Config) {},
		`"rms_norm_eps": 1e-05, "max_position_embeddings": 8192`:                                                             func(c *Config) { c.NormEpsilon, c.Context = 1e-5, 8192 },
		`"eos_token_id": [5, 7], "bos_token_id": null`:                                                                       func(c *Config) { c.EOS, c.BOS = []int32{5, 7}, -1 },
		`"eos_token_id": null, "bos_token_id": 3`:                                                                            func(c *Config) { c.EOS, c.BOS = nil, 3 },
		`"tie_word_embeddings": true, "hidden_act": "silu"`:                                                                  func(c *Config) { c.Tied = true },
		`"rope_theta": 500000.0, "rope_scaling": null`:                                                                       func(c *Config) { c.Rope.Theta = 500000 },
		`"rope_parameters": {"rope_theta": 7.5, "rope_type": "default"}`:                                                     func(c *Config) { c.Rope.Theta = 7.5 },
		`"rope_scaling": {"type": "linear", "factor": 4.0}`:                                                                  func(c *Config) { c.Rope.Type, c.Rope.Factor = "linear", 4 },
		`"attention_bias": false, "mlp_bias": false, "sliding_window": null, "rope_interleaved": false, "pretraining_tp": 1`: func(*Config) {},
		`"rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}`: func(c *Config) {
			c.Rope = Rope{Theta: 5e5, Type: "llama3", Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 8192}
		},
	} {
		expected, got := *c, new(Config)
		want(&expected)
		got, err := ParseConfig([]byte("{" + plain + "," + text + "}"))
		require.NoError(t, err, text)
		assert.Equal(t, &expected, got, text)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`"attention_bias": true`:                                           "attention_bias: true",
		`"mlp_bias": true`:                                                 "mlp_bias",
		`"hidden_act": "gelu"`:                                             `hidden_act: "gelu"`,
		`"sliding_window": 2047`:                                           "sliding_window: 2047 of 2048 positions",
		`"quantization_config": {"bits": 4}`:                               "quantization_config",
		`"partial_rotary_factor": 0.5`:                                     "partial_rotary_factor",
		`"rope_scaling": {"rope_type": "yarn", "factor": 2}`:               `rope_scaling.rope_type: "yarn"`,
		`"rope_parameters": {"full_attention": {"rope_theta": 1}}`:         "rope_parameters.full_attention",
		`"rope_parameters": {"rope_theta":1, "partial_rotary_factor": .5}`: "byte",
	} {
		_, err := ParseConfig([]byte("{" + plain + "," + text + "}"))
		require.Error(t, err, text)
		assert.Contains(t, err.Error(), want)
		assert.Equal(t, want != "byte", strings.Contains(err.Error(), ErrUnsupported.Error()), text)
	}
	for _, text := range []string{
		"", "[]", "null", "{}", `{"model_type": "mistral"}`, `{"model_type": "phi3"}`,
		`{` + plain + `, "num_key_value_heads": 3}`, `{` + plain + `, "head_dim": 15}`, `{` + plain + `, "head_dim": -2}`,
		`{` + plain + `, "num_key_value_heads": 1.5}`, `{` + plain + `, "rms_norm_eps": -1}`, `{` + plain + `, "rms_norm_eps": "x"}`,
		`{` + plain + `, "max_position_embeddings": 1e99}`, `{` + plain + `, "rope_theta": 0}`, `{` + plain + `, "rope_theta": 1e999}`,
		`{` + plain + `, "rope_scaling": 3}`, `{` + plain + `, "rope_scaling": {"type": "linear"}}`, `{` + plain + `, "rope_scaling": {"type": "linear", "factor": 0}}`,
		`{` + plain + `, "rope_scaling": {"type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 4}}`,
		`{` + plain + `, "eos_token_id": "x"}`, `{` + plain + `, "eos_token_id": [-1]}`, `{` + plain + `, "eos_token_id": 1e3}`,
		`{` + plain + `, "tie_word_embeddings": 1}`, `{` + plain + `, "vocab_size": 7}`, // twice
		strings.Replace("{"+plain+"}", "64", "0", 1), strings.Replace("{"+plain+"}", "64", "99999999999", 1),
	} {
		_, err := ParseConfig([]byte(text))
		assert.Error(t, err, text)
	}
}

func TestParseMistral(t *testing.T) {
	text, err := os.ReadFile("testdata/mistral_config.json")
	require.NoError(t, err)
	c, err := ParseConfig(text)
	require.NoError(t, err)
	assert.Equal(t, &Config{
		Vocabulary: 100, Hidden: 64, FeedForward: 96, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 20, Context: 128,
		NormEpsilon: 1e-5, Rope: Rope{Theta: 1e6}, BOS: 1, EOS: []int32{2},
	}, c)

	const mistral = `{"model_type": "mistral", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 8`
	for text, want := range map[string]Config{
		`, "sliding_window": null`: {KVHeads: 8, Context: 131072},
		`, "sliding_window": null, "num_key_value_heads": null, "max_position_embeddings": 64`:                {KVHeads: 8, Context: 64},
		`, "sliding_window": 64, "num_key_value_heads": 2, "max_position_embeddings": 64`:                     {KVHeads: 2, Context: 64},
		`, "max_position_embeddings": 4096`:                                                                   {KVHeads: 8, Context: 4096},
		`, "sliding_window": null, "max_position_embeddings": 32768, "head_dim": 10, "rope_theta": 1000000.0`: {KVHeads: 8, Context: 32768},
	} {
		c, err := ParseConfig([]byte(mistral + text + "}"))
		require.NoError(t, err, text)
		assert.Equal(t, want, Config{KVHeads: c.KVHeads, Context: c.Context}, text)
	}
	for text, want := range map[string]string{
		``: "sliding_window: 4096 of 131072 positions",
		`, "sliding_window": 63, "max_position_embeddings": 64`: "sliding_window: 63 of 64 positions",
		`, "max_position_embeddings": 4097`:                     "sliding_window: 4096 of 4097 positions",
		`, "sliding_window": 0, "max_position_embeddings": 64`:  "sliding_window must be",
	} {
		_, err := ParseConfig([]byte(mistral + text + "}"))
		assert.ErrorContains(t, err, want, text)
	}

	small := smallConfig()
	for _, window := range []uint32{0, 2048} { // of a context of 2048
		entry := tensorfile.Entry{Key: "llama.attention.sliding_window", Value: tensorfile.ValueOf(window)}
		open(t, writeGGUF(t, small, tinyTensors(small), tensorfile.F32, entry), Options{Threads: 1})
	}
}

// The frequencies of Llama 3.1's rope against numbers worked out by hand from its
// definition: unchanged above 4 turns in 8192 positions, an eighth below 1.
func TestFrequencies(t *testing.T) {
	plain := Rope{Theta: 500000}.Frequencies(128)
	scaled := Rope{Theta: 500000, Type: "llama3", Factor: 8, LowFreq: 1, HighFreq: 4, OriginalContext: 8192}.Frequencies(128)
	assert.Equal(t, 1.0, plain[0])
	assert.InEpsilon(t, math.Pow(500000, -0.5), plain[32], 1e-14)
	between := 0
	for i, f := range plain {
		switch turns := 8192 * f / (2 * math.Pi); {
		case turns > 4:
			assert.Equal(t, f, scaled[i])
		case turns < 1:
			assert.Equal(t, f/8, scaled[i])
		default:
			between++
			assert.InEpsilon(t, f/8+(turns-1)/3*(f-f/8), scaled[i], 1e-14)
		}
	}
	assert.Positive(t, between)
}

func TestGenerationConfig(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte("{"+plain+"}"), 0o600))
	for text, want := range map[string][]int32{`{"eos_token_id": [9, 10]}`: {9, 10}, `{"eos_token_id": 4}`: {4}, `{}`: {2}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte(text), 0o600))
		c, err := readConfig(dir)
		require.NoError(t, err)
		assert.Equal(t, want, c.EOS)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "generation_config.json"), []byte("{"), 0o600))
	_, err := readConfig(dir)
	assert.ErrorContains(t, err, "generation_config.json")
	_, err = Open(dir, Options{})
	assert.Error(t, err)
}

// What does not fit together is an error that names it, before anything is allocated
// for it.
func TestOpenRefuses(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	entry := func(key string, v tensorfile.Value) tensorfile.Entry { return tensorfile.Entry{Key: key, Value: v} }
	for want, e := range map[string]tensorfile.Entry{
		"general.architecture":                    entry("general.architecture", tensorfile.ValueOf("gemma")),
		"llama.expert_count":                      entry("llama.expert_count", tensorfile.ValueOf(uint32(8))),
		"sliding_window: 2047 of 2048 positions":  entry("llama.attention.sliding_window", tensorfile.ValueOf(uint32(2047))),
		"llama.rope.dimension_count":              entry("llama.rope.dimension_count", tensorfile.ValueOf(uint32(8))),
		"llama.attention.value_length":            entry("llama.attention.value_length", tensorfile.ValueOf(uint32(32))),
		"llama.rope.scaling.type":                 entry("llama.rope.scaling.type", tensorfile.ValueOf("yarn")),
		"llama.rope.scaling.attn_factor":          entry("llama.rope.scaling.attn_factor", tensorfile.ValueOf(float32(0.8))),
		"llama.attention.head_count":              entry("llama.attention.head_count", tensorfile.ArrayOf([]uint32{4, 4})),
		"not those of 4000 layers":                entry("llama.block_count", tensorfile.ValueOf(uint32(4000))),
		"layers: 1000000":                         entry("llama.block_count", tensorfile.ValueOf(uint32(1000000))),
		"is no part of a Llama model":             entry("llama.block_count", tensorfile.ValueOf(uint32(1))),
		`tensor "token_embd.weight": shape`:       entry("llama.vocab_size", tensorfile.ValueOf(uint32(1<<30))),
		"llama.embedding_length":                  entry("llama.embedding_length", tensorfile.ValueOf(int32(-64))),
		"epsilon":                                 entry("llama.attention.layer_norm_rms_epsilon", tensorfile.ValueOf(float32(math.NaN()))),
		`tensor "blk.0.attn_q.weight": shape [64`: entry("llama.attention.head_count", tensorfile.ValueOf(uint32(8))),
		"no multiple":                             entry("llama.attention.head_count_kv", tensorfile.ValueOf(uint32(3))),
	} {
		_, err := Open(writeGGUF(t, c, all, tensorfile.F32, e), Options{})
		if assert.Error(t, err, want) {
			assert.Contains(t, err.Error(), want)
		}
	}
	for _, path := range []string{"/no/such/file", t.TempDir()} {
		_, err := Open(path, Options{})
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
	m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{})
	_, err := m.Tokenizer()
	assert.Error(t, err, "it has none")
	text, err := m.Template()
	assert.NoError(t, err)
	assert.Empty(t, text)
	assert.Equal(t, c.Parameters(), m.Bytes()/4)
}

func TestTemplate(t *testing.T) {
	config := []byte("{" + plain + "}")
	c, err := ParseConfig(config)
	require.NoError(t, err)
	dir := writeFolder(t, config, tinyTensors(c), tensorfile.F32)
	for _, f := range []struct{ name, text, want string }{
		{"tokenizer_config.json", `{}`, ""},
		{"tokenizer_config.json", `{"chat_template": "one"}`, "one"},
		{"tokenizer_config.json", `{"chat_template": [{"name": "tools", "template": "a"}, {"name": "default", "template": "two"}]}`, "two"},
		{"chat_template.jinja", "three", "three"},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, f.name), []byte(f.text), 0o600))
		text, err := open(t, dir, Options{Threads: 1}).Template()
		require.NoError(t, err)
		assert.Equal(t, f.want, text)
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, text := range []string{
		`{` + plain + `}`, `{` + plain + `, "rope_scaling": {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}}`,
		`{` + plain + `, "rope_parameters": {"type": "linear", "factor": 1e-9}, "eos_token_id": [1, 2]}`, `{"model_type": "llama"}`,
		`{"model_type": "llama", "vocab_size": 2147483647, "hidden_size": 131072, "intermediate_size": 1048576, "num_hidden_layers": 4096, "num_attention_heads": 4096, "head_dim": 4096}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		require.NoError(t, c.Validate())
		require.Positive(t, c.Parameters())
		for _, x := range c.Rope.Frequencies(c.HeadDim) {
			require.False(t, math.IsNaN(x) || math.IsInf(x, 0) || x < 0, "%v", c.Rope)
		}
	})
}
