package db

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"

	"smelt/db/row"
)

// Snapshot is the store as of one commit. It never changes, and is safe for
// concurrent use.
type Snapshot struct {
	db      *DB
	m       *manifest
	catalog *Catalog
	starts  segmentStarts
	deleted *roaring.Bitmap

	mu      sync.Mutex
	indexes map[uint16]*FieldIndex
}

func newSnapshot(d *DB, m *manifest, c *Catalog, deleted *roaring.Bitmap) *Snapshot {
	return &Snapshot{db: d, m: m, catalog: c, starts: m.starts(), deleted: deleted, indexes: map[uint16]*FieldIndex{}}
}

// Snapshot returns the store as it is now. Until the next commit, or change of
// the catalog, it is the same one, so that an index is read once.
func (d *DB) Snapshot() *Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.snapshot == nil {
		d.snapshot = newSnapshot(d, d.m, d.catalog, d.deleted)
	}
	return d.snapshot
}

// Commit is the number of the commit the snapshot shows: 0 for an empty store.
func (s *Snapshot) Commit() uint64 { return s.m.Commit }

// Catalog is the buckets and phases of the snapshot.
func (s *Snapshot) Catalog() *Catalog { return s.catalog }

// Rows is the number of rows that are not deleted.
func (s *Snapshot) Rows() int64 { return int64(s.Addresses()) - int64(s.deleted.GetCardinality()) }

// Segments is the number of segments.
func (s *Snapshot) Segments() int { return len(s.m.Segments) }

// SegmentRows is the number of rows of one segment.
func (s *Snapshot) SegmentRows(segment int) int { return s.m.Segments[segment].Rows }

// Bytes is the size of the records as they came, and of what is stored for them.
func (s *Snapshot) Bytes() (raw, stored int64) {
	for _, g := range s.m.Segments {
		raw += g.Raw
		stored += g.Stored
	}
	return raw, stored
}

// All returns the addresses of all rows that are not deleted, in a new bitmap.
// Indexes know nothing of deletion: what they return is to be intersected with
// this.
func (s *Snapshot) All() *roaring.Bitmap {
	all := roaring.New()
	all.AddRange(0, s.Addresses())
	all.AndNot(s.deleted)
	return all
}

// Deleted returns the addresses of the deleted rows: those of a kept sample that
// are missing now are its And with this. The bitmap must not be changed.
func (s *Snapshot) Deleted() *roaring.Bitmap { return s.deleted }

// Updated lists the fields that were updated: for these the index holds a
// row's value, and the record may hold an older one.
func (s *Snapshot) Updated() []string { return s.m.Updated }

// Fields lists the metadata fields any row has.
func (s *Snapshot) Fields() []string { return slices.Sorted(slices.Values(s.m.Fields)) }

