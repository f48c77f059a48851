package emit

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/ast"
)

var rewrite = flag.Bool("rewrite", false, "write what is now emitted into the golden files")

var engines = []Engine{DuckDB, ClickHouse, Spark, Trino}

// bind binds a SAMPLE to a table of the catalog that a new store has.
func bind(t require.TestingT, src string, opt Options) (*Query, error) {
	st, err := ast.Parse(src)
	require.NoError(t, err, src)
	require.IsType(t, &ast.Sample{}, st)
	return Bind(src, st.(*ast.Sample), db.BuiltinCatalog(), opt)
}

// table names rows in a way the engine has.
func table(e Engine) string {
	if e == Trino {
		return "hive.corpus.rows"
	}
	return "rows/*.parquet"
}

// The golden files hold, for each engine, whole statements. Those of DuckDB,
// ClickHouse and Spark are of the kind that prove.py ran.
func TestGolden(t *testing.T) {
	for _, engine := range engines {
		var b strings.Builder
		emit := func(title, src, counts string, opt Options, which func(*Query, *Script) (string, error)) {
			opt.Engine = engine
			if opt.Table == "" {
				opt.Table = table(engine)
			}
			q, err := bind(t, src, opt)
			require.NoError(t, err)
			available, err := q.ParseCounts(counts)
			require.NoError(t, err)
			script, err := q.Draw(available)
			require.NoError(t, err)
			sql, err := which(q, script)
			require.NoError(t, err)
			fmt.Fprintf(&b, "-- ==== %s ====\n\n%s\n", title, sql)
		}
		rows := func(_ *Query, s *Script) (string, error) { return s.Rows, nil }
		emit("weights, a condition, cutoffs", "SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)",
			"instruction=20000,code=30000,factual=4000", Options{}, rows)
		emit("its digest", "SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)",
			"instruction=20000,code=30000,factual=4000", Options{}, func(_ *Query, s *Script) (string, error) { return s.Digest, nil })
		emit("its counts", "SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)",
			"instruction=20000,code=30000,factual=4000", Options{}, func(q *Query, _ *Script) (string, error) { return q.CountSQL() })
		emit("all rows of a named table with a hash column", "SAMPLE ALL FROM buckets SEED 7", "1000",
			Options{Table: `corpus."rows`, HashColumn: "row_hash"}, rows)
		emit("a column's values and OTHERS", "SAMPLE 10% FROM buckets WEIGHTED BY _license (MIT 1, 'It''s' 2, GPL 0, OTHERS 3) ON SHORTFALL SHRINK",
			"MIT=100,It's=200,OTHERS=1000000", Options{}, rows)

		path := filepath.Join("testdata", string(engine)+".sql")
		if *rewrite {
			require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(want), b.String(), "go test ./query/emit -rewrite writes %s anew", path)
	}
}

// Conditions, an engine a line.
func TestConditions(t *testing.T) {
	var b strings.Builder
	for _, condition := range []string{
		`_verified`, `NOT _verified`, `_verified = true`, `TRUE`, `NULL`,
		`_severity >= 3 AND _severity < 10 OR _source IS NULL`,
		`NOT (_a = 1 AND _b != 2) OR _c IS NOT NULL`,
		`_severity BETWEEN 1 AND 3.50`, `_severity NOT BETWEEN 1 AND NULL`,
		`_license IN ('MIT', 'It''s')`, `_severity NOT IN (1, NULL)`,
		`_n = -1.5e3 OR _n = 1E-7 OR _n < 0.000`,
		`3 < _n`, `_a = _b`,
		`_license LIKE 'a\_b\\%_\x\'`, `output NOT LIKE '%''%'`,
		"_license = 'tab\there, ${x}, back\\slash, \x00\x7f'", `_license = ''`, `_license = '${${x}'`,
		`length(output) > 100`, `length(input) = length(instruction)`, `contains(instruction, 'x') AND NOT contains(_source, '%')`,
		`holdout(0.5)`, `input IS NULL`,
		`"_a ""b\ ` + "`" + `c" = 1`, `difficulty = 'hard'`,
	} {
		fmt.Fprintf(&b, "%s\n", oneLine(condition))
		for _, engine := range engines {
			q, err := bind(t, "SAMPLE 1 FROM buckets WHERE "+condition, Options{Engine: engine, Table: "rows"})
			require.NoError(t, err, condition)
			fmt.Fprintf(&b, "  %-10s  %s\n", engine, q.where)
		}
	}
	path := filepath.Join("testdata", "conditions.txt")
	if *rewrite {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String(), "go test ./query/emit -rewrite writes %s anew", path)
}
