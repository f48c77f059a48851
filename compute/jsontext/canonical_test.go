package jsontext_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
)

func canonical(raw string) string { return string(jsontext.AppendCanonical(nil, []byte(raw))) }

func TestCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		" null ": "null", "true": "true", "\nfalse": "false", "1.0": "1", `"\u0041\/"`: `"A/"`, "[ ]": "[]", "{ }": "{}",
		`[ 1.0 , "a" , [ ] , { } , null ]`:        `[1,"a",[],{},null]`,
		`{"b":1,"a":{"d":[{"f":0,"e":0}],"c":2}}`: `{"a":{"c":2,"d":[{"e":0,"f":0}]},"b":1}`,
		`{"aa":1,"a":2,"":3,"A":4}`:               `{"":3,"A":4,"a":2,"aa":1}`,
		`{"\u0062":1,"a\n":2,"a\u000b":3}`:        `{"a\n":2,"a\u000b":3,"b":1}`,
		`{"k":"\u0000\u001F\u007f\"\\\/\u20AC"}`:  "{\"k\":\"\\u0000\\u001f\x7f\\\"\\\\/€\"}",
		`{":":",","{":"}","[":"]"}`:               `{":":",","[":"]","{":"}"}`,
	} {
		assert.Equal(t, want, canonical(raw), raw)
		assert.Equal(t, want, canonical(want), raw)
	}
	assert.Equal(t, "x=[1]", string(jsontext.AppendCanonical([]byte("x="), []byte("[ 1 ]"))))
}

// The example of RFC 8785, sections 3.2.2 and 3.2.4, but for its first number: that one's last digit is
// beyond a double, where the RFC rounds and smelt does not.
func TestCanonicalRFC8785(t *testing.T) {
	raw := `{
  "numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
  "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
  "literals": [null, true, false]
}`
	assert.Equal(t, `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],`+
		`"string":"€$\u000f\nA'B\"\\\\\"/"}`, canonical(raw))
}

// The example of RFC 8785, section 3.2.3.
func TestCanonicalOrderRFC8785(t *testing.T) {
	raw := `{
  "\u20ac": "Euro Sign",
  "\r": "Carriage Return",
  "\ufb33": "Hebrew Letter Dalet With Dagesh",
  "1": "One",
  "\ud83d\ude00": "Emoji: Grinning Face",
  "\u0080": "Control",
  "\u00f6": "Latin Small Letter O With Diaeresis"
}`
	var order []string
	for _, f := range jsontext.Members(jsontext.AppendCanonical(nil, []byte(raw)), nil) {
		order = append(order, string(jsontext.AppendUnquoted(nil, f.Value)))
	}
	assert.Equal(t, []string{
		"Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign",
		"Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh",
	}, order)
}

func TestCanonicalOrderIsUTF16(t *testing.T) {
	char := rapid.OneOf(rapid.Rune(), rapid.SampledFrom([]rune("ab\x00\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufffd\uffff\U00010000\U0010ffff")))
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringOfN(char, 0, 4, -1), 0, 12, rapid.ID).Draw(t, "keys")
		var raw, want []string
		for _, k := range keys {
			raw = append(raw, string(jsontext.AppendQuoted(nil, k))+":0")
		}
		slices.SortFunc(keys, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		for _, k := range keys {
			want = append(want, string(jsontext.AppendQuoted(nil, k))+":0")
		}
		require.Equal(t, "{"+strings.Join(want, ",")+"}", canonical("{"+strings.Join(raw, ",")+"}"))
	})
}

// The deepest text accepted, with everything in it out of order, at a size where copying a level's text on
// every level would be felt.
func TestCanonicalDeep(t *testing.T) {
	const depth = jsontext.MaxDepth
	text := `"` + strings.Repeat("x", 1_000_000) + `"`
	raw := []byte(strings.Repeat(`{ "b" : `, depth) + text + strings.Repeat(` , "a" : 1.0 }`, depth))
	require.NoError(t, jsontext.Check(raw))
	want := strings.Repeat(`{"a":1,"b":`, depth) + text + strings.Repeat("}", depth)
	assert.True(t, want == string(jsontext.AppendCanonical(nil, raw)))
}