// Field returns the index of a metadata field; nil when no row has it.
func (s *Snapshot) Field(name string) (*FieldIndex, error) {
	id, known := s.m.fieldID(name)
	if !known {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.indexes[id]; f != nil {
		return f, nil
	}
	f, err := s.loadField(id, name)
	if err != nil {
		return nil, fmt.Errorf("index of %s: %w", name, err)
	}
	s.indexes[id] = f
	return f, nil
}

// openSegmentColumn calls fn with one column of one segment, valid during the
// call only.
func (s *Snapshot) openSegmentColumn(segment int, id uint8, fn func(*column) error) error {
	err := s.db.get(columnKey(s.m.Generation, uint32(segment), id), func(value []byte) error {
		c, err := openColumn(value)
		if err != nil {
			return err
		}
		if c.rows != s.m.Segments[segment].Rows {
			return corrupt("%d rows, the manifest says %d", c.rows, s.m.Segments[segment].Rows)
		}
		return fn(c)
	})
	s.db.touched()
	if errors.Is(err, badger.ErrKeyNotFound) {
		err = corrupt("value is missing")
	}
	if err != nil {
		return fmt.Errorf("segment %d, column %d: %w", segment, id, err)
	}
	return nil
}

// Heads returns the first 8 bytes of the row_hash of every row of a segment,
// as big-endian integers; a head >> 4 is the row's h.
func (s *Snapshot) Heads(segment int) ([]uint64, error) {
	var heads []uint64
	err := s.openSegmentColumn(segment, columnHead, func(c *column) error {
		a, err := c.uint64s()
		if err != nil {
			return err
		}
		heads = a.Uint64Values()
		return nil
	})
	return heads, err
}

// Hashes calls fn with the row_hash of each address, in order. addrs must
// ascend. An error of fn is returned as it is.
func (s *Snapshot) Hashes(ctx context.Context, addrs []uint32, fn func(i int, hash row.Hash) error) error {
	return s.rowsBySegment(addrs, func(segment, first int, rows []uint16) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		heads, err := s.Heads(segment)
		if err != nil {
			return err
		}
		var stopped error // by fn: no fault of the segment
		err = s.openSegmentColumn(segment, columnTail, func(c *column) error {
			tails, err := c.fixed(columnFixed, 24)
			if err != nil {
				return err
			}
			for i, r := range rows {
				if int(r) >= len(heads) {
					return corrupt("row %d of a segment with %d", r, len(heads))
				}
				if stopped = fn(first+i, joinHash(heads[r], tails[24*int(r):])); stopped != nil {
					return stopped
				}
			}
			return nil
		})
		return cmp.Or(stopped, err)
	})
}

func joinHash(head uint64, tail []byte) (h row.Hash) {
	for i := range 8 {
		h[i] = byte(head >> (56 - 8*i))
	}
	copy(h[8:], tail[:24])
	return h
}

// RecordSizes calls fn with the size in bytes of each address's record, in
// order, without reading the records. addrs must ascend.
func (s *Snapshot) RecordSizes(ctx context.Context, addrs []uint32, fn func(i, bytes int)) error {
	return s.rowsBySegment(addrs, func(segment, first int, rows []uint16) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.openSegmentColumn(segment, columnRecord, func(c *column) error {
			offsets, err := c.offsets()
			if err != nil {
				return err
			}
			for i, r := range rows {
				if int(r) >= c.rows {
					return corrupt("row %d of a column with %d", r, c.rows)
				}
				fn(first+i, int(offsets[r+1]-offsets[r]))
			}
			return nil
		})
	})
}

// Records calls fn with the record of each address, in order: the JSON object
// the row came as. addrs must ascend. record is valid during the call only.
// Each block of text is decoded once. An error of fn is returned as it is.
func (s *Snapshot) Records(ctx context.Context, addrs []uint32, fn func(i int, record []byte) error) error {
	return s.rowsBySegment(addrs, func(segment, first int, rows []uint16) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		var stopped error // by fn: no fault of the segment
		err := s.openSegmentColumn(segment, columnRecord, func(c *column) error {
			return c.binaryRows(rows, func(i int, value []byte) error {
				stopped = fn(first+i, value)
				return stopped
			})
		})
		return cmp.Or(stopped, err)
	})
}

// Origin is where a row came from: a ledger entry and a line, from 1.
type Origin struct {
	File uint32
	Line uint64
}

// Origins calls fn with the origin of each address, in order. addrs must ascend.
func (s *Snapshot) Origins(addrs []uint32, fn func(i int, o Origin) error) error {
	return s.rowsBySegment(addrs, func(segment, first int, rows []uint16) error {
		runs, err := s.origins(segment)
		if err != nil {
			return err
		}
		run := 0
		for i, r := range rows {
			for run+1 < len(runs) && runs[run+1].First <= uint32(r) {
				run++
			}
			if len(runs) == 0 {
				return corrupt("segment %d has rows of no origin", segment)
			}
			o := Origin{runs[run].File, runs[run].Line + uint64(uint32(r)-runs[run].First)}
			if err := fn(first+i, o); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Snapshot) origins(segment int) (runs []originRun, err error) {
	err = s.db.get(columnKey(s.m.Generation, uint32(segment), columnOrigin), func(value []byte) error {
		runs, err = decodeOrigin(value)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("segment %d, origin: %w", segment, err)
	}
	return runs, nil
}
