package tokenizer

import (
	"strconv"

	"smelt/compute/jsontext"
)

// JSON returns a tokenizer.json that Hugging Face tokenizers loads and that gives the same ids there.
func (t *Tokenizer) JSON() []byte {
	out := []byte("{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [")
	first := true
	for id, s := range t.text {
		if t.flags[id]&isAdded != 0 {
			out = append(separate(out, &first, "\n    "), `{"id": `...)
			out = strconv.AppendInt(out, int64(id), 10)
			out = jsontext.AppendQuoted(append(out, `, "content": `...), s)
			out = t.appendFlags(out, t.flags[id])
		}
	}
	out = append(out, "\n  ],\n  \"normalizer\": "...)
	out = append(out, t.normalizer...)
	out = append(append(out, ",\n  \"pre_tokenizer\": "...), t.preTokenizer...)
	out = append(append(out, ",\n  \"post_processor\": "...), t.postProcessor...)
	out = append(append(out, ",\n  \"decoder\": "...), t.decoder...)
	out = append(out, ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": "...)
	if t.unk >= 0 {
		out = jsontext.AppendQuoted(out, t.text[t.unk])
	} else {
		out = append(out, "null"...)
	}
	out = append(out, ",\n    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": "...)
	out = strconv.AppendBool(out, t.fuseUnk)
	out = strconv.AppendBool(append(out, ",\n    \"byte_fallback\": "...), t.byteWords)
	out = strconv.AppendBool(append(out, ",\n    \"ignore_merges\": "...), t.ignoreMerges)
	out = append(out, ",\n    \"vocab\": {"...)
	first = true
	for id, s := range t.text {
		if t.flags[id]&inModel != 0 {
			out = jsontext.AppendQuoted(separate(out, &first, "\n      "), s)
			out = strconv.AppendInt(append(out, ": "...), int64(id), 10)
		}
	}
	out = append(out, "\n    },\n    \"merges\": ["...)
	first = true
	for _, p := range t.pairs {
		out = jsontext.AppendQuoted(append(separate(out, &first, "\n      "), '['), t.text[p[0]])
		out = append(jsontext.AppendQuoted(append(out, ", "...), t.text[p[1]]), ']')
	}
	return append(out, "\n    ]\n  }\n}\n"...)
}

// separate begins the next of several elements.
func separate(out []byte, first *bool, indent string) []byte {
	if !*first {
		out = append(out, ',')
	}
	*first = false
	return append(out, indent...)
}

// addedFlags are the members of an added token that are true or false.
var addedFlags = [...]struct {
	key string
	bit uint8
}{
	{"single_word", singleWord}, {"lstrip", leftStrip}, {"rstrip", rightStrip},
	{"normalized", isNormalized}, {"special", isSpecial},
}

// appendFlags appends the flags of an added token, and closes it.
func (t *Tokenizer) appendFlags(out []byte, flags uint8) []byte {
	for _, f := range addedFlags {
		out = append(append(append(out, `, "`...), f.key...), `": `...)
		out = strconv.AppendBool(out, flags&f.bit != 0)
	}
	return append(out, '}')
}

// The components that FromGGUF and Train write.
const (
	byteLevelJSON     = `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}`
	byteLevelOnlyJSON = `{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}`
	digitsJSON        = `{"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": true}, ` + byteLevelJSON + `]}`

	prependJSON = `{"type": "Prepend", "prepend": "▁"}`
	escapeJSON  = `{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}`
	blanksJSON  = `{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}`
	stripJSON   = `{"type": "Strip", "content": " ", "start": 1, "stop": 0}`
)

// splitJSON returns the pre-tokenizer that splits by a regular expression.
func splitJSON(regex string) string {
	return `{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": ` +
		string(jsontext.AppendQuoted(nil, regex)) + `}, "behavior": "Isolated", "invert": false}, ` + byteLevelOnlyJSON + `]}`
}
