package db

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
)

// Delete hides rows from every later snapshot with the next commit. Their
// bytes stay until the store is compacted.
func (w *Writer) Delete(rows *roaring.Bitmap) {
	if w.deleted == nil {
		w.db.mu.RLock()
		w.deleted = w.db.deleted.Clone()
		w.db.mu.RUnlock()
	}
	w.deleted.Or(rows)
	w.size += int64(rows.GetSerializedSizeInBytes())
}

// UpdateField gives rows new values of a metadata field with the next commit;
// the zero Value makes it NULL. Rows must be of committed segments; of a row
// that is given several values the last in order stays. A field can be updated
// once a commit. Records stay as they came; Snapshot.Updated names the fields
// for which the index has the last word.
// Time and memory: one segment's entry of the field after the other.
func (w *Writer) UpdateField(name string, values map[Value]*roaring.Bitmap) error {
	id, err := w.fieldID(name)
	if err != nil {
		return err
	}
	if !slices.Contains(w.next.Updated, name) {
		w.next.Updated = append(w.next.Updated, name)
	}
	rows := roaring.FastOr(slices.Collect(maps.Values(values))...)
	if rows.IsEmpty() {
		return nil
	}
	order := slices.SortedFunc(maps.Keys(values), Value.Compare)
	starts := w.next.starts()
	if last := rows.Maximum(); uint64(last) >= starts[w.first] {
		return fmt.Errorf("row %d is not committed", last)
	}
	for segment := starts.find(rows.Minimum()); segment <= starts.find(rows.Maximum()); segment++ {
		whole := roaring.New()
		whole.AddRange(starts[segment], starts[segment+1])
		if !whole.Intersects(rows) {
			continue
		}
		var parts []Group
		for _, v := range order {
			parts = append(parts, Group{v, roaring.And(whole, values[v])})
		}
		if err := w.updateSegment(id, uint32(segment), uint32(starts[segment]), parts); err != nil {
			return fmt.Errorf("update %s, segment %d: %w", name, segment, err)
		}
	}
	return nil
}

// updateSegment makes the new entry of a segment whose first row has address
// start; the parts' rows are all of it.
func (w *Writer) updateSegment(id uint16, segment, start uint32, parts []Group) error {
	meta := &w.next.Segments[segment]
	f := &fieldBuilder{byText: map[string]int32{}}
	old, exists := meta.index(id)
	if exists {
		if old.version() == w.version() {
			return errors.New("the field was updated in this commit already")
		}
		err := w.db.get(indexKey(w.next.Generation, id, segment, old.version()), func(value []byte) error {
			e, err := openIndex(value)
			if err != nil {
				return err
			}
			return e.fill(f, meta.Rows)
		})
		if err != nil {
			return err
		}
	}
	for _, part := range parts {
		for it := part.Rows.Iterator(); it.HasNext(); {
			row := int(it.Next() - start)
			f.set(row, part.Value.Kind, []byte(part.Value.Text))
			if part.Value.Kind == 0 {
				f.codes[row] = -1
			}
		}
	}
	f.dropUnused()
	entry := f.encode(meta.Rows, ingestEncoder())
	w.entries = append(w.entries, indexUpdate{id, segment, entry})
	w.size += int64(len(entry))
	// Segments are shared with the current manifest: change a copy of the list.
	meta.Indexes = slices.DeleteFunc(slices.Clone(meta.Indexes), func(i indexMeta) bool { return i.field() == id })
	if n := f.rows(); n > 0 || exists {
		meta.Indexes = append(meta.Indexes, indexMeta{uint64(id), uint64(n), w.version()})
	}
	return nil
}

// fill sets the values of an entry in a builder.
func (e *indexEntry) fill(f *fieldBuilder, rows int) error {
	return e.inOrder(rows, func(row uint32, v Value) error {
		f.set(int(row), v.Kind, []byte(v.Text))
		return nil
	})
}

// inOrder calls fn for every row of an entry that has a value, in ascending
// order. rows is the number of rows of the segment.
func (e *indexEntry) inOrder(rows int, fn func(row uint32, v Value) error) error {
	if e.column != nil {
		return e.each(fn)
	}
	byRow := make([]int, rows)
	for i, bitmap := range e.rows {
		for it := bitmap.Iterator(); it.HasNext(); {
			row := it.Next()
			if int(row) >= rows {
				return corrupt("row %d of %d", row, rows)
			}
			byRow[row] = i + 1
		}
	}
	for row, i := range byRow {
		if i > 0 {
			if err := fn(uint32(row), e.values[i-1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// dropUnused forgets the values that no row has any more.
func (f *fieldBuilder) dropUnused() {
	used := make([]int32, len(f.values))
	for _, code := range f.codes {
		if code >= 0 {
			used[code] = 1
		}
	}
	var values []string
	for i, v := range f.values {
		if used[i] == 0 {
			used[i] = -1
			continue
		}
		used[i] = int32(len(values))
		values = append(values, v)
	}
	f.values = values
	for row, code := range f.codes {
		if code >= 0 {
			f.codes[row] = used[code]
		}
	}
}

// Event is an entry of the store's log: one change, and what made it.
type Event struct {
	Seq    uint64    `json:"seq"`
	Commit uint64    `json:"commit"` // the commit it came with
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`   // ingest, dedup, decontaminate, ...
	Detail any       `json:"detail"` // JSON, by kind
}

// PutEvent records an event with the next commit, which numbers it.
func (w *Writer) PutEvent(e Event) { w.events = append(w.events, e) }

// Events calls fn for every event, oldest first. Detail is what JSON decoding
// gives. An event that the manifest does not count yet is passed over.
func (d *DB) Events(fn func(Event) error) error {
	count := d.current().Events
	return d.scan([]byte{prefixEvent}, func(_, value []byte) error {
		var e Event
		if err := unsealJSON(value, &e); err != nil {
			return fmt.Errorf("log: %w", err)
		}
		if e.Seq >= count {
			return nil
		}
		return fn(e)
	})
}
