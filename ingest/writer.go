package ingest

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"smelt/db"
)

const (
	// topReasonCount is how many reasons a FileSummary and the ledger list.
	topReasonCount = 10
	// maxReasons bounds the reasons told apart in one file, for a hostile one
	// can make every line wrong in its own way.
	maxReasons   = 1000
	otherReasons = "other reasons"
)

// writer is the last stage: it takes finished chunks in order, and is the only
// one to change the store. What it has added between two commits is kept by
// both or by none: segments, and the ledger entries that cover their lines.
type writer struct {
	db    *db.DB
	store *db.Writer
	opt   *Options
	flags db.File
	old   map[uint32]db.File // the ledger before the run
	spare []uint32           // a ledger id taken and not used yet
	gate  *fieldGate

	files    map[uint32]*entry
	changed  map[uint32]*entry
	stored   map[int]uint32 // ledger ids of the inputs that brought rows, by position
	finished []finished     // not yet committed
	bytes    int64          // added since the last commit
	buckets  []int64

	summary   *Summary
	committed struct { // as of the last commit
		summary Summary
		buckets []int64
	}
	total   int64 // bytes of all inputs, or -1
	current int   // the input whose pieces come now, -1 before the first
	reasons map[string]int64
}

// entry is a ledger entry that this run has to do with.
type entry struct {
	db.File
	missed  *roaring.Bitmap
	reasons map[string]int64 // of all its rejects, as far as is known
}

// finished is an input that is over, and whose rejects file is to be brought up
// to date after the next commit.
type finished struct {
	index int
	entry *entry
}

// drain takes chunks in order until there are no more, or ctx is done and those
// at hand are taken, and commits. The error means that the store could not go
// on, or wraps ctx's.
func (w *writer) drain(ctx context.Context, r *reader, free chan<- *chunk, ordered <-chan *chunk) error {
	for {
		c, more := receive(ctx, ordered)
		if !more {
			break
		}
		<-c.done
		if err := w.add(c); err != nil {
			w.rollback()
			return err
		}
		c.reset()
		free <- c
	}
	if err := w.commit(); err != nil {
		w.rollback()
		return err
	}
	if err := ctx.Err(); err != nil && !r.done.Load() {
		if w.current >= 0 && w.summary.Files[w.current].Reasons == nil {
			w.summary.Files[w.current].Reasons = topReasons(w.reasons)
		}
		return fmt.Errorf("interrupted; %d rows are stored; run the same command again to continue: %w", w.summary.Rows, err)
	}
	return nil
}

// receive waits for the next chunk. Once ctx is done it waits no more, because
// a reader that blocks sends none.
func receive(ctx context.Context, ordered <-chan *chunk) (*chunk, bool) {
	select {
	case c, more := <-ordered:
		return c, more
	case <-ctx.Done():
	}
	select {
	case c, more := <-ordered:
		return c, more
	default:
		return nil, false
	}
}

// add takes the results of a chunk. An error means that the store cannot go on.
func (w *writer) add(c *chunk) error {
	w.gate.settle(c)
	if err := w.store.Add(c.segment); err != nil {
		return err
	}
	c.segment = nil
	for i := range c.pieces {
		if err := w.piece(&c.pieces[i]); err != nil {
			return err
		}
	}
	for i, n := range c.buckets {
		w.buckets[i] += n
	}
	w.bytes += int64(len(c.data))
	if w.bytes >= w.opt.CommitBytes {
		if err := w.commit(); err != nil {
			return err
		}
	}
	w.report(c.fileIndex, c.raw)
	return nil
}

func (w *writer) report(fileIndex int, raw int64) {
	if w.opt.Progress == nil {
		return
	}
	p := Progress{
		File: w.summary.Files[fileIndex].Name, FileIndex: fileIndex, Files: len(w.summary.Files),
		Bytes: raw, TotalBytes: w.total, Rows: w.summary.Rows, Rejected: w.summary.Rejected,
	}
	if p.TotalBytes >= 0 {
		p.Bytes = min(p.Bytes, p.TotalBytes)
	}
	w.opt.Progress(p)
}

