package tokenizer_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// A Tokenizer serves many goroutines at once, more than it keeps encoders for. Run under the race detector.
func TestConcurrent(t *testing.T) {
	for _, kind := range []string{"qwen2", "llama-2-flags"} {
		tok := small(t, kind)
		texts := hostile(t)
		want := make([][]int32, len(texts))
		for i, s := range texts {
			want[i] = tok.Encode(nil, s, tokenizer.Options{})
		}
		var wg sync.WaitGroup
		for g := range 50 {
			wg.Go(func() {
				for i := range texts {
					i = (i + 23*g) % len(texts)
					if !slices.Equal(want[i], tok.Encode(nil, texts[i], tokenizer.Options{})) {
						t.Errorf("%q has other ids", texts[i])
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestNoAllocation(t *testing.T) {
	for _, kind := range []string{"gpt-2", "smollm", "llama-3", "qwen2", "llama-2", "first"} {
		tok := small(t, kind)
		text := strings.Repeat("The quick brown fox, don't 123 \n\n e\u0301 привет 你好 👩\u200d👩 <|im_end|>\xff ", 20)
		ids, ends := tok.EncodeSpans(nil, nil, text, tokenizer.Options{})
		out := tok.Decode(nil, ids, false)
		ranges := [][2]int{{5, 9}}
		assert.Zero(t, testing.AllocsPerRun(20, func() {
			tok.Encode(ids[:0], text, tokenizer.Options{})
			tok.EncodeSpans(ids[:0], ends[:0], text, tokenizer.Options{})
			tok.Count(text, tokenizer.Options{})
			tok.Encode(ids[:0], text, tokenizer.Options{LiteralIn: ranges})
			tok.Decode(out[:0], ids, false)
		}), kind)
	}
}

// Encode and Decode append.
func TestAppend(t *testing.T) {
	tok := small(t, "gpt-2")
	ids := tok.Encode([]int32{7}, "a", tokenizer.Options{})
	assert.Len(t, ids, 2)
	assert.Equal(t, int32(7), ids[0])
	ids, ends := tok.EncodeSpans([]int32{7}, []int{9}, "ab", tokenizer.Options{})
	assert.Equal(t, []any{int32(7), 9, 2}, []any{ids[0], ends[0], ends[len(ends)-1]})
	assert.Equal(t, "xab", string(tok.Decode([]byte("x"), ids[1:], false)))
}

// Spans where the text that is encoded is not the text that was given.
func TestSpansOfChangedText(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		spans      []string
	}{
		{"llama-2", "a b", []string{"a", " b"}},                      // ▁a▁b
		{"llama-2", "\u07ff", []string{"", "\xdf", "\xbf"}},          // ▁<0xDF><0xBF>
		{"qwen2", "e\u0301x", []string{"e\u0301", "x"}},              // é, as one token
		{"gpt-2", "b\xffb", []string{"b", "\xff", "b"}},              // U+FFFD, as one token
		{"gpt-2-space", "1", []string{"1"}},                          // a space before, in one token with 1
		{"smollm", "1  def \n2", []string{"1", "  ", "def \n", "2"}}, // def strips
	} {
		_, ends := small(t, c.kind).EncodeSpans(nil, nil, c.text, tokenizer.Options{})
		spans := []string{}
		start := 0
		for _, end := range ends {
			spans = append(spans, c.text[start:end])
			start = end
		}
		assert.Equal(t, c.spans, spans, c.kind)
	}
}

func TestLiteral(t *testing.T) {
	for _, kind := range []string{"gpt-2", "llama-3", "llama-2", "qwen2"} {
		tok := small(t, kind)
		for id := range int32(tok.Size()) {
			if !tok.IsSpecial(id) {
				continue
			}
			s, _ := tok.Token(id)
			assert.Contains(t, tok.Encode(nil, "a"+s+"b", tokenizer.Options{}), id)
			ids := tok.Encode(nil, "a"+s+"b", tokenizer.Options{Literal: true})
			assert.NotContains(t, ids, id)
			assert.Equal(t, "a"+s+"b", string(tok.Decode(nil, ids, true)))
		}
	}
}

// In a conversation, what people say must be text and what is between must not, with the ids that the parts have by
// themselves where special tokens are between them.
func TestLiteralIn(t *testing.T) {
	for _, kind := range []string{"gpt-2", "llama-3", "qwen2", "llama-2", "llama-2-flags"} {
		tok := small(t, kind)
		var special string
		for id := range int32(tok.Size()) {
			if tok.IsSpecial(id) {
				special, _ = tok.Token(id)
			}
		}
		token := tok.Encode(nil, special, tokenizer.Options{})
		require.Len(t, token, 1)
		texts := append(hostile(t), "a"+special+"b", special, special+special)
		for i, said := range texts {
			next := texts[(i+1)%len(texts)]
			text := special + said + special + next + special + "user"
			first := len(special)
			second := first + len(said) + len(special)
			o := tokenizer.Options{LiteralIn: [][2]int{{first, first + len(said)}, {second, second + len(next)}}}
			literal := tokenizer.Options{Literal: true}
			want := slices.Concat(token, tok.Encode(nil, said, literal), token, tok.Encode(nil, next, literal), token,
				tok.Encode(nil, "user", tokenizer.Options{}))
			if strings.HasPrefix(kind, "llama-2-") || kind == "qwen2" {
				// Tokens with white space of their own, and marks, reach out of the parts: what was said has no control all the same.
				got := tok.Encode(nil, text, o)
				count := 0
				for _, id := range got {
					if id == token[0] {
						count++
					}
				}
				require.Equal(t, 3, count, "%q", text)
				continue
			}
			require.Equal(t, want, tok.Encode(nil, text, o), "%q", text)
			ids, _ := tok.EncodeSpans(nil, nil, text, o)
			require.Equal(t, want, ids)
			require.Equal(t, len(want), tok.Count(text, o))
		}
	}
}

// The decoder must give what Decode gives, in whole characters, whatever the ids.
func TestDecoder(t *testing.T) {
	for _, kind := range []string{"gpt-2", "llama-2"} {
		tok := small(t, kind)
		d := tok.NewDecoder(false)
		for _, text := range []string{"", " ", "  a", "naïve 👩\u200d👩\u200d👧 你好", "\u0000\u0301", " é"} {
			ids := tok.Encode(nil, text, tokenizer.Options{})
			var out []byte
			for _, id := range ids {
				before := len(out)
				out = d.Append(out, id)
				assert.True(t, utf8.Valid(out[before:]), "%q", out[before:])
			}
			out = d.Flush(out)
			assert.Equal(t, text, string(out))
			assert.Equal(t, text, string(tok.Decode(nil, ids, false)))
		}
	}
	tok := small(t, "llama-2")
	token := func(s string) int32 {
		id, ok := tok.ID(s)
		require.True(t, ok, s)
		return id
	}
	bytesOf := []int32{token("<0xF0>"), token("<0x9F>"), token("a"), token("<0xE2>"), token("<0x82>")}
	assert.Equal(t, "\xf0\x9fa\xe2\x82", string(tok.Decode(nil, bytesOf, false)))
	d := tok.NewDecoder(false)
	var steps []string
	for _, id := range bytesOf {
		steps = append(steps, string(d.Append(nil, id)))
	}
	assert.Equal(t, []string{"", "", "\ufffda", "", ""}, steps)
	assert.Equal(t, "\ufffd", string(d.Flush(nil)))
	assert.Empty(t, d.Flush(nil))

	bos := token("<s>")
	assert.Equal(t, "<s> a", string(tok.Decode(nil, []int32{bos, token("▁"), token("a")}, false)), "only the beginning loses its space")
	assert.Equal(t, "a", string(tok.Decode(nil, []int32{bos, token("▁"), token("a")}, true)))
}

func FuzzEncode(f *testing.F) {
	for _, s := range []string{"", " a", "don't 12345\n\n  x", "<|im_start|>é\u0301\xff", "▁▁the fox def \u3000", "\xe2\x82"} {
		f.Add(s)
	}
	var toks []*tokenizer.Tokenizer
	for _, kind := range []string{"gpt-2", "smollm", "llama-3", "qwen2", "qwen3.5", "llama-2", "llama-2-flags", "first", "lacking"} {
		toks = append(toks, small(f, kind))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for i, tok := range toks {
			ids, ends := tok.EncodeSpans(nil, nil, text, tokenizer.Options{Special: true})
			if !slices.Equal(ids, tok.Encode(nil, text, tokenizer.Options{Special: true})) {
				t.Errorf("%d: Encode gives other ids", i)
			}
			if !slices.IsSorted(ends) || len(ends) != len(ids) || len(ends) > 0 && ends[len(ends)-1] > len(text) {
				t.Errorf("%d: %d ends for %d ids", i, len(ends), len(ids))
			}
			plain := tok.Encode(nil, text, tokenizer.Options{})
			out := stream(tok, plain, false)
			if !utf8.Valid(out) {
				t.Errorf("%d: %q is not UTF-8", i, out)
			}
			if whole := tok.Decode(nil, plain, false); utf8.Valid(whole) && !bytes.Equal(out, whole) {
				t.Errorf("%d: %q one by one, %q at once", i, out, whole)
			}
			if i < 2 && utf8.ValidString(text) && string(out) != text && !strings.Contains(text, "fo") {
				if kind := tok.Family(); kind == "gpt-2" {
					t.Errorf("%d: %q comes back as %q", i, text, out)
				}
			}
		}
	})
}
