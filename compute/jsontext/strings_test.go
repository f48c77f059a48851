package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
)

func TestAppendUnquoted(t *testing.T) {
	for raw, want := range map[string]string{
		`""`:                         "",
		`"plain"`:                    "plain",
		`"\"\\\/\b\f\n\r\t"`:         "\"\\/\b\f\n\r\t",
		`"\u0000\u001f\u007f\u00e9"`: "\x00\x1f\x7fé",
		`"\u20AC\u20ac"`:             "€€",
		`"a\ud83d\ude00b"`:           "a😀b",
		`"\\u0041"`:                  `\u0041`,
		`"ends in \\"`:               `ends in \`,
		`"\uffff\ufffd"`:             "\uffff\ufffd",
	} {
		assert.Equal(t, want, string(jsontext.AppendUnquoted(nil, []byte(raw))), raw)
		assert.Equal(t, "kept "+want, string(jsontext.AppendUnquoted([]byte("kept "), []byte(raw))), raw)
	}
}

func TestAppendQuoted(t *testing.T) {
	for s, want := range map[string]string{
		"":                       `""`,
		"plain":                  `"plain"`,
		"\"\\/\b\f\n\r\t":        `"\"\\/\b\f\n\r\t"`,
		"\x00\x01\x0b\x1f":       `"\u0000\u0001\u000b\u001f"`,
		"\x7f\u0080\u2028\u2029": "\"\x7f\u0080\u2028\u2029\"",
		"<&>":                    `"<&>"`,
		"é€😀":                    `"é€😀"`,
		"a\xffb\xc3":             "\"a\ufffdb\ufffd\"",
		"é\xed\xa0\x80é":         "\"é\ufffd\ufffd\ufffdé\"",
	} {
		assert.Equal(t, want, string(jsontext.AppendQuoted(nil, s)), "%q", s)
		assert.Equal(t, "kept "+want, string(jsontext.AppendQuoted([]byte("kept "), []byte(s))), "%q", s)
	}
}

// Every string comes back through its quoted form, which is acceptable and as short as RFC 8785 asks.
func TestQuotedRoundTrip(t *testing.T) {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{`"`, `\`, "/", "\n", "\x00", "\x1f", "\x7f", "é", "€", "😀", "\u2028"}),
		rapid.StringN(0, 12, -1),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 9), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), "")
		quoted := jsontext.AppendQuoted(nil, s)
		require.NoError(t, jsontext.Check(quoted))
		require.Equal(t, quoted, jsontext.AppendQuoted(nil, []byte(s)))

		want := string([]rune(s)) // one U+FFFD for each bad byte
		require.Equal(t, want, string(jsontext.AppendUnquoted(nil, quoted)))

		var decoded string
		require.NoError(t, json.Unmarshal(quoted, &decoded))
		require.Equal(t, want, decoded)
		require.Equal(t, quoted, jsontext.AppendCanonical(nil, quoted))
	})
}
