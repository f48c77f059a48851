package query

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/ast"
)

func fiveRows(t *testing.T) *db.DB {
	return openRecords(t, []string{
		`{"instruction":"one","output":"a","_bucket":"code","_n":1,"level":"easy","meta":{"by":"x"}}`,
		`{"instruction":"three","output":"bb","_bucket":"code","_n":0.1,"level":"hard","meta":{"by":"y"}}`,
		`{"instruction":"five","output":"ccc","_bucket":"factual","_n":0.2,"level":"easy"}`,
		`{"instruction":"seven","output":"dddd","_bucket":"factual","level":null,"_x":"only"}`,
		`{"instruction":"nine","output":"eeeee","_bucket":"factual","_n":-3}`,
	}, 2)
}

func TestSelectRows(t *testing.T) {
	d := fiveRows(t)
	for src, want := range map[string][]string{
		"SELECT instruction, _n FROM buckets":                                                {"one | 1", "three | 0.1", "five | 0.2", "seven | ", "nine | -3"},
		"SELECT instruction FROM buckets LIMIT 2":                                            {"one", "three"},
		"SELECT instruction FROM buckets LIMIT 0":                                            {},
		"SELECT instruction FROM buckets WHERE _bucket = 'factual' LIMIT 9":                  {"five", "seven", "nine"},
		"SELECT instruction FROM buckets ORDER BY _n LIMIT 9223372036854775807":              {"nine", "three", "five", "one", "seven"},
		"SELECT instruction FROM buckets ORDER BY _n":                                        {"nine", "three", "five", "one", "seven"},
		"SELECT instruction FROM buckets ORDER BY _n DESC":                                   {"one", "five", "three", "nine", "seven"},
		"SELECT instruction FROM buckets ORDER BY _bucket DESC, length(output) DESC LIMIT 3": {"nine", "seven", "five"},
		"SELECT length(output) AS l, level FROM buckets ORDER BY level, l DESC":              {"3 | easy", "1 | easy", "2 | hard", "5 | ", "4 | "},
		"SELECT meta.by, contains(output, 'c') FROM buckets WHERE _n IS NOT NULL":            {"x | false", "y | false", " | true", " | false"},
		"SELECT * FROM buckets WHERE _x = 'only'":                                            {"factual |  | only | seven |  | dddd"},
	} {
		got := cells(t, d, src)
		if len(want) == 0 {
			assert.Empty(t, got, src)
			continue
		}
		assert.Equal(t, want, got, src)
	}
}

func TestSelectGroups(t *testing.T) {
	d := fiveRows(t)
	for src, want := range map[string][]string{
		"SELECT sum(_n), avg(_n), min(_n), max(_n), count(_n), count(*) FROM buckets":                                 {"-1.7 | -0.425 | -3 | 1 | 4 | 5"},
		"SELECT quantile(length(output), 0.5), quantile(length(output), 0.25) FROM buckets WHERE _bucket = 'factual'": {"4 | 3.5"},
		"SELECT _bucket, sum(length(output)) AS s FROM buckets GROUP BY _bucket ORDER BY s DESC":                      {"factual | 12", "code | 3"},
		"SELECT level, count(*) FROM buckets GROUP BY level":                                                          {"easy | 2", "hard | 1", " | 2"},
		"SELECT level, count(*) AS n FROM buckets GROUP BY level HAVING n > 1 ORDER BY level DESC":                    {"easy | 2", " | 2"},
		"SELECT count(*) FROM buckets GROUP BY level HAVING max(_n) = 1":                                              {"2"},
		"SELECT length(output) AS l, count(*) FROM buckets GROUP BY length(output) ORDER BY l LIMIT 2":                {"1 | 1", "2 | 1"},
		"SELECT length(_bucket), count(*) FROM buckets GROUP BY _bucket":                                              {"4 | 2", "7 | 3"},
		"SELECT count(*), sum(_n), max(_bucket) FROM buckets WHERE _n > 100":                                          {"0 |  | "},
		"SELECT count(*) FROM buckets WHERE _n > 100":                                                                 {"0"},
		"SELECT _bucket, count(*) FROM buckets WHERE _n > 100 GROUP BY _bucket":                                       nil,
		"SELECT count(*) FROM buckets HAVING count(*) > 5":                                                            nil,
		"SELECT min(instruction), max(level) FROM buckets":                                                            {"five | hard"},
		// The name given to one column is no field of another.
		"SELECT _bucket AS _n, _n AS n, count(*) FROM buckets GROUP BY _bucket, _n LIMIT 3":                 {"code | 0.1 | 1", "code | 1 | 1", "factual | -3 | 1"},
		"SELECT length(_bucket) AS _bucket, count(*) FROM buckets GROUP BY _bucket":                         {"4 | 2", "7 | 3"},
		"SELECT length(_bucket) AS _bucket FROM buckets GROUP BY _bucket HAVING _bucket = 'code'":           {"4"},
		"SELECT length(_bucket) AS _bucket FROM buckets GROUP BY _bucket ORDER BY _bucket DESC":             {"7", "4"},
		"SELECT length(_bucket) AS l, count(*) FROM buckets GROUP BY _bucket HAVING l > 4":                  {"7 | 3"},
		"SELECT max(_n) AS _n FROM buckets GROUP BY _bucket HAVING _n > 0.5 OR max(_n) > 0.5":               {"1"},
		"SELECT length(output) AS n, count(*) FROM buckets GROUP BY n ORDER BY n DESC LIMIT 2":              {"5 | 1", "4 | 1"},
		"SELECT max(length(output)) AS _bucket, count(*) FROM buckets GROUP BY _bucket ORDER BY count DESC": {"5 | 3", "2 | 2"},
	} {
		assert.Equal(t, want, cells(t, d, src), src)
	}
}

