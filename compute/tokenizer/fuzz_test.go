package tokenizer_test

import (
	"encoding/json"
	"slices"
	"testing"

	"smelt/compute/tokenizer"
)

// tinySpec is a tokenizer.json small enough for a fuzzer to find its way in.
func tinySpec(normalizer, preTokenizer, postProcessor, decoder, model string) []byte {
	return []byte(`{"version":"1.0","added_tokens":[{"id":0,"content":"<s>","special":true,"lstrip":true},{"id":9,"content":"b c","rstrip":true,"normalized":true}],` +
		`"normalizer":` + normalizer + `,"pre_tokenizer":` + preTokenizer + `,"post_processor":` + postProcessor + `,"decoder":` + decoder +
		`,"model":{"type":"BPE",` + model + `"vocab":{"<s>":0,"a":1,"b":2,"Ġ":3,"▁":4,"ab":5,"▁a":6,"<0x0A>":7,"aab":8},"merges":[["a","b"],"▁ a",["a","ab"]]}}`)
}

const (
	fuzzTemplate  = `{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}}`
	fuzzByteLevel = `{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}`
	fuzzBlanks    = `{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}`
	fuzzPrepend   = `{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","pattern":{"String":" "},"content":"▁"}]}`
	fuzzMetaspace = `{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}`
)

// FuzzParse reads hostile tokenizer.json: an error or a tokenizer that works, writes itself, and is read again.
func FuzzParse(f *testing.F) {
	digits := `{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},{"type":"ByteLevel","add_prefix_space":false}]}`
	f.Add(tinySpec("null", fuzzByteLevel, fuzzTemplate, fuzzByteLevel, ``), []byte(`{"bos_token":"<s>","add_bos_token":true}`))
	f.Add(tinySpec(`{"type":"NFC"}`, digits, "null", fuzzByteLevel, `"ignore_merges":true,`), []byte(nil))
	f.Add(tinySpec(fuzzPrepend, "null", fuzzTemplate, fuzzBlanks, `"unk_token":"<s>","fuse_unk":true,"byte_fallback":true,`), []byte(`{"eos_token":{"content":"a"},"add_eos_token":true}`))
	f.Add(tinySpec("null", fuzzMetaspace, "null", fuzzBlanks, `"unk_token":"b",`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, raw, config []byte) {
		tok, err := tokenizer.Parse(raw, config)
		if err != nil {
			return
		}
		exercise(t, tok)
		again, err := tokenizer.Parse(tok.JSON(), config)
		if err != nil {
			t.Fatalf("not read again: %v\n%s", err, tok.JSON())
		}
		same(t, tok, again)
		if v, err := tok.GGUF(); err == nil {
			if again, err = tokenizer.FromGGUF(v); err != nil {
				t.Fatalf("GGUF not read again: %v", err)
			}
			same(t, tok, again)
		}
	})
}

// FuzzGGUF does the same with the metadata of GGUF files, as JSON.
func FuzzGGUF(f *testing.F) {
	for _, kind := range []string{"gpt-2-lacking", "llama-2"} {
		v, err := small(f, kind).GGUF()
		if err != nil {
			f.Fatal(err)
		}
		n := 280
		v.Tokens, v.Types = v.Tokens[:n], v.Types[:n]
		if v.Scores != nil {
			v.Scores = v.Scores[:n]
		}
		v.Merges = slices.Clone(v.Merges[:5])
		raw, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"Model":"llama","Tokens":["<unk>","<s>","a","▁","▁a","b","ab","<0x0A>"],"Scores":[0,0,-1,-2,-3,-4,-1,0],"Types":[2,3,1,1,4,1,5,6],"BOS":1,"Unknown":0,"AddEOS":true}`))
	f.Add([]byte(`{"Model":"gpt2","Pre":"llama-bpe","Tokens":["a","b","ab","Ġ"],"Types":[1,1,1,1],"Merges":["a b"],"EOS":2,"AddEOS":true}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var v tokenizer.Vocabulary
		if json.Unmarshal(raw, &v) != nil {
			return
		}
		tok, err := tokenizer.FromGGUF(&v)
		if err != nil {
			return
		}
		exercise(t, tok)
		again, err := tokenizer.Parse(tok.JSON(), nil)
		if err != nil {
			t.Fatalf("not read again: %v\n%s", err, tok.JSON())
		}
		same(t, tok, again)
	})
}

var fuzzTexts = []string{"", "a", " ab aab\n<s> b c  é\u0301 ▁<0x0A>\xff 12", "aaabab ab ab", "\n\n  "}

// exercise uses all of a tokenizer.
func exercise(t *testing.T, tok *tokenizer.Tokenizer) {
	for _, text := range fuzzTexts {
		for _, o := range []tokenizer.Options{{}, {Special: true}, {Literal: true}} {
			ids, ends := tok.EncodeSpans(nil, nil, text, o)
			for i, id := range ids {
				if _, ok := tok.Token(id); !ok || ends[i] > len(text) {
					t.Fatalf("%q has the id %d up to %d", text, id, ends[i])
				}
			}
			stream(tok, ids, true)
			tok.Decode(nil, ids, false)
		}
	}
	tok.BOS()
	tok.EOS()
	tok.Around()
}

func same(t *testing.T, a, b *tokenizer.Tokenizer) {
	for _, text := range fuzzTexts {
		o := tokenizer.Options{Special: true}
		if x, y := a.Encode(nil, text, o), b.Encode(nil, text, o); !slices.Equal(x, y) {
			t.Fatalf("%q has the ids %d, and after writing and reading %d\n%s\n%s", text, x, y, a.JSON(), b.JSON())
		}
	}
}
