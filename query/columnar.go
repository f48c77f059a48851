package query

import (
	"encoding/binary"
	"io"
)

const (
	// cellBytes is the most that a value takes in a file besides its text: a
	// number, a length or an offset, levels.
	cellBytes = 16
	// columnBytes is the most that a column takes in a file for each of its parts
	// besides values and its name: headers, and an entry of the footer.
	columnBytes = 400
)

// columnarEncoder writes rows of cells, as tabler makes them, to Parquet or Arrow
// files.
type columnarEncoder struct {
	format  Format
	columns []column
	row     []byte // made ready
	need    int64  // the most it takes
}

func (e *columnarEncoder) encode(cells []byte) (int64, error) {
	e.row, e.need = cells, int64(len(cells)+cellBytes*len(e.columns))
	for _, c := range e.columns {
		cell, rest, _ := nextCell(cells)
		for c.kind == turnsColumn && len(cell) > 0 {
			_, _, cell = nextTurn(cell)
			e.need += 2 * cellBytes
		}
		cells = rest
	}
	return e.need, nil
}

func (e *columnarEncoder) begin(w io.Writer) (rowFile, error) {
	f := columnarFile{columnarEncoder: e, out: &countingWriter{w: w}, overhead: 1024}
	for _, c := range e.columns {
		f.overhead += int64(columnBytes + 2*len(c.name))
	}
	if e.format == Arrow {
		return newArrowFile(f)
	}
	return newParquetFile(f)
}

// columnarFile is what the files of the two formats have in common.
type columnarFile struct {
	*columnarEncoder
	out      *countingWriter
	overhead int64 // the most bytes a part takes besides its values
	parts    int64 // written: batches or row groups
	rows     int   // held back for the next part
	held     int64 // the most bytes they take
}

func (f *columnarFile) most() int64 { return f.out.size + f.held + (f.parts+2)*f.overhead }
func (f *columnarFile) abandon()    {}

// hold counts the row made ready.
func (f *columnarFile) hold() {
	f.rows++
	f.held += f.need
}

// written says that what was held back is no longer.
func (f *columnarFile) written() {
	f.parts++
	f.rows, f.held = 0, 0
}

// nextCell takes the first cell off a row; ok is false for NULL.
func nextCell(cells []byte) (cell, rest []byte, ok bool) {
	size, n := binary.Uvarint(cells)
	if size == 0 {
		return nil, cells[n:], false
	}
	end := n + int(size) - 1
	return cells[n:end], cells[end:], true
}

// nextTurn takes the first turn off a cell of turns.
func nextTurn(turns []byte) (role, content, rest []byte) {
	a, n := binary.Uvarint(turns)
	b, m := binary.Uvarint(turns[n:])
	turns = turns[n+m:]
	return turns[:a], turns[a : a+b], turns[a+b:]
}
