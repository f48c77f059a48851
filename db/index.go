package db

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// An index entry holds one metadata field of one segment. A field of few
// values has a bitmap a value:
//
//	0xF1
//	count uvarint
//	count times: kind u8, length uvarint, text, length uvarint, roaring bitmap
//	      of the rows in the segment (portable format), run-compressed
//	crc   u32   CRC-32C of everything above
//
// A field of many values (an id, free text) would make thousands of tiny
// bitmaps; its values are kept row by row instead:
//
//	0xF3
//	zone: length uvarint, kind u8 + text of the smallest value in Value.Compare
//	      order; the same of the largest
//	crc   u32   CRC-32C of everything above
//	a column value (column.go) of kind byte + text, empty where absent
//
// Entries of older stores begin with 0xF2 and have the column value alone.
//
// Rows in neither are rows where the field is absent or null: NULL.
const (
	indexBitmaps = 0xF1
	indexColumn  = 0xF2
	indexZone    = 0xF3

	// maxBitmapValues is how many distinct values of a field one segment may
	// hold before it is stored row by row.
	maxBitmapValues = 256
)

// fieldBuilder collects one field of a segment being built.
type fieldBuilder struct {
	codes  []int32 // a row's value as an index of values, -1 where absent
	values []string
	byText map[string]int32 // kind byte + text
	key    []byte
}

// set records the value of a row; rows come in ascending order.
func (f *fieldBuilder) set(row int, kind Kind, text []byte) {
	for len(f.codes) < row {
		f.codes = append(f.codes, -1)
	}
	f.key = append(append(f.key[:0], byte(kind)), text...)
	code, known := f.byText[string(f.key)]
	if !known {
		code = int32(len(f.values))
		f.values = append(f.values, string(f.key))
		f.byText[f.values[code]] = code
	}
	if len(f.codes) == row {
		f.codes = append(f.codes, code)
	} else {
		f.codes[row] = code
	}
}

// rows is the number of rows that have a value.
func (f *fieldBuilder) rows() int {
	n := 0
	for _, code := range f.codes {
		if code >= 0 {
			n++
		}
	}
	return n
}

