package query

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/ast"
	"smelt/query/plan"
)

// deletedRows names the line of DIFF for rows that are no longer there.
const deletedRows = "(deleted)"

// home is where a row is: a bucket, or among the deleted rows.
type home struct {
	deleted bool
	bucket  string // empty: none, or deleted
}

// compare orders homes by name, and the deleted rows after all buckets.
func (h home) compare(g home) int {
	switch {
	case h.deleted == g.deleted:
		return strings.Compare(h.bucket, g.bucket)
	case h.deleted:
		return 1
	}
	return -1
}

// hashAt is a row_hash and where a row that has it is.
type hashAt struct {
	hash row.Hash
	home home
}

// overlap counts row_hashes of one sample alone, of both, and of the other alone.
type overlap struct{ a, both, b int64 }

// diff runs DIFF: how many row_hashes are in one sample, in the other and in both,
// by bucket. Deleted rows have a line of their own: of those that a compaction has
// removed nobody knows the bucket.
func (q *Query) diff(ctx context.Context, st *ast.Diff) (*Table, error) {
	if st.A.Text == st.B.Text {
		return nil, ast.NewError(q.src, st.B.Span, "name another; SHOW SAMPLES lists them", "sample %s is compared with itself", st.B)
	}
	rowsA, err := plan.KeptSample(q.src, st.A, q.db)
	if err != nil {
		return nil, err
	}
	rowsB, err := plan.KeptSample(q.src, st.B, q.db)
	if err != nil {
		return nil, err
	}
	latest := q.db.Snapshot() // either may have been kept since the query was prepared
	a, err := q.keptHashes(ctx, latest, st.A, rowsA)
	if err != nil {
		return nil, err
	}
	b, err := q.keptHashes(ctx, latest, st.B, rowsB)
	if err != nil {
		return nil, err
	}
	t := &Table{Columns: []string{"bucket", "only " + st.A.Text, "both", "only " + st.B.Text}}
	line := func(bucket db.Value, c overlap) {
		t.Rows = append(t.Rows, []db.Value{bucket, number(c.a), number(c.both), number(c.b)})
	}
	at := overlaps(a, b)
	homes := make([]home, 0, len(at))
	for h := range at {
		homes = append(homes, h)
	}
	slices.SortFunc(homes, home.compare)
	total := overlap{}
	for _, h := range homes {
		name, c := textOrNull(h.bucket), *at[h]
		if h.deleted {
			name = db.TextValue(deletedRows)
		}
		line(name, c)
		total.a, total.both, total.b = total.a+c.a, total.both+c.both, total.b+c.b
	}
	line(db.TextValue("all"), total)
	return t, nil
}

// overlaps compares two lists of hashes, each ascending. A hash of both counts
// where the first has it.
func overlaps(a, b []hashAt) map[home]*overlap {
	out := map[home]*overlap{}
	count := func(h home) *overlap {
		c := out[h]
		if c == nil {
			c = &overlap{}
			out[h] = c
		}
		return c
	}
	for len(a) > 0 || len(b) > 0 {
		order := -1 // which of the two has the smaller hash
		switch {
		case len(a) == 0:
			order = 1
		case len(b) > 0:
			order = a[0].hash.Compare(b[0].hash)
		}
		switch {
		case order < 0:
			count(a[0].home).a++
		case order > 0:
			count(b[0].home).b++
		default:
			count(a[0].home).both++
		}
		if order <= 0 {
			a = a[1:]
		}
		if order >= 0 {
			b = b[1:]
		}
	}
	return out
}

// keptHashes returns the row_hashes of a kept sample, whose rows are given,
// ascending, each once.
func (q *Query) keptHashes(ctx context.Context, snap *db.Snapshot, name ast.Name, rows *roaring.Bitmap) ([]hashAt, error) {
	removed, err := q.db.SampleMissing(name.Text)
	if err != nil {
		return nil, err
	}
	buckets, err := bucketGroups(snap)
	if err != nil {
		return nil, err
	}
	addrs := rows.ToArray()
	out := make([]hashAt, 0, len(addrs)+len(removed))
	for _, h := range removed {
		out = append(out, hashAt{h, home{deleted: true}})
	}
	err = snap.Hashes(ctx, addrs, func(i int, h row.Hash) error {
		at := home{deleted: snap.Deleted().Contains(addrs[i])}
		if b := bucketIndex(buckets, addrs[i]); b >= 0 && !at.deleted {
			at.bucket = buckets[b].Value.Text
		}
		out = append(out, hashAt{h, at})
		return nil
	})
	slices.SortFunc(out, func(x, y hashAt) int {
		return cmp.Or(x.hash.Compare(y.hash), x.home.compare(y.home))
	})
	return slices.CompactFunc(out, func(x, y hashAt) bool { return x.hash == y.hash }), err
}
