package importer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"smelt/ingest"
	"smelt/ingest/container"
)

const (
	// maxLine is the longest line that is converted, in bytes: that of ingest.
	maxLine = 64 << 20
	// maxReasons bounds the reasons that are told apart.
	maxReasons = 32
	// keepBuffer bounds the memory kept from one line to the next.
	keepBuffer = 1 << 20
)

// part is one file of a dump, unpacked and as lines. Its errors say where.
type part struct {
	r *container.Reader
	n int64
}

func openPart(ctx context.Context, in ingest.Input, format container.Format) (*part, error) {
	file, err := in.Open()
	if err != nil {
		return nil, err
	}
	r, err := container.Open(ctx, file, container.Options{Name: in.Name, Format: format, Stream: in.Stream})
	if errors.Is(err, container.ErrNeedsFile) {
		// Not wrapped: what is to be kept in a file is the dump, not the lines.
		return nil, errors.Join(errors.New("this format is read from its end: keep the stream in a file and import that"), file.Close())
	}
	if err != nil {
		return nil, err
	}
	return &part{r: r}, nil
}

func (p *part) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		if err = p.r.Damaged(p.n, err); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
			err = &container.FormatError{Text: err.Error()}
		}
	}
	return n, err
}

func (p *part) Close() error { return p.r.Close() }

// counts is what a reading has seen of a file.
type counts struct {
	file    *File
	records int64
	skipped map[string]int64
}

func (c *counts) skip(reason string) {
	if c.skipped == nil {
		c.skipped = map[string]int64{}
	}
	if _, known := c.skipped[reason]; !known && len(c.skipped) >= maxReasons {
		reason = "other reasons"
	}
	c.skipped[reason]++
}

// stream is the lines that fill makes. fill appends some of them, or a part of
// one, to dst; with an error it has appended the last.
type stream struct {
	fill    func(dst []byte, c *counts) ([]byte, error)
	counts  counts
	closers []io.Closer

	buf []byte
	pos int
	err error
}

func (s *stream) Read(p []byte) (int, error) {
	for s.pos == len(s.buf) {
		if s.err != nil {
			return 0, s.err
		}
		if cap(s.buf) > keepBuffer {
			s.buf = nil
		}
		s.pos = 0
		s.buf, s.err = s.fill(s.buf[:0], &s.counts)
	}
	n := copy(p, s.buf[s.pos:])
	s.pos += n
	return n, nil
}

// Close ends the reading, which counts as far as it came.
func (s *stream) Close() error {
	s.counts.file.keep(s.counts.records, s.counts.skipped)
	var err error
	for _, c := range s.closers {
		err = errors.Join(err, c.Close())
	}
	return err
}

// errLongLine says that a line is too long. What was read of it is returned with
// the error, and rest gives what follows.
var errLongLine = errors.New("the line is longer than 64 MiB")

// lines reads a text line by line, without its byte order mark.
type lines struct {
	r     *bufio.Reader
	most  int // bytes in a line
	begun bool
	buf   []byte
}

func newLines(r io.Reader) *lines {
	return &lines{r: bufio.NewReaderSize(r, 64<<10), most: maxLine}
}

// next is the next line without its break, good until the next call. The last
// line may end with the text; a part of one that ends in an error is not given.
func (l *lines) next() ([]byte, error) {
	if !l.begun {
		l.begun = true
		mark := []byte("\ufeff")
		if head, _ := l.r.Peek(len(mark)); bytes.Equal(head, mark) {
			_, _ = l.r.Discard(len(mark))
		}
	}
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.buf = l.buf[:0]
	for {
		piece, err := l.r.ReadSlice('\n')
		switch {
		case err == nil && len(l.buf)+len(piece)-1 > l.most:
			err = errors.Join(errLongLine, l.r.UnreadByte())
			return append(l.buf, piece[:len(piece)-1]...), err
		case err == nil && len(l.buf) == 0:
			return piece[:len(piece)-1], nil
		}
		l.buf = append(l.buf, piece...)
		switch {
		case err == nil:
			return l.buf[:len(l.buf)-1], nil
		case len(l.buf) > l.most:
			return l.buf, errLongLine
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(l.buf) > 0:
			return l.buf, nil
		default:
			return nil, err
		}
	}
}

// rest is more of a long line. When more is false it ends the line, break
// included.
func (l *lines) rest() (piece []byte, more bool, err error) {
	piece, err = l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return piece, true, nil
	}
	return piece, false, err
}
