package query

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/ast"
)

// say runs a statement that gives a message.
func say(t *testing.T, d *db.DB, src string) string {
	t.Helper()
	r, err := run(d, src, 0)
	require.NoError(t, err, src)
	return r.Message
}

// cells runs a statement that gives a table, a line a row.
func cells(t *testing.T, d *db.DB, src string) []string {
	t.Helper()
	r, err := run(d, src, 0)
	require.NoError(t, err, src)
	var lines []string
	for _, row := range r.Table.Rows {
		var texts []string
		for _, v := range row {
			texts = append(texts, v.Text)
		}
		lines = append(lines, strings.Join(texts, " | "))
	}
	return lines
}

func events(t *testing.T, d *db.DB) (kinds []string) {
	t.Helper()
	require.NoError(t, d.Events(func(e db.Event) error {
		kinds = append(kinds, e.Kind)
		return nil
	}))
	return kinds
}

func fourRows(t *testing.T) *db.DB {
	return openRecords(t, []string{
		`{"instruction":"a","output":"1","_bucket":"code","_bucket_origin":"classifier","_bucket_score":0.5,"_n":1}`,
		`{"instruction":"b","output":"2","_bucket":"code","_bucket_origin":"given","_n":2}`,
		`{"instruction":"c","output":"3","_bucket":"factual","_bucket_origin":"given","_n":3}`,
		`{"instruction":"d","output":"4","_bucket":"factual","_bucket_origin":"given"}`,
	}, 2)
}

func TestUpdate(t *testing.T) {
	d := fourRows(t)
	assert.Equal(t, "updated _n, _reviewed (new) of 2 rows", say(t, d, "UPDATE buckets SET _n = 7.0, _reviewed = true WHERE _bucket = 'factual'"))
	assert.Equal(t, []string{"1 |  | 1", "2 |  | 1", "7 | true | 2"},
		cells(t, d, "SELECT _n, _reviewed, count(*) FROM buckets GROUP BY _n, _reviewed"))
	assert.Equal(t, "updated _n of 1 row", say(t, d, "UPDATE buckets SET _n = NULL WHERE contains(instruction, 'a')"))
	assert.Equal(t, []string{"1"}, cells(t, d, "SELECT count(*) FROM buckets WHERE _n IS NULL"))
	assert.Equal(t, []string{"ingest", "update", "update"}, append([]string{"ingest"}, events(t, d)...))
}

// A bucket set by UPDATE is neither given nor guessed any more.
func TestUpdateBucket(t *testing.T) {
	d := fourRows(t)
	assert.Equal(t, "updated _bucket of 1 row", say(t, d, "UPDATE buckets SET _bucket = 'creative' WHERE _n = 1"))
	assert.Equal(t, []string{"creative | update |  | 1"},
		cells(t, d, "SELECT _bucket, _bucket_origin, _bucket_score, count(*) FROM buckets WHERE _n = 1 GROUP BY _bucket, _bucket_origin, _bucket_score"))
	say(t, d, "UPDATE buckets SET _bucket = 'code', _bucket_origin = 'hand' WHERE _n = 1")
	assert.Equal(t, []string{"code | hand | 1"},
		cells(t, d, "SELECT _bucket, _bucket_origin, count(*) FROM buckets WHERE _n = 1 GROUP BY _bucket, _bucket_origin"))
	rows := rowsOf(t, mustSample(t, d, "SAMPLE ALL FROM buckets WHERE _n = 1"))
	assert.Equal(t, []string{`{"instruction":"a","output":"1","_bucket":"code","_bucket_origin":"hand","_n":1}`}, rows)
}

func TestDelete(t *testing.T) {
	d := fourRows(t)
	mustSample(t, d, "SAMPLE ALL FROM buckets AS whole")
	assert.Equal(t, "no row: the condition is true for none", say(t, d, "DELETE FROM buckets WHERE _n > 100"))
	assert.Empty(t, events(t, d)[1:], "nothing was done")
	assert.Equal(t, "deleted 2 rows; smelt compact gives the space back", say(t, d, "DELETE FROM whole WHERE _bucket = 'code'"))
	assert.EqualValues(t, 2, d.Snapshot().Rows())
	assert.EqualValues(t, 2, mustSample(t, d, "SAMPLE ALL FROM whole").Report.Delivered, "what is left of it")
	assert.Contains(t, cells(t, d, "DESCRIBE whole"), "sample | of these deleted since | 2")
	assert.Equal(t, "delete", events(t, d)[1])
}

