package plan

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/jsontext"
	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/expr"
)

// testContent is the normal form of the records of these tests.
func testContent(record []byte) (row.Content, error) {
	var r struct {
		Instruction, Input, Output string
		Turns                      []row.Turn
	}
	err := json.Unmarshal(record, &r)
	return row.Content{Instruction: r.Instruction, Input: r.Input, Output: r.Output, Turns: r.Turns}, err
}

// storeOf stores records in segments of so many rows, fields that begin with _
// being metadata.
func storeOf(t require.TestingT, dir string, segmentRows int, records ...string) *db.DB {
	d, err := db.Open(dir, db.Options{Create: true})
	require.NoError(t, err)
	w := d.NewWriter()
	defer w.Close()
	file := db.File{ID: w.NewFile(), Rows: int64(len(records)), Complete: true}
	b := db.NewSegmentBuilder()
	for i, record := range records {
		content, err := testContent([]byte(record))
		require.NoError(t, err, record)
		require.NoError(t, b.Append(row.Sum(&content), []byte(record), file.ID, uint64(i+1)))
		for _, f := range jsontext.Members([]byte(record), nil) {
			if text, kind, ok := db.AppendValue(nil, f.Value); ok && f.Key[0] == '_' {
				b.Field(f.Key, kind, text)
			}
		}
		if b.Rows() == segmentRows || i == len(records)-1 {
			require.NoError(t, w.Add(b.Finish()))
		}
	}
	w.PutFile(file)
	require.NoError(t, w.Commit())
	return d
}

// storedAddresses are the addresses of the rows of a store from which none was
// deleted, in the order they were stored.
func storedAddresses(s *db.Snapshot) []uint32 { return s.All().ToArray() }

var testFunctions = Functions{Content: testContent}

// bindWhere binds a condition to what a store holds now.
func bindWhere(t require.TestingT, d *db.DB, condition string) (*Filter, error) {
	src := "SAMPLE 1 FROM buckets WHERE " + condition
	st, err := ast.Parse(src)
	require.NoError(t, err, src)
	return BindFilter(src, st.(*ast.Sample).Where, d, d.Snapshot(), testFunctions)
}

// scanOnly is the filter with every index taken from it.
func scanOnly(t require.TestingT, f *Filter, condition string) *Filter {
	src := "SAMPLE 1 FROM buckets WHERE " + condition
	st, err := ast.Parse(src)
	require.NoError(t, err)
	p, err := expr.CompileCondition(src, st.(*ast.Sample).Where, f.b.env())
	require.NoError(t, err)
	return &Filter{b: f.b, root: scanned{}, residual: p, wanted: expr.True}
}

