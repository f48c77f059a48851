package db

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db/row"
)

// seenRow is all that the store says of a row, but for its address.
type seenRow struct {
	hash   row.Hash
	record string
	origin Origin
	fields map[string]Value
}

// seeRows reads the rows at addrs.
func seeRows(t require.TestingT, s *Snapshot, addrs []uint32) []seenRow {
	rows := make([]seenRow, len(addrs))
	ids, err := s.identities(context.Background(), addrs)
	require.NoError(t, err)
	at := map[uint32]int{}
	for i, id := range ids {
		rows[i] = seenRow{id.hash, "", id.origin, map[string]Value{}}
		at[addrs[i]] = i
	}
	require.NoError(t, s.Records(context.Background(), addrs, func(i int, record []byte) error {
		rows[i].record = string(record)
		return nil
	}))
	for _, name := range s.Fields() {
		f, err := s.Field(name)
		require.NoError(t, err)
		groups, err := f.Groups()
		require.NoError(t, err)
		for _, g := range groups {
			for _, addr := range g.Rows.ToArray() {
				if i, wanted := at[addr]; wanted {
					rows[i].fields[name] = g.Value
				}
			}
		}
	}
	return rows
}

func mustBeWhole(t require.TestingT, d *DB) {
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
}

// changed makes a store in dir of so many segments, with updated and deleted
// rows and the kept sample k, whose rows it returns, all of them.
func changed(t require.TestingT, dir string, segments int, sample, deleted []uint32) *DB {
	d, err := Open(dir, Options{Create: true})
	require.NoError(t, err)
	w := d.NewWriter()
	defer w.Close()
	b := NewSegmentBuilder()
	const rows = 100
	for n := range segments {
		file := File{ID: w.NewFile(), Name: fmt.Sprint("f", n), Rows: rows, Complete: true}
		for i := range rows {
			appendRow(t, b, makeRow(n*rows+i), file.ID, uint64(2*i+1))
		}
		require.NoError(t, w.Add(b.Finish()))
		w.PutFile(file)
	}
	require.NoError(t, w.Commit())
	require.NoError(t, d.KeepSample(Sample{Name: "k", Rows: int64(len(sample))}, roaring.BitmapOf(sample...)))
	require.NoError(t, w.UpdateField("_bucket", map[Value]*roaring.Bitmap{
		TextValue("other"): roaring.BitmapOf(0, 50, uint32(segments*rows-1)), {}: roaring.BitmapOf(7),
	}))
	w.Delete(roaring.BitmapOf(deleted...))
	require.NoError(t, w.Commit())
	return d
}

// What a compacted store says of its rows and samples is what it said before, and
// deleted rows are gone.
func TestCompactKeepsWhatIsThere(t *testing.T) {
	all := make([]uint32, 300)
	for i := range all {
		all[i] = uint32(i)
	}
	for _, c := range []struct {
		name            string
		sample, deleted []uint32
	}{
		{"nothing deleted", []uint32{1, 2, 150, 299}, nil},
		{"some deleted", []uint32{1, 2, 150, 152, 298}, []uint32{0, 2, 50, 99, 100, 151, 152, 299}},
		{"a whole segment deleted", []uint32{99, 100, 150, 200}, all[100:200]},
		{"all deleted", []uint32{5, 250}, all},
		{"a sample without rows", nil, []uint32{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := changed(t, dir, 3, c.sample, c.deleted)
			s := d.Snapshot()
			want := seeRows(t, s, s.All().ToArray())
			kept := roaring.BitmapOf(c.sample...)
			gone := roaring.And(kept, s.Deleted())
			wantMissing, err := s.identities(context.Background(), gone.ToArray())
			require.NoError(t, err)
			wantKept := seeRows(t, s, roaring.AndNot(kept, gone).ToArray())
			require.NoError(t, d.Close())

			report, err := Compact(context.Background(), dir, CompactOptions{Threads: 2})
			require.NoError(t, err)
			require.True(t, report.Done)
			require.EqualValues(t, len(c.deleted), report.Removed)

			d = open(t, dir)
			mustBeWhole(t, d)
			now := d.Snapshot()
			require.EqualValues(t, len(want), now.Addresses())
			require.Equal(t, want, seeRows(t, now, now.All().ToArray()))
			require.Equal(t, s.Updated(), now.Updated())
			rows, err := d.SampleRows("k")
			require.NoError(t, err)
			require.Equal(t, wantKept, seeRows(t, now, rows.ToArray()))
			missing, err := d.SampleMissing("k")
			require.NoError(t, err)
			require.Len(t, missing, len(wantMissing))
			for i, id := range wantMissing {
				require.Equal(t, id.hash, missing[i])
			}
			require.NoError(t, d.DropSample("k"))
			missing, err = d.SampleMissing("k")
			require.NoError(t, err)
			require.Empty(t, missing)
			mustBeWhole(t, d)
		})
	}
}

// A row's new address is its number among the rows that stay.
func TestMovedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addrs := rapid.SliceOf(rapid.Uint32Range(0, 200))
		rows, deleted := roaring.BitmapOf(addrs.Draw(t, "rows")...), roaring.BitmapOf(addrs.Draw(t, "deleted")...)
		rows.AndNot(deleted)
		want := roaring.New()
		next := uint32(0)
		for addr := range uint32(201) {
			if deleted.Contains(addr) {
				continue
			}
			if rows.Contains(addr) {
				want.Add(next)
			}
			next++
		}
		require.Equal(t, want.ToArray(), movedUp(rows, deleted).ToArray())
	})
}

