package ast

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpected(t *testing.T) {
	clauses := "FROM, WEIGHTED BY, WHERE, SEED, NESTED, DISTINCT, DUPLICATES, ON SHORTFALL, EPOCHS, EXCLUDE, ORDER BY, SHARD, OFFSET, " +
		"AS, INTO, AT TAG"
	after := strings.TrimPrefix(clauses, "FROM, ")
	first := strings.Join(statements()[:len(statements())-1], ", ")
	operand := FieldNames | FunctionNames
	cases := []struct {
		src      string
		prefix   string
		keywords string
		names    Names
	}{
		{"", "", "EXPLAIN, " + first, 0},
		{"  sel", "sel", "EXPLAIN, " + first, 0},
		{"SHOW TAGS; ", "", "EXPLAIN, " + first, 0},
		{"EXPLAIN ", "", "ANALYZE, " + first, 0},
		{"EXPLAIN ANALYZE S", "S", first, 0},
		{"SHOW BU", "BU", "BUCKETS, PHASES, SAMPLES, SOURCES, FIELDS, INDEXES, TAGS", 0},
		{"SHOW BUCKETS ", "", "", 0},
		{"SAMPLE ", "", "ALL, " + clauses, 0},
		{"SAMPLE 5", "5", "ALL, " + clauses, 0},
		{"SAMPLE 5 ", "", "TOKENS, ROWS, " + clauses, 0},
		{"SAMPLE 5 TOKENS ('t", "'t", "", TokenizerNames},
		{"SAMPLE 5 FROM b", "b", "buckets", SampleNames},
		{"SAMPLE 5 FROM buckets ", "", after, 0},
		{"SAMPLE 5 FROM buckets WEIGHTED ", "", "BY", 0},
		{"SAMPLE 5 FROM buckets WEIGHTED BY ", "", "PHASE, WEIGHT", FieldNames},
		{"SAMPLE 5 FROM buckets WEIGHTED BY PHASE \"p", "\"p", "", PhaseNames},
		{"SAMPLE 5 FROM buckets WEIGHTED BY (code 1, ", "", "OTHERS", BucketNames},
		{"SAMPLE 5 FROM buckets WEIGHTED BY _x (", "", "OTHERS, TRUE, FALSE", 0},
		{"SAMPLE 5 FROM buckets ON SHORTFALL ", "", "ERROR, SHRINK, SCALE, REDISTRIBUTE, REPEAT", 0},
		{"SAMPLE 5 FROM buckets NESTED ON SHORTFALL REPEAT ", "", "MAX, " + strings.NewReplacer("NESTED, ", "", "ON SHORTFALL, ", "").Replace(after), 0},
		{"SAMPLE 5 FROM buckets EXCLUDE ", "", "CONTAMINATED", SampleNames},
		{"SAMPLE 5 FROM buckets EXCLUDE CONTAMINATED BY ", "", "", EvaluationNames},
		{"SAMPLE 5 FROM buckets INTO 'out/", "'out/", "", FilePaths},
		{"SAMPLE 5 FROM buckets INTO 'f' (", "", "SHARD_MB, SHAPE", 0},
		{"SAMPLE 5 FROM buckets INTO 'f' (shape ", "", "", ShapeNames},
		{"SAMPLE 5 FROM buckets INTO 'f' (shape x, ", "", "SHARD_MB", 0},
		{"SAMPLE 5 FROM buckets AT TAG ", "", "", TagNames},
		{"SAMPLE 5 FROM buckets AS ", "", "", 0},
		{"SAMPLE 5 FROM buckets WHERE ", "", "NOT, TRUE, FALSE, NULL", operand},
		{"SAMPLE 5 FROM buckets WHERE a = le", "le", "TRUE, FALSE, NULL", operand},
		{"SAMPLE 5 FROM buckets WHERE _meta.la", "_meta.la", "", FieldNames},
		{"SAMPLE 5 FROM buckets WHERE _meta.", "_meta.", "", FieldNames},
		{"SAMPLE 5 FROM buckets WHERE a ", "", "IS, NOT, IN, BETWEEN, LIKE, ILIKE, AND, OR, " + strings.Replace(after, "WHERE, ", "", 1), 0},
		{"SAMPLE 5 FROM buckets WHERE a NOT ", "", "IN, BETWEEN, LIKE, ILIKE", 0},
		{"SAMPLE 5 FROM buckets WHERE a IS ", "", "NOT, NULL", 0},
		{"SAMPLE 5 FROM buckets WHERE a BETWEEN 1 ", "", "AND", 0},
		{"SAMPLE 5 FROM buckets WHERE in_sample('", "'", "", SampleNames},
		{"SAMPLE 5 FROM buckets WHERE length(", "", "TRUE, FALSE, NULL", operand},
		{"SELECT ", "", "", operand | AggregateNames},
		{"SELECT a ", "", "AS, FROM, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, AT TAG", 0},
		{"SELECT count(", "", "TRUE, FALSE, NULL", operand},
		{"SELECT a FROM s ORDER BY a ", "", "DESC, ASC, WHERE, GROUP BY, HAVING, LIMIT, AT TAG", 0},
		{"UPDATE ", "", "buckets", 0},
		{"UPDATE buckets ", "", "SET, WHERE", 0},
		{"UPDATE buckets SET _ver", "_ver", "", FieldNames},
		{"UPDATE buckets SET _x = ", "", "TRUE, FALSE, NULL", 0},
		{"DELETE ", "", "FROM, WHERE", 0},
		{"CREATE ", "", "BUCKET, PHASE, INDEX", 0},
		{"CREATE BUCKET n", "n", "", 0},
		{"CREATE INDEX ", "", "ON", 0},
		{"CREATE INDEX ON ", "", "", FieldNames},
		{"ALTER BUCKET ", "", "", BucketNames},
		{"ALTER BUCKET b WEIGHT 1 ", "", "DESCRIPTION, RULE", 0},
		{"ALTER BUCKET b WEIGHT ", "", "NULL", 0},
		{"ALTER PHASE p (", "", "OTHERS", BucketNames},
		{"DROP ", "", "BUCKET, PHASE, SAMPLE, TAG", 0},
		{"DROP SAMPLE s", "s", "", SampleNames},
		{"DROP TAG ", "", "", TagNames},
		{"DESCRIBE ", "", "", BucketNames | PhaseNames | SampleNames | FieldNames | TagNames},
		{"DIFF a, ", "", "", SampleNames},
		{"TAG ", "", "", 0},
		{"SAMPLE 5 FRM buckets WHERE ", "", "", 0}, // behind a mistake
		{"SAMPLE -- which", "", "", 0},             // in a comment
		{"SAMPLE -- which\n", "", "ALL, " + clauses, 0},
		{"-- what", "", "", 0},
		{"SHOW BUCKETS; DROP -- it\nBU", "BU", "BUCKET, PHASE, SAMPLE, TAG", 0},
		{"SAMPLE 5 FROM [", "", "", 0},
		{"SAMPLE 5 FROM naï", "", "", 0},
	}
	for _, c := range cases {
		e := Expected(c.src)
		assert.Equal(t, c.prefix, c.src[e.Prefix.Start:e.Prefix.End], "%s", c.src)
		assert.Equal(t, len(c.src), e.Prefix.End, "%s", c.src)
		assert.Equal(t, c.keywords, strings.Join(e.Keywords, ", "), "%s", c.src)
		assert.Equal(t, c.names, e.Names, "%s", c.src)
	}
}

