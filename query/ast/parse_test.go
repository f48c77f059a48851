package ast

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func replaceOnce(t testing.TB, s, old, with string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(s, old))
	return strings.Replace(s, old, with, 1)
}

// parseError parses what must not parse.
func parseError(t testing.TB, src string) *Error {
	t.Helper()
	_, err := Parse(src)
	var e *Error
	require.True(t, errors.As(err, &e), "%.80s: %v", src, err)
	return e
}

func TestParseAll(t *testing.T) {
	src := ";; SHOW BUCKETS; -- one\nSELECT * FROM buckets WHERE a = ';';\n\nSHOW PHASES"
	all, err := ParseAll(src)
	require.NoError(t, err)
	var texts, spans []string
	for _, s := range all {
		texts = append(texts, s.String())
		spans = append(spans, src[s.Pos().Start:s.Pos().End])
	}
	want := []string{"SHOW BUCKETS", "SELECT * FROM buckets WHERE a = ';'", "SHOW PHASES"}
	assert.Equal(t, want, texts)
	assert.Equal(t, want, spans)

	for _, empty := range []string{"", " ; ;", "-- nothing"} {
		all, err := ParseAll(empty)
		assert.NoError(t, err)
		assert.Empty(t, all)
	}

	_, err = ParseAll("SHOW BUCKETS;\nSHOW BUKETS;\nSHOW")
	assert.EqualError(t, err, "expected BUCKETS, PHASES, SAMPLES, SOURCES, FIELDS, INDEXES or TAGS after SHOW, found BUKETS "+
		"(line 2, column 6); did you mean BUCKETS?")
	_, err = ParseAll("CREATE PHASE p (a 1) SHOW PHASES")
	assert.ErrorContains(t, err, "SHOW is not a clause of CREATE PHASE")
}

func TestEmpty(t *testing.T) {
	for _, src := range []string{"", "  \n "} {
		e := parseError(t, src)
		assert.Equal(t, "the statement is empty", e.Message)
		assert.NotPanics(t, func() { _ = e.Detail() })
	}
}

func TestNotText(t *testing.T) {
	e := parseError(t, "SAMPLE 5 FROM buckets WHERE a = '\xff'")
	assert.Equal(t, "the byte 0xFF is not UTF-8 text", e.Message)
	assert.Equal(t, Span{33, 34}, e.Span)
	assert.Equal(t, "line 1, column 34: the byte 0xFF is not UTF-8 text\n"+
		"  SAMPLE 5 FROM buckets WHERE a = '�'\n"+
		"                                   ^\n"+
		"  save the text as UTF-8", e.Detail())

	_, err := Parse("SAMPLE 5 FROM buckets WHERE a = '�\x00'")
	assert.NoError(t, err, "U+FFFD and U+0000 are characters like others")
}

// TestDepth goes up to the limit and beyond it, by each way an expression can nest.
func TestDepth(t *testing.T) {
	ways := []struct{ name, open, core, close string }{
		{"parentheses", "(", "a", ")"},
		{"NOT", "NOT ", "a", ""},
		{"calls", "length(", "a", ")"},
		{"lists", "a IN ((", "a", "))"},
		{"mixed right sides", "(a AND ", "a", ")"},
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			nested := func(n int) string {
				return "SAMPLE 5 FROM buckets WHERE " + strings.Repeat(w.open, n) + w.core + strings.Repeat(w.close, n)
			}
			s := parse(t, nested(maxDepth))
			assert.Equal(t, strip(s), strip(parse(t, s.String())))

			e := parseError(t, nested(maxDepth+1))
			assert.Equal(t, "the expression nests deeper than 200 levels", e.Message)
			assert.Equal(t, "the expression nests deeper than 200 levels", parseError(t, nested(20_000)).Message)
		})
	}
}

func TestConditions(t *testing.T) {
	joined := func(n int) string { return "SAMPLE 5 FROM buckets WHERE a" + strings.Repeat(" OR a", n) }
	s := parse(t, joined(maxConditions))
	assert.Equal(t, joined(maxConditions), s.String())
	e := parseError(t, joined(maxConditions+1))
	assert.Equal(t, "a statement joins at most 10000 conditions", e.Message)

	_, err := ParseAll(joined(maxConditions) + ";" + joined(maxConditions))
	assert.NoError(t, err, "the limit is one of each statement")

	list := "SAMPLE 5 FROM buckets WHERE a IN (" + strings.Repeat("'x', ", 2*maxConditions) + "'x')"
	assert.Equal(t, list, parse(t, list).String(), "lists have no limit")
}

// TestReserved holds the list in the documentation and what the parser does together.
func TestReserved(t *testing.T) {
	documented := strings.Fields("AND AS AT BETWEEN BY DISTINCT DUPLICATES EPOCHS EXCLUDE FALSE FROM GROUP HAVING ILIKE IN INTO IS " +
		"LIKE LIMIT NESTED NOT NULL OFFSET ON OR ORDER OTHERS SEED SHARD TRUE WEIGHTED WHERE")
	for _, word := range documented {
		assert.True(t, reserved(word), word)
		assert.True(t, reserved(strings.ToLower(word)), word)
		assert.Equal(t, `"`+word+`"`, Name{Text: word}.String())
		parseError(t, "SAMPLE 5 FROM "+word)
		parse(t, `SAMPLE 5 FROM "`+word+`" WHERE a.`+word+" = 1")
	}
	free := strings.Fields("SAMPLE SELECT SHOW CREATE EXPLAIN ANALYZE UPDATE ROWS TOKENS ALL PHASE WEIGHT SHORTFALL ERROR SHRINK SCALE " +
		"REDISTRIBUTE REPEAT MAX DISJOINT REDRAW SHUFFLE MIX OF TAG TAGS SET DELETE ALTER DROP DESCRIBE DIFF ASC DESC BUCKET BUCKETS DESCRIPTION RULE SAMPLES INDEX " +
		"length tokens contains matches holdout in_sample row_hash count sum avg min max quantile")
	for _, word := range free {
		parse(t, "SAMPLE 5 FROM s WEIGHTED BY ("+word+" 1) WHERE "+word+" = 1 AND a = "+word+" AS "+word)
		parse(t, "SELECT "+word+" FROM s GROUP BY "+word+" ORDER BY "+word)
		parse(t, "CREATE BUCKET "+word+" RULE "+word+" = "+word)
	}
}

func TestFunctions(t *testing.T) {
	scalar, aggregates := Functions()
	for _, name := range append(scalar, aggregates...) {
		sig, ok := function(name)
		assert.True(t, ok, name)
		assert.LessOrEqual(t, sig.min, sig.max, name)
	}
	for _, name := range scalar {
		assert.False(t, IsAggregate(name), name)
	}
	for _, name := range aggregates {
		assert.True(t, IsAggregate(name), name)
	}
	assert.False(t, IsAggregate("median"))
}

// TestStatements holds the list of first words and what the parser does together.
func TestStatements(t *testing.T) {
	for _, word := range statements() {
		if s, err := Parse(word); err != nil {
			assert.NotContains(t, err.Error(), "does not start a statement")
		} else {
			assert.Equal(t, word, s.String())
		}
	}
	assert.Contains(t, startsWith(), "DROP, TAG or EXPLAIN")
}

// TestScriptErrors: in a script, places count from its start, whichever statement is wrong.
func TestScriptErrors(t *testing.T) {
	_, err := ParseAll("TAG 'a';\nDELETE FROM buckets;")
	assert.EqualError(t, err, "DELETE needs a WHERE (line 2, column 20); write WHERE true for every row")
}
