package query

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// WriteOptions of Write and WriteFile.
type WriteOptions struct {
	Format Format
	Shape  Shape
	// ShardBytes, if set, makes WriteFile write files of at most so many bytes; a
	// row that takes more has a file of its own.
	ShardBytes int64
	Force      bool // WriteFile: replace what is there
	// Progress, if set, is told of the steps done and their total, every 1,000
	// and at the end; done only grows. Each row is two steps, as it is gathered
	// from the store and as it is written. CSV takes twice as many, because its
	// header is made of all rows.
	Progress func(done, total int64)
}

// check refuses what no output can be.
func (o *WriteOptions) check(content contentFunc) error {
	switch {
	case int(o.Format) >= len(formatNames):
		return fmt.Errorf("there is no %s", o.Format)
	case int(o.Shape) >= len(shapeNames):
		return fmt.Errorf("there is no %s", o.Shape)
	case o.ShardBytes < 0:
		return errors.New("a shard has at least 1 byte")
	case content == nil && (o.Shape != AsStored || o.Format.isTable()):
		return errNoContent
	}
	return nil
}

// Written says what WriteFile wrote. It is part of the manifest.
type Written struct {
	File     string  `json:"file"` // base name; of shards, the one they are made from
	Rows     int64   `json:"rows"`
	Bytes    int64   `json:"bytes"`
	SHA256   string  `json:"sha256,omitempty"` // of the file; shards have each their own
	Format   string  `json:"format"`
	Shape    string  `json:"shape,omitempty"` // empty: as stored
	Shards   []Shard `json:"shards,omitempty"`
	Manifest string  `json:"-"` // path of the manifest
}

