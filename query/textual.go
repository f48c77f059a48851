package query

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"smelt/compute/jsontext"
)

// textEncoder writes rows as lines of JSONL or CSV, packed or not.
type textEncoder struct {
	format Format
	header []byte // begins every file
	line   []byte // made ready
	text   func(line, record []byte) ([]byte, error)
}

// newTextEncoder makes the encoder of a format. CSV reads every row once by rows,
// for the header, of which all of them have a say.
func newTextEncoder(ctx context.Context, s *Sample, format Format, r reading) (*textEncoder, error) {
	e := &textEncoder{format: format, text: func(line, record []byte) ([]byte, error) {
		return append(append(line, record...), '\n'), nil
	}}
	switch format {
	case CSV, CSVGzip, CSVZstd:
		c := &csvLines{column: map[string]int{}}
		var err error
		if e.header, err = c.header(ctx, s, r); err != nil {
			return nil, err
		}
		e.text = c.line
	}
	return e, nil
}

func (e *textEncoder) encode(record []byte) (int64, error) {
	var err error
	e.line, err = e.text(e.line[:0], record)
	return int64(len(e.line)), err
}

func (e *textEncoder) begin(w io.Writer) (rowFile, error) {
	f := &textFile{textEncoder: e, out: &countingWriter{w: w}}
	f.w = f.out
	var err error
	switch e.format {
	case JSONLGzip, CSVGzip:
		f.packer, err = gzip.NewWriterLevel(f.out, gzip.DefaultCompression)
	case JSONLZstd, CSVZstd:
		// The number of goroutines is that of the format and not of the machine;
		// a test holds that it changes no byte.
		f.packer, err = zstd.NewWriter(f.out, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(2))
	}
	if err != nil {
		return nil, err
	}
	if f.packer != nil {
		f.w = f.packer
	}
	return f, f.write(e.header)
}

// packer is a compressor of a stream.
type packer interface {
	io.WriteCloser
	Flush() error
}

// textFile is a file of lines.
type textFile struct {
	*textEncoder
	out    *countingWriter
	packer packer    // nil: not packed
	w      io.Writer // packer or out

	settled int64 // bytes in out when the packer had written all it was given
	since   int64 // bytes given to it since
}

func (f *textFile) write(b []byte) error {
	f.since += int64(len(b))
	_, err := f.w.Write(b)
	return err
}

func (f *textFile) add() error { return f.write(f.line) }

// most: what does not compress is stored with a few bytes a block, the smallest
// of which is 32 KB, and there are headers and a checksum.
func (f *textFile) most() int64 {
	if f.packer == nil {
		return f.since
	}
	return f.settled + f.since + f.since>>10 + 128
}

// settle makes the packer write what it holds, after which out.size is safe to
// read: until then another goroutine may be writing.
func (f *textFile) settle() error {
	if f.packer == nil {
		return nil
	}
	err := f.packer.Flush()
	f.settled, f.since = f.out.size, 0
	return err
}

func (f *textFile) close() error {
	if f.packer == nil {
		return nil
	}
	return f.packer.Close()
}

// abandon waits for goroutines that still write.
func (f *textFile) abandon() {
	if z, ok := f.packer.(*zstd.Encoder); ok {
		z.Reset(nil)
	}
}

// csvLines writes records as lines of CSV.
type csvLines struct {
	names   []string
	column  map[string]int
	cells   []string
	members []jsontext.Field
	buf     bytes.Buffer
	out     *csv.Writer
}

// header reads every row for the names of its fields and returns the first line.
func (c *csvLines) header(ctx context.Context, s *Sample, r reading) ([]byte, error) {
	for record, err := range s.rows(ctx, r) {
		if err != nil {
			return nil, err
		}
		c.members = jsontext.Members(record, c.members[:0])
		for _, f := range c.members {
			if _, known := c.column[string(f.Key)]; !known {
				c.column[string(f.Key)] = len(c.names)
				c.names = append(c.names, string(f.Key))
			}
		}
	}
	c.cells = make([]string, len(c.names))
	c.out = csv.NewWriter(&c.buf)
	if len(c.names) == 0 {
		return nil, nil
	}
	line, err := c.written(c.names)
	return bytes.Clone(line), err
}

// written is a line of cells, valid until the next.
func (c *csvLines) written(cells []string) ([]byte, error) {
	if len(cells) == 1 && cells[0] == "" {
		// Unquoted it is a blank line, which readers of CSV skip.
		return []byte("\"\"\n"), nil
	}
	c.buf.Reset()
	err := c.out.Write(cells)
	c.out.Flush()
	return c.buf.Bytes(), err
}

func (c *csvLines) line(dst, record []byte) ([]byte, error) {
	clear(c.cells)
	c.members = jsontext.Members(record, c.members[:0])
	for _, f := range c.members {
		text := string(f.Value)
		if f.Kind == jsontext.String {
			text = string(jsontext.AppendUnquoted(nil, f.Value))
		}
		c.cells[c.column[string(f.Key)]] = text
	}
	line, err := c.written(c.cells)
	return append(dst, line...), err
}
