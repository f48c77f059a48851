package db

import (
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// FieldIndex answers which rows of a snapshot hold which value of one metadata
// field. Segments where the field has few values are merged bitmaps in memory;
// the others are read from the store when asked. It is safe for concurrent use.
type FieldIndex struct {
	name   string
	snap   *Snapshot
	field  uint16
	values map[Value]*roaring.Bitmap
	wide   []wideSegment
}

// wideSegment is a segment where the field is stored row by row.
type wideSegment struct {
	segment uint32
	version uint64
	zone    zone
}

// Range is the values from Low to High, both included, in Value.Compare order. A
// bound without a kind leaves that side open, so that the zero Range is all.
type Range struct{ Low, High Value }

// misses reports whether no value of the zone is in the range.
func (z zone) misses(r Range) bool {
	return z.smallest.Kind != 0 &&
		(r.Low.Kind != 0 && z.largest.Compare(r.Low) < 0 || r.High.Kind != 0 && z.smallest.Compare(r.High) > 0)
}

// Group is one value of a field and the rows that hold it. The bitmap is
// shared: clone it before changing it.
type Group struct {
	Value Value
	Rows  *roaring.Bitmap
}

// loadField reads the index entries of a field, of all segments.
func (s *Snapshot) loadField(id uint16, name string) (*FieldIndex, error) {
	f := &FieldIndex{name: name, snap: s, field: id}
	parts := map[Value][]segmentRows{}
	err := s.db.scan(indexPrefix(s.m.Generation, id), func(key, value []byte) error {
		segment, version := indexKeyParts(key)
		if int(segment) >= len(s.m.Segments) {
			return nil // a later commit's
		}
		if meta, ok := s.m.Segments[segment].index(id); !ok || meta.version() != version {
			return nil // from before an update, or a later commit's
		}
		e, err := openIndex(value)
		if err != nil {
			return fmt.Errorf("segment %d: %w", segment, err)
		}
		if e.column != nil {
			f.wide = append(f.wide, wideSegment{segment, version, e.zone})
			return nil
		}
		first, last := s.SegmentRange(int(segment))
		for i, v := range e.values {
			rows := e.rows[i]
			if rows.IsEmpty() || uint64(rows.Maximum()) >= last-first {
				return fmt.Errorf("segment %d: %w", segment, corrupt("value %q has no rows, or rows that the segment has not", v.Text))
			}
			parts[v] = append(parts[v], segmentRows{first, last, rows})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	m := merger{addresses: s.Addresses()}
	f.values = make(map[Value]*roaring.Bitmap, len(parts))
	for v, rows := range parts {
		f.values[v] = m.merge(rows)
	}
	return f, nil
}

// Wide reports whether some segments must be read row by row.
func (f *FieldIndex) Wide() bool { return len(f.wide) > 0 }

// Equal returns the rows whose value is v. The bitmap must not be changed.
func (f *FieldIndex) Equal(v Value) (*roaring.Bitmap, error) {
	if !f.Wide() {
		if rows, ok := f.values[v]; ok {
			return rows, nil
		}
		return roaring.New(), nil
	}
	return f.MatchWithin(Range{v, v}, func(w Value) bool { return v == w })
}

// Match returns the rows that have a value for which pred is true, in a new
// bitmap. pred is called once a distinct value (once a row in wide segments).
func (f *FieldIndex) Match(pred func(Value) bool) (*roaring.Bitmap, error) {
	return f.MatchWithin(Range{}, pred)
}

// MatchWithin is Match for a pred that is false outside a range: wide segments of
// which no value is in it are not read.
func (f *FieldIndex) MatchWithin(r Range, pred func(Value) bool) (*roaring.Bitmap, error) {
	var hits []*roaring.Bitmap
	for v, rows := range f.values {
		if pred(v) {
			hits = append(hits, rows)
		}
	}
	out := roaring.FastOr(hits...)
	err := f.eachWide(r, func(addr uint32, v Value) error {
		if pred(v) {
			out.Add(addr)
		}
		return nil
	})
	return out, err
}

// Zones counts the wide segments, and those of them that MatchWithin reads.
func (f *FieldIndex) Zones(r Range) (read, all int) {
	for _, w := range f.wide {
		if !w.zone.misses(r) {
			read++
		}
	}
	return read, len(f.wide)
}

// Present returns the rows where the field is not NULL, in a new bitmap.
func (f *FieldIndex) Present() (*roaring.Bitmap, error) {
	return f.Match(func(Value) bool { return true })
}

// Groups returns every value with its rows, in Value.Compare order.
func (f *FieldIndex) Groups() ([]Group, error) {
	all := f.values
	if f.Wide() {
		all = make(map[Value]*roaring.Bitmap, len(f.values))
		for v, rows := range f.values {
			all[v] = rows.Clone()
		}
		err := f.eachWide(Range{}, func(addr uint32, v Value) error {
			rows := all[v]
			if rows == nil {
				rows = roaring.New()
				all[v] = rows
			}
			rows.Add(addr)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	out := make([]Group, 0, len(all))
	for _, v := range slices.SortedFunc(maps.Keys(all), Value.Compare) {
		out = append(out, Group{v, all[v]})
	}
	return out, nil
}

// Kinds returns the kinds of the values present, ascending.
func (f *FieldIndex) Kinds() ([]Kind, error) {
	seen := map[Kind]bool{}
	for v := range f.values {
		seen[v.Kind] = true
	}
	err := f.eachWide(Range{}, func(_ uint32, v Value) error {
		seen[v.Kind] = true
		return nil
	})
	return slices.Sorted(maps.Keys(seen)), err
}

func (f *FieldIndex) eachWide(r Range, fn func(addr uint32, v Value) error) error {
	for _, w := range f.wide {
		if w.zone.misses(r) {
			continue
		}
		err := f.snap.db.get(indexKey(f.snap.m.Generation, f.field, w.segment, w.version), func(value []byte) error {
			e, err := openIndex(value)
			if err != nil {
				return err
			}
			if e.column == nil {
				return corrupt("index entry changed its form")
			}
			start := uint32(f.snap.starts[w.segment])
			return e.each(func(row uint32, v Value) error { return fn(start+row, v) })
		})
		if err != nil {
			return fmt.Errorf("field %s, segment %d: %w", f.name, w.segment, err)
		}
	}
	return nil
}
