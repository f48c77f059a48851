package db

import (
	"fmt"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
)

// Writer adds segments, ledger entries and rejects in atomic commits. There is
// at most one at a time; it is for one goroutine.
type Writer struct {
	db       *DB
	next     *manifest // what the next commit will make current
	first    int       // number of segments in the current manifest
	rows     int64     // of all segments of next
	segments []*EncodedSegment
	files    map[uint32]File
	rejects  []Reject
	cleared  []Reject // rejects to forget: lines that have now been stored
	entries  []indexUpdate
	deleted  *roaring.Bitmap // nil: no change
	events   []Event
	size     int64
}

// indexUpdate is a new index entry for a segment that is stored already.
type indexUpdate struct {
	field   uint16
	segment uint32
	entry   []byte
}

// diskReserve is left free beside what a commit writes, because Badger grows
// its files through memory maps, and a full disk there is a fault that ends
// the process.
const diskReserve = 128 << 20

// NewWriter waits until no other Writer is open and returns one.
func (d *DB) NewWriter() *Writer {
	d.writing.Lock()
	m := d.current().clone()
	return &Writer{db: d, next: m, first: len(m.Segments), rows: m.rows(), files: map[uint32]File{}}
}

// Close ends the writer. What was not committed is forgotten.
func (w *Writer) Close() {
	if w.db != nil {
		w.db.writing.Unlock()
		w.db = nil
	}
}

// NewFile gives the next ledger id.
func (w *Writer) NewFile() uint32 {
	id := w.next.NextFile
	w.next.NextFile++
	return id
}

// PutFile records a ledger entry with the next commit, replacing the one of
// the same id.
func (w *Writer) PutFile(f File) { w.files[f.ID] = f }

// PutReject records a rejected line with the next commit.
func (w *Writer) PutReject(r Reject) {
	w.rejects = append(w.rejects, r)
	w.size += int64(len(r.Text)) + 128
}

// ClearReject forgets, with the next commit, the reject of a line that has
// been stored after all.
func (w *Writer) ClearReject(file uint32, line uint64) {
	w.cleared = append(w.cleared, Reject{File: file, Line: line})
}

// Add queues a segment for the next commit; an empty one is dropped. It fails
// when the store is full or has MaxFields metadata fields.
func (w *Writer) Add(e *EncodedSegment) error {
	if e.rows == 0 {
		return nil
	}
	if w.rows+int64(e.rows) > MaxRows {
		return fmt.Errorf("the store is full: it holds %d rows of at most %d; put other rows into another store (--db)", w.rows, int64(MaxRows))
	}
	size := e.Size()
	meta := segmentMeta{Rows: e.rows, Raw: e.raw, Stored: size}
	for _, f := range e.fields {
		id, err := w.fieldID(f.name)
		if err != nil {
			return err
		}
		meta.Indexes = append(meta.Indexes, indexMeta{uint64(id), uint64(f.rows), w.version()})
	}
	w.next.Segments = append(w.next.Segments, meta)
	w.rows += int64(e.rows)
	w.segments = append(w.segments, e)
	w.size += size
	return nil
}

// version is the number of the commit being prepared.
func (w *Writer) version() uint64 { return w.next.Commit + 1 }

// fieldID finds or gives the id of a field.
func (w *Writer) fieldID(name string) (uint16, error) {
	if id, known := w.next.fieldID(name); known {
		return id, nil
	}
	if len(w.next.Fields) >= MaxFields {
		return 0, fmt.Errorf("metadata field %q would be number %d; a store holds at most %d distinct fields that begin with '_'", name, MaxFields+1, MaxFields)
	}
	w.next.Fields = append(w.next.Fields, name)
	return uint16(len(w.next.Fields) - 1), nil
}

// Commit makes everything queued durable and visible, or nothing of it. An
// error wrapping ErrNoSpace comes before anything is written.
func (w *Writer) Commit() error {
	if len(w.segments)+len(w.files)+len(w.rejects)+len(w.cleared)+len(w.entries)+len(w.events) == 0 && w.deleted == nil {
		return nil
	}
	if err := w.db.needSpace(w.size + diskReserve); err != nil {
		return fmt.Errorf("%w; what was committed is safe", err)
	}
	if err := w.writeData(); err != nil {
		return fmt.Errorf("write segments: %w", err)
	}
	w.db.mu.Lock()
	defer w.db.mu.Unlock()
	next := w.next.clone()
	next.Commit++
	next.Samples, next.Tags = w.db.m.Samples, w.db.m.Tags // which may have changed since
	next.Events = w.db.m.Events + uint64(len(w.events))
	if w.deleted != nil {
		next.Deleted = next.Commit
	}
	err := w.db.badger.Update(func(txn *badger.Txn) error {
		for id, f := range w.files {
			if err := putJSON(badgerSet(txn), fileKey(id), f); err != nil {
				return err
			}
		}
		for i, e := range w.events {
			e.Seq, e.Commit = w.db.m.Events+uint64(i), next.Commit
			if err := putJSON(badgerSet(txn), eventKey(e.Seq), e); err != nil {
				return err
			}
		}
		return putJSON(badgerSet(txn), keyManifest, next)
	})
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	w.db.m, w.next = next, next.clone()
	w.db.snapshot = nil
	if w.deleted != nil {
		w.db.deleted = w.deleted
	}
	w.first = len(next.Segments)
	w.segments, w.rejects, w.entries, w.deleted, w.events, w.size = nil, nil, nil, nil, nil, 0
	clear(w.files)
	w.db.releaseMapped()
	if len(w.cleared) == 0 {
		return nil
	}
	return w.clearRejects()
}

// writeData writes what the manifest will name. Rejects go with the data: they
// are keyed by file and line, so writing one again after a crash replaces it.
func (w *Writer) writeData() error {
	wb := w.db.badger.NewWriteBatch()
	defer wb.Cancel()
	gen := w.next.Generation
	for i, e := range w.segments {
		segment := uint32(w.first + i)
		for c, value := range e.columns {
			if err := wb.Set(columnKey(gen, segment, uint8(c)), value); err != nil {
				return err
			}
		}
		for _, f := range e.fields {
			id, _ := w.next.fieldID(f.name)
			if err := wb.Set(indexKey(gen, id, segment, w.version()), f.entry); err != nil {
				return err
			}
		}
	}
	for _, u := range w.entries {
		if err := wb.Set(indexKey(gen, u.field, u.segment, w.version()), u.entry); err != nil {
			return err
		}
	}
	if w.deleted != nil {
		value, err := sealBitmap(w.deleted)
		if err != nil {
			return err
		}
		if err := wb.Set(deletedKey(w.version()), value); err != nil {
			return err
		}
	}
	for _, r := range w.rejects {
		if err := putJSON(wb.Set, rejectKey(r.File, r.Line), r); err != nil {
			return err
		}
	}
	return wb.Flush()
}

// flush writes the segments queued, which no manifest names yet.
func (w *Writer) flush() error {
	if err := w.db.needSpace(w.size + diskReserve); err != nil {
		return err
	}
	if err := w.writeData(); err != nil {
		return fmt.Errorf("write segments: %w", err)
	}
	w.first, w.segments, w.size = len(w.next.Segments), nil, 0
	w.db.releaseMapped()
	return nil
}

// clearRejects deletes rejects that the ledger, by now, no longer lists.
func (w *Writer) clearRejects() error {
	wb := w.db.badger.NewWriteBatch()
	defer wb.Cancel()
	for _, r := range w.cleared {
		if err := wb.Delete(rejectKey(r.File, r.Line)); err != nil {
			return err
		}
	}
	w.cleared = nil
	return wb.Flush()
}
