package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// hashesOf are the row_hashes of records in ascending order, as text.
func hashesOf(records ...string) []string {
	var out []string
	for _, r := range records {
		out = append(out, fmt.Sprintf("%x", newNaiveRow(r).hash))
	}
	slices.Sort(out)
	return out
}

// TestMissingRowsAreNamed: what is left of a kept sample can be drawn after
// DELETE, and the report and DESCRIBE say how many rows are missing and which.
func TestMissingRowsAreNamed(t *testing.T) {
	for _, segmentRows := range []int{7, 1000} {
		d := openRecords(t, bucketed(map[string]int{"code": 30, "factual": 4}), segmentRows)
		whole := rowsOf(t, mustSample(t, d, "SAMPLE 20 FROM buckets WHERE _bucket = 'code' AS kept"))
		assert.Nil(t, mustSample(t, d, "SAMPLE ALL FROM kept").Report.Missing)
		assert.NotContains(t, strings.Join(cells(t, d, "DESCRIBE kept"), "\n"), "deleted row_hash")

		// Rows of no kept sample are nobody's loss.
		say(t, d, "DELETE FROM buckets WHERE _bucket = 'factual'")
		assert.Nil(t, mustSample(t, d, "SAMPLE ALL FROM kept").Report.Missing)

		var gone []string
		for _, n := range []int{2, 9} {
			for _, h := range hashesOf(whole[:n]...) {
				say(t, d, "DELETE FROM kept WHERE row_hash() = '"+h+"'")
			}
			gone, whole = append(gone, whole[:n]...), whole[n:]
			s := mustSample(t, d, "SAMPLE ALL FROM kept")
			assert.ElementsMatch(t, whole, rowsOf(t, s), "the others stay readable")
			want := hashesOf(gone...)
			named := want[:min(len(want), maxNamed)]
			require.Equal(t, &MissingRows{Sample: "kept", Rows: int64(len(gone)), Hashes: named}, s.Report.Missing)
			text, err := json.Marshal(s.Report)
			require.NoError(t, err)
			var report struct {
				Missing struct {
					Rows   int64
					Hashes []string `json:"row_hashes"`
				}
			}
			require.NoError(t, json.Unmarshal(text, &report))
			assert.Equal(t, named, report.Missing.Hashes)

			note := s.Report.Notes[0]
			for _, h := range named {
				assert.Contains(t, note, h)
			}
			about := cells(t, d, "DESCRIBE kept")
			at := slices.Index(about, "sample | distinct rows | 20") + 1
			if len(gone) == 2 {
				assert.Equal(t, "2 rows of sample kept were deleted since it was kept; row_hash "+want[0]+", "+want[1], note)
				assert.Equal(t, []string{"sample | of these deleted since | 2",
					"sample | deleted row_hash | " + want[0], "sample | deleted row_hash | " + want[1]}, about[at:at+3])
			} else {
				assert.Contains(t, note, "11 rows of sample kept")
				assert.Contains(t, note, want[4]+" and 6 more")
				assert.Equal(t, "sample | deleted row_hash | "+want[4], about[at+5])
				assert.Contains(t, about[at+6], "digest")
			}
		}

		say(t, d, "DELETE FROM kept WHERE true")
		s := mustSample(t, d, "SAMPLE ALL FROM kept")
		assert.Zero(t, s.Report.Delivered)
		assert.EqualValues(t, 20, s.Report.Missing.Rows)
	}
}

// TestMissingFromQuotedName: the note writes the name as a statement has to.
func TestMissingFromQuotedName(t *testing.T) {
	d := openRecords(t, bucketed(map[string]int{"code": 3}), 50)
	mustSample(t, d, `SAMPLE ALL FROM buckets AS "my rows"`)
	say(t, d, `DELETE FROM "my rows" WHERE contains(instruction, '1')`)
	s := mustSample(t, d, `SAMPLE 1 FROM "my rows"`)
	assert.Contains(t, s.Report.Notes[0], `1 row of sample "my rows" was deleted since it was kept; row_hash `)
}

// TestDiffOfDeletedRows: rows that were deleted count as such, before a compaction
// and after it.
func TestDiffOfDeletedRows(t *testing.T) {
	dir := t.TempDir()
	d := storeRecords(t, dir, append(bucketed(map[string]int{"code": 6, "factual": 4}), bucketed(map[string]int{"code": 2})...), 4)
	mustSample(t, d, "SAMPLE ALL FROM buckets WHERE instruction != 'code 5' AS a")
	mustSample(t, d, "SAMPLE ALL FROM buckets WHERE instruction != 'factual 3' DUPLICATES AS b")
	say(t, d, "DELETE FROM buckets WHERE instruction IN ('code 4', 'code 5', 'factual 3')")
	copied, err := d.SampleRows("b")
	require.NoError(t, err)
	w := d.NewWriter()
	w.Delete(roaring.BitmapOf(copied.Maximum())) // of 'code 1', which is there once more
	require.NoError(t, w.Commit())
	w.Close()
	want := []string{"code | 0 | 4 | 0", "factual | 0 | 3 | 0", "(deleted) | 1 | 1 | 1", "all | 1 | 8 | 1"}
	assert.Equal(t, want, cells(t, d, "DIFF a, b"))
	require.NoError(t, d.Close())
	_, err = db.Compact(t.Context(), dir, db.CompactOptions{})
	require.NoError(t, err)
	d, err = db.Open(dir, db.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, d.Close()) })
	assert.Equal(t, want, cells(t, d, "DIFF a, b"))
}
