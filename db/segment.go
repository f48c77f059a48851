package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"smelt/db/row"
)

// MaxSegmentRows is the most rows a segment can hold: a row's number in its
// segment has 16 bits.
const MaxSegmentRows = 1 << 16

// MaxFields is the most distinct metadata fields of one store. A file whose
// keys are data (ids used as field names) meets it instead of filling the disk
// with one index a row.
const MaxFields = 1000

// SegmentBuilder collects rows and encodes them as one segment. It is for one
// goroutine; several builders can work at once.
type SegmentBuilder struct {
	// The Arrow buffers of the columns, kept from one segment to the next:
	// Arrow's own builders give theirs away and grow new ones.
	head    []uint64
	tail    []byte
	record  []byte
	offsets []int32

	origin []originRun
	text   textEncoder
	fields map[string]*fieldBuilder
	rows   int
	next   uint64 // the line that would continue the last origin run
}

// originRun says that from row First on, rows come from consecutive lines of
// one file.
type originRun struct {
	First uint32
	File  uint32
	Line  uint64
}

// NewSegmentBuilder returns an empty builder, with the settings of an ingest.
func NewSegmentBuilder() *SegmentBuilder { return newSegmentBuilder(ingestEncoder()) }

func newSegmentBuilder(text textEncoder) *SegmentBuilder {
	return &SegmentBuilder{
		offsets: make([]int32, 1, 1<<13),
		text:    text,
		fields:  map[string]*fieldBuilder{},
	}
}

// Rows is the number of rows appended.
func (b *SegmentBuilder) Rows() int { return b.rows }

// Append adds a row: its identity, the JSON object it is kept as (copied), and
// the file (a ledger id) and line (from 1) it came from. It fails when the
// segment is full.
func (b *SegmentBuilder) Append(hash row.Hash, record []byte, file uint32, line uint64) error {
	if b.rows >= MaxSegmentRows {
		return fmt.Errorf("a segment holds at most %d rows", MaxSegmentRows)
	}
	if len(b.record)+len(record) > math.MaxInt32 {
		return errors.New("a segment holds at most 2 GiB of records")
	}
	b.head = append(b.head, binary.BigEndian.Uint64(hash[:8]))
	b.tail = append(b.tail, hash[8:]...)
	b.record = append(b.record, record...)
	b.offsets = append(b.offsets, int32(len(b.record)))
	if n := len(b.origin); n == 0 || b.origin[n-1].File != file || b.next != line {
		b.origin = append(b.origin, originRun{uint32(b.rows), file, line})
	}
	b.next = line + 1
	b.rows++
	return nil
}

// Field sets a metadata field of the row last appended. text is the text of a
// Value of that kind; it is copied.
func (b *SegmentBuilder) Field(name []byte, kind Kind, text []byte) {
	b.field(name).set(b.rows-1, kind, text)
}

func (b *SegmentBuilder) field(name []byte) *fieldBuilder {
	f := b.fields[string(name)]
	if f == nil {
		f = &fieldBuilder{byText: map[string]int32{}}
		b.fields[string(name)] = f
	}
	return f
}

// NumFields is the number of distinct metadata fields of the rows appended.
func (b *SegmentBuilder) NumFields() int { return len(b.fields) }

// EncodedSegment is a finished segment, ready to be stored.
type EncodedSegment struct {
	rows    int
	raw     int64 // bytes of records
	columns [numColumns][]byte
	fields  []encodedField
}

type encodedField struct {
	name  string
	rows  int // that have the field
	entry []byte
}

// Rows is the number of rows in the segment.
func (e *EncodedSegment) Rows() int { return e.rows }

// Fields lists the metadata fields of the segment's rows, by name.
func (e *EncodedSegment) Fields() []string {
	names := make([]string, len(e.fields))
	for i, f := range e.fields {
		names[i] = f.name
	}
	return names
}

// Size is the number of bytes the segment takes in the store.
func (e *EncodedSegment) Size() int64 {
	n := int64(0)
	for _, c := range e.columns {
		n += int64(len(c))
	}
	for _, f := range e.fields {
		n += int64(len(f.entry))
	}
	return n
}

// Finish encodes the rows appended and empties the builder for the next segment.
func (b *SegmentBuilder) Finish() *EncodedSegment {
	e := &EncodedSegment{rows: b.rows}
	e.columns[columnHead] = encodeFixed(columnUint64, 8, arrow.Uint64Traits.CastToBytes(b.head))
	e.columns[columnTail] = encodeFixed(columnFixed, 24, b.tail)
	e.raw = int64(len(b.record))
	e.columns[columnRecord] = encodeBinary(binaryArray(b.offsets, b.record), b.text)
	e.columns[columnOrigin] = encodeOrigin(b.origin)
	for name, f := range b.fields {
		e.fields = append(e.fields, encodedField{name, f.rows(), f.encode(b.rows, b.text)})
	}
	slices.SortFunc(e.fields, func(x, y encodedField) int {
		if x.name < y.name {
			return -1
		}
		return 1
	})
	clear(b.fields)
	b.origin, b.rows, b.next = b.origin[:0], 0, 0
	b.head, b.tail, b.record, b.offsets = b.head[:0], b.tail[:0], b.record[:0], b.offsets[:1]
	if cap(b.record) > keepRecords {
		b.record = nil
	}
	return e
}

// keepRecords bounds the buffer a builder holds on to, so that one huge row
// does not keep its size in memory for the rest of a run.
const keepRecords = 16 << 20

// binaryArray is an Arrow array over the buffers given.
func binaryArray(offsets []int32, data []byte) *array.Binary {
	return array.NewBinaryData(array.NewData(arrow.BinaryTypes.Binary, len(offsets)-1, []*memory.Buffer{
		nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets)), memory.NewBufferBytes(data),
	}, nil, 0, 0))
}

// encodeOrigin: count, then per run three uvarints (first row, file, line), sealed.
func encodeOrigin(runs []originRun) []byte {
	out := binary.AppendUvarint(nil, uint64(len(runs)))
	for _, r := range runs {
		out = binary.AppendUvarint(out, uint64(r.First))
		out = binary.AppendUvarint(out, uint64(r.File))
		out = binary.AppendUvarint(out, r.Line)
	}
	return seal(out)
}

func decodeOrigin(value []byte) ([]originRun, error) {
	body, err := unseal(value)
	if err != nil {
		return nil, err
	}
	bad := false
	take := func() uint64 {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			bad = true
			return 0
		}
		body = body[n:]
		return v
	}
	count := take()
	var runs []originRun
	for i := uint64(0); i < count && !bad; i++ {
		runs = append(runs, originRun{uint32(take()), uint32(take()), take()})
	}
	if bad || len(body) != 0 {
		return nil, corrupt("origin runs end early")
	}
	return runs, nil
}
