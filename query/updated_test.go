package query

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// What was updated and deleted after rows were stored is what statements see
// and samples hold.
func TestUpdatedAndDeletedRows(t *testing.T) {
	d := openRecords(t, []string{
		`{"instruction":"a","output":"1","_bucket":"code","_n":1}`,
		`{"instruction":"b","output":"2","_bucket":"code","_n":2, "_x": "old"}`,
		`{"instruction":"c","output":"3","_bucket":"code","_n":3}`,
		`{"instruction":"d","output":"4","_bucket":"code","_n":4}`,
	}, 2)
	w := d.NewWriter()
	require.NoError(t, w.UpdateField("_bucket", map[db.Value]*roaring.Bitmap{db.TextValue("factual"): roaring.BitmapOf(0)}))
	require.NoError(t, w.UpdateField("_x", map[db.Value]*roaring.Bitmap{db.Value{}: roaring.BitmapOf(1)}))
	require.NoError(t, w.UpdateField("_contaminated_by", map[db.Value]*roaring.Bitmap{db.TextValue("test"): roaring.BitmapOf(2)}))
	w.Delete(roaring.BitmapOf(3))
	require.NoError(t, w.Commit())
	w.Close()

	s := mustSample(t, d, "SAMPLE ALL FROM buckets")
	assert.ElementsMatch(t, []string{
		`{"instruction":"a","output":"1","_bucket":"factual","_n":1}`,
		`{"instruction":"b","output":"2","_bucket":"code","_n":2}`,
		`{"instruction":"c","output":"3","_bucket":"code","_n":3,"_contaminated_by":"test"}`,
	}, rowsOf(t, s))
	assert.EqualValues(t, 3, s.Report.StoreRows)
	assert.EqualValues(t, 1, mustSample(t, d, "SAMPLE ALL FROM buckets WEIGHTED BY (factual 1)").Report.Delivered)
	assert.EqualValues(t, 2, mustSample(t, d, "SAMPLE ALL FROM buckets WHERE _contaminated_by IS NULL").Report.Delivered)
	r, err := run(d, "SHOW BUCKETS", 0)
	require.NoError(t, err)
	assert.Equal(t, "2", r.Table.Rows[2][1].Text, "code")
	r, err = run(d, "SELECT count(*) FROM buckets WHERE _n >= 3", 0)
	require.NoError(t, err)
	assert.Equal(t, "1", r.Table.Rows[0][0].Text)
}
