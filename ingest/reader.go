package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"sync/atomic"

	"smelt/db"
	"smelt/ingest/container"
)

// reader is the first stage: it opens the inputs one after the other, decides
// what of each is still to be read, and cuts that into chunks. Everything it
// has to say about an input travels in pieces, so it arrives in order.
type reader struct {
	inputs []Input
	opt    *Options
	labels *labels
	ledger *ledger
	dir    string // for temporary files; empty is the system's
	notes  bool   // chunks have notes
	nextID uint32 // ledger id of the next new file

	free          <-chan *chunk
	work, ordered chan<- *chunk // with room for every chunk there is

	scan    scanner
	content *container.Reader // being scanned
	sum     string            // of the input that is at its end
	chunk   *chunk            // being filled; nil before the first line
	open    bool              // its last piece can be continued
	behind  int64             // bytes of the inputs that are done
	index   int               // of the input being read
	done    atomic.Bool       // all inputs were read and sent
}

// run reads all inputs, or as many as it can before ctx is done, and closes
// the channels.
func (r *reader) run(ctx context.Context) {
	defer close(r.work)
	defer close(r.ordered)
	r.scan.reset(nil, r.opt.MaxLine)
	for r.index = range r.inputs {
		in := r.inputs[r.index]
		f := &source{index: r.index, name: in.Name, source: []byte(in.source())}
		if err := r.input(ctx, in, f); err != nil && ctx.Err() != nil {
			return
		} else if err := r.end(ctx, f, err); err != nil {
			return
		}
	}
	r.flush()
	r.done.Store(true)
}

// input reads what is still to be read of one input. The error is about the
// input, or ctx is done.
func (r *reader) input(ctx context.Context, in Input, f *source) error {
	r.sum = ""
	var rec *recorder
	if in.Stream {
		rec, in = record(in)
	}
	remove := func() {}
	spool := func() error {
		spooled, removeSpooled, err := rec.spool(ctx, r.dir, in)
		if err == nil {
			in, remove, rec = spooled, removeSpooled, nil
		}
		return err
	}
	err := r.start(ctx, &in)
	if errors.Is(err, container.ErrNeedsFile) {
		if err = spool(); err == nil {
			err = r.start(ctx, &in)
		}
	}
	if err != nil {
		remove()
		return err
	}
	defer func() {
		_ = r.content.Close()
		remove()
	}()
	head := r.scan.head(db.HeadSize)
	sum := sha256.Sum256(head)
	f.head = hex.EncodeToString(sum[:])
	f.format, f.converted, f.made = r.content.Format(), r.content.Converted(), in.Made
	if f.made != nil {
		f.format = f.made.Format
	}

	var match *db.File
	if candidates := r.ledger.candidates(f.head, head); len(candidates) > 0 {
		if rec != nil {
			if err := spool(); err != nil {
				return err
			}
		}
		if match, err = r.verify(ctx, &in, candidates); err != nil {
			return err
		}
		if err := errors.Join(r.content.Close(), r.start(ctx, &in)); err != nil {
			return err
		}
		r.scan.head(db.HeadSize)
	}
	if rec != nil {
		rec.stop()
	}
	switch {
	case match == nil:
		f.known, f.id = stateNew, r.nextID
		r.nextID++
		return r.lines(ctx, f)
	case match.Complete:
		f.known, f.id = stateComplete, match.ID
		return r.rejectedLines(ctx, f, match)
	}
	if err := r.ledger.sameFlags(match); err != nil {
		return err
	}
	if err := r.scan.skipTo(match.Offset); err != nil {
		return r.content.Damaged(r.scan.offset, err)
	}
	if p := r.scan.position(); hex.EncodeToString(p.prefix[:]) != match.Prefix {
		return errors.New("the file changed while it was being read")
	}
	r.scan.lines = match.Lines
	f.known, f.id = stateResumed, match.ID
	return r.lines(ctx, f)
}

// start opens an input and puts the scanner at its beginning.
func (r *reader) start(ctx context.Context, in *Input) error {
	c, err := r.openContent(ctx, in)
	if err != nil {
		return err
	}
	r.content = c
	r.scan.reset(c, r.opt.MaxLine)
	return nil
}

// openContent opens an input and finds out what is in it.
func (r *reader) openContent(ctx context.Context, in *Input) (*container.Reader, error) {
	file, err := in.Open()
	if err != nil {
		return nil, err
	}
	return container.Open(ctx, file, container.Options{
		Name: in.Name, Format: r.opt.Format, Stream: in.Stream, TempDir: r.dir, TempPattern: spoolPattern,
	})
}

var byteOrderMark = []byte("\ufeff")