func (f *fieldBuilder) encode(rows int, text textEncoder) []byte {
	if len(f.values) > maxBitmapValues {
		return f.encodeColumn(rows, text)
	}
	members := make([][]uint32, len(f.values))
	for row, code := range f.codes {
		if code >= 0 {
			members[code] = append(members[code], uint32(row))
		}
	}
	out := []byte{indexBitmaps}
	out = binary.AppendUvarint(out, uint64(len(f.values)))
	for code, v := range f.values {
		bm := runsIfFew(roaring.BitmapOf(members[code]...))
		// Serialising to memory cannot fail.
		bits, _ := bm.ToBytes()
		out = append(out, v[0])
		out = binary.AppendUvarint(out, uint64(len(v)-1))
		out = append(out, v[1:]...)
		out = binary.AppendUvarint(out, uint64(len(bits)))
		out = append(out, bits...)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// runsIfFew stores a bitmap as runs where these are few, as in files sorted by
// the field. Many short runs save little and are slow to intersect.
func runsIfFew(b *roaring.Bitmap) *roaring.Bitmap {
	runs := b.Clone()
	runs.RunOptimize()
	if 8*runs.GetSerializedSizeInBytes() < b.GetSerializedSizeInBytes() || b.GetCardinality() < 64 {
		return runs
	}
	return b
}

func (f *fieldBuilder) encodeColumn(rows int, text textEncoder) []byte {
	b := array.NewBinaryBuilder(memory.DefaultAllocator, arrow.BinaryTypes.Binary)
	defer b.Release()
	for row := range rows {
		if row < len(f.codes) && f.codes[row] >= 0 {
			b.AppendString(f.values[f.codes[row]])
		} else {
			b.Append(nil)
		}
	}
	a := b.NewBinaryArray()
	defer a.Release()
	return append(f.encodeZone(), encodeBinary(a, text)...)
}

// encodeZone is what stands before the column of a field of many values.
func (f *fieldBuilder) encodeZone() []byte {
	smallest, largest := 0, 0
	for i := range f.values {
		if v := keyValue(f.values[i]); v.Compare(keyValue(f.values[smallest])) < 0 {
			smallest = i
		} else if v.Compare(keyValue(f.values[largest])) > 0 {
			largest = i
		}
	}
	b := []byte{indexZone}
	for _, i := range []int{smallest, largest} {
		b = binary.AppendUvarint(b, uint64(len(f.values[i])))
		b = append(b, f.values[i]...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// keyValue is the value of which key is the kind byte and the text.
func keyValue(key string) Value { return Value{Kind(key[0]), key[1:]} }

// zone is the smallest and the largest value of a field in a segment; without a
// kind where an older store does not say.
type zone struct{ smallest, largest Value }

// openZone reads a zone and returns what follows it. The values are copies.
func openZone(value []byte) (z zone, rest []byte, err error) {
	rest = value[1:]
	for _, v := range []*Value{&z.smallest, &z.largest} {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size == 0 || size > uint64(len(rest)-n) {
			return z, nil, corrupt("zone of %d bytes", size)
		}
		*v = keyValue(string(rest[n : n+int(size)]))
		rest = rest[n+int(size):]
	}
	if len(rest) < 4 {
		return z, nil, corrupt("zone ends early")
	}
	head := value[:len(value)-len(rest)]
	if got, want := crc32.Checksum(head, castagnoli), binary.LittleEndian.Uint32(rest); got != want {
		return z, nil, corrupt("zone checksum is %08x, not %08x", got, want)
	}
	return z, rest[4:], nil
}

// indexEntry is one decoded index entry.
type indexEntry struct {
	values []Value
	rows   []*roaring.Bitmap // rows in the segment, one bitmap a value
	column *column           // instead of both, for a field of many values
	zone   zone              // of the column
}

// openIndex reads an index entry. Its column, if any, refers to value's memory.
func openIndex(value []byte) (*indexEntry, error) {
	if len(value) < 5 {
		return nil, corrupt("index entry of %d bytes", len(value))
	}
	switch value[0] {
	case indexColumn:
		c, err := openColumn(value[1:])
		return &indexEntry{column: c}, err
	case indexZone:
		z, rest, err := openZone(value)
		if err != nil {
			return nil, err
		}
		c, err := openColumn(rest)
		return &indexEntry{column: c, zone: z}, err
	}
	body := value[:len(value)-4]
	if value[0] != indexBitmaps {
		return nil, corrupt("not an index entry")
	}
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(value[len(body):]); got != want {
		return nil, corrupt("index checksum is %08x, not %08x", got, want)
	}
	body = body[1:]
	count, n := binary.Uvarint(body)
	if n <= 0 || count > maxBitmapValues {
		return nil, corrupt("index entry of %d values", count)
	}
	body = body[n:]
	e := &indexEntry{values: make([]Value, count), rows: make([]*roaring.Bitmap, count)}
	take := func() ([]byte, bool) {
		size, n := binary.Uvarint(body)
		if n <= 0 || size > uint64(len(body)-n) {
			return nil, false
		}
		part := body[n : n+int(size)]
		body = body[n+int(size):]
		return part, true
	}
	for i := range e.values {
		if len(body) == 0 {
			return nil, corrupt("index entry ends early")
		}
		kind := Kind(body[0])
		body = body[1:]
		text, ok1 := take()
		bits, ok2 := take()
		if !ok1 || !ok2 {
			return nil, corrupt("index entry ends early")
		}
		e.values[i] = Value{kind, string(text)}
		e.rows[i] = roaring.New()
		if err := e.rows[i].UnmarshalBinary(bits); err != nil {
			return nil, corrupt("index bitmap: %v", err)
		}
	}
	return e, nil
}

// count is the number of rows that have a value.
func (e *indexEntry) count() (n int, err error) {
	if e.column != nil {
		err = e.each(func(uint32, Value) error { n++; return nil })
		return n, err
	}
	for _, rows := range e.rows {
		n += int(rows.GetCardinality())
	}
	return n, nil
}

// checkZone reads the column and compares it with what the zone says of it.
func (e *indexEntry) checkZone() error {
	if e.zone.smallest.Kind == 0 {
		return nil
	}
	var found zone
	err := e.each(func(_ uint32, v Value) error {
		if found.smallest.Kind == 0 || v.Compare(found.smallest) < 0 {
			found.smallest = v
		}
		if found.largest.Kind == 0 || v.Compare(found.largest) > 0 {
			found.largest = v
		}
		return nil
	})
	if err == nil && found != e.zone {
		err = corrupt("values from %q to %q, the zone says %q to %q", found.smallest.Text, found.largest.Text, e.zone.smallest.Text, e.zone.largest.Text)
	}
	return err
}

// each calls fn for every row of a row-by-row entry that has a value.
func (e *indexEntry) each(fn func(row uint32, v Value) error) error {
	rows := make([]uint16, e.column.rows)
	for i := range rows {
		rows[i] = uint16(i)
	}
	return e.column.binaryRows(rows, func(i int, value []byte) error {
		if len(value) == 0 {
			return nil
		}
		return fn(uint32(i), Value{Kind(value[0]), string(value[1:])})
	})
}
