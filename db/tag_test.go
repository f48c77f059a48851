package db

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"weak"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shown is everything a snapshot shows, read through its methods.
type shown struct {
	Commit  uint64
	Rows    int64
	Records []string
	Values  map[string]map[uint32]string
	Catalog Catalog
	Updated []string
	Deleted []uint32
}

func show(t require.TestingT, s *Snapshot) shown {
	out := shown{
		Commit: s.Commit(), Rows: s.Rows(), Values: map[string]map[uint32]string{},
		Catalog: *s.Catalog(), Updated: append([]string{}, s.Updated()...), Deleted: s.Deleted().ToArray(),
	}
	require.NoError(t, s.Records(context.Background(), s.All().ToArray(), func(_ int, record []byte) error {
		out.Records = append(out.Records, string(record))
		return nil
	}))
	for _, f := range s.Fields() {
		out.Values[f] = values(t, s, f)
	}
	return out
}

// Whatever happens afterwards, in whatever order, and over a restart and a
// backup, a snapshot at a tag shows what was there when the tag was made.
func TestTagsShowWhatWasThere(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := &history{t: t, rng: rand.New(rand.NewPCG(seed, 1)), d: open(t, t.TempDir()), want: map[string]shown{}}
			h.ingest()
			for range 40 {
				h.change()
			}
			h.check(h.d)
			require.NoError(t, h.d.Close())
			h.d = open(t, h.d.Dir())
			h.check(h.d)

			var backup bytes.Buffer
			_, err := h.d.Backup(context.Background(), &backup, nil)
			require.NoError(t, err)
			copied := filepath.Join(t.TempDir(), "restored")
			require.NoError(t, Restore(context.Background(), copied, &backup, nil))
			h.check(open(t, copied))
		})
	}
}

// history is a store that changes at random, and what its tags must show.
type history struct {
	t     *testing.T
	rng   *rand.Rand
	d     *DB
	want  map[string]shown
	rows  int
	names int
}

func (h *history) commit(change func(w *Writer)) {
	w := h.d.NewWriter()
	defer w.Close()
	change(w)
	require.NoError(h.t, w.Commit())
}

// some is a range of rows.
func (h *history) some() *roaring.Bitmap {
	from := h.rng.IntN(h.rows)
	rows := roaring.New()
	rows.AddRange(uint64(from), uint64(from+1+h.rng.IntN(min(h.rows-from, 50))))
	return rows
}

func (h *history) ingest() {
	n := []int{1, 7, 300}[h.rng.IntN(3)] // of 300 rows _id is kept row by row
	store(h.t, h.d, h.rows, h.rows+n)
	h.rows += n
}

func (h *history) change() {
	h.names++
	switch h.rng.IntN(7) {
	case 0:
		h.ingest()
	case 1, 2:
		field := []string{"_bucket", "_id", "_new"}[h.rng.IntN(3)]
		value := []Value{{}, TextValue("code"), TextValue("other")}[h.rng.IntN(3)]
		h.commit(func(w *Writer) {
			require.NoError(h.t, w.UpdateField(field, map[Value]*roaring.Bitmap{value: h.some()}))
		})
	case 3:
		h.commit(func(w *Writer) { w.Delete(h.some()) })
	case 4:
		require.NoError(h.t, h.d.CreateBucket(Bucket{Name: fmt.Sprint("b", h.names)}))
	case 5:
		tag, err := h.d.Tag(fmt.Sprint("t", h.names))
		require.NoError(h.t, err)
		h.want[tag.Name] = show(h.t, h.d.Snapshot())
		assert.Equal(h.t, h.want[tag.Name].Rows, tag.Rows)
	case 6:
		for _, name := range slices.Sorted(maps.Keys(h.want))[:min(len(h.want), 1)] {
			require.NoError(h.t, h.d.DropTag(name))
			delete(h.want, name)
		}
	}
}

func (h *history) check(d *DB) {
	h.t.Helper()
	tags, err := d.Tags()
	require.NoError(h.t, err)
	require.Len(h.t, tags, len(h.want))
	for name, want := range h.want {
		s, err := d.SnapshotAt(name)
		require.NoError(h.t, err)
		assert.Equal(h.t, want, show(h.t, s), name)
	}
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(h.t, err)
	assert.Empty(h.t, report.Problems)
}

