package jsontext_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
)

func TestCheckAccepts(t *testing.T) {
	for _, src := range []string{
		`null`, `true`, `false`, `0`, `-0`, `-0.0e-0`, `12.5E+3`, `""`, `[]`, `{}`, `[[],{}]`, `{"":{}}`,
		" \t\r\n{ \"a\" :\n[ 1 , 2 ] } \r\n",
		`"\"\\\/\b\f\n\r\t\u0000\u00e9\uABCD"`,
		`"\ud83d\ude00 \uD800\uDC00 \udbff\udfff"`, // surrogate pairs
		"\"\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff\"",
		`{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"A":0}`, // one key in different objects
		`{"a":1,"\u0061b":2,"":3,"\u0000":4}`,
		strings.Repeat("[", jsontext.MaxDepth) + strings.Repeat("]", jsontext.MaxDepth),
		strings.Repeat(`{"a":`, jsontext.MaxDepth) + "1" + strings.Repeat("}", jsontext.MaxDepth),
		strings.Repeat("[[],", 3) + "0" + strings.Repeat("]", 3),
		`1e999999999999999999999`,
	} {
		assert.NoError(t, jsontext.Check([]byte(src)), "%.80s", src)
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, c := range []struct {
		src    string
		offset int
		reason string
	}{
		// The end comes too early.
		{``, 0, "unexpected end of text"},
		{" \n", 2, "unexpected end of text"},
		{`{`, 1, "unexpected end of text"},
		{`{"a`, 3, "unexpected end of text"},
		{`{"a"`, 4, "unexpected end of text"},
		{`{"a":`, 5, "unexpected end of text"},
		{`{"a":1`, 6, "unexpected end of text"},
		{`{"a":1,`, 7, "unexpected end of text"},
		{`[`, 1, "unexpected end of text"},
		{`[1`, 2, "unexpected end of text"},
		{`[1,`, 3, "unexpected end of text"},
		{`"\`, 2, "unexpected end of text"},
		{`"\u12`, 5, "unexpected end of text"},
		{`-`, 1, "unexpected end of text"},
		{`1.`, 2, "unexpected end of text"},
		{`1e`, 2, "unexpected end of text"},
		{`1e+`, 3, "unexpected end of text"},
		{`tru`, 3, "unexpected end of text"},
		// Something else stands where it should go on.
		{"\ufeff{}", 0, "a byte order mark instead of a value"},
		{`,`, 0, "',' instead of a value"},
		{`]`, 0, "']' instead of a value"},
		{`[}`, 1, "'}' instead of a value"},
		{`NaN`, 0, "'N' instead of a value"},
		{`'a'`, 0, `'\'' instead of a value`},
		{"\x00", 0, `'\x00' instead of a value`},
		{`é`, 0, "'é' instead of a value"},
		{"\xff", 0, "invalid UTF-8"},
		{`truE`, 3, "'E' instead of true"},
		{`nil`, 1, "'i' instead of null"},
		{`{a:1}`, 1, "'a' instead of a key in double quotes"},
		{`{1:1}`, 1, "'1' instead of a key in double quotes"},
		{`{,}`, 1, "',' instead of a key in double quotes"},
		{`{"a" 1}`, 5, "'1' instead of ':'"},
		{`{"a":,}`, 5, "',' instead of a value"},
		{`{"a":1 "b":2}`, 7, `'"' instead of ',' or '}'`},
		{`{"a":1]`, 6, "']' instead of ',' or '}'"},
		{`[1 2]`, 3, "'2' instead of ',' or ']'"},
		{`[1}`, 2, "'}' instead of ',' or ']'"},
		{`{"a":1,}`, 7, "nothing after a comma"},
		{`[1, ]`, 4, "nothing after a comma"},
		{`[1,,2]`, 3, "',' instead of a value"},
		{`1 2`, 2, "text after the value"},
		{`truex`, 4, "text after the value"},
		{`{}}`, 2, "text after the value"},
		{"{}\x00", 2, "text after the value"},
		// Numbers.
		{`01`, 0, "a number with a leading zero"},
		{`[-00]`, 2, "a number with a leading zero"},
		{`+1`, 0, "'+' instead of a value"},
		{`.5`, 0, "'.' instead of a value"},
		{`1.e5`, 2, "'e' instead of a digit"},
		{`-a`, 1, "'a' instead of a digit"},
		{`1e5.0`, 3, "text after the value"},
		{`0x10`, 1, "text after the value"},
		// Strings.
		{"\"a\nb\"", 2, "raw control character 0x0a in a string"},
		{"{\"\x01\":1}", 2, "raw control character 0x01 in a string"},
		{"\"0123456789abcde\x1f\"", 16, "raw control character 0x1f in a string"},
		{`"\x41"`, 2, `'x' instead of one of "\/bfnrtu after a backslash`},
		{`"\u12g4"`, 5, `'g' instead of a hex digit after \u`},
		{`"a\ud800"`, 2, `lone surrogate \ud800`},
		{`"\uDFFF"`, 1, `lone surrogate \udfff`},
		{`"\ud800\ud800\udc00"`, 1, `lone surrogate \ud800`},
		{`"\ud800\n"`, 1, `lone surrogate \ud800`},
		{`"\ud800 \udc00"`, 1, `lone surrogate \ud800`},
		{`"\ud800xudc00"`, 1, `lone surrogate \ud800`},
		{`{"\udc00":1}`, 2, `lone surrogate \udc00`},
		{"\"ok \xc3\"", 4, "invalid UTF-8"},
		{"\"\xc0\x80\"", 1, "invalid UTF-8"},                 // overlong U+0000
		{"\"\xed\xa0\x80\"", 1, "invalid UTF-8"},             // a surrogate
		{"\"\xf4\x90\x80\x80\"", 1, "invalid UTF-8"},         // beyond U+10FFFF
		{"\"\xe4\xb8\xad\xe4\xb8\"", 4, "invalid UTF-8"},     // cut short
		{"{\"k\": \"v\", \"\x80\": 1}", 12, "invalid UTF-8"}, // in a key
		{"{\"a\": [\"\xf0\x9f\x98\x80\x80\"]}", 12, "invalid UTF-8"},
		// Keys that occur twice.
		{`{"a":1,"a":1}`, 7, `duplicate key "a"`},
		{`{"a":1,"\u0061":2}`, 7, `duplicate key "a"`},
		{`{"\n":1,"\u000a":2}`, 8, `duplicate key "\n"`},
		{`{"":1,"":2}`, 6, `duplicate key ""`},
		{`[{"a":[{"b":1,"c":[],"b":2}]}]`, 21, `duplicate key "b"`},
		{`{"a":{"b":1},"c":{"b":1},"a":0}`, 25, `duplicate key "a"`},
		{`{"` + strings.Repeat("€", 50) + `":1,"` + strings.Repeat("€", 50) + `":1}`, 156,
			`duplicate key "` + strings.Repeat("€", 21) + `"...`},
		// Nesting.
		{strings.Repeat("[", 5_000_000), jsontext.MaxDepth, "nested deeper than 10000"},
		{strings.Repeat(`{"a":`, jsontext.MaxDepth+1), 5 * jsontext.MaxDepth, "nested deeper than 10000"},
	} {
		err := jsontext.Check([]byte(c.src))
		var e *jsontext.Error
		if assert.ErrorAs(t, err, &e, "%.80q", c.src) {
			assert.Equal(t, jsontext.Error{Offset: c.offset, Reason: c.reason}, *e, "%.80q", c.src)
		}
	}
}

func TestErrorIsASentence(t *testing.T) {
	assert.EqualError(t, jsontext.Check([]byte(`{"a":1,"a":2}`)), `byte 7: duplicate key "a"`)
}

// Small objects compare their keys in pairs, large ones by hash; the two must not be told apart.
func TestDuplicateAtEveryPlace(t *testing.T) {
	for _, n := range []int{2, 15, 16, 17, 18, 40, 200} {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf(`"key\t%d":[{"key\t%d":%d}]`, i, i, i)
		}
		require.NoError(t, jsontext.Check([]byte("{"+strings.Join(keys, ",")+"}")))
		for i := range n {
			for _, j := range []int{(i + 1) % n, n - 1 - i} {
				if i == j {
					continue
				}
				twice := append([]string(nil), keys...)
				twice[i] = twice[j]
				src := "{" + strings.Join(twice, ",") + "}"
				err := jsontext.Check([]byte(src))
				want := len("{"+strings.Join(twice[:max(i, j)], ",")) + 1
				require.Equal(t, &jsontext.Error{
					Offset: want, Reason: fmt.Sprintf(`duplicate key "key\t%d"`, j),
				}, err, src)
			}
		}
	}
}

// An object of half a million keys takes a moment, not the hours of comparing them pair by pair.
func TestManyKeys(t *testing.T) {
	var src strings.Builder
	for i := range 500_000 {
		fmt.Fprintf(&src, `,"%d":0`, i)
	}
	object := "{" + src.String()[1:]
	require.NoError(t, jsontext.Check([]byte(object+"}")))
	assert.EqualError(t, jsontext.Check([]byte(object+`,"7":0}`)),
		fmt.Sprintf(`byte %d: duplicate key "7"`, len(object)+1))
}

// The same large object on each of many levels: the objects share a table but not their keys.
func TestManyKeysOnManyLevels(t *testing.T) {
	var head strings.Builder
	for i := range 20 {
		fmt.Fprintf(&head, `"%d":0,`, i)
	}
	const levels = 2000
	src := strings.Repeat("{"+head.String()+`"x":`, levels) + "0" + strings.Repeat("}", levels)
	require.NoError(t, jsontext.Check([]byte(src)))
	last := len(src) - levels
	assert.EqualError(t, jsontext.Check([]byte(src[:last]+`,"19":0`+src[last:])),
		fmt.Sprintf(`byte %d: duplicate key "19"`, last+1))
	assert.EqualError(t, jsontext.Check([]byte(src[:len(src)-1]+`,"x":0}`)),
		fmt.Sprintf(`byte %d: duplicate key "x"`, len(src)))
}

// readable writes fields one a line.
func readable(fields []jsontext.Field) []string {
	var out []string
	for _, f := range fields {
		out = append(out, fmt.Sprintf("%s = %s (%v)", f.Key, f.Value, f.Kind))
	}
	return out
}

func TestObject(t *testing.T) {
	for _, c := range []struct {
		src  string
		want []string
	}{
		{`{}`, nil},
		{" { } ", nil},
		{`{"a":1}`, []string{`a = 1 (a number)`}},
		{
			" { \"s\" : \"x\\ny\" ,\t\"n\":-1.50E+2,\r\n\"t\": true , \"f\":false,\"z\" :null} ",
			[]string{`s = "x\ny" (a string)`, `n = -1.50E+2 (a number)`, `t = true (a boolean)`,
				`f = false (a boolean)`, `z = null (null)`},
		},
		{
			`{"o": {"o": {"p": 1}, "q": [{"r": 2}]}, "a": [ 1, {"b": 2} ], "e": [], "m": { }}`,
			[]string{`o = {"o": {"p": 1}, "q": [{"r": 2}]} (an object)`, `a = [ 1, {"b": 2} ] (an array)`,
				`e = [] (an array)`, `m = { } (an object)`},
		},
		{`{"\u00e9\n":1,"é":"]}","":0}`, []string{"é\n = 1 (a number)", `é = "]}" (a string)`, ` = 0 (a number)`}},
	} {
		fields, err := jsontext.Object([]byte(c.src), nil)
		require.NoError(t, err, c.src)
		assert.Equal(t, c.want, readable(fields), c.src)
		assert.Equal(t, c.want, readable(jsontext.Members([]byte(c.src), nil)), c.src)
	}
}

func TestObjectRefusesOtherValues(t *testing.T) {
	for src, reason := range map[string]string{
		`null`: "not an object but null", `true`: "not an object but a boolean", `-1`: "not an object but a number",
		`"{}"`: "not an object but a string", `[{"a":1}]`: "not an object but an array",
		`[{"a":1]`: "']' instead of ',' or '}'", `oops`: "'o' instead of a value",
	} {
		_, err := jsontext.Object([]byte(src), nil)
		var e *jsontext.Error
		if assert.True(t, errors.As(err, &e), src) {
			assert.Equal(t, reason, e.Reason, src)
		}
	}
	_, err := jsontext.Object([]byte("\n 7"), nil)
	assert.EqualError(t, err, "byte 2: not an object but a number")
}

func TestObjectAppends(t *testing.T) {
	had, err := jsontext.Object([]byte(`{"a":1}`), nil)
	require.NoError(t, err)
	both, err := jsontext.Object([]byte(`{"a":2,"b":3}`), had)
	require.NoError(t, err)
	assert.Equal(t, []string{"a = 1 (a number)", "a = 2 (a number)", "b = 3 (a number)"}, readable(both))

	kept, err := jsontext.Object([]byte(`{"c":4,"d":}`), both)
	require.Error(t, err)
	assert.Equal(t, both, kept)
}

// What is returned must not change when the scanner reads the next text, nor let an append spill over.
func TestFieldsAreTheCallersOwn(t *testing.T) {
	src := []byte(`{"\u0061b":"x","c":1}`)
	fields, err := jsontext.Object(src, nil)
	require.NoError(t, err)
	for range 10 {
		_, err = jsontext.Object([]byte(`{"\u007a\u007a\u007a":{"\u0079":0}}`), nil)
		require.NoError(t, err)
	}
	for _, f := range fields {
		_ = append(f.Key, "!!!"...)
		_ = append(f.Value, "!!!"...)
	}
	assert.Equal(t, []string{`ab = "x" (a string)`, `c = 1 (a number)`}, readable(fields))
	assert.Equal(t, `{"\u0061b":"x","c":1}`, string(src))
}

func TestKindOf(t *testing.T) {
	for raw, want := range map[string]jsontext.Kind{
		"null": jsontext.Null, "true": jsontext.Bool, "false": jsontext.Bool, "0": jsontext.Number,
		"9e9": jsontext.Number, "-1": jsontext.Number, `""`: jsontext.String, "[]": jsontext.Array,
		"{}": jsontext.KindObject, "": jsontext.Null, "?": jsontext.Null,
	} {
		assert.Equal(t, want, jsontext.KindOf([]byte(raw)), raw)
	}
	assert.Equal(t, "Kind(9)", jsontext.Kind(9).String())
}
