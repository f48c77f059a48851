package query

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/query/plan"
)

// TestKeptLaterThanTag: a statement AT TAG may name a sample that was kept
// later, and holds rows the tag does not know: they are not deleted, and their
// row_hashes are excluded.
func TestKeptLaterThanTag(t *testing.T) {
	records := bucketed(map[string]int{"code": 20})
	d := openRecords(t, records, 7)
	say(t, d, "TAG 'early'")
	addRecords(t, d, append([]string{`{"instruction":"new","output":"x","_bucket":"code"}`}, records[3:6]...), 7)
	mustSample(t, d, "SAMPLE ALL FROM buckets WHERE contains(instruction, 'new') AS later")
	mustSample(t, d, "SAMPLE ALL FROM buckets DUPLICATES AS everything")
	copies := d.Snapshot().All()
	copies.RemoveRange(0, 21)
	require.EqualValues(t, 3, copies.GetCardinality())

	s := mustSample(t, d, "SAMPLE ALL FROM buckets EXCLUDE later AT TAG 'early'")
	assert.EqualValues(t, 20, s.Report.Delivered)
	s = mustSample(t, d, "SAMPLE ALL FROM everything AT TAG 'early'")
	assert.EqualValues(t, 20, s.Report.Delivered)
	assert.Nil(t, s.Report.Missing, "nothing was deleted")
	assert.Contains(t, s.Report.Notes, "4 rows of sample everything came later than snapshot 1")
	_, err := run(d, "SAMPLE 1 FROM buckets EXCLUDE everything AT TAG 'early'", 0)
	require.ErrorContains(t, err, "EXCLUDE leaves no rows")
	assert.Equal(t, []string{"20"}, cells(t, d, "SELECT count(*) FROM everything AT TAG 'early'"))
	assert.Equal(t, []string{"0"}, cells(t, d, "SELECT count(*) FROM buckets WHERE in_sample('later') AT TAG 'early'"))

	// Kept rows that the tag knows only by an equal one count as shared.
	mustSample(t, d, "SAMPLE 1 FROM later AS one")
	require.NoError(t, d.KeepSample(db.Sample{Name: "copies"}, copies))
	shared := mustSample(t, d, "SAMPLE ALL FROM buckets AT TAG 'early'").Report.Shared
	assert.Equal(t, []SharedRows{{"copies", 3}, {"everything", 20}}, shared)
}

// TestKeptSincePrepare: DIFF and the comparison with kept samples look at those
// kept when they run, whose rows may be later than the statement's snapshot.
func TestKeptSincePrepare(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 5}), 3)
	prepare := func(src string) *Query {
		q, err := Prepare(d, src, Options{Functions: plan.Functions{Content: alpaca}})
		require.NoError(t, err)
		return q
	}
	diff, sample := prepare("DIFF a, b"), prepare("SAMPLE ALL FROM buckets")
	addRecords(t, d, bucketed(map[string]int{"factual": 4}), 3)
	mustSample(t, d, "SAMPLE ALL FROM buckets WHERE _bucket = 'factual' AS a")
	mustSample(t, d, "SAMPLE ALL FROM buckets AS b")
	r, err := diff.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, [][]db.Value{
		{db.TextValue("code"), number(0), number(0), number(5)},
		{db.TextValue("factual"), number(0), number(4), number(0)},
		{db.TextValue("all"), number(0), number(4), number(5)},
	}, r.Table.Rows)
	r, err = sample.Run(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []SharedRows{{"b", 5}}, r.Sample.Report.Shared)
}
