package jsontext_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/jsontext"
)

// The seeds stand in testdata/fuzz, one file each.

// FuzzCheck holds the sentence of the package comment: accepted is what encoding/json finds valid, if it
// is UTF-8, has no lone surrogate and repeats no key.
func FuzzCheck(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		var e *jsontext.Error
		if err := jsontext.Check(src); err != nil {
			require.ErrorAs(t, err, &e)
			require.GreaterOrEqual(t, e.Offset, 0)
			require.LessOrEqual(t, e.Offset, len(src))
			require.NotEmpty(t, e.Reason)
		}
		if !json.Valid(src) {
			require.NotNil(t, e, "accepted, and is not JSON")
			return
		}
		var why []string
		if !utf8.Valid(src) {
			why = append(why, "invalid UTF-8")
		}
		if hasLoneSurrogate(src) {
			why = append(why, "lone surrogate")
		}
		if why == nil && repeatsKey(t, src) { // else encoding/json mends the text, and so perhaps the keys
			why = append(why, "duplicate key")
		}
		if why == nil {
			require.Nil(t, e, "refused for no reason")
			return
		}
		require.NotNil(t, e, "accepted in spite of %v", why)
		require.True(t, strings.HasPrefix(e.Reason, "duplicate key") || slices.ContainsFunc(why, func(w string) bool {
			return strings.HasPrefix(e.Reason, w)
		}), "refused for %q, not for %v", e.Reason, why)
	})
}

// hasLoneSurrogate looks at the escapes of a valid text, where backslashes occur in strings only.
func hasLoneSurrogate(src []byte) bool {
	unit := func(i int) rune { // that is escaped at src[i:], or -1
		if i+6 > len(src) || src[i] != '\\' || src[i+1] != 'u' {
			return -1
		}
		u, err := strconv.ParseUint(string(src[i+2:i+6]), 16, 16)
		if err != nil {
			return -1
		}
		return rune(u)
	}
	for i := 0; i < len(src); i++ {
		if src[i] != '\\' {
			continue
		}
		u := unit(i)
		switch {
		case u < 0:
			i++
		case !utf16.IsSurrogate(u):
			i += 5
		case utf16.DecodeRune(u, unit(i+6)) == utf8.RuneError:
			return true
		default:
			i += 11
		}
	}
	return false
}

// repeatsKey walks a valid text by the tokens of encoding/json.
func repeatsKey(t *testing.T, src []byte) bool {
	type level struct {
		seen    map[string]bool // nil for an array
		keyNext bool
	}
	var open []level
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			require.Empty(t, open)
			return false
		}
		if token == json.Delim('}') || token == json.Delim(']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].seen != nil {
			in := &open[n-1]
			in.keyNext = !in.keyNext
			if !in.keyNext { // it was: this is one
				key := token.(string)
				if in.seen[key] {
					return true
				}
				in.seen[key] = true
				continue
			}
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{seen: map[string]bool{}, keyNext: true})
		case json.Delim('['):
			open = append(open, level{})
		}
	}
}

// FuzzObject compares each member, down to the last one, with what encoding/json reads.
func FuzzObject(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		fields, err := jsontext.Object(src, nil)
		checked := jsontext.Check(src)
		trimmed := bytes.TrimLeft(src, " \t\r\n")
		require.Equal(t, checked == nil && bytes.HasPrefix(trimmed, []byte("{")), err == nil)
		if err != nil {
			require.Empty(t, fields)
			if checked != nil {
				require.Equal(t, checked, err)
			}
			return
		}
		requireMembers(t, src, fields)
	})
}

func requireMembers(t *testing.T, src []byte, fields []jsontext.Field) {
	require.Equal(t, readable(fields), readable(jsontext.Members(src, nil)))
	d := json.NewDecoder(bytes.NewReader(src))
	_, err := d.Token()
	require.NoError(t, err)
	for _, f := range fields {
		key, err := d.Token()
		require.NoError(t, err)
		require.Equal(t, key, string(f.Key))
		var raw json.RawMessage
		require.NoError(t, d.Decode(&raw))
		require.Equal(t, string(raw), string(f.Value))
		require.Equal(t, jsontext.KindOf(f.Value), f.Kind)
		requireValue(t, f.Value)
	}
	require.False(t, d.More())
}

