package container

import (
	"bytes"
	"io"
)

// refused separates a refused line from the reason.
const refused = 0

// Refusal tells a refused line of a converted file: the text that was made of
// the record, and why it is no row. For other lines ok is false.
func Refusal(line []byte) (text, reason []byte, ok bool) { return bytes.Cut(line, []byte{refused}) }

// converted is the lines that fill makes. fill appends some of them, or a part
// of one, to dst; with an error it has appended the last.
type converted struct {
	fill func(dst []byte) ([]byte, error)
	buf  []byte
	pos  int
	err  error
}

func (c *converted) Read(p []byte) (int, error) {
	for c.pos == len(c.buf) {
		if c.err != nil {
			return 0, c.err
		}
		const keep = 1 << 20
		if cap(c.buf) > keep {
			c.buf = nil
		}
		c.pos = 0
		c.buf, c.err = c.fill(c.buf[:0])
	}
	n := copy(p, c.buf[c.pos:])
	c.pos += n
	return n, nil
}

// inputSize is the block that conversions work on.
const inputSize = 64 << 10

// input gives a text block by block, without its byte order mark. All blocks
// but the last are of one size, whatever the reads are.
type input struct {
	r      io.Reader
	buf    []byte
	pos    int   // buf[pos:] is not dealt with yet
	before int64 // bytes of the text before buf
	err    error // what ended r
}

func newInput(r io.Reader) *input { return &input{r: r, buf: make([]byte, 0, inputSize)} }

var byteOrderMark = []byte("\ufeff")

// more replaces the block, which is dealt with, by the next. The error is
// io.EOF at the end.
func (in *input) more() error {
	in.before += int64(len(in.buf))
	in.buf, in.pos = in.buf[:0], 0
	for len(in.buf) < cap(in.buf) && in.err == nil {
		n, err := in.r.Read(in.buf[len(in.buf):cap(in.buf)])
		in.buf, in.err = in.buf[:len(in.buf)+n], err
	}
	if len(in.buf) == 0 {
		return in.err
	}
	if in.before == 0 && bytes.HasPrefix(in.buf, byteOrderMark) {
		in.pos = len(byteOrderMark)
	}
	return nil
}

// offset is where in the text the next byte is.
func (in *input) offset() int64 { return in.before + int64(in.pos) }
