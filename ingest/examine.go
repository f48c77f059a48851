package ingest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"smelt/db"
)

const (
	// maxSample bounds the rows that are shown, in bytes of their line.
	maxSample = 256 << 10
	// keptMiddles bounds the rows that are kept for a middle not known yet.
	keptMiddles = 32
)

// Examination is what Run would make of some inputs.
type Examination struct {
	Files []ExaminedFile // in the order of the inputs
}

// ExaminedFile is what Run would make of one input, as far as it was read.
type ExaminedFile struct {
	Name     string
	Format   string        // how it holds its records: "jsonl", "csv.gz", ...
	Lines    uint64        // read
	Whole    bool          // that is all of it
	Rows     int64         // that would be stored
	Rejected int64         // lines that would be refused
	Shapes   []ShapeCount  // of the rows, the most frequent first
	Buckets  []BucketCount // of the rows, by name
	Reasons  []ReasonCount // the most frequent reasons, at most topReasonCount
	Sample   []SampleRow   // the first row read, one from the middle, and the last
	Err      error         `json:"-"` // why the file was not read, or not so far
}

// ShapeCount is the number of rows of one shape.
type ShapeCount struct {
	Shape string
	Rows  int64
}

// SampleRow is a row as it would be stored.
type SampleRow struct {
	Line   uint64
	Shape  string
	Bucket string
	Record []byte // with the labels it lacked; Normalise gives its content
}

// Examine reads the inputs as Run does, about n lines of each (all of them if n
// is 0), and says what Run would make of them, in a store with this catalog.
// Nothing is stored, and it knows nothing of what is: a file that was stored
// before looks like a new one.
//
// The error is that of the options or of ctx; what is wrong with single inputs
// is in the Examination.
func Examine(ctx context.Context, catalog *db.Catalog, inputs []Input, opt Options, n int) (*Examination, error) {
	opt, err := opt.withDefaults(catalog)
	if err != nil {
		return nil, err
	}
	labels, err := newLabels(&opt)
	if err != nil {
		return nil, err
	}
	switch {
	case len(inputs) == 0:
		return nil, errors.New("nothing to examine: no input was given")
	case n < 0:
		return nil, errors.New("the number of lines to examine cannot be negative")
	case n > 0:
		opt.SegmentRows = min(opt.SegmentRows, n)
	}
	found := &Examination{}
	for _, in := range inputs {
		e := &examiner{
			ExaminedFile: ExaminedFile{Name: in.Name}, most: uint64(n), catalog: catalog,
			gate:    newFieldGate(newWorker(labels, catalog, opt.MaxLine)),
			buckets: make([]int64, len(catalog.Buckets)), shapes: map[string]int64{}, reasons: map[string]int64{},
		}
		r := &reader{inputs: []Input{in}, opt: &opt, labels: labels, ledger: newLedger(nil, db.File{}), notes: true}
		err := pump(ctx, r, labels, catalog, e.gate, e.drain)
		if err != nil && !errors.Is(err, errEnough) {
			return nil, err
		}
		found.Files = append(found.Files, e.result())
	}
	return found, nil
}

// errEnough ends the reading of an input of which enough was seen.
var errEnough = errors.New("enough lines were read")

// examiner takes the place of the writer: it counts, and stores nothing.
type examiner struct {
	ExaminedFile
	most    uint64 // lines to look at; 0 is all
	catalog *db.Catalog
	gate    *fieldGate

	buckets []int64
	shapes  map[string]int64
	reasons map[string]int64

	first, last candidate
	middles     []candidate // one of every so many chunks
	every, seen int
}

// candidate is a line that may be shown.
type candidate struct {
	file *source
	line uint64
	text []byte
}