// piece books one piece: its rows, its rejects and how far its file has come.
func (w *writer) piece(p *piece) error {
	s := &w.summary.Files[p.file.index]
	first := w.current != p.file.index
	w.current = p.file.index
	if p.file.known == stateUnread {
		s.Err = p.err
		return nil
	}
	e, err := w.entry(p.file)
	if err != nil {
		return err
	}
	if first {
		clear(w.reasons)
		s.AlreadyStored, s.Format = e.Rows, p.file.format
		if s.Resumed = p.file.known == stateResumed; s.Resumed {
			if err := w.forgetRejects(e); err != nil {
				return err
			}
		}
	}
	for i := range p.rejects {
		r := &p.rejects[i]
		r.File = e.ID
		e.missed.Add(uint32(r.Line))
		w.store.PutReject(r.Reject)
		count(w.reasons, r.kind, 1)
		count(e.reasons, r.kind, 1)
	}
	if p.rows > 0 {
		w.stored[p.file.index] = e.ID
	}
	s.Rows += p.rows
	s.Rejected += int64(len(p.rejects))
	w.summary.Rows += p.rows
	w.summary.Rejected += int64(len(p.rejects))
	w.summary.Bytes += int64(p.to - p.from)
	e.Rows += p.rows
	if p.file.only {
		if p.rows > 0 {
			e.missed.Remove(uint32(p.line))
			w.store.ClearReject(e.ID, p.line)
		}
		if p.to > p.from {
			w.changed[e.ID] = e
		}
	} else if p.file.known != stateComplete {
		e.Head = p.file.head
		e.Offset, e.Lines, e.Prefix = p.after.offset, p.after.lines, hex.EncodeToString(p.after.prefix[:])
		w.changed[e.ID] = e
	}
	if p.long != nil {
		w.summary.Bytes += p.long.length
		w.bytes += p.long.length
	}
	s.Lines = e.Lines
	if p.end {
		s.Reasons = topReasons(w.reasons)
		w.end(p, s, e)
	}
	return nil
}

// end books the end of an input.
func (w *writer) end(p *piece, s *FileSummary, e *entry) {
	s.Err = p.err
	switch {
	case p.err != nil:
	case p.file.known == stateComplete:
		s.Already = s.Rows == 0
		if p.file.only {
			// Those beyond the limit were not tried again.
			tried := int64(0)
			for _, n := range w.reasons {
				tried += n
			}
			e.reasons = maps.Clone(w.reasons)
			count(e.reasons, tooLongKind, int64(e.missed.GetCardinality())-tried)
		}
	default:
		e.Complete, e.SHA256 = true, p.sum
		e.Finished = w.opt.Now().UTC()
	}
	w.finished = append(w.finished, finished{p.file.index, e})
}

// entry finds or makes the ledger entry of a file.
func (w *writer) entry(f *source) (*entry, error) {
	e := w.files[f.id]
	if e == nil {
		e = &entry{missed: roaring.New(), reasons: map[string]int64{}}
		if f.known == stateNew {
			if id := w.newID(); id != f.id {
				return nil, fmt.Errorf("ledger id %d was expected for %s, not %d", f.id, f.name, id)
			}
			e.File = w.flags
			e.ID, e.Name, e.Head, e.Format, e.Started = f.id, f.name, f.head, f.format, w.opt.Now().UTC()
		} else {
			e.File = w.old[f.id]
			missed, err := e.RejectedLines()
			if err != nil {
				return nil, err
			}
			e.missed = missed
			maps.Copy(e.reasons, e.Reasons)
		}
		w.files[f.id] = e
	}
	return e, nil
}

// forgetRejects removes the rejects file of a file that was read in part, for
// it bears the digest of that part. What it held is in the store, and in the
// next one.
func (w *writer) forgetRejects(e *entry) error {
	w.finished = slices.DeleteFunc(w.finished, func(f finished) bool { return f.entry == e })
	return removeRejects(&e.File, w.opt.RejectsDir)
}