// Large rows are cut into several segments, and small segments are joined.
func TestCompactCutsSegments(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	w := d.NewWriter()
	b := NewSegmentBuilder()
	big := make([]byte, compactBytes/3)
	for i := range big {
		big[i] = 'a' + byte(i*i%26)
	}
	file := File{ID: w.NewFile(), Rows: 10}
	for i := range 10 {
		r := makeRow(i)
		r.record = fmt.Sprintf(`{"output":"%d %s"}`, i, big)
		appendRow(t, b, r, file.ID, uint64(i+1))
		require.NoError(t, w.Add(b.Finish()))
	}
	w.PutFile(file)
	require.NoError(t, w.Commit())
	w.Close()
	want := allRecords(t, d.Snapshot())
	require.NoError(t, d.Close())

	var told []int64
	report, err := Compact(context.Background(), dir, CompactOptions{Threads: 1, Progress: func(rows, total int64) {
		assert.EqualValues(t, 10, total)
		told = append(told, rows)
	}})
	require.NoError(t, err)
	assert.Equal(t, 10, report.SegmentsBefore)
	assert.Equal(t, 5, report.SegmentsAfter, "two rows each")
	assert.Equal(t, []int64{2, 4, 6, 8, 10}, told)
	assert.Less(t, report.BytesAfter, report.BytesBefore)
	d = open(t, dir)
	assert.Equal(t, want, allRecords(t, d.Snapshot()))
	mustBeWhole(t, d)
}

// The old files are gone from the disk, whatever they held.
func TestCompactGivesSpaceBack(t *testing.T) {
	dir := t.TempDir()
	d := changed(t, dir, 50, nil, nil)
	w := d.NewWriter()
	all := d.Snapshot().All()
	all.RemoveRange(0, 100)
	w.Delete(all)
	require.NoError(t, w.Commit())
	w.Close()
	require.NoError(t, d.Close())
	before, err := filesSize(dataPath(dir))
	require.NoError(t, err)
	report, err := Compact(context.Background(), dir, CompactOptions{})
	require.NoError(t, err)
	after, err := filesSize(dataPath(dir))
	require.NoError(t, err)
	assert.InDelta(t, before, report.BytesBefore, 1000, "opening it makes an empty log")
	assert.Equal(t, after, report.BytesAfter)
	// 1 MiB of each is a file of Badger's that holds next to nothing.
	const fixed = 1 << 20
	assert.Less(t, (after-fixed)*10, before-fixed)
	assert.Equal(t, []string{dataDir, formatFile}, names(t, dir))
}

func names(t *testing.T, dir string) (out []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		out = append(out, e.Name())
	}
	if len(out) == 2 && out[0] == formatFile {
		out[0], out[1] = out[1], out[0]
	}
	return out
}

func TestCompactAgain(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, changed(t, dir, 2, nil, []uint32{3}).Close())
	compact := func(force bool) *CompactReport {
		report, err := Compact(context.Background(), dir, CompactOptions{Force: force})
		require.NoError(t, err)
		return report
	}
	assert.True(t, compact(false).Done)
	again := compact(false)
	assert.False(t, again.Done)
	assert.EqualValues(t, 199, again.Rows)
	assert.True(t, compact(true).Done)

	d := open(t, dir)
	events := 0
	require.NoError(t, d.Events(func(e Event) error {
		if e.Kind == "compact" {
			events++
		}
		return nil
	}))
	assert.Equal(t, 2, events)
	f, err := d.File(0)
	require.NoError(t, err)
	assert.EqualValues(t, 100, f.Rows)
	assert.EqualValues(t, 1, f.Removed)
	store(t, d, 900, 910)
	require.NoError(t, d.Close())
	assert.True(t, compact(false).Done)
	empty := t.TempDir()
	require.NoError(t, open(t, empty).Close())
	report, err := Compact(context.Background(), empty, CompactOptions{})
	require.NoError(t, err)
	assert.False(t, report.Done)
}

// A refusal or an interruption leaves the store as it was, and nothing else.
func TestCompactLeavesTheOldStore(t *testing.T) {
	dir := t.TempDir()
	d := changed(t, dir, 3, []uint32{1}, []uint32{5})
	want := seeRows(t, d.Snapshot(), d.Snapshot().All().ToArray())
	_, err := Compact(context.Background(), dir, CompactOptions{})
	require.ErrorIs(t, err, ErrInUse)
	_, err = d.Tag("it's")
	require.NoError(t, err)
	require.NoError(t, d.Close())
	_, err = Compact(context.Background(), dir, CompactOptions{})
	require.ErrorIs(t, err, ErrTagged)
	require.ErrorContains(t, err, "DROP TAG 'it''s'")
	d = open(t, dir)
	require.NoError(t, d.DropTag("it's"))
	require.NoError(t, d.Close())

	ctx, cancel := context.WithCancel(context.Background())
	_, err = Compact(ctx, dir, CompactOptions{Progress: func(int64, int64) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, []string{dataDir, formatFile}, names(t, dir))

	_, err = Compact(context.Background(), filepath.Join(dir, "none"), CompactOptions{})
	require.ErrorIs(t, err, ErrNoStore)
	d = open(t, dir)
	assert.Equal(t, want, seeRows(t, d.Snapshot(), d.Snapshot().All().ToArray()))
	assert.EqualValues(t, 300, d.Snapshot().Addresses())
	mustBeWhole(t, d)
}
