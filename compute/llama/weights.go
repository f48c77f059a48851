package llama

import (
	"fmt"
	"regexp"
	"slices"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// weights are the tensors of a model.
type weights struct {
	embedding linear    // [V][d], read by rows
	head      linear    // [V][d]; the embedding, if they are tied
	norm      []float32 // [d], before the head
	layers    []layer
}

// layer is one block of a model. With q for the number of query heads times their width
// and kv for that of key heads, the shapes are as in newLayout.
type layer struct {
	attentionNorm, feedForwardNorm []float32
	queries, keys, values, output  linear
	gate, up, down                 linear
}

// names are what a kind of file calls its tensors; %d is the number of a layer. They are
// those of transformers' modeling_llama.py and of gguf-py's tensor_mapping.py.
type names struct {
	embedding, head, norm                        string
	attentionNorm, queries, keys, values, output string
	feedForwardNorm, gate, up, down              string
	ignored                                      *regexp.Regexp // what may be there besides
	pairing                                      kernel.Pairing
}

func huggingFaceNames() *names {
	return &names{
		embedding: "model.embed_tokens.weight", head: "lm_head.weight", norm: "model.norm.weight",
		attentionNorm:   "model.layers.%d.input_layernorm.weight",
		queries:         "model.layers.%d.self_attn.q_proj.weight",
		keys:            "model.layers.%d.self_attn.k_proj.weight",
		values:          "model.layers.%d.self_attn.v_proj.weight",
		output:          "model.layers.%d.self_attn.o_proj.weight",
		feedForwardNorm: "model.layers.%d.post_attention_layernorm.weight",
		gate:            "model.layers.%d.mlp.gate_proj.weight",
		up:              "model.layers.%d.mlp.up_proj.weight",
		down:            "model.layers.%d.mlp.down_proj.weight",
		// Old checkpoints hold what follows from the configuration, and tied heads twice.
		ignored: regexp.MustCompile(`^(model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq|lm_head\.weight)$`),
		pairing: kernel.Halves,
	}
}

// ggufNames also stand for another order of the rows of queries and keys, in which the
// pairs that rotary embedding turns lie next to each other (LlamaModel.permute in
// llama.cpp's conversion/llama.py).
func ggufNames() *names {
	return &names{
		embedding: "token_embd.weight", head: "output.weight", norm: "output_norm.weight",
		attentionNorm:   "blk.%d.attn_norm.weight",
		queries:         "blk.%d.attn_q.weight",
		keys:            "blk.%d.attn_k.weight",
		values:          "blk.%d.attn_v.weight",
		output:          "blk.%d.attn_output.weight",
		feedForwardNorm: "blk.%d.ffn_norm.weight",
		gate:            "blk.%d.ffn_gate.weight",
		up:              "blk.%d.ffn_up.weight",
		down:            "blk.%d.ffn_down.weight",
		ignored:         regexp.MustCompile(`^rope_freqs\.weight$`),
		pairing:         kernel.Neighbours,
	}
}

// place is a tensor a model needs, its shape, and where it goes: to a matrix or, if it
// is of one dimension, to a vector.
type place struct {
	name   string
	shape  []int
	matrix *linear
	vector *[]float32
}

// newWeights returns the places of a model's tensors, of which none is filled.
func newWeights(n *names, c *Config) (*weights, []place) {
	d, f, q, kv := c.Hidden, c.FeedForward, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	w := &weights{layers: make([]layer, c.Layers)}
	places := []place{
		{n.embedding, []int{c.Vocabulary, d}, &w.embedding, nil},
		{n.norm, []int{d}, nil, &w.norm},
	}
	if !c.Tied {
		places = append(places, place{n.head, []int{c.Vocabulary, d}, &w.head, nil})
	}
	for i := range w.layers {
		l := &w.layers[i]
		for _, p := range []place{
			{n.attentionNorm, []int{d}, nil, &l.attentionNorm},
			{n.queries, []int{q, d}, &l.queries, nil},
			{n.keys, []int{kv, d}, &l.keys, nil},
			{n.values, []int{kv, d}, &l.values, nil},
			{n.output, []int{d, q}, &l.output, nil},
			{n.feedForwardNorm, []int{d}, nil, &l.feedForwardNorm},
			{n.gate, []int{f, d}, &l.gate, nil},
			{n.up, []int{f, d}, &l.up, nil},
			{n.down, []int{d, f}, &l.down, nil},
		} {
			p.name = fmt.Sprintf(p.name, i)
			places = append(places, p)
		}
	}
	return w, places
}

// findTensors returns the tensor of each place and their bytes. All must be there, of
// their shapes and of types that are read, and nothing else that may be part of a model.
func findTensors(f *tensorfile.File, n *names, places []place) (tensors []*tensorfile.Tensor, bytes int64, err error) {
	used := make(map[string]bool, len(places))
	for _, p := range places {
		t := f.Tensor(p.name)
		switch {
		case t == nil:
			return nil, 0, fmt.Errorf("%s: has no tensor %q", f.Path(), p.name)
		case !slices.Equal(t.Shape, p.shape):
			return nil, 0, fmt.Errorf("%s: tensor %q: shape %v, and the configuration makes it %v", f.Path(), p.name, t.Shape, p.shape)
		case !t.DType.Readable():
			return nil, 0, fmt.Errorf("%s: tensor %q: type %s: %w", f.Path(), p.name, t.DType, ErrUnsupported)
		}
		used[p.name] = true
		bytes += t.Size
		tensors = append(tensors, t)
	}
	for _, t := range f.Tensors() {
		if !used[t.Name] && !n.ignored.MatchString(t.Name) {
			return nil, 0, fmt.Errorf("%s: tensor %q is no part of a Llama model of %d layers: %w", f.Path(), t.Name, len(places)/9, ErrUnsupported)
		}
	}
	return tensors, bytes, nil
}

// fill reads the tensors to their places.
func (w *weights) fill(places []place, tensors []*tensorfile.Tensor, p Precision) error {
	for i, t := range tensors {
		var err error
		if places[i].matrix != nil {
			*places[i].matrix, err = newLinear(t, p)
		} else {
			*places[i].vector, err = readVector(t, t.Shape[0])
		}
		if err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	if w.head.factor == nil {
		w.head = w.embedding
	}
	return nil
}

// readVector returns a tensor of n numbers in fp32.
func readVector(t *tensorfile.Tensor, n int) ([]float32, error) {
	w := linear{out: 1, in: n}
	if err := w.store(t); err != nil {
		return nil, err
	}
	x := make([]float32, n)
	w.widen(x, 0, 1)
	return x, nil
}
