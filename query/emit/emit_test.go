package emit

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/query/ast"
	"smelt/query/like"
	"smelt/query/mix"
)

// What has no faithful translation is refused, and the error points at it.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ statement, at, says string }{
		{"SAMPLE 5 FROM first", "first", "the kept sample first, which is in the store, cannot be written as SQL"},
		{"SAMPLE 5 TOKENS ('bytes') FROM buckets", "5 TOKENS ('bytes')", "a count in TOKENS"},
		{"SAMPLE 5 FROM buckets NESTED", "NESTED", "NESTED cannot"},
		{"SAMPLE 5 FROM buckets DUPLICATES", "DUPLICATES", "DUPLICATES, which numbers copies by their records"},
		{"SAMPLE 5 FROM buckets EPOCHS 2", "EPOCHS 2", "EPOCHS cannot"},
		{"SAMPLE 5 FROM buckets EXCLUDE first", "EXCLUDE first", "EXCLUDE, whose rows are in the store"},
		{"SAMPLE 5 FROM buckets ORDER BY MIX", "ORDER BY MIX", "ORDER BY MIX cannot"},
		{"SAMPLE 5 FROM buckets SHARD 0 OF 2", "SHARD 0 OF 2", "take every n-th position"},
		{"SAMPLE 5 FROM buckets OFFSET 3", "3", "OFFSET cannot"},
		{"SAMPLE 5 FROM buckets AS mine", "mine", "AS cannot"},
		{"SAMPLE 5 FROM buckets INTO 'f.jsonl'", "INTO 'f.jsonl'", "INTO cannot"},
		{"SAMPLE 5 FROM buckets AT TAG 'v1'", "'v1'", "AT TAG cannot"},
		{"SAMPLE 5 FROM buckets ON SHORTFALL SCALE", "ON SHORTFALL SCALE", "use ON SHORTFALL ERROR or SHRINK"},
		{"SAMPLE 5 FROM buckets ON SHORTFALL REPEAT MAX 3", "ON SHORTFALL REPEAT MAX 3", "ON SHORTFALL REPEAT cannot"},
		{"SAMPLE 5 FROM buckets WEIGHTED BY PHASE phase1", "phase1", "unknown phase phase1"},
		{"SAMPLE 5 FROM buckets WEIGHTED BY (code 0)", "WEIGHTED BY (code 0)", "sum to zero"},
		{"SAMPLE 5 FROM buckets WEIGHTED BY meta.topic (x 1)", "meta.topic", "only whole columns"},
		{"SAMPLE 5 FROM buckets WEIGHTED BY _n (1e300 1)", "1e300", "no translation"},
		{"SAMPLE 5 FROM buckets WHERE _license ILIKE 'mit'", "_license ILIKE 'mit'", "ILIKE has no translation"},
		{"SAMPLE 5 FROM buckets WHERE matches(output, 'x')", "matches(output, 'x')", "regular expressions"},
		{"SAMPLE 5 FROM buckets WHERE tokens(output) > 5", "tokens(output)", "tokenizers"},
		{"SAMPLE 5 FROM buckets WHERE _meta.topic = 'x'", "_meta.topic", "only whole columns"},
		{"SAMPLE 5 FROM buckets WHERE 'x'", "'x'", "a condition is expected"},
		{"SAMPLE 5 FROM buckets WHERE NOT 1 OR _a", "1", "a condition is expected"},
		{"SAMPLE 5 FROM buckets WHERE length(output)", "length(output)", "no translation"},
		{"SAMPLE 5 FROM buckets WHERE _n IN (1, 1234567890123456)", "1234567890123456", "numbers of up to 15 digits"},
		{"SAMPLE 5 FROM buckets WHERE holdout(_n)", "_n", "holdout() takes a percentage"},
		{"SAMPLE 5 FROM buckets WHERE holdout(101)", "101", "more than all rows"},
	} {
		for _, engine := range engines {
			q, err := bind(t, c.statement, Options{Engine: engine, Table: "rows"})
			if err == nil { // what only a stratum's value shows
				_, err = q.Draw(make([]int64, len(q.strata)))
			}
			var words *ast.Error
			require.ErrorAs(t, err, &words, c.statement)
			assert.Contains(t, words.Error(), c.says)
			assert.Equal(t, c.at, c.statement[words.Start:words.End], c.statement)
		}
	}
}

