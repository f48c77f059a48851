package jsontext_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/compute/jsontext"
)

func TestMembers(t *testing.T) {
	// What Object accepts is compared in TestObject and by the fuzz tests.
	for _, raw := range []string{``, ` `, `null`, `[1]`, `"{}"`, `7`} {
		assert.Empty(t, jsontext.Members([]byte(raw), nil), raw)
	}
	fields := jsontext.Members([]byte(`{"a":1}`), nil)
	fields = jsontext.Members([]byte(`{"b":"\\\"}"}`), fields)
	assert.Equal(t, []string{`a = 1 (a number)`, `b = "\\\"}" (a string)`}, readable(fields))
}

func TestElements(t *testing.T) {
	for raw, want := range map[string][]string{
		`[]`: nil, ` [ ] `: nil, `[1]`: {"1"}, "": nil, "{}": nil, `{"a":[1]}`: nil, `"[1]"`: nil,
		` [ 1 , "a,]" , [ 2 ] , {"b": [3]},null,true , -1.5e3 ]`: {
			"1", `"a,]"`, "[ 2 ]", `{"b": [3]}`, "null", "true", "-1.5e3",
		},
		`["\\","\"]","\\\""]`: {`"\\"`, `"\"]"`, `"\\\""`},
		`[[[]],[[],[]]]`:      {"[[]]", "[[],[]]"},
	} {
		var got []string
		for _, e := range jsontext.Elements([]byte(raw), nil) {
			got = append(got, string(e))
		}
		assert.Equal(t, want, got, raw)
	}
	two := jsontext.Elements([]byte(`[2]`), jsontext.Elements([]byte(`[1]`), nil))
	assert.Equal(t, [][]byte{[]byte("1"), []byte("2")}, two)
}

// Text that was never accepted gives nonsense, but it gives it, and from within the text.
func TestReadersSurviveAnything(t *testing.T) {
	for _, raw := range []string{
		`{`, `{"`, `{"a`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":]`, `{"a":}`, `{,}`, `{:}`, `{"a"1}`, `{"a":"`, `{"a":[`,
		`[`, `[,`, `[}`, `[1`, `["`, `["\`, `[1 2]`, `[[`, `]`, `"`, `"\`, `"\u`, `"\u12`, `"\ud800`, `"\ud800\u`, `"\ud800\udc`,
		`-`, `e`, `.`, `1e`, `-.e`, `,`, ":::", "{\"\\", "{\"\\u\":", "\\", `"a"b"c"`, strings.Repeat("[", 100_000),
		strings.Repeat(`{"a":`, 100_000), strings.Repeat("}", 10), strings.Repeat(`"`, 11), strings.Repeat(`{"a"`, 20_000),
	} {
		readAnything(t, []byte(raw))
	}
}

// readAnything calls everything that takes accepted text.
func readAnything(t *testing.T, raw []byte) {
	for _, f := range jsontext.Members(raw, nil) {
		if !assert.Contains(t, string(raw), string(f.Value)) || !assert.NotEmpty(t, f.Value) {
			return
		}
	}
	for _, e := range jsontext.Elements(raw, nil) {
		if !assert.Contains(t, string(raw), string(e)) || !assert.NotEmpty(t, e) {
			return
		}
	}
	jsontext.KindOf(raw)
	jsontext.IsNumber(raw)
	jsontext.AppendUnquoted(nil, raw)
	jsontext.AppendCanonical(nil, raw)
	jsontext.AppendCanonicalNumber(nil, raw)
	jsontext.CompareNumbers(raw, []byte("1e5"))
	jsontext.CompareNumbers([]byte("-1"), raw)
}
