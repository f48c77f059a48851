package container

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJSON(t *testing.T) {
	for _, c := range []struct{ text, want, err string }{
		{"[]", "", ""},
		{"[ ]\n", "", ""},
		{`[{"a": [1, {"b": " x "}]}, {}]`, `{"a":[1,{"b":" x "}]}|{}|`, ""},
		{`[1, -2.50, true ,null,"a,]}" ]`, `1|-2.50|true|null|"a,]}"|`, ""},
		{"{\"a\":\r\n1}\n\n{\"a\":\n2} 3 \"x\" [4,5]", `{"a":1}|{"a":2}|3|"x"|4|5|`, ""},
		{`{"a":1}{"a":"\\"}{"a":"\\\""}`, `{"a":1}|{"a":"\\"}|{"a":"\\\""}|`, ""},
		{"[{\"a\":\"x\ny\"}]", `{"a":"x y"}` + "\x00" + rawControl + "|", ""},
		{"[{\"a\":\"x\\\ny\",\"b\":\x00}]", `{"a":"x\ y","b": }` + "\x00" + rawControl + "|", ""},
		{`{"k":{"a":1},` + "\n" + `"l":{}}`, `{"a":1,"_id":"k"}|{"_id":"l"}|`, ""},
		{`{"k":{"_id" : 7},` + "\n" + `"l":{"a":{"_id":1}},"m":{"_idea":1},"n":{"b":"_id"},"o":{"\u005fid":1},"p":{"_id\"":1}}`,
			`{"_id":7}|{"a":{"_id":1},"_id":"l"}|{"_idea":1,"_id":"m"}|{"b":"_id","_id":"n"}|{"\u005fid":1,"_id":"o"}|{"_id\"":1,"_id":"p"}|`, ""},
		{`{"k":{},"l":{},` + "\n" + `"m":3,"n":[{}]}`, `{"_id":"k"}|{"_id":"l"}|3` + "\x00" + noObject + `|[{}]` + "\x00" + noObject + "|", ""},

		{`[{"a":1},{"b":`, `{"a":1}|{"b":`, "the JSON text ends at byte 14, within an array that began at byte 0; the 1 records before that are stored"},
		{"[\n{}", `{}|`, "the JSON text ends at byte 4, within an array that began at byte 0"},
		{`[{},{}`, `{}|{}|`, "the JSON text ends at byte 6"},
		{"[{},\n{} {}]", `{}|{}|`, "the JSON text is damaged at byte 8: '{' instead of ',' or ']'; the 2 records before that are stored"},
		{"[{},\n{},]", `{}|{}|`, "damaged at byte 8: ']' instead of a value"},
		{"[{},\n,{}]", `{}|`, "damaged at byte 5: ',' instead of a value"},
		{"[{}\n] x", `{}|`, "damaged at byte 6: 'x' instead of a value"},
		{"[{}\n] }", `{}|`, "damaged at byte 6: '}' instead of a value"},
		{"{\"k\":{},\n\"b\" {}}", `{"_id":"k"}|`, "damaged at byte 13: '{' instead of ':'"},
		{"{\"k\":{},\n\"b\":}", `{"_id":"k"}|`, "damaged at byte 13: '}' instead of a value"},
		{"{\"k\":{},\nb:{}}", `{"_id":"k"}|`, "damaged at byte 9: 'b' instead of a key"},
		{"{\"k\":{}\n\"b\":{}}", `{"_id":"k"}|`, "damaged at byte 8: '\"' instead of ',' or '}'"},
		{"{\"k\":{},\n\"\\x\":{}}", `{"_id":"k"}|`, "damaged at byte 12: a key that is no JSON string"},
		{"{\"k\":{},\n\"\n\":{}}", `{"_id":"k"}|`, `damaged at byte 10: '\n' in a key`},
		{"{\"k\":{},\n", `{"_id":"k"}|`, "ends at byte 9, within an object that began at byte 0"},
		{"{\"a\":1,\n\"b\":[", `{"a":1,"b":[`, "ends at byte 13, within a value that began at byte 0"},
	} {
		text := newHead(strings.NewReader(c.text))
		src := &converted{fill: newJSONValues(newInput(text), strings.HasPrefix(c.text, `{"k"`)).fill}
		all, err := io.ReadAll(src)
		lines := string(all)
		assert.Equal(t, c.want, strings.ReplaceAll(lines, "\n", "|"), c.text)
		if c.err == "" {
			assert.NoError(t, err, c.text)
		} else if assert.ErrorContains(t, err, c.err, c.text) {
			var bad *FormatError
			assert.True(t, errors.As(err, &bad))
		}
	}
}

// Elements are those of encoding/json, less the white space, wherever they are
// JSON at all; and nothing else than an array's elements makes lines.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`[{"a": [1, "\\\""]}, 2 ,null]`, "{\"k\":{},\n\"b\":{\"_id\":1}}", "[1,\n", `{}{}`, "[\"\n\"]", "[\x00]", "[1 2]", "{\"a\":{\"_id", "[\"\\",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1 && (text[0] == 0xff || text[0] == 0xfe) || len(text) > 0 && (text[0] == 0x1f || text[0] == 'B' || text[0] == 'P' || text[0] == 0x28 || text[0]&0xf0 == 0x50) {
			return // it may be some other format
		}
		lines, _, err := readAll(bytes.NewReader(text), Options{Format: JSON})
		var elements []json.RawMessage
		if json.Unmarshal(bytes.TrimPrefix(text, byteOrderMark), &elements) != nil || bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
			return
		}
		require.NoError(t, err)
		got := strings.Split(lines, "\n")
		require.Len(t, got, len(elements)+1)
		for i, e := range elements {
			var want bytes.Buffer
			require.NoError(t, json.Compact(&want, e))
			require.Equal(t, want.String(), got[i])
		}
	})
}
