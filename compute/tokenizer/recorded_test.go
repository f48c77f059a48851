package tokenizer_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// recorded is testdata/recorded.json, which testdata/record.py wrote: what Hugging Face tokenizers makes of
// the hostile texts.
type recorded struct {
	Kinds map[string]struct{ Plain, Special, Literal, Text, Skip string }
}

func small(t testing.TB, kind string) *tokenizer.Tokenizer {
	t.Helper()
	raw, err := os.ReadFile("testdata/small/" + kind + ".json")
	require.NoError(t, err)
	tok, err := tokenizer.Parse(raw, nil)
	require.NoError(t, err)
	return tok
}

// short is what record.py keeps of a text's ids, or of decoded text.
func short(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:2])
}

func pack(ids []int32) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, ids)
	return b
}

// stream decodes ids one by one.
func stream(tok *tokenizer.Tokenizer, ids []int32, skipSpecial bool) []byte {
	d := tok.NewDecoder(skipSpecial)
	var out []byte
	for _, id := range ids {
		out = d.Append(out, id)
	}
	return d.Flush(out)
}

func TestRecorded(t *testing.T) {
	var want recorded
	readJSON(t, "testdata/recorded.json", &want)
	require.Len(t, want.Kinds, 20)
	texts := hostile(t)
	for kind, w := range want.Kinds {
		t.Run(kind, func(t *testing.T) {
			tok := small(t, kind)
			again, err := tokenizer.Parse(tok.JSON(), nil)
			require.NoError(t, err, "what JSON writes must be read again")
			for i, text := range texts {
				check := func(way, all string, got []byte) {
					if w := all[4*i : 4*i+4]; short(got) != w {
						t.Errorf("%s: text %d %q: %q", way, i, text, got)
					}
				}
				ids := tok.Encode(nil, text, tokenizer.Options{})
				around := tok.Encode(nil, text, tokenizer.Options{Special: true})
				check("ids", w.Plain, pack(ids))
				check("with Special", w.Special, pack(around))
				check("with Literal", w.Literal, pack(tok.Encode(nil, text, tokenizer.Options{Literal: true})))
				check("decoded", w.Text, stream(tok, ids, false))
				check("without special tokens", w.Skip, stream(tok, around, true))
				assert.Equal(t, ids, again.Encode(nil, text, tokenizer.Options{}), "after writing and reading")
				assert.Equal(t, len(ids), tok.Count(text, tokenizer.Options{}))
			}
		})
	}
}

// TestSpans checks that the spans of a byte-level tokenizer are the bytes of its tokens, and everywhere that
// they follow each other to the end of the text.
func TestSpans(t *testing.T) {
	for _, kind := range []string{"gpt-2", "smollm", "llama-3", "qwen2", "llama-2-flags", "always", "lacking"} {
		tok := small(t, kind)
		for _, text := range hostile(t) {
			o := tokenizer.Options{Special: true}
			ids, ends := tok.EncodeSpans(nil, nil, text, o)
			assert.Equal(t, tok.Encode(nil, text, o), ids)
			require.Len(t, ends, len(ids))
			before, after := tok.Around()
			start := 0
			for i, end := range ends {
				require.LessOrEqual(t, start, end, "%s: %q: token %d", kind, text, i)
				if i < before || i >= len(ids)-after {
					assert.Equal(t, start, end)
				} else if decoded := tok.Decode(nil, ids[i:i+1], false); kind == "gpt-2" && strings.ToValidUTF8(text, "") == text {
					require.Equal(t, text[start:end], string(decoded), "%q: token %d", text, i)
				}
				start = end
			}
			if len(ids) > 0 && kind != "lacking" {
				assert.Equal(t, len(text), start, "%s: %q", kind, text)
			}
		}
	}
}
