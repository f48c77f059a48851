package tokenizer_test

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// edit returns a small tokenizer.json in which old, which must be there, is new.
func edit(t testing.TB, kind, old, new string) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/small/" + kind + ".json")
	require.NoError(t, err)
	require.Contains(t, string(raw), old)
	return []byte(strings.Replace(string(raw), old, new, 1))
}

// What is not implemented is an error that names it and wraps ErrUnsupported.
func TestParseUnsupported(t *testing.T) {
	const digits, regex = `{"type":"Digits","individual_digits":true}`, `\\p{N}{1,3}|`
	for _, c := range []struct{ kind, old, new, want string }{
		{"gpt-2", `"normalizer":null`, `"normalizer":{"type":"Lowercase"}`, "normalizer: Lowercase"},
		{"gpt-2", `"normalizer":null`, `"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"NFKC"}]}`, "normalizer: NFC"},
		{"gpt-2", `"normalizer":null`, `"normalizer":{"type":"Prepend","prepend":"_"}`, "normalizer: Prepend"},
		{"gpt-2", `"normalizer":null`, `"normalizer":{"type":"NFC","x":1}`, `normalizer: NFC: "x"`},
		{"llama-2", `"prepend":"▁"`, `"prepend":"_"`, `normalizer: Prepend: "_"`},
		{"llama-2", `"content":"▁"`, `"content":"_"`, `normalizer: Replace: " " by "_"`},
		{"llama-2", `"pattern":{"String":" "}`, `"pattern":{"Regex":" "}`, `normalizer: Replace: pattern: "Regex"`},
		{"llama-2", `"pre_tokenizer":null`, `"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}`, "ByteLevel after Replace"},
		{"smollm", `"individual_digits":true`, `"individual_digits":false`, "Digits: individual_digits"},
		{"smollm", digits, `{"type":"Punctuation"}`, "pre_tokenizer: Punctuation"},
		{"smollm", digits + ",", digits + "," + digits + ",", "pre_tokenizer: Digits"},
		{"smollm", `"add_prefix_space":false`, `"add_prefix_space":true`, "ByteLevel: add_prefix_space"},
		{"smollm", `"use_regex":true`, `"use_regex":false`, "ByteLevel: use_regex"},
		{"gpt-2", `"use_regex":true`, `"use_regex":false`, "ByteLevel: use_regex"},
		{"llama-3", regex, `\\p{N}{1,2}|`, `pre_tokenizer: Split: the regular expression "(?i:'s`},
		{"llama-3", `"behavior":"Isolated"`, `"behavior":"Removed"`, `behavior "Removed"`},
		{"llama-3", `"invert":false`, `"invert":true`, `or invert`},
		{"first", `"split":false`, `"split":true`, "Metaspace: split"},
		{"first", `"prepend_scheme":"first"`, `"prepend_scheme":"second"`, `prepend_scheme "second"`},
		{"first", `"replacement":"▁"`, `"replacement":"_"`, `replacement "_"`},
		{"gpt-2", `"post_processor":null`, `"post_processor":{"type":"BertProcessing"}`, "post_processor: BertProcessing"},
		{"gpt-2", `"decoder":{"type":"ByteLevel"`, `"decoder":{"type":"WordPiece"`, "decoder: WordPiece"},
		{"llama-2", `{"type":"Fuse"},`, ``, "decoder: Strip"},
		{"llama-2", `"start":1`, `"start":2`, "decoder: Strip"},
		{"llama-3", `"ids":[`, `"ids":[` + strings.Repeat("0,", 300), "more than 256 tokens around"},
		{"gpt-2", `"type":"BPE"`, `"type":"Unigram"`, `model: type "Unigram"`},
		{"gpt-2", `"dropout":null`, `"dropout":0.1`, "model: dropout"},
		{"gpt-2", `"continuing_subword_prefix":null`, `"continuing_subword_prefix":"##"`, `continuing_subword_prefix "##"`},
		{"gpt-2", `"end_of_word_suffix":null`, `"end_of_word_suffix":"</w>"`, `end_of_word_suffix "</w>"`},
		{"gpt-2", `"dropout":null`, `"dropout":null,"wild":true`, `model: "wild"`},
		{"gpt-2", `"version":"1.0"`, `"version":"2.0"`, `version "2.0"`},
		{"gpt-2", `"version":"1.0"`, `"version":"1.0","later":1`, `"later"`},
		{"gpt-2-lacking", `"byte_fallback":false`, `"byte_fallback":true`, "byte_fallback in a byte-level model"},
		{"gpt-2", `"normalizer":null`, `"normalizer":` + strings.Repeat(`{"type":"Sequence","normalizers":[`, 9) + `{"type":"NFC"}` + strings.Repeat(`]}`, 9), "more than 8"},
		{"smollm", `"content":"fox"`, `"content":"` + strings.Repeat("f", 1000) + `"`, "more than 256"},
	} {
		_, err := tokenizer.Parse(edit(t, c.kind, c.old, c.new), nil)
		require.ErrorContains(t, err, c.want, "%s", c.new)
		assert.True(t, errors.Is(err, tokenizer.ErrUnsupported), "%v", err)
	}
}

