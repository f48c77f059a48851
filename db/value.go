package db

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"

	"smelt/compute/jsontext"
)

// Kind is the type of a metadata value. The order of the constants is the
// order in which values of different kinds sort.
type Kind uint8

// The kinds of a metadata value. JSON null and an absent field are both the
// SQL NULL, which is no value and has no kind.
const (
	KindBool Kind = 1 + iota
	KindNumber
	KindText
	KindJSON // an object or array, as canonical JSON (RFC 8785)
)

func (k Kind) String() string {
	switch k {
	case KindBool:
		return "boolean"
	case KindNumber:
		return "number"
	case KindText:
		return "text"
	case KindJSON:
		return "JSON"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Value is one non-NULL metadata value. Text is "true" or "false", a number's
// canonical text (equal numbers have equal text), the decoded text, or
// canonical JSON. Values are comparable with ==.
type Value struct {
	Kind Kind
	Text string
}

// TextValue is the text value s.
func TextValue(s string) Value { return Value{KindText, s} }

// JSON is v as JSON.
func (v Value) JSON() string {
	if v.Kind == KindText {
		return string(jsontext.AppendQuoted(nil, v.Text))
	}
	return v.Text
}

// Compare orders values: by kind, then numbers as numbers, the rest by bytes.
func (v Value) Compare(w Value) int {
	if c := cmp.Compare(v.Kind, w.Kind); c != 0 {
		return c
	}
	if v.Kind == KindNumber {
		return jsontext.CompareNumbers([]byte(v.Text), []byte(w.Text))
	}
	return strings.Compare(v.Text, w.Text)
}

// AppendValue appends the Text of the Value that the JSON value raw denotes
// and returns its kind. ok is false for null, which is NULL. raw must be valid
// JSON.
func AppendValue(dst, raw []byte) (text []byte, kind Kind, ok bool) {
	switch jsontext.KindOf(raw) {
	case jsontext.Null:
		return dst, 0, false
	case jsontext.Bool:
		return append(dst, bytes.TrimSpace(raw)...), KindBool, true
	case jsontext.Number:
		return jsontext.AppendCanonicalNumber(dst, raw), KindNumber, true
	case jsontext.String:
		return jsontext.AppendUnquoted(dst, raw), KindText, true
	default:
		return jsontext.AppendCanonical(dst, raw), KindJSON, true
	}
}
