package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"smelt/db"
)

// ledger is what the reader knows of the files that were read before, by this
// run and by earlier ones. It runs ahead of the one in the store: a file is in
// it as soon as it has been sent on its way.
type ledger struct {
	byHead map[string][]*db.File
	byID   map[uint32]*db.File
	short  []*db.File // incomplete, and shorter than a head
	flags  db.File    // the options of this run
}

func newLedger(files []db.File, flags db.File) *ledger {
	l := &ledger{byHead: map[string][]*db.File{}, byID: map[uint32]*db.File{}, flags: flags}
	for i := range files {
		l.add(&files[i])
	}
	return l
}

func (l *ledger) add(f *db.File) {
	l.byHead[f.Head] = append(l.byHead[f.Head], f)
	l.byID[f.ID] = f
	if !f.Complete && f.Offset <= db.HeadSize {
		l.short = append(l.short, f)
	}
}

// candidates returns the entries that a content with this head may belong to.
// Files are found by the head alone, so that one that was never seen costs no
// second reading. An entry whose file broke off within its first bytes has the
// head of what could be read of it; it is found by that.
func (l *ledger) candidates(digest string, head []byte) []*db.File {
	list := slices.Clone(l.byHead[digest])
	for _, f := range l.short {
		if f.Head == digest || f.Complete || f.Offset == 0 || f.Offset > int64(len(head)) || l.sameFlags(f) != nil {
			continue
		}
		if sum := sha256.Sum256(head[:f.Offset]); hex.EncodeToString(sum[:]) == f.Prefix {
			list = append(list, f)
		}
	}
	return list
}

// sameFlags refuses to continue a file under options other than those it was
// started with: one file would be labelled in two ways, and nobody could say
// where the one ends.
func (l *ledger) sameFlags(f *db.File) error {
	if f.Bucket == l.flags.Bucket && f.Source == l.flags.Source && f.Labels == l.flags.Labels {
		return nil
	}
	return fmt.Errorf("%d lines of this file were stored by an ingest that did not finish, with %s; the same options finish it", f.Lines, flags(f))
}

// read records how far a new or resumed file has been sent.
func (l *ledger) read(f *source, to position, complete bool) {
	e, known := l.byID[f.id]
	if !known {
		entry := l.flags
		entry.ID, entry.Head = f.id, f.head
		e = &entry
	}
	if known && e.Head != f.head {
		// What could be read of it before was less than a head.
		e.Head = f.head
		l.byHead[f.head] = append(l.byHead[f.head], e)
	}
	e.Offset, e.Lines, e.Prefix, e.Complete = to.offset, to.lines, hex.EncodeToString(to.prefix[:]), complete
	// What this run rejected it would reject again.
	e.Missed = nil
	if !known {
		l.add(e)
	}
}

// reread records that the rejected lines of a complete file have been sent.
func (l *ledger) reread(id uint32) { l.byID[id].Missed = nil }

// verify reads an input until it is clear which candidate it is: a complete
// one of its length and digest, else the longest incomplete one that it begins
// with, else nil. Time: one reading of the input, up to the last offset.
func (r *reader) verify(ctx context.Context, in *Input, candidates []*db.File) (*db.File, error) {
	c, err := r.openContent(ctx, in)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	slices.SortStableFunc(candidates, func(x, y *db.File) int { return cmp.Compare(x.Offset, y.Offset) })
	var whole, part *db.File
	sum := sha256.New()
	buf := make([]byte, readSize)
	offset := int64(0)
	for _, e := range candidates {
		for offset < e.Offset {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n, err := c.Read(buf[:min(int64(len(buf)), e.Offset-offset)])
			sum.Write(buf[:n])
			offset += int64(n)
			if err != nil && offset < e.Offset {
				// Shorter than this candidate and all that follow. If it is
				// damaged, that is said when it is read for its lines.
				if errors.Is(err, io.EOF) && whole != nil && whole.Offset == offset {
					return whole, nil
				}
				return part, nil
			}
		}
		if hex.EncodeToString(sum.Sum(nil)) != e.Prefix {
			continue
		}
		if e.Complete {
			whole = e
		} else {
			part = e
		}
	}
	if whole != nil && whole.Offset == offset && atEnd(c) {
		return whole, nil
	}
	return part, nil
}

func atEnd(r io.Reader) bool {
	var one [1]byte
	n, err := io.ReadFull(r, one[:])
	return n == 0 && errors.Is(err, io.EOF)
}

// recorder keeps what has been read of a stream, so that the stream can be
// read again from its beginning, once.
type recorder struct {
	io.ReadCloser
	seen []byte
	off  bool
}

// record returns in with a recorder in front of it.
func record(in Input) (*recorder, Input) {
	rec := &recorder{}
	open := in.Open
	in.Open = func() (io.ReadCloser, error) {
		var err error
		rec.ReadCloser, err = open()
		return rec, err
	}
	return rec, in
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if !r.off {
		r.seen = append(r.seen, p[:n]...)
	}
	return n, err
}

func (r *recorder) stop() { r.off, r.seen = true, nil }

const spoolPattern = ".ingest-spool-*"

// spool writes the whole stream to a file in dir, as it came, and returns that
// file as an input. remove removes it.
func (r *recorder) spool(ctx context.Context, dir string, in Input) (spooled Input, remove func(), err error) {
	f, err := os.CreateTemp(dir, spoolPattern)
	if err != nil {
		return Input{}, nil, err
	}
	remove = func() { _ = os.Remove(f.Name()) }
	_, err = f.Write(r.seen)
	r.stop()
	buf := make([]byte, readSize)
	for err == nil {
		var n int
		n, err = r.ReadCloser.Read(buf)
		if _, errWrite := f.Write(buf[:n]); errWrite != nil {
			err = errWrite
		}
		err = cmp.Or(err, ctx.Err())
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		remove()
		return Input{}, nil, fmt.Errorf("keep the stream for a second reading: %w", err)
	}
	spooled, err = FileInput(f.Name())
	spooled.Name = in.Name
	return spooled, remove, err
}

// removeSpools removes what ingests that were killed left in dir. The caller
// holds the store's writer, so no other ingest is at work.
func removeSpools(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if left, _ := filepath.Match(spoolPattern, e.Name()); left {
			// The reader of a cancelled run may get there first.
			if gone := os.Remove(filepath.Join(dir, e.Name())); !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return err
}