// What is damaged is an error that says where.
func TestParseDamaged(t *testing.T) {
	for _, c := range []struct{ kind, old, new, want string }{
		{"gpt-2", `"vocab":{`, `"vocab":{"huge":2000000000,`, "token id 2000000000 with 701 tokens"},
		{"gpt-2", `"vocab":{`, `"vocab":{"!?":-1,`, `"!?" must have an id, not "-1"`},
		{"gpt-2", `"vocab":{`, `"vocab":{"!?":4294967296,`, "must have an id"},
		{"gpt-2", `"vocab":{`, `"vocab":{"!?":1.5,`, "must have an id"},
		{"gpt-2", `"vocab":{`, `"vocab":{"!?":7,`, "have the same id 7"},
		{"gpt-2", `"vocab":{`, `"vocab":{"!":7,`, `duplicate key "!"`},
		{"gpt-2", `"merges":[[`, `"merges":[["a"],[`, "merges: element 0: must be two tokens"},
		{"gpt-2", `"merges":[[`, `"merges":[["zzz","a"],[`, `element 0: merge 0: "zzz" is no token`},
		{"gpt-2", `"merges":[[`, `"merges":[["a","zzz"],[`, `"zzz" is no token`},
		{"gpt-2", `"merges":[[`, `"merges":[["~","~"],[`, `"~~" is no token`},
		{"gpt-2", `"merges":[[`, `"merges":["a b c",[`, "no space, or more than one"},
		{"gpt-2", `"unk_token":null`, `"unk_token":7`, "unk_token must be a string, not a number"},
		{"gpt-2-lacking", `"unk_token":null`, `"unk_token":"zzz"`, `unk_token: "zzz" is no token`},
		{"gpt-2", `"id":1`, `"id":7`, `listed with the id 7 and would get 1`},
		{"gpt-2", `"id":1`, `"id":-1`, "id must be a token id"},
		{"gpt-2", `"content":"<|im_start|>"`, `"content":"<|endoftext|>"`, "listed with the id 1 and would get 0"},
		{"gpt-2", `"content":"<|im_start|>"`, `"content":""`, "added token 1 is empty"},
		{"gpt-2", `"content":"<|im_start|>"`, `"content":true`, "content must be a string"},
		{"gpt-2", `"special":true`, `"special":1`, "special must be true or false"},
		{"gpt-2", `"added_tokens":[`, `"added_tokens":[7,`, "added_tokens: element 0: must be an object"},
		{"llama-3", `{"SpecialToken":{"id":"<|begin_of_text|>"`, `{"SpecialToken":{"id":"<|eh|>"`, `"<|eh|>" is not among the special_tokens`},
		{"llama-3", `"ids":[`, `"ids":[99999,`, "no token has the id 99999"},
		{"llama-3", `"Sequence":{"id":"A"`, `"Sequence":{"id":"B"`, "single: a second sequence"},
	} {
		_, err := tokenizer.Parse(edit(t, c.kind, c.old, c.new), nil)
		assert.ErrorContains(t, err, c.want, "%s", c.new)
	}
	for _, raw := range []string{"", "{", "[]", "{}", "null", strings.Repeat("[", 1<<20), `{"model":7}`, `{"model":{}}`,
		`{"model":{"vocab":[],"merges":[]},"decoder":{"type":"ByteLevel"}}`} {
		_, err := tokenizer.Parse([]byte(raw), nil)
		assert.Error(t, err, "%.20s", raw)
	}
}