// TestAgainstNaive: random conditions on random rows, some updated and some
// deleted, select the rows that the naive evaluation does, by index and by scan
// alike, however the rows are cut into segments and whatever the threads.
func TestAgainstNaive(t *testing.T) {
	asked, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		records := append(fullRecords(), rapid.SliceOfN(rapid.Custom(naiveRecord), 0, 40).Draw(t, "records")...)
		dir, err := os.MkdirTemp("", "where-*")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		d := storeOf(t, dir, rapid.SampledFrom([]int{3, 10, 1000}).Draw(t, "segment rows"), records...)
		defer func() { require.NoError(t, d.Close()) }()
		var rows []*naiveRow
		for _, r := range records {
			rows = append(rows, newNaiveRow(t, r))
		}
		addrs := storedAddresses(d.Snapshot())
		require.Len(t, addrs, len(rows))

		// Change the metadata of some rows, and take some away.
		w := d.NewWriter()
		values := map[db.Value]*roaring.Bitmap{}
		for i, r := range rows[4:] {
			switch rapid.IntRange(0, 5).Draw(t, "change") {
			case 0:
				raw := rapid.SampledFrom(fieldValues[2:]).Draw(t, "updated")
				text, kind, ok := db.AppendValue(nil, []byte(raw))
				v := db.Value{}
				if ok {
					v = db.Value{Kind: kind, Text: string(text)}
				}
				if values[v] == nil {
					values[v] = roaring.New()
				}
				values[v].Add(addrs[i+4])
				r.meta["_v"] = decoded(t, raw)
			case 1:
				w.Delete(roaring.BitmapOf(addrs[i+4]))
				r.deleted = true
			}
		}
		require.NoError(t, w.UpdateField("_v", values))
		require.NoError(t, w.Commit())
		w.Close()

		threads := rapid.IntRange(1, 3).Draw(t, "threads")
		for range 12 {
			c := conditionOf(t, 3)
			filter, err := bindWhere(t, d, c.words)
			asked++
			if err != nil {
				var bad *ast.Error
				require.ErrorAs(t, err, &bad, c.words)
				require.Regexp(t, "cannot be compared|have no order", bad.Message, c.words) // constants of two kinds
				refused++
				continue
			}
			want := roaring.New()
			for i, r := range rows {
				if !r.deleted && c.truth(r) == 2 {
					want.Add(addrs[i])
				}
			}
			got, err := filter.Rows(context.Background(), threads, nil)
			if err != nil {
				require.ErrorContains(t, err, "no row has it", c.words)
				continue
			}
			require.Equal(t, want.ToArray(), got.ToArray(), c.words)
			got, err = scanOnly(t, filter, c.words).Rows(context.Background(), threads, nil)
			require.NoError(t, err)
			require.Equal(t, want.ToArray(), got.ToArray(), "by scan: %s", c.words)

			within := d.Snapshot().All()
			within.And(roaring.BitmapOf(addrs[:len(addrs)/2]...))
			got, err = filter.Rows(context.Background(), threads, within)
			require.NoError(t, err)
			require.Equal(t, roaring.And(want, within).ToArray(), got.ToArray(), "within: %s", c.words)
		}
	})
	assert.Less(t, refused, asked/3, "most conditions are to be evaluated")
}

// FuzzPaths: whatever binds selects the same rows by index and by scan.
func FuzzPaths(f *testing.F) {
	for _, seed := range []string{
		"_v = 1 AND length(output) > 2", "NOT (_v IS NULL OR contains(w, 'a'))", `_w."1" = v.k."0" OR holdout(50)`,
		"(_v < _w) IS NULL AND NOT holdout(20)", "_v IN (v, 1, NULL) OR true", "tokens(_v.k, 'bytes') BETWEEN 0 AND 9e99 AND \"a.b\" ILIKE '%É'",
		"matches(instruction, 'a|b') = (_w = 'a')", "_v.k IS NOT NULL AND (_w OR output LIKE '_%')",
	} {
		f.Add(seed)
	}
	records := fullRecords()
	for i, v := range fieldValues {
		w := fieldValues[(i*7+3)%len(fieldValues)]
		if v != "" && w != "" {
			records = append(records, fmt.Sprintf(`{"output":"%d","_v":%s,"v":%s,"_w":%s,"w":%s}`, i, v, w, w, v))
		}
	}
	d := storeOf(f, f.TempDir(), 5, records...)
	f.Cleanup(func() { assert.NoError(f, d.Close()) })
	f.Fuzz(func(t *testing.T, condition string) {
		src := "SAMPLE 1 FROM buckets WHERE " + condition
		st, err := ast.Parse(src)
		if err != nil {
			return
		}
		sample, ok := st.(*ast.Sample)
		if !ok || sample.Where == nil {
			return
		}
		filter, err := BindFilter(src, sample.Where, d, d.Snapshot(), testFunctions)
		var bad *ast.Error
		if err != nil {
			require.ErrorAs(t, err, &bad)
			return
		}
		byIndex, err := filter.Rows(context.Background(), 2, nil)
		if err != nil {
			require.ErrorAs(t, err, &bad)
			return
		}
		whole, err := expr.CompileCondition(src, sample.Where, filter.b.env())
		require.NoError(t, err)
		byScan, err := (&Filter{b: filter.b, root: scanned{}, residual: whole, wanted: expr.True}).Rows(context.Background(), 2, nil)
		require.NoError(t, err)
		require.Equal(t, byScan.ToArray(), byIndex.ToArray())
		sure, open, err := filter.split(nil)
		require.NoError(t, err)
		require.False(t, sure.Intersects(open))
		require.True(t, roaring.AndNot(byIndex, roaring.Or(sure, open)).IsEmpty(), "a row beyond the upper bound")
		require.True(t, roaring.AndNot(sure, byIndex).IsEmpty(), "a sure row is not there")
	})
}