func (e *examiner) drain(ctx context.Context, r *reader, free chan<- *chunk, ordered <-chan *chunk) error {
	for {
		c, more := receive(ctx, ordered)
		if !more {
			return ctx.Err()
		}
		<-c.done
		e.add(c)
		c.reset()
		free <- c
		if e.most > 0 && e.Lines >= e.most && !e.Whole {
			return errEnough
		}
	}
}

// add books a chunk.
func (e *examiner) add(c *chunk) {
	e.gate.settle(c)
	for i := range c.pieces {
		p := &c.pieces[i]
		e.Format = p.file.format
		e.Lines = max(e.Lines, p.after.lines)
		e.Rows += p.rows
		e.Rejected += int64(len(p.rejects))
		for _, r := range p.rejects {
			count(e.reasons, r.kind, 1)
		}
		if p.end {
			e.Whole, e.Err = p.err == nil, p.err
		}
	}
	for i, n := range c.buckets {
		e.buckets[i] += n
	}
	for shape, n := range c.notes.shapes {
		e.shapes[shape] += n
	}
	rows := c.notes.rows
	if len(rows) == 0 {
		return
	}
	take := func(r notedRow) candidate {
		return candidate{r.file, r.line, bytes.Clone(c.data[r.from:r.to])}
	}
	if e.first.file == nil {
		e.first = take(rows[0])
	}
	e.last = take(rows[len(rows)-1])
	if e.seen++; e.seen%max(1, e.every) != 0 {
		return
	}
	if len(e.middles) == keptMiddles {
		for i := range keptMiddles / 2 {
			e.middles[i] = e.middles[2*i+1]
		}
		e.middles = slices.Delete(e.middles, keptMiddles/2, keptMiddles)
		e.every = 2 * max(1, e.every)
	}
	e.middles = append(e.middles, take(rows[len(rows)/2]))
}

// result is what was found.
func (e *examiner) result() ExaminedFile {
	for shape, n := range e.shapes {
		e.Shapes = append(e.Shapes, ShapeCount{shape, n})
	}
	slices.SortFunc(e.Shapes, func(x, y ShapeCount) int {
		return cmp.Or(cmp.Compare(y.Rows, x.Rows), cmp.Compare(x.Shape, y.Shape))
	})
	e.Buckets = bucketCounts(e.catalog, e.buckets)
	e.Reasons = topReasons(e.reasons)
	shown := []candidate{e.first, e.last}
	if len(e.middles) > 0 {
		shown = []candidate{e.first, e.middles[len(e.middles)/2], e.last}
	}
	for _, c := range shown {
		if c.file != nil && !slices.ContainsFunc(e.Sample, func(s SampleRow) bool { return s.Line == c.line }) {
			e.Sample = append(e.Sample, e.row(c))
		}
	}
	return e.ExaminedFile
}

// row makes a row of a line once more, to see it.
func (e *examiner) row(c candidate) SampleRow {
	one := chunk{
		data: c.text, notes: &notes{},
		pieces: []piece{{file: c.file, to: len(c.text), line: c.line}},
	}
	e.gate.redo.work(&one, nil)
	s := SampleRow{Line: c.line, Record: bytes.Clone(e.gate.redo.out.record)}
	for shape := range one.notes.shapes {
		s.Shape = shape
	}
	for _, b := range bucketCounts(e.catalog, one.buckets) {
		s.Bucket = b.Bucket
	}
	return s
}

// notes is what of a chunk's rows only an Examination wants to know.
type notes struct {
	shapes map[string]int64
	rows   []notedRow
}

// notedRow is where in a chunk the line of a row is.
type notedRow struct {
	file     *source
	line     uint64
	from, to int
}

func (n *notes) reset() {
	n.shapes, n.rows = map[string]int64{}, n.rows[:0]
}

// row notes a row of which the line begins at from and is so long.
func (n *notes) row(shape string, p *piece, line uint64, from, length int) {
	n.shapes[shape]++
	if length <= maxSample {
		n.rows = append(n.rows, notedRow{p.file, line, from, from + length})
	}
}
