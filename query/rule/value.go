package rule

import (
	"cmp"
	"math/big"
	"strconv"
	"strings"

	"smelt/db/row"
)

// kind is what a value is, and what an operand gives. NULL is of every kind.
type kind uint8

const (
	null kind = iota
	boolKind
	numberKind
	textKind
)

func (k kind) String() string {
	return [...]string{"NULL", "a condition", "a number", "text"}[k]
}

// value is what an operand gives for one row; the zero value is NULL.
type value struct {
	kind  kind
	truth bool
	text  string
	n     int64
	exact *big.Rat // a number that is not an int64; nil where n is the number
}

// eval computes an operand for one row.
type eval func(*row.Content) value

func boolean(b bool) value     { return value{kind: boolKind, truth: b} }
func textValue(s string) value { return value{kind: textKind, text: s} }

func constant(v value) eval { return func(*row.Content) value { return v } }

// maxExponent bounds the exponent of a number constant, which is kept exactly.
const maxExponent = 9999

// numberValue reads a number constant; ok is false if it is too large or too
// small to be kept exactly.
func numberValue(text string) (v value, ok bool) {
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(text[i+1:])
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return value{}, false
		}
	}
	exact, ok := new(big.Rat).SetString(text)
	switch {
	case !ok:
		return value{}, false
	case exact.IsInt() && exact.Num().IsInt64():
		return value{kind: numberKind, n: exact.Num().Int64()}, true
	}
	return value{kind: numberKind, exact: exact}, true
}

func (v value) rat() *big.Rat {
	if v.exact != nil {
		return v.exact
	}
	return new(big.Rat).SetInt64(v.n)
}

// compare orders two values of the same kind, neither of them NULL.
func (v value) compare(w value) int {
	switch {
	case v.kind == textKind:
		return strings.Compare(v.text, w.text)
	case v.kind == boolKind && v.truth == w.truth:
		return 0
	case v.kind == boolKind:
		return 1 // unequal; they have no order
	case v.exact == nil && w.exact == nil:
		return cmp.Compare(v.n, w.n)
	}
	return v.rat().Cmp(w.rat())
}

// compared is l op r, with op one of the comparison operators.
func compared(op string, l, r value) value {
	if l.kind == null || r.kind == null {
		return value{}
	}
	switch c := l.compare(r); op {
	case "=":
		return boolean(c == 0)
	case "!=":
		return boolean(c != 0)
	case "<":
		return boolean(c < 0)
	case "<=":
		return boolean(c <= 0)
	case ">":
		return boolean(c > 0)
	default:
		return boolean(c >= 0)
	}
}

func not(v value) value {
	if v.kind == boolKind {
		v.truth = !v.truth
	}
	return v
}

// joined is l AND r, or l OR r where the truth that decides alone is true.
func joined(decides bool, l value, r func() value) value {
	if l == boolean(decides) {
		return l
	}
	if right := r(); right == boolean(decides) || l.kind != null {
		return right
	}
	return value{}
}
