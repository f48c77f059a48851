package query

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
)

// selections generates SELECTs about the fields of naiveRecords: lists of rows, which
// read them; groups counted by bitmaps; and groups and aggregates that take a hash table.
func selections(kept map[string][]int) *rapid.Generator[naiveSelect] {
	return rapid.Custom(func(t *rapid.T) naiveSelect {
		s := naiveSelect{limit: -1}
		odds := func(label string, of int) bool { return rapid.IntRange(1, of).Draw(t, label) == of }
		s.from, s.in = drawnFrom(t, kept)
		if odds("where", 2) {
			s.where = conditions(2).Draw(t, "where")
		}
		terms := naiveTerms()
		countRows := naiveAggregate("count", naiveTerm{words: "*"})
		metadata := terms[:5]
		term := func(among []naiveTerm) naiveTerm { return rapid.SampledFrom(among).Draw(t, "term") }
		keys := func(among []naiveTerm, least int) {
			s.grouped = true
			for range rapid.IntRange(least, 2).Draw(t, "keys") {
				k := term(among)
				s.groupBy = append(s.groupBy, k)
				s.items = append(s.items, naiveItem{words: k.words, of: k.of})
			}
		}
		switch form := rapid.SampledFrom([]string{"rows", "bitmaps", "hash"}).Draw(t, "form"); form {
		case "rows":
			for range rapid.IntRange(1, 4).Draw(t, "columns") {
				x := term(terms)
				s.items = append(s.items, naiveItem{words: x.words, of: x.of})
			}
		case "bitmaps":
			keys(metadata, 0)
			s.items = append(s.items, countRows)
		case "hash":
			keys(terms, 0)
			numeric := slices.DeleteFunc(slices.Clone(terms), func(x naiveTerm) bool {
				return !slices.Contains([]string{"_severity", "_id", "level", "_n", "length(output)"}, x.words)
			})
			for range rapid.IntRange(1, 3).Draw(t, "aggregates") {
				fn := rapid.SampledFrom([]string{"count", "count", "min", "max", "sum", "avg", "quantile"}).Draw(t, "function")
				among := terms
				if fn == "sum" || fn == "avg" || fn == "quantile" {
					among = numeric
				}
				s.items = append(s.items, naiveAggregate(fn, term(among)))
			}
		}
		if s.grouped && odds("having", 3) {
			of := countRows
			if odds("of a sum", 2) {
				of = naiveAggregate("sum", terms[4])
			}
			op := rapid.SampledFrom([]string{"=", "!=", "<", ">="}).Draw(t, "operator")
			s.having = &naiveHaving{of, op, rapid.Int64Range(0, 6).Draw(t, "with"), odds("not", 3)}
		}
		for range rapid.IntRange(0, 2).Draw(t, "order") {
			s.order = append(s.order, naiveOrder{rapid.IntRange(0, len(s.items)-1).Draw(t, "by"), odds("desc", 2)})
		}
		if odds("limit", 3) {
			s.limit = rapid.IntRange(0, 12).Draw(t, "limit")
		}
		return s
	})
}

// pathOf is how a SELECT is answered.
func pathOf(t require.TestingT, d *db.DB, src string) string {
	q, err := Prepare(d, src, Options{})
	require.NoError(t, err, src)
	byBitmaps, err := q.selection.ByBitmaps()
	require.NoError(t, err, src)
	switch {
	case !q.selection.Grouped:
		return "rows"
	case byBitmaps:
		return "bitmaps"
	}
	return "hash"
}
