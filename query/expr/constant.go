package expr

import (
	"fmt"
	"strings"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/query/ast"
)

// Constant turns a constant of the language into a value; NULL is the zero
// Value.
func Constant(v ast.Value) (db.Value, error) {
	switch v.Kind {
	case ast.TextValue:
		return db.TextValue(v.Text), nil
	case ast.BoolValue:
		return db.Value{Kind: db.KindBool, Text: v.Text}, nil
	case ast.NumberValue:
		canonical, err := canonicalNumber(v.Text)
		return db.Value{Kind: db.KindNumber, Text: canonical}, err
	}
	return db.Value{}, nil
}

// canonicalNumber gives a number the text that equal numbers share. The
// language also writes .5, 5. and 007, which JSON does not.
func canonicalNumber(text string) (string, error) {
	sign, digits := "", text
	if strings.HasPrefix(text, "-") {
		sign, digits = "-", text[1:]
	}
	whole, exponent := digits, ""
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		whole, exponent = digits[:i], digits[i:]
	}
	whole, fraction, _ := strings.Cut(whole, ".")
	if whole = strings.TrimLeft(whole, "0"); whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	raw := []byte(sign + whole + exponent)
	if !jsontext.IsNumber(raw) {
		return "", fmt.Errorf("%s is not a number", text)
	}
	return string(jsontext.AppendCanonicalNumber(nil, raw)), nil
}
