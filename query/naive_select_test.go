package query

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"smelt/db"
)

// SELECT by the definition: maps, exact rationals, and sorts of everything.

// naiveTerm is an expression: its words, and its value for a row.
type naiveTerm struct {
	words string
	of    func(r naiveRow) any
}

// naiveItem is an expression of the list, over rows or, with aggregate, over
// the rows of a group.
type naiveItem struct {
	words     string
	of        func(r naiveRow) any      // of a key: any row of the group
	aggregate func(rows []naiveRow) any // nil: none
}

// over is the item's value for the rows of a line.
func (x naiveItem) over(rows []naiveRow) any {
	if x.aggregate != nil {
		return x.aggregate(rows)
	}
	return x.of(rows[0])
}

// naiveSelect is a SELECT in a form that needs no parser; String is its text.
type naiveSelect struct {
	items   []naiveItem
	from    string
	in      func(row int) bool
	where   naiveExpr // nil: none
	grouped bool
	groupBy []naiveTerm // none: all rows are one group
	having  *naiveHaving
	order   []naiveOrder
	limit   int // -1: none
}

// naiveHaving is a comparison of an aggregate.
type naiveHaving struct {
	of    naiveItem
	op    string
	with  int64
	isNot bool
}

// naiveOrder sorts by an item of the list, by its number.
type naiveOrder struct {
	item int
	desc bool
}

func (s naiveSelect) String() string {
	var list []string
	for i, x := range s.items {
		list = append(list, fmt.Sprintf("%s AS c%d", x.words, i))
	}
	out := "SELECT " + strings.Join(list, ", ") + " FROM " + s.from
	if s.where != nil {
		out += " WHERE " + s.where.text()
	}
	var keys []string
	for _, k := range s.groupBy {
		keys = append(keys, k.words)
	}
	if len(keys) > 0 {
		out += " GROUP BY " + strings.Join(keys, ", ")
	}
	if h := s.having; h != nil {
		out += " HAVING " + map[bool]string{true: "NOT "}[h.isNot] + fmt.Sprintf("(%s %s %d)", h.of.words, h.op, h.with)
	}
	var order []string
	for _, o := range s.order {
		order = append(order, fmt.Sprintf("c%d%s", o.item, map[bool]string{true: " DESC"}[o.desc]))
	}
	if len(order) > 0 {
		out += " ORDER BY " + strings.Join(order, ", ")
	}
	if s.limit >= 0 {
		out += fmt.Sprint(" LIMIT ", s.limit)
	}
	return out
}