// Shard is one of several files that a sample was written to.
type Shard struct {
	File   string `json:"file"` // base name
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// rowEncoder turns rows into files of one format.
type rowEncoder interface {
	// encode makes ready a row, as it is yielded by Sample.rows, and returns the
	// most bytes it can take in a file. The row is valid until the next.
	encode(row []byte) (most int64, err error)
	// begin starts a file. One is written at a time.
	begin(w io.Writer) (rowFile, error)
}

// rowFile is a file being written.
type rowFile interface {
	// add adds the row made ready last.
	add() error
	// most is the most bytes that the file would have, were it to end now.
	most() int64
	// settle writes what is held back, so that most is no longer a guess.
	settle() error
	// close completes the file; it does not close what it is written to.
	close() error
	// abandon ends the file where it is: no more is written.
	abandon()
}

// steps counts for WriteOptions.Progress.
type steps struct {
	done, total int64
	tell        func(done, total int64)
}

func (s *steps) step() {
	s.done++
	if s.tell != nil && (s.done%1000 == 0 || s.done == s.total) {
		s.tell(s.done, s.total)
	}
}

// encoder returns what writes the rows, and the reading that yields them to it.
func (s *Sample) encoder(ctx context.Context, opt WriteOptions) (rowEncoder, reading, error) {
	count := &steps{total: 2 * int64(len(s.addrs)), tell: opt.Progress}
	r := reading{n: len(s.addrs), step: count.step}
	if opt.Format.isTable() {
		columns, err := s.columns(opt.Shape)
		if err != nil {
			return nil, r, err
		}
		r.fields = allFields(s.snap)
		r.window = windowBytes / 2 // beside the row group or batch that is collected
		r.carry = &tabler{shape: opt.Shape, content: s.content, columns: columns}
		return &columnarEncoder{format: opt.Format, columns: columns}, r, nil
	}
	if opt.Shape != AsStored {
		r.carry = &shaper{shape: opt.Shape, content: s.content}
	}
	if opt.Format == CSV || opt.Format == CSVGzip || opt.Format == CSVZstd {
		count.total *= 2
	}
	e, err := newTextEncoder(ctx, s, opt.Format, r)
	return e, r, err
}

// Write writes the rows to w, as one file, and returns their number and the bytes
// written. Nothing is written before all rows have been read and found to fit the
// shape.
func (s *Sample) Write(ctx context.Context, w io.Writer, opt WriteOptions) (rows, size int64, err error) {
	out := &countingWriter{w: w}
	opt.ShardBytes = 0
	err = s.write(ctx, opt, &stream{out, &rows})
	return rows, out.size, err
}

// destination takes the files of a sample, one after the other.
type destination interface {
	// next begins a file.
	next() (io.Writer, error)
	// end says that the file is complete.
	end(rows int64) error
}

// stream is a destination of one file.
type stream struct {
	io.Writer
	rows *int64
}

func (s *stream) next() (io.Writer, error) { return s, nil }
func (s *stream) end(rows int64) error     { *s.rows = rows; return nil }

// write writes the rows as files of at most opt.ShardBytes, or one file. There is
// a file even if there are no rows.
func (s *Sample) write(ctx context.Context, opt WriteOptions, to destination) error {
	if err := opt.check(s.content); err != nil {
		return err
	}
	e, r, err := s.encoder(ctx, opt)
	if err != nil {
		return err
	}
	f := &openFile{encoder: e, to: to, limit: opt.ShardBytes}
	defer f.abandon()
	for row, err := range s.rows(ctx, r) {
		if err == nil {
			err = f.add(row)
		}
		if err != nil {
			return err
		}
	}
	if f.rowFile == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	return f.end()
}

// openFile is the file being written, if there is one, and where it ends.
type openFile struct {
	rowFile // nil: none
	encoder rowEncoder
	to      destination
	limit   int64 // bytes; 0: none
	buf     *bufio.Writer
	rows    int64
	settled int64 // most, when it was no guess
}

func (f *openFile) add(row []byte) error {
	need, err := f.encoder.encode(row)
	if err != nil {
		return err
	}
	if f.rowFile != nil && f.limit > 0 {
		if err := f.makeRoom(need); err != nil {
			return err
		}
	}
	if f.rowFile == nil {
		if err := f.begin(); err != nil {
			return err
		}
	}
	f.rows++
	return f.rowFile.add()
}

// makeRoom ends the file if it cannot be told that need more bytes fit. Before
// that it settles what is held back, unless that is little: settling often makes
// for small blocks.
func (f *openFile) makeRoom(need int64) error {
	if f.most()+need <= f.limit {
		return nil
	}
	if f.most()-f.settled > f.limit/16 {
		if err := f.settle(); err != nil {
			return err
		}
		if f.settled = f.most(); f.settled+need <= f.limit {
			return nil
		}
	}
	return f.end()
}

func (f *openFile) begin() error {
	w, err := f.to.next()
	if err != nil {
		return err
	}
	f.buf = bufio.NewWriterSize(w, 256<<10)
	f.rows, f.settled = 0, 0
	f.rowFile, err = f.encoder.begin(f.buf)
	return err
}

func (f *openFile) end() error {
	err := f.close()
	f.rowFile = nil
	if err == nil {
		err = f.buf.Flush()
	}
	if err == nil {
		err = f.to.end(f.rows)
	}
	return err
}

func (f *openFile) abandon() {
	if f.rowFile != nil {
		f.rowFile.abandon()
	}
}

type countingWriter struct {
	w    io.Writer
	size int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.size += int64(n)
	return n, err
}

// WriteFile writes the rows to path, or to shards of that name, and the manifest
// beside it, and then keeps the sample if its statement says so. What path may be
// is CheckOutput's to say. All files are complete when the first appears under its
// name, and the manifest comes last: where there is one, so is what it names. On
// any error, cancelling included, no temporary file is left, and nothing under the
// final names unless it was there before; the exception says that only keeping
// failed.
func (s *Sample) WriteFile(ctx context.Context, path string, opt WriteOptions) (w Written, err error) {
	path, manifestPath, err := checkOutput(path, s.db.Dir(), opt)
	if err != nil {
		return w, err
	}
	out := &outputFiles{path: path, sharded: opt.ShardBytes > 0}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.abort())
		}
	}()
	if err := s.write(ctx, opt, out); err != nil {
		return w, err
	}
	w = Written{File: filepath.Base(path), Format: opt.Format.String(), Shape: opt.Shape.String(), Manifest: manifestPath}
	shards := out.shards()
	for _, sh := range shards {
		w.Rows += sh.Rows
		w.Bytes += sh.Bytes
	}
	if out.sharded {
		w.Shards = shards
	} else {
		w.SHA256 = shards[0].SHA256
	}
	manifest, err := s.manifest(w)
	if err != nil {
		return w, err
	}
	if err := out.commit(manifestPath, manifest); err != nil {
		return w, err
	}
	if err := s.Keep(ctx); err != nil {
		return w, fmt.Errorf("%s is written, but the sample is not kept: %w", path, err)
	}
	return w, nil
}

// manifest is the report, and what was written, as JSON for people: a < in the
// statement stays one.
func (s *Sample) manifest(w Written) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Output Written `json:"output"`
		Report
	}{w, s.Report})
	return text.Bytes(), err
}