func TestAlterAndDrop(t *testing.T) {
	d := fourRows(t)
	say(t, d, "CREATE BUCKET legal WEIGHT 2 RULE contains(output, 'plaintiff')")
	assert.Equal(t, "altered bucket legal", say(t, d, "ALTER BUCKET legal WEIGHT NULL DESCRIPTION 'law' RULE length(output) > 5"))
	b, _ := d.Catalog().Bucket("legal")
	assert.Equal(t, db.Bucket{Name: "legal", Description: "law", Rule: "length(output) > 5"}, b)
	say(t, d, "ALTER BUCKET legal RULE NULL WEIGHT 0.5")
	b, _ = d.Catalog().Bucket("legal")
	assert.Equal(t, db.Bucket{Name: "legal", Weight: "0.5", Description: "law"}, b)

	say(t, d, "CREATE PHASE p (legal 1, code 2) SAMPLES 5 EPOCHS 2 DESCRIPTION 'x'")
	say(t, d, "ALTER PHASE p (legal 3) SAMPLES NULL")
	p, _ := d.Catalog().Phase("p")
	assert.Equal(t, db.Phase{Name: "p", Weights: []db.PhaseWeight{{Bucket: "legal", Weight: "3"}}, Epochs: 2, Description: "x"}, p)

	for src, says := range map[string]string{
		"DROP BUCKET legal":                                 "phase p weighs bucket legal",
		"DROP BUCKET code":                                  "bucket code holds 2 rows",
		"DROP BUCKET lgal":                                  "did you mean legal?",
		"DROP PHASE q":                                      "unknown phase q",
		"DROP SAMPLE s":                                     "unknown sample s",
		"DROP TAG 't'":                                      "there is no tag 't'",
		"ALTER BUCKET lgal WEIGHT 1":                        "did you mean legal?",
		"ALTER BUCKET legal RULE lenth(output)":             "did you mean length?",
		"ALTER PHASE p (nobody 1)":                          "unknown bucket nobody",
		"ALTER PHASE q SAMPLES 5":                           "unknown phase q",
		"CREATE INDEX ON _m":                                "unknown field _m",
		"CREATE INDEX ON output":                            "only metadata fields",
		"DESCRIBE lgal":                                     "did you mean legal?",
		"UPDATE buckets SET output = 'x' WHERE true":        "cannot be changed",
		"UPDATE buckets SET _map = 'x' WHERE true":          "it cannot be changed",
		"UPDATE buckets SET _bucket = 'cod' WHERE true":     "did you mean 'code'?",
		"UPDATE buckets SET _bucket = NULL WHERE true":      "every row has a bucket",
		"UPDATE buckets SET _n = 1, _n = 2 WHERE true":      "_n given twice",
		"UPDATE buckets SET _n = 1 WHERE _m = 1":            "unknown field _m",
		"SAMPLE 1 FROM buckets AT TAG 'never'":              "there is no tag 'never'",
		"DIFF a, b":                                         "there is no sample named a",
		"DIFF a, a":                                         "sample a is compared with itself",
		"UPDATE buckets SET _bucket_scor = NULL WHERE true": "did you mean _bucket_score?",
		"CREATE INDEX ON _bucket_scor":                      "did you mean _bucket_score?",
	} {
		_, err := run(d, src, 0)
		var bad *ast.Error
		if assert.ErrorAs(t, err, &bad, src) {
			assert.Contains(t, bad.Detail(), says, src)
		}
	}
	say(t, d, "DROP PHASE p")
	say(t, d, "DROP BUCKET legal")
	mustSample(t, d, "SAMPLE 1 FROM buckets AS s")
	say(t, d, "DROP SAMPLE s")
	_, known := d.Catalog().Bucket("legal")
	assert.False(t, known)
	assert.Empty(t, cells(t, d, "SHOW SAMPLES"))
}

