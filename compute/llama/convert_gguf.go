package llama

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"smelt/compute/jsontext"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// writeGGUF writes the model to a GGUF file.
func (m *Model) writeGGUF(s *rowStream, path string, o ConvertOptions, other instead) (*Converted, error) {
	result := &Converted{}
	metadata, err := m.ggufMetadata(o.Weights, result)
	if err != nil {
		return nil, err
	}
	pairs, err := m.pairs(ggufNames(), func(name string, shape []int) tensorfile.DType {
		return m.config.ggufType(o.Weights, name, shape)
	})
	if err != nil {
		return nil, err
	}
	var tensors []tensorfile.Source
	if d := m.config.divisors(); d != nil {
		tensors = append(tensors, vector("rope_freqs.weight", d))
	}
	tensors = append(tensors, s.sources(pairs, ggufNames().pairing, other)...)
	if err := tensorfile.WriteGGUF(path, metadata, tensors); err != nil {
		return nil, err
	}
	result.Bytes = s.total
	return result, nil
}

// vector returns a small tensor to be written.
func vector(name string, x []float32) tensorfile.Source {
	return numbers(name, []int{len(x)}, x)
}

// numbers returns a tensor to be written that is in memory.
func numbers(name string, shape []int, x []float32) tensorfile.Source {
	return tensorfile.Source{Name: name, DType: tensorfile.F32, Shape: shape, Write: func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, x)
	}}
}

// entries collects metadata.
type entries []tensorfile.Entry

func put[T tensorfile.Element](e *entries, key string, v T) {
	*e = append(*e, tensorfile.Entry{Key: key, Value: tensorfile.ValueOf(v)})
}

func putList[T tensorfile.Element](e *entries, key string, v []T) {
	*e = append(*e, tensorfile.Entry{Key: key, Value: tensorfile.ArrayOf(v)})
}

// ggufMetadata returns the keys of a GGUF file with the model: those of the file it comes
// from, or else such as llama.cpp's convert_hf_to_gguf.py writes.
func (m *Model) ggufMetadata(weights tensorfile.DType, result *Converted) ([]tensorfile.Entry, error) {
	var e entries
	kind := fileTypes()[weights]
	if m.file.Format() == tensorfile.GGUF {
		for _, x := range m.file.Metadata() {
			if m.template != "" && strings.HasPrefix(x.Key, "tokenizer.chat_template") {
				continue
			}
			if x.Key != "general.file_type" && x.Key != "general.quantization_version" && !strings.HasPrefix(x.Key, "split.") {
				e = append(e, x)
			}
		}
		put(&e, "general.quantization_version", quantizationVersion)
		put(&e, "general.file_type", kind)
		if m.template != "" {
			put(&e, "tokenizer.chat_template", m.template)
		}
		return e, nil
	}
	c := &m.config
	dir := m.folder()
	name := filepath.Base(dir)
	if absolute, err := filepath.Abs(dir); err == nil {
		name = filepath.Base(absolute)
	}
	put(&e, "general.architecture", "llama")
	put(&e, "general.type", "model")
	put(&e, "general.name", strings.ToValidUTF8(name, "\uFFFD"))
	put(&e, "general.size_label", sizeLabel(c.Parameters()))
	put(&e, "llama.block_count", uint32(c.Layers))
	put(&e, "llama.context_length", uint32(c.Context))
	put(&e, "llama.embedding_length", uint32(c.Hidden))
	put(&e, "llama.feed_forward_length", uint32(c.FeedForward))
	put(&e, "llama.attention.head_count", uint32(c.Heads))
	put(&e, "llama.attention.head_count_kv", uint32(c.KVHeads))
	if c.Rope.Type == "linear" {
		put(&e, "llama.rope.scaling.type", "linear")
		put(&e, "llama.rope.scaling.factor", float32(c.Rope.Factor))
	}
	put(&e, "llama.rope.freq_base", float32(c.Rope.Theta))
	put(&e, "llama.attention.layer_norm_rms_epsilon", float32(c.NormEpsilon))
	put(&e, "llama.attention.key_length", uint32(c.HeadDim))
	put(&e, "llama.attention.value_length", uint32(c.HeadDim))
	put(&e, "general.file_type", kind)
	put(&e, "llama.vocab_size", uint32(c.Vocabulary))
	put(&e, "llama.rope.dimension_count", uint32(c.HeadDim))
	put(&e, "general.quantization_version", quantizationVersion)
	if err := m.ggufTokens(&e, result); err != nil {
		return nil, err
	}
	return e, nil
}

const quantizationVersion = uint32(2) // GGML_QNT_VERSION