func TestSelectErrors(t *testing.T) {
	d := fiveRows(t)
	for src, says := range map[string]string{
		"SELECT _bucket, count(*) FROM buckets":                      "add GROUP BY _bucket",
		"SELECT output, count(*) FROM buckets GROUP BY _bucket":      "not grouped by",
		"SELECT * FROM buckets GROUP BY _bucket":                     "name the columns",
		"SELECT * AS x FROM buckets":                                 "cannot have one name",
		"SELECT sum(output) FROM buckets":                            "sum() is of numbers, and output is text",
		"SELECT quantile(_n, 2) FROM buckets":                        "from 0 to 1",
		"SELECT quantile(_n, _n) FROM buckets":                       "from 0 to 1",
		"SELECT _n, _n FROM buckets":                                 "two columns named _n",
		"SELECT lvel FROM buckets":                                   "did you mean level?",
		"SELECT _bucket FROM buckets GROUP BY _bucket ORDER BY _n":   "not grouped by",
		"SELECT _bucket FROM buckets GROUP BY _bucket HAVING _n > 1": "not grouped by",
		"SELECT count(*) FROM buckets GROUP BY lvel":                 "did you mean level?",
		"SELECT count(*) AS n FROM buckets GROUP BY n":               "count() cannot stand here",
		"SELECT _n FROM buckets ORDER BY count(*)":                   "GROUP BY",
	} {
		_, err := run(d, src, 0)
		var bad *ast.Error
		if assert.ErrorAs(t, err, &bad, src) {
			assert.Contains(t, bad.Detail(), says, src)
		}
	}
}

func requireNumber(t require.TestingT, want *big.Rat, got db.Value) {
	n, ok := new(big.Rat).SetString(got.Text)
	require.True(t, ok, got.Text)
	require.Zero(t, want.Cmp(n), "%s, not %s", got.Text, want)
}

func requireFloat(t require.TestingT, want float64, got db.Value) {
	n, ok := new(big.Rat).SetString(got.Text)
	require.True(t, ok, got.Text)
	f, _ := n.Float64()
	require.InEpsilon(t, want+1e-300, f+1e-300, 1e-14, "%s, not %g", got.Text, want)
}

// TestSelectTooLarge: a result beyond the memory it may take is an error.
func TestSelectTooLarge(t *testing.T) {
	b := newAllowance()
	require.NoError(t, b.take(maxTableBytes))
	require.ErrorIs(t, b.take(1), errTooLarge)
	require.NoError(t, b.take(-2))
}

// TestSelectTop: LIMIT chooses the same rows as sorting all would.
func TestSelectTop(t *testing.T) {
	var records []string
	for i := range 5000 {
		records = append(records, fmt.Sprintf(`{"instruction":"%d","output":"x","_bucket":"code","_n":%d}`, i, i*7919%1009))
	}
	d := openRecords(t, records, 512)
	all := cells(t, d, "SELECT instruction, _n FROM buckets ORDER BY _n DESC, instruction")
	assert.Equal(t, all[:20], cells(t, d, "SELECT instruction, _n FROM buckets ORDER BY _n DESC, instruction LIMIT 20"))
}

// TestSelectRange: numbers that an aggregate cannot hold are an error with a way out.
func TestSelectRange(t *testing.T) {
	d := openRecords(t, []string{`{"instruction":"a","output":"x","_n":1e4000}`, `{"instruction":"b","output":"x","_n":2}`}, 2)
	for _, of := range []string{"sum(_n)", "avg(_n)", "quantile(_n, 0.5)"} {
		_, err := run(d, "SELECT "+of+" FROM buckets", 0)
		assert.ErrorContains(t, err, "1e+4000", of)
		assert.ErrorContains(t, err, "leave such rows out by WHERE", of)
	}
	assert.Equal(t, []string{"2 | 1e+4000 | 2"}, cells(t, d, "SELECT min(_n), max(_n), count(_n) FROM buckets"))
}