// A member is what a value is made of, in an order and independent of how it is written.
type member struct {
	key   string
	value any // nil, bool, number (as a string of type number), string, []any or []member
}

type number string

func drawValue(t *rapid.T, depth int) any {
	kinds := 6
	if depth == 0 {
		kinds = 4
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.SampledFrom([]any{nil, true, false}).Draw(t, "word")
	case 1:
		return number(drawNumber(t, "number"))
	case 2, 3:
		return rapid.String().Draw(t, "string")
	case 4:
		elements := make([]any, rapid.IntRange(0, 4).Draw(t, "elements"))
		for i := range elements {
			elements[i] = drawValue(t, depth-1)
		}
		return elements
	default:
		keys := rapid.SliceOfNDistinct(rapid.StringN(0, 3, -1), 0, 20, rapid.ID).Draw(t, "keys")
		members := make([]member, len(keys))
		for i, k := range keys {
			members[i] = member{k, drawValue(t, depth-1)}
		}
		return members
	}
}

// write writes a value in one of the many ways to do so.
func write(t *rapid.T, v any) string {
	space := func() string { return rapid.StringOfN(rapid.SampledFrom([]rune(" \t\r\n")), 0, 1, -1).Draw(t, "space") }
	switch v := v.(type) {
	case string:
		return writeString(t, v)
	case number:
		return string(v)
	case []any:
		var b strings.Builder
		for i, e := range v {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(space() + write(t, e) + space())
		}
		return "[" + b.String() + space() + "]"
	case []member:
		var b strings.Builder
		for i, m := range v {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(space() + writeString(t, m.key) + space() + ":" + space() + write(t, m.value) + space())
		}
		return "{" + b.String() + space() + "}"
	case nil:
		return "null"
	default:
		return fmt.Sprint(v)
	}
}

func writeString(t *rapid.T, s string) string {
	var b strings.Builder
	escapeAll := rapid.Bool().Draw(t, "escape")
	for _, r := range s {
		switch {
		case escapeAll || r < ' ':
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04X`, u)
			}
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return `"` + b.String() + `"`
}

// shuffled puts the members of every object into another order.
func shuffled(t *rapid.T, v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = shuffled(t, e)
		}
		return out
	case []member:
		out := make([]member, len(v))
		for i, m := range rapid.Permutation(v).Draw(t, "order") {
			out[i] = member{m.key, shuffled(t, m.value)}
		}
		return out
	}
	return v
}

// A value has one canonical text however it is written, and reading finds in each text what was written.
func TestOneValueManyTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, 3)
		text := write(t, v)
		require.NoError(t, jsontext.Check([]byte(text)))
		other := write(t, shuffled(t, v))
		require.Equal(t, canonical(text), canonical(other))
		require.Equal(t, canonical(text), canonical(canonical(text)))
		requireSame(t, v, []byte(text))
	})
}

func requireSame(t require.TestingT, want any, raw []byte) {
	switch v := want.(type) {
	case string:
		require.Equal(t, jsontext.String, jsontext.KindOf(raw))
		require.Equal(t, v, string(jsontext.AppendUnquoted(nil, raw)))
	case number:
		require.Equal(t, jsontext.Number, jsontext.KindOf(raw))
		require.Equal(t, string(v), string(raw))
	case []any:
		require.Equal(t, jsontext.Array, jsontext.KindOf(raw))
		elements := jsontext.Elements(raw, nil)
		require.Len(t, elements, len(v))
		for i, e := range elements {
			requireSame(t, v[i], e)
		}
	case []member:
		require.Equal(t, jsontext.KindObject, jsontext.KindOf(raw))
		fields, err := jsontext.Object(raw, nil)
		require.NoError(t, err)
		require.Equal(t, readable(fields), readable(jsontext.Members(raw, nil)))
		require.Len(t, fields, len(v))
		for i, f := range fields {
			require.Equal(t, v[i].key, string(f.Key))
			require.Equal(t, jsontext.KindOf(f.Value), f.Kind)
			requireSame(t, v[i].value, f.Value)
		}
	case nil:
		require.Equal(t, "null", string(raw))
	default:
		require.Equal(t, fmt.Sprint(v), string(raw))
	}
}