// sizeLabel rounds the number of parameters as model_weight_count_rounded_notation of
// gguf-py/gguf/utility.py does.
func sizeLabel(parameters int64) string {
	scaled, unit := float64(parameters)/1e3, "K"
	switch {
	case parameters > 1e12:
		scaled, unit = float64(parameters)/1e12, "T"
	case parameters > 1e9:
		scaled, unit = float64(parameters)/1e9, "B"
	case parameters > 1e6:
		scaled, unit = float64(parameters)/1e6, "M"
	}
	digits := 0
	if n := math.RoundToEven(scaled); n > 0 {
		digits = len(strconv.FormatFloat(n, 'f', 0, 64))
	}
	return strconv.FormatFloat(scaled, 'f', max(2-digits, 0), 64) + unit
}

// ggufTokens appends the tokenizer of a Hugging Face folder and its chat template.
func (m *Model) ggufTokens(e *entries, result *Converted) error {
	tok, err := m.Tokenizer()
	if err != nil {
		return err
	}
	v, err := tok.GGUF()
	if err != nil {
		return err
	}
	if err := padVocabulary(v, m.config.Vocabulary); err != nil {
		return err
	}
	put(e, "tokenizer.ggml.model", v.Model)
	put(e, "tokenizer.ggml.pre", v.Pre)
	putList(e, "tokenizer.ggml.tokens", v.Tokens)
	if v.Scores != nil {
		putList(e, "tokenizer.ggml.scores", v.Scores)
	}
	putList(e, "tokenizer.ggml.token_type", v.Types)
	putList(e, "tokenizer.ggml.merges", v.Merges)
	bos, eos := m.config.BOS, slices.Clone(m.config.EOS)
	if v.BOS != nil {
		bos = int32(*v.BOS)
	}
	if v.EOS != nil { // the other ids that end a text come after it
		eos = slices.DeleteFunc(eos, func(id int32) bool { return uint32(id) == *v.EOS })
		eos = slices.Insert(eos, 0, int32(*v.EOS))
	}
	if bos >= 0 {
		put(e, "tokenizer.ggml.bos_token_id", uint32(bos))
	}
	for i, name := range []string{"eos", "eot", "eom"} {
		if i < len(eos) {
			put(e, "tokenizer.ggml."+name+"_token_id", uint32(eos[i]))
		}
	}
	for _, id := range eos[min(3, len(eos)):] {
		result.LeftOut = append(result.LeftOut, fmt.Sprintf("eos_token_id %d", id))
	}
	unknown, padding, err := folderTokens(m.folder(), tok)
	if err != nil {
		return err
	}
	if v.Unknown != nil {
		unknown = int32(*v.Unknown)
	}
	if unknown >= 0 {
		put(e, "tokenizer.ggml.unknown_token_id", uint32(unknown))
	}
	if padding >= 0 {
		put(e, "tokenizer.ggml.padding_token_id", uint32(padding))
	}
	for _, flag := range []struct {
		key   string
		value *bool
	}{{"add_space_prefix", v.AddSpacePrefix}, {"add_bos_token", v.AddBOS}, {"add_eos_token", v.AddEOS}} {
		if flag.value != nil {
			put(e, "tokenizer.ggml."+flag.key, *flag.value)
		}
	}
	template, err := m.Template()
	if template != "" {
		put(e, "tokenizer.chat_template", template)
	}
	return err
}

// padVocabulary gives a vocabulary as many tokens as the embedding has rows, as
// get_vocab_base of llama.cpp's conversion/base.py does.
func padVocabulary(v *tokenizer.Vocabulary, size int) error {
	if len(v.Tokens) > size {
		return fmt.Errorf("the tokenizer has %d tokens, and the embedding %d", len(v.Tokens), size)
	}
	for id := len(v.Tokens); id < size; id++ {
		v.Tokens = append(v.Tokens, "[PAD"+strconv.Itoa(id)+"]")
		v.Types = append(v.Types, tokenizer.TokenUnused)
		if v.Scores != nil {
			v.Scores = append(v.Scores, 0)
		}
	}
	return nil
}

// folderTokens returns the tokens that tokenizer_config.json has for what is unknown and for
// padding; -1 is none.
func folderTokens(dir string, tok *tokenizer.Tokenizer) (unknown, padding int32, err error) {
	path := filepath.Join(dir, "tokenizer_config.json")
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, -1, nil
	}
	if err != nil {
		return -1, -1, err
	}
	o := parseObject(text)
	id := func(key string) int32 {
		in := o
		if raw := o.get(key); jsontext.KindOf(raw) == jsontext.KindObject {
			in, key = &object{where: key + ".", fields: jsontext.Members(raw, nil)}, "content"
		}
		id, ok := tok.ID(in.text(key, ""))
		if in.err != nil && o.err == nil {
			o.err = in.err
		}
		if !ok {
			return -1
		}
		return id
	}
	unknown, padding = id("unk_token"), id("pad_token")
	if o.err != nil {
		return -1, -1, fmt.Errorf("%s: %w", path, o.err)
	}
	return unknown, padding, nil
}
