package query

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/query/ast"
)

func TestExplain(t *testing.T) {
	d := fiveRows(t)
	mustSample(t, d, "SAMPLE 2 FROM buckets WHERE _bucket = 'code' AS kept")
	for src, want := range map[string]string{
		"EXPLAIN SELECT _bucket, count(*) FROM buckets WHERE _n > 0 GROUP BY _bucket HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT 5": `
statement   SELECT _bucket, count(*) FROM buckets WHERE _n > 0 GROUP BY _bucket HAVING count(*) > 1 ORDER BY count(*) DESC LIMIT 5
snapshot    commit 1: 5 rows in 3 segments
where       _n > 0: bitmap index on _n; reads no record
rows        3 rows
group       by _bucket; counted by bitmaps, bitmap index on _bucket
having      count(*) > 1
order       by count(*) DESC, NULL last
limit       5 lines
`,
		"EXPLAIN SELECT avg(length(output)), max(_n) FROM kept": `
statement   SELECT avg(length(output)), max(_n) FROM kept
snapshot    commit 1: 5 rows in 3 segments
from        rows of sample kept, by its bitmap
rows        2 rows
group       all rows are one group; hash table; reads the values of _n from the index, the record of 2 rows
`,
		"EXPLAIN SELECT _n, row_hash() FROM buckets WHERE _bucket = 'factual' AND length(output) > 3 ORDER BY _n LIMIT 1": `
statement   SELECT _n, row_hash() FROM buckets WHERE _bucket = 'factual' AND length(output) > 3 ORDER BY _n LIMIT 1
snapshot    commit 1: 5 rows in 3 segments
where       _bucket = 'factual' AND length(output) > 3: bitmap index on _bucket; then reads 3 of 5 records for length(output) > 3
rows        at most 3 rows
order       by _n, NULL last; reads the values of _n from the index of every row
limit       1 line
columns     reads the values of _n from the index, row_hash of each row that is shown
`,
		"EXPLAIN UPDATE buckets SET _n = NULL, _seen = true WHERE _n < 0": `
statement   UPDATE buckets SET _n = NULL, _seen = true WHERE _n < 0
snapshot    commit 1: 5 rows in 3 segments
where       _n < 0: bitmap index on _n; reads no record
rows        1 row
set         _n = NULL; its index is written anew for the segments of these rows
set         _seen = true; a new field
log         one entry
`,
		"EXPLAIN DELETE FROM kept WHERE true": `
statement   DELETE FROM kept WHERE true
snapshot    commit 1: 5 rows in 3 segments
from        rows of sample kept, by its bitmap
where       true: the same for every row; reads no record
rows        2 rows
delete      these rows are hidden from then on; smelt compact gives the space back
log         one entry
`,
		"EXPLAIN SHOW SOURCES": "\nstatement   SHOW SOURCES\nreads       the ledger; no row\n",
	} {
		r, err := run(d, src, 0)
		require.NoError(t, err, src)
		assert.Equal(t, want, "\n"+r.Text, src)
	}
	assert.EqualValues(t, 5, d.Snapshot().Rows(), "nothing was done")
}

func TestExplainAnalyze(t *testing.T) {
	d := fiveRows(t)
	names := func(src string) (names []string, rows []int64) {
		r, err := run(d, src, 0)
		require.NoError(t, err, src)
		assert.Contains(t, r.Text, "MB allocated")
		for _, s := range r.Steps {
			assert.GreaterOrEqual(t, s.Elapsed.Nanoseconds(), int64(0))
			names, rows = append(names, s.Name), append(rows, s.Rows)
		}
		return names, rows
	}
	steps, rows := names("EXPLAIN ANALYZE SAMPLE 2 FROM buckets WHERE length(output) > 1 EPOCHS 3 AS never INTO 'never.jsonl'")
	assert.Equal(t, []string{"where, strata", "exclude", "distinct", "quotas", "select, order", "compare"}, steps)
	assert.Equal(t, []int64{4, 4, 4, 2, 6, 6}, rows)
	assert.Empty(t, cells(t, d, "SHOW SAMPLES"), "nothing is kept")
	assert.NoFileExists(t, "never.jsonl")
	steps, rows = names("EXPLAIN ANALYZE SELECT level, count(*) FROM buckets WHERE _bucket = 'factual' GROUP BY level")
	assert.Equal(t, []string{"where", "group, order"}, steps)
	assert.Equal(t, []int64{3, 2}, rows)
	steps, _ = names("EXPLAIN ANALYZE SELECT * FROM buckets LIMIT 1")
	assert.Equal(t, []string{"where", "order, columns"}, steps)
	for src, says := range map[string]string{
		"EXPLAIN ANALYZE DELETE FROM buckets WHERE true": "this one changes rows",
		"EXPLAIN ANALYZE SHOW BUCKETS":                   "nothing to measure",
		"EXPLAIN ANALYZE TAG 't'":                        "nothing to measure",
	} {
		_, err := run(d, src, 0)
		var bad *ast.Error
		require.ErrorAs(t, err, &bad, src)
		assert.Contains(t, bad.Error(), says)
	}
}

// A field of many values has no bitmaps; the smallest and largest value of each
// segment tell which segments to read.
func TestZones(t *testing.T) {
	var records []string
	for i := range 1200 {
		records = append(records, fmt.Sprintf(`{"instruction":"%d","output":"x","_bucket":"code","_n":%d.5}`, i, i))
	}
	d := openRecords(t, records, 400)
	for where, want := range map[string]struct {
		rows  int
		zones string
	}{
		"_n = 700.5":                          {1, "leave 1 of 3"},
		"700.50 = _n":                         {1, "leave 1 of 3"},
		"_n BETWEEN 390 AND 410":              {20, "leave 2 of 3"},
		"_n > 1100":                           {100, "leave 1 of 3"},
		"1100 < _n":                           {100, "leave 1 of 3"},
		"_n <= 400":                           {400, "leave 1 of 3"},
		"_n < 0":                              {0, "leave 0 of 3"},
		"_n IN (1.5, 2, 3.5)":                 {2, "leave 1 of 3"},
		"NOT _n > 1100":                       {1100, ""},
		"_n NOT BETWEEN 390 AND 410":          {1180, ""},
		"_n != 5.5":                           {1199, ""},
		"_n = 5.5 OR _n IS NULL":              {1, "leave 1 of 3"},
		"_n >= 1199.5 AND length(output) = 1": {1, "leave 1 of 3"},
	} {
		assert.Equal(t, []string{fmt.Sprint(want.rows)}, cells(t, d, "SELECT count(*) FROM buckets WHERE "+where), where)
		r, err := run(d, "EXPLAIN SELECT count(*) FROM buckets WHERE "+where, 0)
		require.NoError(t, err)
		if want.zones == "" {
			assert.NotContains(t, r.Text, "zones", where)
		} else {
			assert.Contains(t, r.Text, "zones of _n "+want.zones+" segments", where)
		}
	}
}
