package query

import (
	"fmt"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// Every statement gives the same sample before and after a compaction, also one
// that excludes a kept sample of which rows are deleted that have copies.
func TestSameSamplesAfterCompact(t *testing.T) {
	records := mixed(600, 8)
	dir := t.TempDir()
	d := storeRecords(t, dir, records, 100)
	mustSample(t, d, "SAMPLE 200 FROM buckets AS kept")
	kept, err := d.SampleRows("kept")
	require.NoError(t, err)
	w := d.NewWriter()
	gone := roaring.New()
	for i, addr := range kept.ToArray() {
		if i%3 == 0 {
			gone.Add(addr)
		}
	}
	// Of some of these rows a copy comes after them, and stays.
	b := db.NewSegmentBuilder()
	copies := db.File{ID: w.NewFile(), Complete: true}
	snap := d.Snapshot()
	all := gone.ToArray()
	require.NoError(t, snap.Records(t.Context(), all, func(i int, record []byte) error {
		copies.Rows++
		r := newNaiveRow(string(record))
		if err := b.Append(r.hash, record, copies.ID, uint64(i+1)); err != nil {
			return err
		}
		b.Field([]byte("_bucket"), db.KindText, []byte(r.bucket))
		return nil
	}))
	require.NoError(t, w.Add(b.Finish()))
	w.PutFile(copies)
	require.NoError(t, w.Commit())
	w.Delete(gone)
	require.NoError(t, w.Commit())
	w.Close()

	statements := []string{
		"SAMPLE 50 % FROM buckets", "SAMPLE ALL FROM kept", "SAMPLE ALL FROM buckets EXCLUDE kept",
		"SAMPLE 30 FROM buckets DUPLICATES EXCLUDE kept SEED 7",
	}
	seen := func() (out []string) {
		for _, st := range statements {
			s := mustSample(t, d, st)
			out = append(out, fmt.Sprint(st, s.Report.Digest, s.Report.Excluded, s.Report.Shared, rowsOf(t, s)))
		}
		return out
	}
	want := seen()
	require.NoError(t, d.Close())
	report, err := db.Compact(t.Context(), dir, db.CompactOptions{})
	require.NoError(t, err)
	assert.EqualValues(t, gone.GetCardinality(), report.Removed)
	d, err = db.Open(dir, db.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	assert.Equal(t, want, seen())
}