// newID gives the next ledger id.
func (w *writer) newID() uint32 {
	if len(w.spare) > 0 {
		id := w.spare[0]
		w.spare = nil
		return id
	}
	return w.store.NewFile()
}

// count counts a reason n times more.
func count(reasons map[string]int64, reason string, n int64) {
	if _, known := reasons[reason]; !known && len(reasons) >= maxReasons {
		reason = otherReasons
	}
	if n > 0 {
		reasons[reason] += n
	}
}

// topReasons lists the most frequent reasons, those of equal frequency by name.
func topReasons(reasons map[string]int64) []ReasonCount {
	var dst []ReasonCount
	for reason, lines := range reasons {
		dst = append(dst, ReasonCount{reason, lines})
	}
	slices.SortFunc(dst, func(x, y ReasonCount) int {
		return cmp.Or(cmp.Compare(y.Lines, x.Lines), cmp.Compare(x.Reason, y.Reason))
	})
	return dst[:min(len(dst), topReasonCount)]
}

// ledgerReasons is the most frequent reasons, and the sum of the others.
func ledgerReasons(reasons map[string]int64) map[string]int64 {
	kept := map[string]int64{}
	rest := int64(0)
	for _, n := range reasons {
		rest += n
	}
	for _, top := range topReasons(reasons) {
		kept[top.Reason] += top.Lines
		rest -= top.Lines
	}
	count(kept, otherReasons, rest)
	return kept
}

// commit makes everything added so far durable, and then writes the rejects
// files of the inputs that are finished.
func (w *writer) commit() error {
	for _, e := range w.changed {
		e.missed.RunOptimize()
		missed, err := e.missed.ToBytes()
		if err != nil {
			return err
		}
		e.Missed, e.Rejected = missed, int64(e.missed.GetCardinality())
		e.Reasons = ledgerReasons(e.reasons)
		w.store.PutFile(e.File)
	}
	if err := w.store.Commit(); err != nil {
		return err
	}
	clear(w.changed)
	w.bytes = 0
	for _, f := range w.finished {
		s := &w.summary.Files[f.index]
		var err error
		if s.RejectsFile, err = writeRejects(w.db, &f.entry.File, w.opt.RejectsDir); err != nil {
			s.Err = fmt.Errorf("write the rejects file: %w", err)
		}
	}
	w.finished = w.finished[:0]
	w.committed.summary = *w.summary
	w.committed.summary.Files = slices.Clone(w.summary.Files)
	w.committed.buckets = slices.Clone(w.buckets)
	return nil
}

// rollback makes the summary say what was committed.
func (w *writer) rollback() {
	files := w.summary.Files
	*w.summary = w.committed.summary
	if w.summary.Files == nil {
		w.summary.Files = make([]FileSummary, len(files))
		for i := range files {
			w.summary.Files[i].Name = files[i].Name
		}
	}
	clear(w.buckets)
	copy(w.buckets, w.committed.buckets)
}

// duplicates books the rows from address first on that are duplicates of earlier
// ones, by file.
func (w *writer) duplicates(ctx context.Context, first uint64) error {
	snapshot := w.db.Snapshot()
	byFile := map[uint32]int64{}
	err := snapshot.DuplicateRows(ctx, first, func(addrs []uint32) error {
		return snapshot.Origins(addrs, func(_ int, o db.Origin) error {
			byFile[o.File]++
			return nil
		})
	})
	if err != nil {
		return err
	}
	for id, n := range byFile {
		w.summary.Duplicates += n
		e := w.files[id]
		e.Duplicates += n
		w.changed[id] = e
	}
	for i := range w.summary.Files {
		s := &w.summary.Files[i]
		if id, stored := w.stored[i]; stored {
			s.Duplicates = byFile[id]
		}
	}
	return w.commit()
}
