package db

import (
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"
)

// Writer adds segments, ledger entries and rejects in atomic commits. There is
// at most one at a time; it is for one goroutine.
type Writer struct {
	db       *DB
	next     *manifest // what the next commit will make current
	first    int       // number of segments in the current manifest
	segments []*EncodedSegment
	files    map[uint32]File
	rejects  []Reject
	cleared  []Reject // rejects to forget: lines that have now been stored
	size     int64
}

// diskReserve is left free beside what a commit writes, because Badger grows
// its files through memory maps, and a full disk there is a fault that ends
// the process.
const diskReserve = 128 << 20

// NewWriter waits until no other Writer is open and returns one.
func (d *DB) NewWriter() *Writer {
	d.writing.Lock()
	m := *d.current()
	m.Fields = slices.Clone(m.Fields)
	m.Segments = slices.Clone(m.Segments)
	return &Writer{db: d, next: &m, first: len(m.Segments), files: map[uint32]File{}}
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
	if len(w.next.Segments) >= 1<<16 {
		return fmt.Errorf("the store is full: %d segments", 1<<16)
	}
	for _, f := range e.fields {
		if _, known := w.next.fieldID(f.name); known {
			continue
		}
		if len(w.next.Fields) >= MaxFields {
			return fmt.Errorf("metadata field %q would be number %d; a store holds at most %d distinct fields that begin with '_'", f.name, MaxFields+1, MaxFields)
		}
		w.next.Fields = append(w.next.Fields, f.name)
	}
	size := e.Size()
	meta := segmentMeta{Rows: e.rows, Raw: e.raw, Stored: size, Indexes: make([]indexMeta, len(e.fields))}
	for i, f := range e.fields {
		id, _ := w.next.fieldID(f.name)
		meta.Indexes[i] = indexMeta{int(id), f.rows}
	}
	w.next.Segments = append(w.next.Segments, meta)
	w.segments = append(w.segments, e)
	w.size += size
	return nil
}

// Pending is the number of bytes the next commit would write.
func (w *Writer) Pending() int64 { return w.size }

// Commit makes everything queued durable and visible, or nothing of it. An
// error wrapping ErrNoSpace comes before anything is written.
func (w *Writer) Commit() error {
	if len(w.segments) == 0 && len(w.files) == 0 && len(w.rejects) == 0 && len(w.cleared) == 0 {
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
	w.next.Commit++
	w.next.Samples = w.db.m.Samples // which KeepSample may have changed
	err := w.db.badger.Update(func(txn *badger.Txn) error {
		for id, f := range w.files {
			if err := putJSON(badgerSet(txn), fileKey(id), f); err != nil {
				return err
			}
		}
		return putJSON(badgerSet(txn), keyManifest, w.next)
	})
	if err != nil {
		w.next.Commit--
		return fmt.Errorf("write manifest: %w", err)
	}
	done := *w.next
	done.Fields = slices.Clone(done.Fields)
	done.Segments = slices.Clone(done.Segments)
	w.db.m = &done
	w.first = len(done.Segments)
	w.segments, w.rejects, w.size = nil, nil, 0
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
			if err := wb.Set(indexKey(gen, id, segment), f.entry); err != nil {
				return err
			}
		}
	}
	for _, r := range w.rejects {
		if err := putJSON(wb.Set, rejectKey(r.File, r.Line), r); err != nil {
			return err
		}
	}
	return wb.Flush()
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