// lines sends every line from the scanner's position on.
func (r *reader) lines(ctx context.Context, f *source) error {
	if r.scan.offset == 0 && bytes.HasPrefix(r.scan.head(len(byteOrderMark)), byteOrderMark) {
		r.scan.take(len(byteOrderMark), 0)
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Before a line is taken, because where the scanner stands is where the
		// pieces already made are said to end.
		if err := r.room(ctx, 1); err != nil {
			return err
		}
		data, long, err := r.scan.next()
		switch {
		case errors.Is(err, io.EOF):
			prefix := r.scan.position().prefix
			if f.made != nil {
				r.sum, err = f.made.Sum(ctx)
			} else {
				r.sum, err = r.content.Sum(ctx, prefix[:])
			}
			return err
		case err != nil:
			return r.content.Damaged(r.scan.offset, err)
		case r.scan.lines > math.MaxUint32-readSize:
			return fmt.Errorf("a file of more than %d lines is too long; split it", uint32(math.MaxUint32-readSize))
		case long != nil:
			r.add(f, long.line, long.offset, nil, 1)
			r.chunk.pieces[len(r.chunk.pieces)-1].long = long
			r.closePiece()
		}
		for len(data) > 0 {
			if err := r.room(ctx, 1); err != nil {
				return err
			}
			size, lines := r.chunk.fit(data, r.opt.SegmentRows)
			if size == 0 {
				r.flush()
				continue
			}
			r.add(f, r.scan.lines+1, r.scan.offset, data[:size], lines)
			r.scan.take(size, lines)
			data = data[size:]
		}
	}
}

// rejectedLines sends the lines of a complete file that were rejected, one
// piece each, for they may be acceptable by now.
func (r *reader) rejectedLines(ctx context.Context, f *source, entry *db.File) error {
	only, err := entry.RejectedLines()
	if err != nil || only.IsEmpty() {
		return err
	}
	f.only = true
	for r.scan.lines < uint64(only.Maximum()) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.scan.offset == 0 && bytes.HasPrefix(r.scan.head(len(byteOrderMark)), byteOrderMark) {
			r.scan.take(len(byteOrderMark), 0)
		}
		data, long, err := r.scan.next()
		if err != nil {
			return fmt.Errorf("the file changed while it was being read: %w", err)
		}
		if long != nil {
			continue // it is as long as it was
		}
		for len(data) > 0 {
			size := len(data)
			if i := bytes.IndexByte(data, '\n'); i >= 0 {
				size = i + 1
			}
			if line := r.scan.lines + 1; only.Contains(uint32(line)) {
				if err := r.room(ctx, 1); err != nil {
					return err
				}
				if fits, _ := r.chunk.fit(data[:size], r.opt.SegmentRows); fits == 0 {
					r.flush()
					continue
				}
				r.open = false
				r.add(f, line, r.scan.offset, data[:size], 1)
			}
			r.scan.take(size, 1)
			data = data[size:]
		}
	}
	return nil
}

// end tells the writer that an input is over, because of err if that is not
// nil, and the ledger what has been read of it.
func (r *reader) end(ctx context.Context, f *source, err error) error {
	if f.known == stateNew && err != nil && r.scan.offset == 0 {
		// Not a byte of it was taken: as if it had not been there.
		f.known = stateUnread
		r.nextID--
	}
	if errRoom := r.room(ctx, 0); errRoom != nil {
		return errRoom
	}
	if !r.open || len(r.chunk.pieces) == 0 {
		r.add(f, 0, 0, nil, 0)
	}
	last := &r.chunk.pieces[len(r.chunk.pieces)-1]
	last.end, last.err, last.sum = true, err, r.sum
	r.closePiece()
	switch f.known {
	case stateNew, stateResumed:
		r.ledger.read(f, last.after, err == nil)
	case stateComplete:
		r.ledger.reread(f.id)
	}
	size := max(r.inputs[f.index].Size, 0)
	if r.content != nil {
		size = max(size, r.content.Behind())
		r.content = nil
	}
	r.behind += size
	return nil
}

// room makes sure that there is a chunk, and that it can take so many more lines.
func (r *reader) room(ctx context.Context, lines int) error {
	if r.chunk != nil && r.chunk.lines+lines > r.opt.SegmentRows {
		r.flush()
	}
	if r.chunk == nil {
		select {
		case r.chunk = <-r.free:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// add puts whole lines into the chunk, which has room for them.
func (r *reader) add(f *source, line uint64, offset int64, data []byte, lines int) {
	c := r.chunk
	if !r.open {
		at := len(c.data)
		c.pieces = append(c.pieces, piece{file: f, from: at, to: at, line: line, offset: offset})
		r.open = true
	}
	c.data = append(c.data, data...)
	c.lines += lines
	c.pieces[len(c.pieces)-1].to = len(c.data)
}

// closePiece ends the chunk's last piece at the scanner's position.
func (r *reader) closePiece() {
	if r.open {
		r.chunk.pieces[len(r.chunk.pieces)-1].after = r.scan.position()
		r.open = false
	}
}

// flush sends the chunk on its way.
func (r *reader) flush() {
	if r.chunk == nil {
		return
	}
	r.closePiece()
	r.chunk.fileIndex, r.chunk.raw = r.index, r.behind
	if r.content != nil {
		r.chunk.raw += r.content.Behind()
	}
	r.work <- r.chunk
	r.ordered <- r.chunk
	r.chunk = nil
}