func TestNamesHas(t *testing.T) {
	n := BucketNames | TagNames
	assert.True(t, n.Has(BucketNames))
	assert.True(t, n.Has(BucketNames|TagNames))
	assert.False(t, n.Has(BucketNames|PhaseNames))
}

// TestExpectedKeywords: whichever keyword a correct text goes on with is among those expected, and so it is for all that
// the word is half typed.
func TestExpectedKeywords(t *testing.T) {
	checked := 0
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			if _, err := Parse(c.input); err != nil {
				continue
			}
			for _, tok := range Tokens(c.input) {
				word := c.input[tok.Start:tok.End]
				if tok.Kind != KeywordToken {
					continue
				}
				before, within := Expected(c.input[:tok.Start]), Expected(c.input[:tok.End])
				found := false
				for _, k := range before.Keywords {
					found = found || strings.EqualFold(strings.Fields(k)[0], word)
				}
				assert.True(t, found, "%s is not among %v after %s", word, before.Keywords, c.input[:tok.Start])
				assert.Equal(t, tok.Span, within.Prefix)
				assert.Equal(t, before.Keywords, within.Keywords)
				assert.Equal(t, before.Names, within.Names)
				checked++
			}
		}
	}
	assert.Greater(t, checked, 500)
}

// checkExpected holds what is expected at the end of any text to what Expected promises: the parser takes it there.
func checkExpected(t require.TestingT, src string) {
	e := Expected(src)
	require.True(t, 0 <= e.Prefix.Start && e.Prefix.Start <= e.Prefix.End && e.Prefix.End == len(src), "%v of %q", e.Prefix, src)
	if !utf8.ValidString(src) {
		return // no parser takes it
	}
	start := 0 // of the last statement
	for _, tok := range Tokens(src) {
		if src[tok.Start:tok.End] == ";" {
			start = tok.End
		}
	}
	for _, k := range e.Keywords {
		text := src[start:e.Prefix.Start] + " " + k
		_, err := Parse(text)
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Start == len(text) {
			continue
		}
		contradicts := strings.Contains(wrong.Message, "contradict") || strings.HasSuffix(wrong.Message, "given twice")
		require.True(t, contradicts, "%s is expected in %q, but: %v", k, text, err)
	}
}

func TestExpectedIsTaken(t *testing.T) {
	for _, path := range goldenFiles(t) {
		for _, c := range readGolden(t, path) {
			for _, tok := range Tokens(c.input) {
				checkExpected(t, c.input[:tok.Start])
			}
		}
	}
}
