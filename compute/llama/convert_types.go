package llama

import (
	"fmt"
	"strings"

	"smelt/compute/tensorfile"
)

// fileTypes returns the types that the matrices of a model can be written in, each with
// what general.file_type of GGUF has for it (LlamaFileType in gguf-py/gguf/constants.py).
func fileTypes() map[tensorfile.DType]uint32 {
	return map[tensorfile.DType]uint32{
		tensorfile.F32: 0, tensorfile.F16: 1, tensorfile.Q4_0: 2, tensorfile.Q8_0: 7, tensorfile.Q4K: 15, tensorfile.BF16: 32,
	}
}

// ggufType returns the type of a tensor in a GGUF file whose weights are of a type: that
// which llama-quantize gives it (llama_tensor_get_type_impl and tensor_type_fallback in
// llama.cpp's src/llama-quant.cpp). Q4K stands for Q4_K_M there. In one thing this
// differs: values of the 80 layers of a 70B model are in Q6_K, not Q5_K, in all layers.
func (c *Config) ggufType(weights tensorfile.DType, name string, shape []int) tensorfile.DType {
	if len(shape) == 1 {
		return tensorfile.F32
	}
	width := shape[len(shape)-1]
	if _, block := weights.Block(); !block {
		return weights
	}
	fits := func(d tensorfile.DType) bool {
		format, _ := d.Block()
		return width%format.Elements() == 0
	}
	d := weights
	var layer int
	_, _ = fmt.Sscanf(name, "blk.%d.", &layer)
	switch {
	case name == "output.weight" || name == "token_embd.weight" && c.Tied:
		switch {
		case !fits(d):
			d = tensorfile.Q8_0
		case d != tensorfile.Q8_0:
			d = tensorfile.Q6K
		}
	case weights == tensorfile.Q4K && strings.HasSuffix(name, ".attn_v.weight"):
		if moreBits(layer, c.Layers) || c.Layers == 80 && c.Heads != c.KVHeads {
			d = tensorfile.Q6K
		}
	case weights == tensorfile.Q4K && strings.HasSuffix(name, ".ffn_down.weight"):
		if moreBits(layer, c.Layers) {
			d = tensorfile.Q6K
		}
	}
	if !fits(d) {
		switch d {
		case tensorfile.Q4K:
			d = tensorfile.Q5_0
		case tensorfile.Q6K:
			d = tensorfile.Q8_0
		}
	}
	if !fits(d) {
		d = tensorfile.F16
	}
	return d
}

// moreBits tells in which layers Q4_K_M has values and the way down of the feed-forward
// block in Q6_K.
func moreBits(layer, layers int) bool {
	return layer < layers/8 || layer >= 7*layers/8 || (layer-layers/8)%3 == 2
}
