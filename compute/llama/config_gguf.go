package llama

import (
	"fmt"
	"math"
	"strconv"

	"smelt/compute/tensorfile"
)

// ggufConfig reads the metadata of a GGUF file; the keys are those of llama.cpp's
// src/llama-arch.cpp, their defaults those of src/llama-model.cpp. The tensor rope_freqs
// is read with the weights.
func ggufConfig(f *tensorfile.File) (*Config, error) {
	k := keys{file: f}
	architecture, _ := k.value("general.architecture").Text()
	if architecture != "llama" {
		return nil, fmt.Errorf("%s: general.architecture: %q: %w", f.Path(), architecture, ErrUnsupported)
	}
	for _, key := range []string{"expert_count", "attention.scale", "rope.scaling.alpha"} {
		if x := k.number("llama."+key, 0); x != 0 {
			k.unsupported("llama."+key, fmt.Sprint(x))
		}
	}
	if x := k.number("llama.rope.scaling.attn_factor", 1); x != 1 {
		k.unsupported("llama.rope.scaling.attn_factor", fmt.Sprint(x))
	}
	if causal, ok := k.value("llama.attention.causal").Bool(); ok && !causal {
		k.unsupported("llama.attention.causal", "false")
	}
	c := &Config{
		Hidden:      k.size("llama.embedding_length", 0),
		FeedForward: k.size("llama.feed_forward_length", 0),
		Layers:      k.size("llama.block_count", 0),
		Heads:       k.size("llama.attention.head_count", 0),
		Context:     k.size("llama.context_length", 0),
		NormEpsilon: k.number("llama.attention.layer_norm_rms_epsilon", math.NaN()),
		Tied:        f.Tensor("output.weight") == nil,
		Rope:        Rope{Theta: k.number("llama.rope.freq_base", 10000)},
	}
	c.Vocabulary = k.size("llama.vocab_size", k.value("tokenizer.ggml.tokens").Len())
	c.KVHeads = k.size("llama.attention.head_count_kv", c.Heads)
	c.HeadDim = k.size("llama.attention.key_length", c.Hidden/max(c.Heads, 1))
	if window := k.number("llama.attention.sliding_window", 0); window != 0 && window < float64(c.Context) {
		k.unsupported("llama.attention.sliding_window", fmt.Sprintf("%g of %d positions", window, c.Context))
	}
	for _, key := range []string{"llama.attention.value_length", "llama.rope.dimension_count"} {
		if n := k.size(key, c.HeadDim); n != c.HeadDim {
			k.unsupported(key, fmt.Sprintf("%d in heads of %d", n, c.HeadDim))
		}
	}
	scaling, ok := k.value("llama.rope.scaling.type").Text()
	factor := k.number("llama.rope.scaling.factor", k.number("llama.rope.scale_linear", 0))
	switch {
	case ok && scaling == "none":
	case ok && scaling != "linear":
		k.unsupported("llama.rope.scaling.type", strconv.Quote(scaling))
	case factor != 0 && factor != 1:
		c.Rope.Type, c.Rope.Factor = "linear", factor
	}
	c.BOS = -1
	if id, ok := k.id("bos"); ok {
		c.BOS = id
	}
	for _, name := range []string{"eos", "eot", "eom"} {
		if id, ok := k.id(name); ok {
			c.EOS = append(c.EOS, id)
		}
	}
	if k.err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(), k.err)
	}
	return c, nil
}

// keys reads metadata. The first thing that is wrong stays in err.
type keys struct {
	file *tensorfile.File
	err  error
}

func (k *keys) unsupported(key, what string) {
	if k.err == nil {
		k.err = fmt.Errorf("%s: %s: %w", key, what, ErrUnsupported)
	}
}

func (k *keys) value(key string) tensorfile.Value {
	v, _ := k.file.Value(key)
	return v
}

func (k *keys) size(key string, otherwise int) int {
	v, ok := k.file.Value(key)
	if !ok {
		return otherwise
	}
	n, ok := v.Int()
	if !ok || n < 1 || n > math.MaxInt32 {
		if k.err == nil {
			k.err = fmt.Errorf("%s must be one whole number from 1 to %d", key, math.MaxInt32)
		}
		return 1
	}
	return int(n)
}

func (k *keys) number(key string, otherwise float64) float64 {
	v, ok := k.file.Value(key)
	if !ok {
		return otherwise
	}
	if x, ok := v.Float(); ok {
		return x
	}
	n, ok := v.Int()
	if !ok && k.err == nil {
		k.err = fmt.Errorf("%s must be a number", key)
	}
	return float64(n)
}

// id reads a token of the tokenizer.
func (k *keys) id(name string) (int32, bool) {
	n, ok := k.value("tokenizer.ggml." + name + "_token_id").Int()
	return int32(n), ok && n >= 0 && n <= math.MaxInt32
}
