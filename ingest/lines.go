package ingest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"smelt/db"
)

const (
	// readSize is how much is asked of a file at once: small enough to stay in
	// the second-level cache while it is hashed, counted and copied.
	readSize = 256 << 10
	// longLineKept is how much of a line beyond MaxLine a reject holds.
	longLineKept = 1 << 10
)

// position is a place in a content: the end of a line, or of the content.
type position struct {
	offset int64             // bytes before it
	lines  uint64            // lines before it
	prefix [sha256.Size]byte // SHA-256 of the bytes before it
}

// longLine is a line beyond the limit, of which only the beginning was kept.
type longLine struct {
	line   uint64
	offset int64
	length int64
	text   []byte
}

func (l *longLine) reject(maxLine int) db.Reject {
	return db.Reject{Line: l.line, Offset: l.offset, Length: l.length, Reason: tooLong(maxLine, l.length), Text: l.text}
}

func tooLong(maxLine int, length int64) string {
	limit := fmt.Sprintf("%d bytes", maxLine)
	if maxLine >= 1<<20 && maxLine%(1<<20) == 0 {
		limit = fmt.Sprintf("%d MiB", maxLine>>20)
	}
	return fmt.Sprintf("line is longer than %s (%d bytes)", limit, length)
}

// scanner cuts a content into whole lines and hashes what has been taken. Its
// memory is bounded by the line limit. Call reset before use.
type scanner struct {
	src     io.Reader
	maxLine int

	buf      []byte
	pos, end int   // buf[pos:end] was read and not taken
	searched int   // buf[pos:searched] has no line break
	err      error // what ended reading, io.EOF included

	sum    hash.Hash
	offset int64 // bytes taken
	lines  uint64
}

func (s *scanner) reset(src io.Reader, maxLine int) {
	if s.sum == nil {
		s.sum = sha256.New()
	}
	s.sum.Reset()
	*s = scanner{src: src, maxLine: maxLine, buf: s.buf, sum: s.sum}
}

// position is that of the first byte not taken.
func (s *scanner) position() position {
	p := position{offset: s.offset, lines: s.lines}
	s.sum.Sum(p.prefix[:0])
	return p
}

// head returns the first n bytes of the content, or all when it is shorter,
// without taking them. It must come before anything is taken.
func (s *scanner) head(n int) []byte {
	for s.end < n && s.err == nil {
		s.read()
	}
	return s.buf[:min(n, s.end)]
}

// next returns the whole lines at hand, at least one, or a line beyond the
// limit, which is then taken. lines refers to the scanner's memory until the
// next call, and the caller takes them. At the end of the content the error is
// io.EOF; another error means that the bytes after the last whole line could
// not be read.
func (s *scanner) next() (lines []byte, long *longLine, err error) {
	for {
		if i := bytes.LastIndexByte(s.buf[s.searched:s.end], '\n'); i >= 0 {
			return s.buf[s.pos : s.searched+i+1], nil, nil
		}
		s.searched = s.end
		switch {
		case s.end-s.pos > s.maxLine:
			long, err = s.skipLine()
			return nil, long, err
		case s.err == io.EOF && s.pos < s.end:
			return s.buf[s.pos:s.end], nil, nil
		case s.err != nil:
			return nil, nil, s.err
		}
		s.read()
	}
}

// take moves past the next n bytes at hand, which end the given number of lines.
func (s *scanner) take(n, lines int) {
	s.sum.Write(s.buf[s.pos : s.pos+n])
	s.pos += n
	s.searched = max(s.searched, s.pos)
	s.offset += int64(n)
	s.lines += uint64(lines)
}

// skipTo takes bytes without looking at them until the offset is reached.
func (s *scanner) skipTo(offset int64) error {
	for s.offset < offset {
		if s.pos == s.end {
			if s.err != nil {
				return s.err
			}
			s.read()
		}
		s.take(int(min(int64(s.end-s.pos), offset-s.offset)), 0)
	}
	return nil
}

// skipLine takes a line that is longer than the limit, keeping its beginning.
func (s *scanner) skipLine() (*longLine, error) {
	long := &longLine{
		line: s.lines + 1, offset: s.offset,
		text: beginning(s.buf[s.pos:s.end], longLineKept),
	}
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			long.length = s.offset + int64(i) - long.offset
			s.take(i+1, 1)
			return long, nil
		}
		s.take(s.end-s.pos, 0)
		if s.err == io.EOF {
			long.length = s.offset - long.offset
			s.lines++
			return long, nil
		}
		if s.err != nil {
			return nil, s.err
		}
		s.read()
	}
}

// read adds to what is at hand, or sets err.
func (s *scanner) read() {
	if s.pos > 0 {
		copy(s.buf, s.buf[s.pos:s.end])
		s.end -= s.pos
		s.searched -= s.pos
		s.pos = 0
	}
	switch {
	case len(s.buf) > 4*readSize && s.end < readSize:
		// A long line has gone by: do not hold its memory for the rest of the run.
		s.buf = append(make([]byte, 0, 2*readSize), s.buf[:s.end]...)[:2*readSize]
	case len(s.buf)-s.end < readSize:
		s.buf = append(make([]byte, 0, 2*len(s.buf)+2*readSize), s.buf[:s.end]...)
		s.buf = s.buf[:cap(s.buf)]
	}
	for range 100 {
		n, err := s.src.Read(s.buf[s.end : s.end+readSize])
		s.end += n
		s.err = err
		if n > 0 || err != nil {
			return
		}
	}
	s.err = io.ErrNoProgress
}
