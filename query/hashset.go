package query

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
	"smelt/db/row"
)

// hashSet is a set of row_hashes.
type hashSet struct {
	hashes []row.Hash // ascending
}

// newHashSet returns more and the row_hashes of rows; nil for nil rows.
func newHashSet(ctx context.Context, threads int, s *db.Snapshot, rows *roaring.Bitmap, more []row.Hash) (*hashSet, error) {
	if rows == nil {
		return nil, nil
	}
	set := &hashSet{hashes: append(make([]row.Hash, 0, int(rows.GetCardinality())+len(more)), more...)}
	err := s.Hashes(ctx, rows.ToArray(), func(_ int, h row.Hash) error {
		set.hashes = append(set.hashes, h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return set, sortHashes(ctx, threads, set.hashes)
}

func sortHashes(ctx context.Context, threads int, hashes []row.Hash) error {
	return sortSpread(ctx, threads, hashes, func(h row.Hash) byte { return h[0] }, row.Hash.Compare)
}

// find returns the position of h.
func (t *hashSet) find(h row.Hash) (int, bool) {
	return slices.BinarySearchFunc(t.hashes, h, row.Hash.Compare)
}

func (t *hashSet) has(h row.Hash) bool {
	_, found := t.find(h)
	return found
}

// mayHave reports whether some member begins with head. A nil set has none.
func (t *hashSet) mayHave(head uint64) bool {
	if t == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(t.hashes, head, func(h row.Hash, head uint64) int {
		return cmp.Compare(binary.BigEndian.Uint64(h[:8]), head)
	})
	return found
}
