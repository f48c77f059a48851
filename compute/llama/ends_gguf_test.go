package llama

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// Texts end at the tokens that llama.cpp's special_eog_ids would have.
func TestGGUFEnds(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	id := func(name string, id uint32) tensorfile.Entry {
		return tensorfile.Entry{Key: "tokenizer.ggml." + name + "_token_id", Value: tensorfile.ValueOf(id)}
	}
	for _, test := range []struct {
		name   string
		tokens []string
		keys   []tensorfile.Entry // beside eos, which is 2
		want   []int32
	}{
		{"none named", []string{"a", "b", "c"}, nil, []int32{2}},
		{"named", []string{"<|eot_id|>", "b", "c", "<|im_end|>", "<|end|>", "x<|end|>"}, nil, []int32{2, 0, 3, 4}},
		{"keyed and named", []string{"<|endoftext|>", "b", "<|im_end|>", "d"}, []tensorfile.Entry{id("eot", 3), id("eom", 0)}, []int32{2, 3, 0}},
		{"fillers", []string{"<reponame>", "<|repo_name|>", "c", "[PAD]", "<|file_sep|>"}, nil, []int32{2, 0, 3, 4}},
		{"keyed fillers", []string{"a", "<PAD>", "c", "[PAD]"}, []tensorfile.Entry{id("fim_pad", 3), id("fim_rep", 99)}, []int32{2, 3}},
		{"parts of answers", []string{"<|return|>", "<|end|>", "c", "<|call|>"}, nil, []int32{2, 0, 3}},
		{"a call alone", []string{"a", "<|end|>", "c", "<|call|>"}, nil, []int32{2, 1, 3}},
		{"ordinary </s>", []string{"</s>", "b", "<|plamo:eos|>"}, nil, []int32{2}},
		{"</s>", []string{"</s>", "<|plamo:eos|>", "c"}, nil, []int32{2, 0}},
		{"eos beyond the tokens", []string{"a"}, nil, []int32{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys := append(test.keys, tensorfile.Entry{Key: "tokenizer.ggml.tokens", Value: tensorfile.ArrayOf(test.tokens)})
			m := open(t, writeGGUF(t, c, all, tensorfile.F32, keys...), Options{Threads: 1})
			assert.Equal(t, test.want, m.Config().EOS)
		})
	}
	m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 1})
	require.Equal(t, []int32{2}, m.Config().EOS, "no tokens")
}