func TestTagNames(t *testing.T) {
	d := open(t, t.TempDir())
	_, err := d.Tag("")
	require.Error(t, err)
	tag, err := d.Tag("empty")
	require.NoError(t, err)
	assert.Equal(t, Tag{Name: "empty", Created: tag.Created}, tag)
	_, err = d.Tag("empty")
	require.ErrorIs(t, err, ErrExists)
	store(t, d, 0, 5)
	_, err = d.Tag("b")
	require.NoError(t, err)
	tags, err := d.Tags()
	require.NoError(t, err)
	require.Len(t, tags, 2)
	assert.Equal(t, "b", tags[0].Name)
	assert.EqualValues(t, 5, tags[0].Rows)
	assert.EqualValues(t, 1, tags[0].Commit)
	s, err := d.SnapshotAt("empty")
	require.NoError(t, err)
	assert.Zero(t, s.Rows())

	_, err = d.SnapshotAt("nobody")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorIs(t, d.DropTag("nobody"), ErrNotFound)
	require.NoError(t, d.DropTag("empty"))
	_, err = d.SnapshotAt("empty")
	require.ErrorIs(t, err, ErrNotFound)

	require.NoError(t, d.KeepSample(Sample{Name: "s"}, roaring.BitmapOf(1, 2)))
	w := d.NewWriter()
	w.Delete(roaring.BitmapOf(2, 4))
	require.NoError(t, w.Commit())
	w.Close()
	rows, err := d.SampleRows("s")
	require.NoError(t, err)
	assert.Equal(t, []uint32{2}, roaring.And(rows, d.Snapshot().Deleted()).ToArray())
	require.NoError(t, d.DropSample("s"))
	require.ErrorIs(t, d.DropSample("s"), ErrNotFound)
	_, err = d.SampleRows("s")
	require.ErrorIs(t, err, ErrNotFound)
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)

	var said []string
	require.NoError(t, d.Events(func(e Event) error { said = append(said, fmt.Sprint(e.Kind, " ", e.Detail)); return nil }))
	assert.Equal(t, []string{"tag empty", "tag b", "drop tag empty", "keep sample s: ", "drop sample s"}, said)
}

// Check finds what a tag has lost, which the store as it is does not need.
func TestCheckNoticesALostTag(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 50)
	change := func(f func(w *Writer)) {
		w := d.NewWriter()
		f(w)
		require.NoError(t, w.Commit())
		w.Close()
	}
	change(func(w *Writer) { w.Delete(roaring.BitmapOf(1)) })
	_, err := d.Tag("then")
	require.NoError(t, err)
	change(func(w *Writer) { w.Delete(roaring.BitmapOf(2)) })
	change(func(w *Writer) {
		require.NoError(t, w.UpdateField("_bucket", map[Value]*roaring.Bitmap{TextValue("x"): roaring.BitmapOf(3)}))
	})
	id, _ := d.m.fieldID("_bucket")
	for _, gone := range []struct {
		key  []byte
		says string
	}{
		{indexKey(1, id, 0, 1), "index of _bucket, segment 0"},
		{deletedKey(2), "tag then: tag \"then\": deleted rows"},
		{tagKey("then"), "counts 1 tags, the store holds 0"},
		{tagStateKey("then"), "tag then"},
	} {
		var value []byte
		require.NoError(t, d.get(gone.key, func(v []byte) error { value = bytes.Clone(v); return nil }))
		require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return txn.Delete(gone.key) }))
		report, err := d.Check(context.Background(), CheckOptions{})
		require.NoError(t, err)
		require.Len(t, report.Problems, 1, gone.says)
		assert.Contains(t, report.Problems[0], gone.says)
		require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return txn.Set(gone.key, value) }))
	}
}

// A tag made, or dropped, beside an open writer survives its next commit.
func TestTagBesideWriter(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 5)
	w := d.NewWriter()
	w.Delete(roaring.BitmapOf(1))
	_, err := d.Tag("x")
	require.NoError(t, err)
	require.NoError(t, w.Commit())
	w.Close()
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
	s, err := d.SnapshotAt("x")
	require.NoError(t, err)
	assert.EqualValues(t, 5, s.Rows())
}

// One snapshot, and one reading of an index, for as long as nothing changes.
func TestSnapshotIsShared(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 100)
	s := d.Snapshot()
	index, err := s.Field("_bucket")
	require.NoError(t, err)
	require.NoError(t, d.KeepSample(Sample{Name: "s"}, roaring.New()))
	_, err = d.Tag("t")
	require.NoError(t, err)
	assert.Same(t, s, d.Snapshot(), "keeping a sample and tagging change nothing of it")
	again, err := d.Snapshot().Field("_bucket")
	require.NoError(t, err)
	assert.Same(t, index, again)

	require.NoError(t, d.CreateBucket(Bucket{Name: "b"}))
	second := d.Snapshot()
	assert.NotSame(t, s, second)
	assert.Same(t, second, d.Snapshot())
	store(t, d, 100, 110)
	assert.NotSame(t, second, d.Snapshot())
	assert.EqualValues(t, 100, second.Rows())
}

// A commit lets go of the snapshot before it: an ingest makes many.
func TestOldSnapshotsAreCollected(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 10)
	s := d.Snapshot()
	_, err := s.Field("_bucket")
	require.NoError(t, err)
	old := weak.Make(s)
	store(t, d, 10, 20)
	runtime.GC()
	assert.Nil(t, old.Value())
}

// Snapshots, tags and commits go on beside each other.
func TestConcurrentSnapshots(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 10)
	var readers sync.WaitGroup
	for reader := range 4 {
		readers.Go(func() {
			for i := range 20 {
				s := d.Snapshot()
				index, err := s.Field("_bucket")
				if !assert.NoError(t, err) {
					return
				}
				present, err := index.Present()
				assert.NoError(t, err)
				assert.Equal(t, s.Addresses(), present.GetCardinality())
				_, err = d.Tag(fmt.Sprint(reader, " ", i))
				assert.NoError(t, err)
			}
		})
	}
	for i := range 10 {
		store(t, d, 10+i, 11+i)
	}
	readers.Wait()
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
}