// A statement AT TAG sees rows, values and phases as they were.
func TestAtTag(t *testing.T) {
	d := fourRows(t)
	say(t, d, "CREATE PHASE p (code 1)")
	before := mustSample(t, d, "SAMPLE ALL FROM buckets WEIGHTED BY PHASE p")
	assert.Equal(t, "tag 'v1' names commit 1: 4 rows", say(t, d, "TAG 'v1'"))
	say(t, d, "ALTER PHASE p (factual 1)")
	say(t, d, "UPDATE buckets SET _n = 9 WHERE _bucket = 'code'")
	say(t, d, "DELETE FROM buckets WHERE _n = 9")
	then := mustSample(t, d, "SAMPLE ALL FROM buckets WEIGHTED BY PHASE p AT TAG 'v1'")
	assert.Equal(t, before.Report.Digest, then.Report.Digest)
	assert.Equal(t, rowsOf(t, before), rowsOf(t, then))
	assert.Equal(t, []string{"2"}, cells(t, d, "SELECT count(*) FROM buckets WHERE _n <= 2 AT TAG 'v1'"))
	assert.Len(t, cells(t, d, "SHOW TAGS"), 1)
	say(t, d, "DROP TAG 'v1'")
	assert.Empty(t, cells(t, d, "SHOW TAGS"))
}

func TestDescribe(t *testing.T) {
	d := fourRows(t)
	mustSample(t, d, "SAMPLE 2 FROM buckets WHERE _bucket = 'code' AS code")
	assert.Equal(t, []string{
		"bucket | rows | 2", "bucket | weight | 20", "bucket | description | writing and explaining code",
		"bucket | weight in phase production_balanced | 20", "bucket | weight in phase phase1_calibration | 20",
	}, cells(t, d, "DESCRIBE code")[:5], "a bucket and a sample")
	assert.Contains(t, cells(t, d, "DESCRIBE code"), "sample | delivered of all rows | 2")
	assert.Equal(t, []string{
		"field | kinds | number", "field | rows | 3", "field | NULL rows | 1", "field | values | 3", "field | index | bitmap a value",
		"field | smallest | 1", "field | largest | 3", "field | rows of 1 | 1", "field | rows of 2 | 1", "field | rows of 3 | 1",
	}, cells(t, d, "DESCRIBE _n"))
	assert.Contains(t, cells(t, d, "DESCRIBE phase1_calibration"), "phase | samples | 10000")
	assert.Contains(t, cells(t, d, "SHOW FIELDS"), "_n | number | 3 | 1 | 3")
	assert.Contains(t, cells(t, d, "SHOW INDEXES"), "_n | bitmap a value")
	assert.Contains(t, say(t, d, "CREATE INDEX ON _n"), "_n has an index")
}

func TestDiff(t *testing.T) {
	var records []string
	for i := range 90 {
		records = append(records, fmt.Sprintf(`{"instruction":"%d","output":"x","_bucket":"%s"}`, i, []string{"code", "factual"}[i%2]))
	}
	records = append(records, records[0]) // the same row twice
	d := openRecords(t, records, 16)
	mustSample(t, d, "SAMPLE 40 FROM buckets DUPLICATES AS a")
	mustSample(t, d, "SAMPLE 20 FROM buckets EXCLUDE a AS b")
	mustSample(t, d, "SAMPLE 60 FROM buckets AS both")
	lines := cells(t, d, "DIFF a, b")
	last := lines[len(lines)-1]
	assert.Contains(t, []string{"all | 40 | 0 | 20", "all | 39 | 0 | 20"}, last, "a may hold the row twice")
	lines = cells(t, d, "DIFF b, both")
	var only, shared, others int
	_, err := fmt.Sscanf(strings.TrimPrefix(lines[len(lines)-1], "all | "), "%d | %d | %d", &only, &shared, &others)
	require.NoError(t, err)
	assert.Equal(t, 20, only+shared)
	assert.Equal(t, 60, shared+others)
}
