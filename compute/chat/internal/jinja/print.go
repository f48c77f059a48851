package jinja

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(): what {{ v }} prints.
func (r *renderer) str(v Value) (*text, error) {
	switch v := v.(type) {
	case *text:
		return v, nil
	case *undefined:
		if r.t.strict {
			return nil, defined(v)
		}
		return plain(""), nil
	}
	var b builder
	err := r.repr(&b, v, 0)
	return b.text(), err
}

// repr appends Python's repr() of v.
func (r *renderer) repr(b *builder, v Value, depth int) error {
	if depth > maxDepth {
		return errorf("values nest deeper than %d levels", maxDepth)
	}
	if err := r.charge(costNode); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		b.write("None", 0)
	case bool:
		b.write(map[bool]string{true: "True", false: "False"}[v], 0)
	case int64:
		b.write(formatInt(v), 0)
	case bigInt:
		b.write(string(v), 0)
	case float64:
		b.write(formatFloat(v), 0)
	case *text:
		return r.reprText(b, v)
	case *undefined:
		b.write("Undefined", 0)
	case *list:
		return r.reprList(b, v, depth)
	case *dict:
		b.write("{", 0)
		for i := range v.keys {
			if i > 0 {
				b.write(", ", 0)
			}
			if err := r.repr(b, v.keys[i], depth+1); err != nil {
				return err
			}
			b.write(": ", 0)
			if err := r.repr(b, v.values[i], depth+1); err != nil {
				return err
			}
		}
		b.write("}", 0)
	default:
		return errorf("%s cannot be printed", kindOf(v))
	}
	return nil
}

func (r *renderer) reprList(b *builder, v *list, depth int) error {
	brackets := "[]"
	if v.tuple {
		brackets = "()"
	}
	b.write(brackets[:1], 0)
	for i, item := range v.items {
		if i > 0 {
			b.write(", ", 0)
		}
		if err := r.repr(b, item, depth+1); err != nil {
			return err
		}
	}
	if v.tuple && len(v.items) == 1 {
		b.write(",", 0)
	}
	b.write(brackets[1:], 0)
	return nil
}

// reprText appends t as a Python literal: in single quotes unless that would
// take escapes that double quotes save.
func (r *renderer) reprText(b *builder, t *text) error {
	if err := r.charge(len(t.s)); err != nil {
		return err
	}
	quote := "'"
	if strings.Contains(t.s, "'") && !strings.Contains(t.s, `"`) {
		quote = `"`
	}
	b.write(quote, 0)
	t.each(func(s string, flags Flags) {
		var out []byte
		for _, c := range s {
			switch {
			case c == '\\' || string(c) == quote:
				out = append(out, '\\', byte(c))
			case c == '\n':
				out = append(out, `\n`...)
			case c == '\r':
				out = append(out, `\r`...)
			case c == '\t':
				out = append(out, `\t`...)
			case unicode.IsPrint(c):
				out = utf8.AppendRune(out, c)
			case c < 0x100:
				out = appendHex(append(out, `\x`...), c, 2)
			case c < 0x10000:
				out = appendHex(append(out, `\u`...), c, 4)
			default:
				out = appendHex(append(out, `\U`...), c, 8)
			}
		}
		b.write(string(out), flags)
	})
	b.write(quote, 0)
	return nil
}

func appendHex(b []byte, c rune, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		b = append(b, "0123456789abcdef"[c>>(4*i)&15])
	}
	return b
}

// formatFloat is Python's repr of a float: the shortest digits that denote it,
// with an exponent below 1e-4 and from 1e16 on.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
