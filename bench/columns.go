package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"

	"smelt/compute/jsontext"
)

// columnRows is how many rows the columns hold before they are emptied, as many
// as a segment; maxLine is the longest line that is read.
const (
	columnRows = 8192
	maxLine    = 64 << 20
)

// column is one member of the records, laid out as Arrow lays out a nullable
// column of text:
//
//	valid    bit r: row r has the member
//	offsets  row r's text is data[offsets[r]:offsets[r+1]]
//	data     strings decoded, other values as they are written
type column struct {
	key     []byte
	valid   []uint64
	offsets []int32
	data    []byte
}

// set appends the value of a row, the first after those the column has.
func (c *column) set(row int, f *jsontext.Field) {
	c.pad(row)
	if f.Kind == jsontext.String {
		c.data = jsontext.AppendUnquoted(c.data, f.Value)
	} else {
		c.data = append(c.data, f.Value...)
	}
	c.offsets = append(c.offsets, int32(len(c.data)))
	c.valid[row>>6] |= 1 << (row & 63)
}

// pad gives rows to before row that lack the member no text.
func (c *column) pad(row int) {
	for len(c.offsets) <= row {
		c.offsets = append(c.offsets, int32(len(c.data)))
	}
	for len(c.valid) <= row>>6 {
		c.valid = append(c.valid, 0)
	}
}

// columns is a table of records, one column for each key that occurs.
type columns struct {
	list   []*column
	byKey  map[string]int
	rows   int
	bytes  int            // of text in all columns
	filled func(*columns) // called when the table is full, before it is emptied
}

func newColumns(filled func(*columns)) *columns {
	return &columns{byKey: map[string]int{}, filled: filled}
}

// add appends a record.
func (t *columns) add(fields []jsontext.Field) {
	// Records of one file mostly have their members in one order, so the next
	// member's column is mostly the next column.
	next := 0
	for i := range fields {
		f := &fields[i]
		if next >= len(t.list) || !bytes.Equal(t.list[next].key, f.Key) {
			next = t.find(f.Key)
		}
		c := t.list[next]
		before := len(c.data)
		c.set(t.rows, f)
		t.bytes += len(c.data) - before
		next++
	}
	t.rows++
	// Offsets are 32 bits: long rows fill a table before there are many.
	if t.rows == columnRows || t.bytes >= maxLine {
		t.flush()
	}
}

func (t *columns) find(key []byte) int {
	i, found := t.byKey[string(key)]
	if !found {
		i = len(t.list)
		t.byKey[string(key)] = i
		t.list = append(t.list, &column{key: bytes.Clone(key)})
	}
	return i
}

// flush makes all columns equally long and empties the table.
func (t *columns) flush() {
	for _, c := range t.list {
		c.pad(t.rows)
	}
	if t.filled != nil && t.rows > 0 {
		t.filled(t)
	}
	for _, c := range t.list {
		clear(c.valid)
		c.offsets, c.data = c.offsets[:0], c.data[:0]
	}
	t.rows, t.bytes = 0, 0
}

// scanRecords calls add with the members of every record of r, JSONL, and returns
// the rows and bytes read. The members are valid during the call only. A line that
// is no JSON object is an error: what is measured is the work of good lines.
func scanRecords(ctx context.Context, r io.Reader, add func([]jsontext.Field)) (rows, size int64, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<20), maxLine)
	// With the line break, so that size is what was read.
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			return i + 1, data[:i+1], nil
		}
		if atEOF && len(data) > 0 {
			return len(data), data, nil
		}
		return 0, nil, nil
	})
	fields := make([]jsontext.Field, 0, 16)
	for line := int64(1); lines.Scan(); line++ {
		if line%columnRows == 0 {
			if err := context.Cause(ctx); err != nil {
				return rows, size, err
			}
		}
		text := lines.Bytes()
		size += int64(len(text))
		if record := bytes.Trim(text, " \t\r\n"); len(record) > 0 {
			if fields, err = jsontext.Object(record, fields[:0]); err != nil {
				return rows, size, fmt.Errorf("line %d: %w", line, err)
			}
			add(fields)
			rows++
		}
	}
	return rows, size, lines.Err()
}