func requireValue(t *testing.T, raw []byte) {
	switch jsontext.KindOf(raw) {
	case jsontext.String:
		var want string
		require.NoError(t, json.Unmarshal(raw, &want))
		require.Equal(t, want, string(jsontext.AppendUnquoted(nil, raw)))
	case jsontext.Number:
		require.True(t, jsontext.IsNumber(raw))
	case jsontext.Bool, jsontext.Null:
		require.Contains(t, []string{"true", "false", "null"}, string(raw))
	case jsontext.Array:
		var want []json.RawMessage
		require.NoError(t, json.Unmarshal(raw, &want))
		elements := jsontext.Elements(raw, nil)
		require.Len(t, elements, len(want))
		for i, e := range elements {
			require.Equal(t, string(want[i]), string(e))
			requireValue(t, e)
		}
	case jsontext.KindObject:
		fields, err := jsontext.Object(raw, nil)
		require.NoError(t, err)
		requireMembers(t, raw, fields)
	}
}

// FuzzCanonical writes what encoding/json reads in canonical form by other means.
func FuzzCanonical(f *testing.F) {
	f.Fuzz(func(t *testing.T, src []byte) {
		if jsontext.Check(src) != nil {
			return
		}
		got := jsontext.AppendCanonical(nil, src)
		require.NoError(t, jsontext.Check(got))
		require.Equal(t, string(got), string(jsontext.AppendCanonical(nil, got)))

		d := json.NewDecoder(bytes.NewReader(src))
		d.UseNumber()
		var v any
		require.NoError(t, d.Decode(&v))
		require.Equal(t, referenceCanonical(t, v), string(got))
	})
}

func referenceCanonical(t *testing.T, v any) string {
	quote := func(s string) string {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		require.NoError(t, e.Encode(s))
		// encoding/json escapes these two for the sake of JavaScript, RFC 8785 does not.
		quoted := strings.TrimSuffix(b.String(), "\n")
		return unescapeSeparators.Replace(quoted)
	}
	switch v := v.(type) {
	case string:
		return quote(v)
	case json.Number:
		if value, ok := smallExponent(string(v)); ok {
			requireCanonicalNumber(t, value)
		}
		return canonicalNumber(string(v))
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, referenceCanonical(t, e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var keys []string
		for k := range v {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		})
		var parts []string
		for _, k := range keys {
			parts = append(parts, quote(k)+":"+referenceCanonical(t, v[k]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case nil:
		return "null"
	default:
		return strconv.FormatBool(v.(bool))
	}
}

var unescapeSeparators = strings.NewReplacer(`\\`, `\\`, `\u2028`, "\u2028", `\u2029`, "\u2029")

// smallExponent reports whether the exact fraction of a number is of a size to work with.
func smallExponent(raw string) (string, bool) {
	at := strings.IndexAny(raw, "eE")
	if at < 0 {
		return raw, true
	}
	exp, err := strconv.Atoi(raw[at+1:])
	return raw, err == nil && -2000 < exp && exp < 2000
}

// FuzzNumber takes two numbers apart.
func FuzzNumber(f *testing.F) {
	f.Fuzz(func(t *testing.T, a, b string) {
		isNumber := func(s string) bool {
			return json.Valid([]byte(s)) && strings.Trim(s, "-0123456789.eE+") == ""
		}
		require.Equal(t, isNumber(a), jsontext.IsNumber([]byte(a)))
		if !isNumber(a) || !isNumber(b) {
			return
		}
		order := jsontext.CompareNumbers([]byte(a), []byte(b))
		require.Equal(t, -order, jsontext.CompareNumbers([]byte(b), []byte(a)))
		require.Equal(t, order == 0, canonicalNumber(a) == canonicalNumber(b))
		require.Zero(t, jsontext.CompareNumbers([]byte(a), []byte(canonicalNumber(a))))
		require.Equal(t, canonicalNumber(a), canonicalNumber(canonicalNumber(a)))
		_, smallA := smallExponent(a)
		_, smallB := smallExponent(b)
		if smallA {
			requireCanonicalNumber(t, a)
		}
		if smallA && smallB {
			require.Equal(t, rat(t, a).Cmp(rat(t, b)), order)
		}
	})
}

// FuzzQuoted takes any bytes as text to be quoted.
func FuzzQuoted(f *testing.F) {
	f.Fuzz(func(t *testing.T, s []byte) {
		quoted := jsontext.AppendQuoted(nil, s)
		require.NoError(t, jsontext.Check(quoted))
		require.Equal(t, string([]rune(string(s))), string(jsontext.AppendUnquoted(nil, quoted)))
	})
}

// FuzzReaders gives text that nobody has accepted to the functions that do not check it.
func FuzzReaders(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		before := bytes.Clone(raw)
		readAnything(t, raw)
		assert.Equal(t, before, raw)
	})
}
