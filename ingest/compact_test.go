package ingest

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// deleteAndCompact deletes the rows of d and compacts it. It returns the store
// opened again.
func deleteAndCompact(t *testing.T, d *db.DB, rows ...uint32) *db.DB {
	t.Helper()
	w := d.NewWriter()
	w.Delete(roaring.BitmapOf(rows...))
	require.NoError(t, w.Commit())
	w.Close()
	want := storedRows(t, d)
	require.NoError(t, d.Close())
	report, err := db.Compact(t.Context(), d.Dir(), db.CompactOptions{})
	require.NoError(t, err)
	require.EqualValues(t, len(rows), report.Removed)
	d = openStore(t, d.Dir())
	require.Equal(t, want, storedRows(t, d))
	requireWhole(t, d)
	return d
}

// Rows that were deleted and compacted away do not come back with their file,
// and lines that were rejected are still tried again.
func TestTheSameFileAfterCompact(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, example(i))
		if i%10 == 0 {
			lines = append(lines, `{"instruction":"x","output":"x","_bucket":"mine"}`, "bad")
		}
	}
	content := join(lines)
	d := newStore(t)
	first := mustRun(t, d, Options{}, bytesInput("a", content))
	require.Greater(t, first.Rows, int64(5), "those with a bucket of their own")
	d = deleteAndCompact(t, d, 0, 3)

	again := mustRun(t, d, Options{}, bytesInput("a", content))
	assert.Zero(t, again.Rows)
	rest := mustRun(t, d, inCode, bytesInput("a", content))
	assert.EqualValues(t, 100, first.Rows+rest.Rows)
	rows := storedRows(t, d)
	assert.Len(t, rows, 98)
	for _, r := range rows {
		assert.Equal(t, lines[r.origin.Line-1], r.record)
	}
	requireWhole(t, d)
}

// A file that was cut short is continued where it was, and not before.
func TestResumeAfterCompact(t *testing.T) {
	lines := examples(0, 3000)
	content := join(lines)
	d := newStore(t)
	opt := Options{Bucket: "code", SegmentRows: 60, CommitBytes: 1}
	interrupted(t, d, content, opt)
	d = deleteAndCompact(t, d, 0, 1, 7)
	sum := mustRun(t, d, opt, bytesInput("x", content))
	assert.True(t, sum.Files[0].Resumed)
	rows := storedRows(t, d)
	require.Len(t, rows, len(lines)-3)
	assert.Equal(t, lines[2], rows[0].record)
	for _, r := range rows {
		assert.Equal(t, lines[r.origin.Line-1], r.record)
	}
	requireWhole(t, d)
	d = deleteAndCompact(t, d, 5)
	assert.Zero(t, mustRun(t, d, opt, bytesInput("x", content)).Rows)
}