// evaluate gives the lines of the result.
func (s naiveSelect) evaluate(rows []naiveRow) (lines [][]any) {
	var groups [][]naiveRow
	byKey := map[string]int{}
	for i, r := range rows {
		if r.deleted || !s.in(i) || s.where != nil && s.where.holds(r) != yes {
			continue
		}
		key := fmt.Sprint(i)
		if s.grouped {
			key = ""
			for _, k := range s.groupBy {
				key += naiveText(k.of(r)) + "\x00"
			}
		}
		at, known := byKey[key]
		if !known {
			at = len(groups)
			byKey[key], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], r)
	}
	if s.grouped && len(s.groupBy) == 0 && len(groups) == 0 {
		groups = [][]naiveRow{nil}
	}
	if s.having != nil {
		groups = slices.DeleteFunc(groups, func(g []naiveRow) bool { return s.having.holds(g) != yes })
	}
	slices.SortStableFunc(groups, func(x, y []naiveRow) int {
		for _, o := range s.order {
			v, w := s.items[o.item].over(x), s.items[o.item].over(y)
			c := naiveOrderOf(v, w)
			if o.desc && v != nil && w != nil {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		for _, k := range s.groupBy {
			if c := naiveOrderOf(k.of(x[0]), k.of(y[0])); c != 0 {
				return c
			}
		}
		return 0 // rows stay in the order of the store
	})
	for _, g := range groups {
		if s.limit >= 0 && len(lines) == s.limit {
			break
		}
		var line []any
		for _, x := range s.items {
			line = append(line, x.over(g))
		}
		lines = append(lines, line)
	}
	return lines
}

func (h naiveHaving) holds(group []naiveRow) truth {
	v := naiveCompare(h.of.over(group), h.op, big.NewRat(h.with, 1))
	if h.isNot {
		return yes - v
	}
	return v
}

// naiveText tells values of every kind apart, and equal ones not.
func naiveText(v any) string {
	if n, isNumber := v.(*big.Rat); isNumber {
		return "number " + n.RatString()
	}
	return fmt.Sprintf("%T %v", v, v)
}

// naiveOrderOf orders values: booleans, numbers, texts, NULL.
func naiveOrderOf(v, w any) int {
	exact := func(v any) any {
		if f, isFloat := v.(float64); isFloat {
			return new(big.Rat).SetFloat64(f)
		}
		return v
	}
	v, w = exact(v), exact(w)
	kind := func(v any) int {
		switch v.(type) {
		case bool:
			return 0
		case *big.Rat:
			return 1
		case string:
			return 2
		}
		return 3
	}
	if c := cmp.Compare(kind(v), kind(w)); c != 0 || v == nil {
		return c
	}
	switch {
	case naiveCompare(v, "<", w) == yes:
		return -1
	case naiveCompare(v, ">", w) == yes:
		return 1
	}
	return 0
}

// naiveTerms are expressions over rows.
func naiveTerms() []naiveTerm {
	var terms []naiveTerm
	for _, name := range []string{"_bucket", "_severity", "_verified", "_note", "_id", "level", "instruction", "output", "_n"} {
		terms = append(terms, naiveTerm{name, func(r naiveRow) any { return r.fields[name] }})
	}
	length := func(name string) naiveTerm {
		return naiveTerm{"length(" + name + ")", func(r naiveRow) any {
			text, isText := r.fields[name].(string)
			if !isText {
				return nil
			}
			return big.NewRat(int64(utf8.RuneCountInString(text)), 1)
		}}
	}
	return append(terms, length("output"), length("_note"),
		naiveTerm{"meta.k", naiveRow.metaK},
		naiveTerm{"tokens(instruction, 'bytes')", func(r naiveRow) any { return big.NewRat(int64(len(r.fields["instruction"].(string))), 1) }},
		naiveTerm{"contains(output, 'z')", func(r naiveRow) any { return strings.Contains(r.fields["output"].(string), "z") }},
		naiveTerm{"row_hash()", func(r naiveRow) any { return fmt.Sprintf("%x", r.hash) }},
	)
}

// naiveAggregate is fn of a term; the words for count(*) have none.
func naiveAggregate(fn string, x naiveTerm) naiveItem {
	words := fn + "(" + x.words + ")"
	if fn == "quantile" {
		words = "quantile(" + x.words + ", 0.3)"
	}
	return naiveItem{words: words, aggregate: func(rows []naiveRow) any {
		if x.of == nil {
			return big.NewRat(int64(len(rows)), 1)
		}
		var values []any
		var numbers []*big.Rat
		for _, r := range rows {
			v := x.of(r)
			if v != nil {
				values = append(values, v)
			}
			if n, isNumber := v.(*big.Rat); isNumber {
				numbers = append(numbers, n)
			}
		}
		slices.SortFunc(values, naiveOrderOf)
		slices.SortFunc(numbers, (*big.Rat).Cmp)
		switch {
		case fn == "count":
			return big.NewRat(int64(len(values)), 1)
		case fn == "min" && len(values) > 0:
			return values[0]
		case fn == "max" && len(values) > 0:
			return values[len(values)-1]
		case fn == "min", fn == "max", len(numbers) == 0:
			return nil
		case fn == "quantile":
			at := 0.3 * float64(len(numbers)-1)
			low, _ := numbers[int(at)].Float64()
			if share := at - float64(int(at)); share > 0 {
				next, _ := numbers[int(at)+1].Float64()
				low += float64(share * (next - low))
			}
			return low
		}
		sum := new(big.Rat)
		for _, n := range numbers {
			sum.Add(sum, n)
		}
		if fn == "sum" {
			return sum
		}
		mean, _ := sum.Quo(sum, big.NewRat(int64(len(numbers)), 1)).Float64()
		return mean
	}}
}

// requireTable compares a result with the lines it should have.
func requireTable(t require.TestingT, want [][]any, got *Table, src string) {
	require.Len(t, got.Rows, len(want), src)
	for i, line := range want {
		for j, v := range line {
			cell := got.Rows[i][j]
			switch v := v.(type) {
			case nil:
				require.Equal(t, db.Value{}, cell, src)
			case bool:
				require.Equal(t, db.Value{Kind: db.KindBool, Text: fmt.Sprint(v)}, cell, src)
			case string:
				require.Equal(t, db.TextValue(v), cell, src)
			case float64:
				require.Equal(t, db.KindNumber, cell.Kind, src)
				requireFloat(t, v, cell)
			case *big.Rat:
				require.Equal(t, db.KindNumber, cell.Kind, src)
				requireNumber(t, v, cell)
			}
		}
	}
}
