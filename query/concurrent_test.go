package query

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
)

// The store of these tests holds pairs of rows. The two of a pair come, go and
// change in one commit: they have the same _bucket and _mark, and _n and -_n. So
// in every commit, and in everything drawn from one, rows are even in number and
// sum(_n) is 0.

// pairRecords makes the pairs with numbers from first to last-1.
func pairRecords(first, last int) (records []string) {
	for pair := first; pair < last; pair++ {
		for _, n := range []int{pair + 1, -pair - 1} {
			records = append(records, fmt.Sprintf(`{"instruction":"row %d","output":%q,"n":%d,"_n":%d,"_pair":%d,"_mark":%t,"_bucket":%q}`,
				n, strings.Repeat("z", pair%40), n, n, pair, pair%3 == 0, []string{"code", "factual"}[pair%2]))
		}
	}
	return records
}

// TestReadersBesideOneWriter: 100 readers run statements while one writer changes
// everything that can be. What a reader sees is one commit, and stays so for as
// long as it holds the query.
func TestReadersBesideOneWriter(t *testing.T) {
	const readers, statements, changes = 100, 8, 80
	dir := t.TempDir()
	d := storeRecords(t, dir, pairRecords(0, 40), 16)
	for _, src := range []string{
		"CREATE BUCKET twin WEIGHT 7 DESCRIPTION '7'", "CREATE PHASE ten (code 4, factual 6)", "TAG 'start'",
		"SAMPLE ALL FROM buckets WHERE _pair < 20 AS steady",
	} {
		_, err := run(d, src, 0)
		require.NoError(t, err, src)
	}
	start := mustSample(t, d, "SAMPLE ALL FROM buckets")

	// The writer makes a change each time so many statements have been prepared,
	// and these run beside it.
	begun := make(chan struct{})
	var all sync.WaitGroup
	for i := range readers {
		all.Go(func() {
			r := pairReader{t: t, db: d, start: start.Report.Digest, rng: rand.New(rand.NewPCG(uint64(i), 1))}
			for range statements {
				r.read(func() { begun <- struct{}{} })
			}
		})
	}
	w := pairWriter{t: t, db: d, rng: rand.New(rand.NewPCG(7, 7)), pairs: 40, deleted: map[int]bool{}}
	for change := range changes {
		for range readers * statements / changes {
			<-begun
		}
		w.change(change)
	}
	all.Wait()

	report, err := d.Check(t.Context(), db.CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
	last := mustSample(t, d, "SAMPLE ALL FROM buckets")
	assert.EqualValues(t, 2*(w.pairs-len(w.deleted)), last.Report.Delivered, "readers see the last commit")
	require.NoError(t, d.Close())
	d, err = db.Open(dir, db.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, d.Close()) }()
	assert.Equal(t, last.Report.Digest, mustSample(t, d, "SAMPLE ALL FROM buckets").Report.Digest)
}

// pairWriter is the one that changes the store.
type pairWriter struct {
	t       *testing.T
	db      *db.DB
	rng     *rand.Rand
	pairs   int // numbers given so far
	deleted map[int]bool
	keeps   int // samples kept
}

func (w *pairWriter) say(format string, args ...any) {
	src := fmt.Sprintf(format, args...)
	_, err := run(w.db, src, 2)
	assert.NoError(w.t, err, src)
}

// change makes change number i, of every kind in turn.
func (w *pairWriter) change(i int) {
	pair := w.rng.IntN(w.pairs)
	switch i % 11 {
	case 0, 6:
		more := 1 + w.rng.IntN(6)
		addRecords(w.t, w.db, pairRecords(w.pairs, w.pairs+more), 5)
		w.pairs += more
	case 1:
		w.renumber(pair)
	case 2:
		w.say("UPDATE buckets SET _mark = %t, _bucket = '%s' WHERE _pair = %d", w.rng.IntN(2) == 0, []string{"code", "factual"}[w.rng.IntN(2)], pair)
	case 3, 8:
		w.say("DELETE FROM buckets WHERE _pair = %d", pair)
		w.deleted[pair] = true
	case 4:
		w.say("TAG 't%d'", i)
		if i > 40 {
			w.say("DROP TAG 't%d'", i-33)
		}
	case 5:
		n := w.rng.IntN(1000)
		w.say("ALTER BUCKET twin WEIGHT %d DESCRIPTION '%d'", n, n)
	case 7:
		n := 1 + w.rng.IntN(9)
		w.say("ALTER PHASE ten (code %d, factual %d)", n, 10-n)
	case 9: // of names that come and go
		w.say("SAMPLE ALL FROM buckets WHERE _pair BETWEEN %d AND %d AS kept%d", pair, pair+9, w.keeps)
		if w.keeps++; w.keeps > 2 {
			w.say("DROP SAMPLE kept%d", w.keeps-3)
		}
	case 10:
		w.say("CREATE BUCKET b%d WEIGHT 1", i)
		w.say("CREATE PHASE p%d (b%d 1, code 1)", i, i)
		w.say("DROP PHASE p%d", i)
		w.say("DROP BUCKET b%d", i)
	}
}

// renumber gives both rows of a pair new numbers in one commit, if they are there.
func (w *pairWriter) renumber(pair int) {
	values := map[db.Value]*roaring.Bitmap{}
	index, err := w.db.Snapshot().Field("_pair")
	require.NoError(w.t, err)
	rows, err := index.Equal(db.Value{Kind: db.KindNumber, Text: strconv.Itoa(pair)})
	require.NoError(w.t, err)
	rows = roaring.And(rows, w.db.Snapshot().All())
	n := 1 + w.rng.IntN(1000)
	for i, addr := range rows.ToArray() {
		values[number(int64(n-2*i*n))] = roaring.BitmapOf(addr)
	}
	writer := w.db.NewWriter()
	defer writer.Close()
	assert.NoError(w.t, writer.UpdateField("_n", values))
	assert.NoError(w.t, writer.Commit())
}