func TestFunctionsOfRows(t *testing.T) {
	call := func(name string) *ast.Call { return &ast.Call{Func: name} }
	tr := translator{d: duckDB()}
	sql, err := tr.condition(&ast.Binary{Op: "<", L: call("row_hash"), R: &ast.Literal{Value: ast.Value{Kind: ast.TextValue, Text: "8"}}})
	require.NoError(t, err)
	assert.Equal(t, "(k.smelt_hash < '8')", sql)
	_, err = tr.condition(call("row_hash"))
	require.ErrorContains(t, err, "row_hash() has no translation into SQL")
	_, err = tr.condition(call("in_sample"))
	require.ErrorContains(t, err, "kept samples are in the store")
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		says string
	}{
		{Options{Engine: "oracle", Table: "rows"}, `"oracle" is not an engine`},
		{Options{Engine: DuckDB}, "name the Parquet files or the table to read"},
		{Options{Engine: Trino, Table: "rows/*.parquet"}, "Trino reads tables, not files"},
		{Options{Engine: Spark, Table: "a..b"}, "is not the name of a table"},
	} {
		_, err := bind(t, "SAMPLE 5 FROM buckets", c.opt)
		assert.ErrorContains(t, err, c.says)
	}
	for engine, want := range map[Engine]string{
		DuckDB: "read_parquet('it''s/*.parquet')", ClickHouse: `file('it\'s/*.parquet', 'Parquet')`, Spark: "parquet.`it's/*.parquet`",
	} {
		q, err := bind(t, "SAMPLE 5 FROM buckets", Options{Engine: engine, Table: "it's/*.parquet"})
		require.NoError(t, err)
		assert.Equal(t, want, q.table)
	}
}

func TestCounts(t *testing.T) {
	q, err := bind(t, "SAMPLE 5 FROM buckets WEIGHTED BY (code 3, chat 1, legal 0, OTHERS 2)", Options{Engine: DuckDB, Table: "rows"})
	require.NoError(t, err)
	assert.Equal(t, []string{"code", "chat", "legal", "OTHERS"}, q.Strata())
	counts, err := q.ParseCounts("chat=5, OTHERS = 1_000 ,code=7")
	require.NoError(t, err)
	assert.Equal(t, []int64{7, 5, 0, 1000}, counts)
	for text, says := range map[string]string{
		"":                          "not of the form",
		"code":                      "not of the form",
		"code=1,chat=2":             "leave out OTHERS",
		"code=1,chat=2,code=3":      "counted already",
		"code=1,other=2":            `weighs no "other"; it weighs code, chat, legal, OTHERS`,
		"code=-1":                   "not a number of rows",
		"code=9007199254740993":     "not a number of rows",
		"code=1.5,chat=1,OTHERS=10": "not a number of rows",
	} {
		_, err := q.ParseCounts(text)
		assert.ErrorContains(t, err, says, text)
	}
	_, err = q.Draw([]int64{1, 1, 1})
	require.ErrorContains(t, err, "3 counts for 4 strata")
	_, err = q.Draw([]int64{1, 100, 0, 100})
	require.ErrorIs(t, err, mix.ErrShortfall)

	one, err := bind(t, "SAMPLE 5 FROM buckets", Options{Engine: DuckDB, Table: "rows"})
	require.NoError(t, err)
	counts, err = one.ParseCounts("12")
	require.NoError(t, err)
	assert.Equal(t, []int64{12}, counts)
}

// Quotas are those of package mix, whatever the form of the count.
func TestQuotas(t *testing.T) {
	for _, c := range []struct {
		statement string
		counts    []int64
		want      []int64
	}{
		{"SAMPLE 10 FROM buckets WEIGHTED BY (code 70%, chat 30%)", []int64{100, 100}, []int64{7, 3}},
		{"SAMPLE 10 FROM buckets WEIGHTED BY (code 70%, chat 30%) ON SHORTFALL SHRINK", []int64{5, 100}, []int64{5, 3}},
		{"SAMPLE ALL FROM buckets WEIGHTED BY (code 2, chat 1)", []int64{10, 100}, []int64{10, 5}},
		{"SAMPLE 12.5% FROM buckets", []int64{1001}, []int64{125}},
		{"SAMPLE FROM buckets WEIGHTED BY PHASE phase1_calibration", []int64{1e6, 1e6, 1e6}, []int64{7000, 2000, 1000}},
	} {
		q, err := bind(t, c.statement, Options{Engine: DuckDB, Table: "rows"})
		require.NoError(t, err)
		script, err := q.Draw(c.counts)
		require.NoError(t, err)
		var got []int64
		for _, s := range script.Mixture.Shares {
			got = append(got, s.Delivered)
		}
		assert.Equal(t, c.want, got, c.statement)
	}
	q, err := bind(t, "SAMPLE FROM buckets", Options{Engine: DuckDB, Table: "rows"})
	require.NoError(t, err)
	_, err = q.Draw([]int64{5})
	require.ErrorContains(t, err, "SAMPLE needs a count")
}