func TestConfig(t *testing.T) {
	raw := edit(t, "llama-3", `"version":"1.0"`, `"version":"1.0"`)
	tok, err := tokenizer.Parse(raw, nil)
	require.NoError(t, err)
	_, ok := tok.BOS()
	assert.False(t, ok, "a tokenizer.json does not say which token begins a sequence")

	config := map[string]any{"bos_token": map[string]any{"content": "<|begin_of_text|>", "lstrip": false}, "eos_token": "<|eot_id|>", "other": []int{}}
	parse := func() *tokenizer.Tokenizer {
		c, err := json.Marshal(config)
		require.NoError(t, err)
		tok, err := tokenizer.Parse(raw, c)
		require.NoError(t, err)
		return tok
	}
	tok = parse()
	bos, ok := tok.BOS()
	assert.True(t, ok)
	eos, ok := tok.EOS()
	assert.True(t, ok)
	special := tokenizer.Options{Special: true}
	a := tok.Encode(nil, "a", tokenizer.Options{})[0]
	assert.Equal(t, []int32{bos, a, eos}, tok.Encode(nil, "a", special), "the post_processor's")
	config["add_bos_token"] = false
	assert.Equal(t, []int32{a}, parse().Encode(nil, "a", special), "add_bos_token decides, and add_eos_token is false by itself")
	config["add_eos_token"] = true
	tok = parse()
	assert.Equal(t, []int32{a, eos}, tok.Encode(nil, "a", special))
	before, after := tok.Around()
	assert.Equal(t, [2]int{0, 1}, [2]int{before, after})
	again, err := tokenizer.Parse(tok.JSON(), nil)
	require.NoError(t, err)
	assert.Equal(t, []int32{a, eos}, again.Encode(nil, "a", special), "JSON writes what add_eos_token says")

	for _, c := range []string{`{`, `{"bos_token":"<nope>"}`, `{"eos_token":7}`, `{"eos_token":{"content":[]}}`} {
		_, err := tokenizer.Parse(raw, []byte(c))
		assert.ErrorContains(t, err, "tokenizer_config.json")
	}
}

// Old files have merges as strings, under a line for the version.
func TestOldMerges(t *testing.T) {
	want := small(t, "gpt-2")
	var spec map[string]any
	require.NoError(t, json.Unmarshal(want.JSON(), &spec))
	model := spec["model"].(map[string]any)
	merges := []string{"#version: 0.2"}
	for _, m := range model["merges"].([]any) {
		merges = append(merges, m.([]any)[0].(string)+" "+m.([]any)[1].(string))
	}
	model["merges"] = merges
	raw, err := json.Marshal(spec)
	require.NoError(t, err)
	got, err := tokenizer.Parse(raw, nil)
	require.NoError(t, err)
	assert.Equal(t, modelOf(want), modelOf(got))
}

func TestTokens(t *testing.T) {
	tok := small(t, "llama-2")
	for id := range int32(tok.Size()) {
		s, ok := tok.Token(id)
		require.True(t, ok)
		back, ok := tok.ID(s)
		require.True(t, ok)
		require.Equal(t, id, back)
		assert.Equal(t, id < 3, tok.IsSpecial(id))
	}
	for _, id := range []int32{-1, int32(tok.Size()), 1 << 30} {
		_, ok := tok.Token(id)
		assert.False(t, ok)
		assert.False(t, tok.IsSpecial(id))
		assert.Empty(t, tok.Decode(nil, []int32{id}, false))
	}
	_, ok := tok.ID("no such token")
	assert.False(t, ok)
	assert.Equal(t, "sentencepiece", tok.Family())
}
