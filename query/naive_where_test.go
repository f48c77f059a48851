package query

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// truth is one of SQL's three.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// naiveExpr is a condition: its text, and its truth for a row.
type naiveExpr interface {
	text() string
	holds(r naiveRow) truth
}

type naiveTest struct {
	words string
	fn    func(r naiveRow) truth
}

func (n naiveTest) text() string           { return n.words }
func (n naiveTest) holds(r naiveRow) truth { return n.fn(r) }

// naiveCompare is v op w. Values of two kinds are unequal and have no order.
func naiveCompare(v any, op string, w any) truth {
	if v == nil || w == nil {
		return unknown
	}
	if kindOf(v) != kindOf(w) {
		switch op {
		case "=":
			return no
		case "!=":
			return yes
		}
		return unknown
	}
	c := 0
	switch v := v.(type) {
	case string:
		c = strings.Compare(v, w.(string))
	case *big.Rat:
		c = v.Cmp(w.(*big.Rat))
	case bool:
		c = strings.Compare(strconv.FormatBool(v), strconv.FormatBool(w.(bool)))
	}
	return truthOf(map[string]bool{"=": c == 0, "!=": c != 0, "<": c < 0, "<=": c <= 0, ">": c > 0, ">=": c >= 0}[op])
}

func kindOf(v any) string { return fmt.Sprintf("%T", v) }

// naiveLike matches by trying everything.
func naiveLike(pattern, text []rune) bool {
	if len(pattern) == 0 {
		return len(text) == 0
	}
	if pattern[0] == '%' {
		return naiveLike(pattern[1:], text) || len(text) > 0 && naiveLike(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && naiveLike(pattern[1:], text[1:])
}