// A pattern means the same with the backslashes that no engine needs left out.
func TestLikePattern(t *testing.T) {
	piece := rapid.SampledFrom([]string{"a", "b", "%", "_", `\`, "\n", "é"})
	text := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "") })
	rapid.Check(t, func(t *rapid.T) {
		pattern := text.Draw(t, "pattern")
		plain := likePattern(pattern)
		before, after := like.Compile(pattern, false), like.Compile(plain, false)
		for range 20 {
			s := text.Draw(t, "text")
			require.Equal(t, before(s), after(s), "%q and %q on %q", pattern, plain, s)
		}
		for rest := plain; ; {
			_, tail, found := strings.Cut(rest, `\`)
			if !found {
				break
			}
			require.NotEmpty(t, tail, "a backslash ends %q", plain)
			require.Contains(t, `%_\`, tail[:1], plain)
			rest = tail[1:]
		}
	})
}

func TestPlainNumber(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "007": "7", ".5": "0.5", "5.": "5", "1.50": "1.5", "-1.5e3": "-1500", "1E-7": "0.0000001",
		"1e+2": "100", "999999999999999": "999999999999999", "123.456e2": "12345.6",
	} {
		number, ok := plainNumber(text)
		assert.True(t, ok, text)
		assert.Equal(t, want, number, text)
	}
	for _, text := range []string{"1e15", "1000000000000000", "1e999999999", "1e-16", "1.000000000000001", "", "x"} {
		_, ok := plainNumber(text)
		assert.False(t, ok, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,9}(\.[0-9]{1,6})?([eE][+-]?[0-9])?`).Draw(t, "number")
		number, ok := plainNumber(text)
		if !ok {
			t.Skip("too long")
		}
		want, _ := new(big.Rat).SetString(text)
		got, _ := new(big.Rat).SetString(number)
		require.Zero(t, want.Cmp(got), "%s became %s", text, number)
		require.NotContains(t, number, "e")
	})
}

// FuzzEmit says that what is text in a statement stays text in its SQL: outside
// of quotes there are no bytes but those that the templates have.
func FuzzEmit(f *testing.F) {
	for _, condition := range []string{
		`_a = 'it''s \' OR _b LIKE '%\'`, "_a = '--' OR \"_x \"\"' `y\" = 1", "_a IN ('/*', '*/', ';', NULL) -- ; x\n",
		"contains(output, '\x00\n\x1b') AND NOT holdout(5)", `_a = '${env:HOME}' AND _n BETWEEN -1 AND 1e3`, `_a = '\x27 \u0027 ' AND _b = '\\'`,
	} {
		f.Add(condition, "ro`w\"s'/*.parquet", `h"a\s'h`)
	}
	f.Fuzz(func(t *testing.T, condition, path, hash string) {
		src := "SAMPLE 5 FROM buckets WEIGHTED BY (code 1, 'x''; \\' 2) WHERE " + condition
		st, err := ast.Parse(src)
		if err != nil {
			t.Skip("no statement")
		}
		sample, ok := st.(*ast.Sample)
		if !ok {
			t.Skip("another statement")
		}
		for _, engine := range engines {
			q, err := Bind(src, sample, db.BuiltinCatalog(), Options{Engine: engine, Table: path, HashColumn: hash})
			if err != nil {
				continue
			}
			script, err := q.Draw([]int64{1000, 1000}[:min(2, len(q.strata))])
			var words *ast.Error
			if errors.As(err, &words) || errors.Is(err, mix.ErrShortfall) {
				continue
			}
			if len(q.strata) != 2 {
				continue // the condition went on with clauses of its own
			}
			require.NoError(t, err)
			outside, closed := unquoted(script.Rows, q.dialect)
			require.True(t, closed, "%s: a quote is not closed:\n%s", engine, script.Rows)
			require.NotContains(t, strings.TrimSuffix(outside, ";\n"), ";", "%s: more than one statement", engine)
			for _, r := range outside {
				require.True(t, r == '\n' || r >= ' ' && r < 0x7F, "%s: %q stands outside of quotes", engine, r)
			}
			require.NotContains(t, outside, "/*", engine)
			require.Equal(t, strings.Count(outside, "("), strings.Count(outside, ")"), engine)
		}
	})
}

// unquoted returns a statement's text without constants, quoted names and
// comments; closed is whether each of them has an end.
func unquoted(sql string, d *dialect) (outside string, closed bool) {
	var b strings.Builder
	for i := 0; i < len(sql); i++ {
		switch c := sql[i]; {
		case strings.HasPrefix(sql[i:], "--"):
			end := strings.IndexByte(sql[i:], '\n')
			if end < 0 {
				return b.String(), false
			}
			i += end
		case c == '\'' || c == d.quote[0]:
			escapes := d.backslash && (c == '\'' || c == '"')
			for i++; ; i++ {
				if i >= len(sql) {
					return b.String(), false
				}
				if escapes && sql[i] == '\\' {
					i++
				} else if sql[i] == c {
					break
				}
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
