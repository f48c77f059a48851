package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/klauspost/compress/zstd"
)

// A column value holds the buffers of one Arrow array, cut into blocks that
// are compressed and checksummed one by one, so that a point read of a text
// column decodes one block and a damaged byte is found where it is.
//
//	magic  u8 = 0xC0 | version
//	type   u8      columnUint64, columnFixed, columnBinary
//	width  u16     bytes a value (0 for columnBinary)
//	rows   u32
//	blocks u32
//	block directory, 17 bytes a block:
//	    first u32  first row in the block
//	    raw   u32  bytes when decoded
//	    size  u32  bytes stored
//	    crc   u32  CRC-32C of the stored bytes
//	    codec u8   0 stored, 1 Zstandard
//	crc    u32     CRC-32C of everything above
//	the blocks, back to back
//
// All integers are little-endian, as in Arrow. For columnBinary block 0 holds
// the row lengths (uvarint; Arrow's offsets are their prefix sums) and every
// data block ends at a row's end. A fixed-width column has data blocks only.
const (
	columnMagic      = 0xC1
	columnHeaderSize = 12
	blockEntrySize   = 17

	columnUint64 uint8 = 1
	columnFixed  uint8 = 2
	columnBinary uint8 = 3

	codecStored uint8 = 0
	codecZstd   uint8 = 1

	// textBlock is where an ingest cuts the blocks of a text column: large enough
	// to compress well, small enough that a point read costs 0.2 ms.
	textBlock = 256 << 10
	// compactBlock is where a compaction cuts them. With a better level it makes
	// text a sixth smaller; a point read costs 1.8 ms, reading all of it the same.
	compactBlock = 2 << 20
	// fixedBlock divides 8 and 24, so no value straddles two blocks.
	fixedBlock = 96 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrCorrupt is wrapped by every error that says stored bytes are not what was
// written: a failed checksum or a structure that contradicts itself.
var ErrCorrupt = errors.New("store is damaged")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// zstdDecoder is made once and then only read: DecodeAll keeps no state.
var zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
	// Without options that can be wrong, making one cannot fail.
	d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxFrame))
	return d
})

// textEncoder compresses the blocks of text columns. It is for one goroutine.
type textEncoder struct {
	zstd  *zstd.Encoder
	block int // bytes of text a block holds, unless one row has more
}

// newTextEncoder makes an encoder whose window spans a whole block, also one of a
// long row in an ingest. Blocks have checksums of their own.
func newTextEncoder(level zstd.EncoderLevel, block int) textEncoder {
	// The options cannot be wrong, so making one cannot fail.
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(max(block, 512<<10)))
	return textEncoder{e, block}
}

func ingestEncoder() textEncoder  { return newTextEncoder(zstd.SpeedFastest, textBlock) }
func compactEncoder() textEncoder { return newTextEncoder(zstd.SpeedBetterCompression, compactBlock) }

// columnWriter assembles a column value.
type columnWriter struct {
	typ     uint8
	width   int
	rows    int
	zstd    *zstd.Encoder // nil: blocks are stored as they are
	dir     []byte
	payload []byte
	blocks  int
}

func (w *columnWriter) block(first int, raw []byte) {
	start := len(w.payload)
	codec := codecStored
	if w.zstd != nil {
		w.payload = w.zstd.EncodeAll(raw, w.payload)
		codec = codecZstd
	}
	if codec == codecStored || len(w.payload)-start >= len(raw) {
		codec = codecStored
		w.payload = append(w.payload[:start], raw...)
	}
	stored := w.payload[start:]
	w.dir = binary.LittleEndian.AppendUint32(w.dir, uint32(first))
	w.dir = binary.LittleEndian.AppendUint32(w.dir, uint32(len(raw)))
	w.dir = binary.LittleEndian.AppendUint32(w.dir, uint32(len(stored)))
	w.dir = binary.LittleEndian.AppendUint32(w.dir, crc32.Checksum(stored, castagnoli))
	w.dir = append(w.dir, codec)
	w.blocks++
}

func (w *columnWriter) finish() []byte {
	out := make([]byte, 0, columnHeaderSize+len(w.dir)+4+len(w.payload))
	out = append(out, columnMagic, w.typ)
	out = binary.LittleEndian.AppendUint16(out, uint16(w.width))
	out = binary.LittleEndian.AppendUint32(out, uint32(w.rows))
	out = binary.LittleEndian.AppendUint32(out, uint32(w.blocks))
	out = append(out, w.dir...)
	out = binary.LittleEndian.AppendUint32(out, crc32.Checksum(out, castagnoli))
	return append(out, w.payload...)
}

// encodeFixed stores the data buffer of a fixed-width Arrow array. Hashes do
// not compress, so nobody tries.
func encodeFixed(typ uint8, width int, data []byte) []byte {
	w := columnWriter{typ: typ, width: width, rows: len(data) / width}
	w.payload = make([]byte, 0, len(data))
	for at := 0; at < len(data); at += fixedBlock {
		w.block(at/width, data[at:min(at+fixedBlock, len(data))])
	}
	return w.finish()
}

// encodeBinary stores an Arrow binary array: its lengths, then its data in
// blocks that end where a row ends.
func encodeBinary(a *array.Binary, text textEncoder) []byte {
	rows := a.Len()
	offsets, data := a.ValueOffsets(), a.ValueBytes()
	w := columnWriter{typ: columnBinary, rows: rows, zstd: text.zstd}
	w.payload = make([]byte, 0, len(data)/2+1024)
	lengths := make([]byte, 0, 2*rows)
	for i := range rows {
		lengths = binary.AppendUvarint(lengths, uint64(offsets[i+1]-offsets[i]))
	}
	w.block(0, lengths)
	base := 0
	if rows > 0 {
		base = int(offsets[0])
	}
	for first := 0; first < rows; {
		start := int(offsets[first])
		end := first + 1
		for end < rows && int(offsets[end+1])-start <= text.block {
			end++
		}
		w.block(first, data[start-base:int(offsets[end])-base])
		first = end
	}
	return w.finish()
}

// column reads a column value in place: nothing is copied or decoded before it
// is asked for, so it is cheap to open on a memory-mapped value.
type column struct {
	typ    uint8
	width  int
	rows   int
	blocks []blockEntry
	data   []byte // the blocks
}

type blockEntry struct {
	first, raw, size, crc uint32
	codec                 uint8
	offset                int // in column.data
}

func openColumn(value []byte) (*column, error) {
	if len(value) < columnHeaderSize+4 || value[0] != columnMagic {
		return nil, corrupt("not a column")
	}
	c := &column{
		typ:   value[1],
		width: int(binary.LittleEndian.Uint16(value[2:])),
		rows:  int(binary.LittleEndian.Uint32(value[4:])),
	}
	blocks := int(binary.LittleEndian.Uint32(value[8:]))
	dirEnd := columnHeaderSize + blocks*blockEntrySize
	if blocks > len(value)/blockEntrySize || dirEnd+4 > len(value) {
		return nil, corrupt("column header: %d blocks in %d bytes", blocks, len(value))
	}
	if got, want := crc32.Checksum(value[:dirEnd], castagnoli), binary.LittleEndian.Uint32(value[dirEnd:]); got != want {
		return nil, corrupt("column header checksum is %08x, not %08x", got, want)
	}
	c.data = value[dirEnd+4:]
	c.blocks = make([]blockEntry, blocks)
	offset := 0
	for i := range c.blocks {
		e := value[columnHeaderSize+i*blockEntrySize:]
		c.blocks[i] = blockEntry{
			first:  binary.LittleEndian.Uint32(e),
			raw:    binary.LittleEndian.Uint32(e[4:]),
			size:   binary.LittleEndian.Uint32(e[8:]),
			crc:    binary.LittleEndian.Uint32(e[12:]),
			codec:  e[16],
			offset: offset,
		}
		offset += int(c.blocks[i].size)
	}
	if offset != len(c.data) {
		return nil, corrupt("column blocks hold %d bytes, the directory says %d", len(c.data), offset)
	}
	return c, nil
}

// verify checks every block's checksum.
func (c *column) verify() error {
	for i, e := range c.blocks {
		if got := crc32.Checksum(c.data[e.offset:e.offset+int(e.size)], castagnoli); got != e.crc {
			return corrupt("block %d checksum is %08x, not %08x", i, got, e.crc)
		}
	}
	return nil
}

// decodeBlock returns the decoded bytes of block i, in dst's memory when they
// had to be decompressed and it is large enough.
func (c *column) decodeBlock(i int, dst []byte) ([]byte, error) {
	e := c.blocks[i]
	stored := c.data[e.offset : e.offset+int(e.size)]
	if got := crc32.Checksum(stored, castagnoli); got != e.crc {
		return nil, corrupt("block %d checksum is %08x, not %08x", i, got, e.crc)
	}
	switch e.codec {
	case codecStored:
		return stored, nil
	case codecZstd:
		out, err := zstdDecoder().DecodeAll(stored, dst[:0])
		if err != nil || len(out) != int(e.raw) {
			return nil, corrupt("block %d does not decode to %d bytes", i, e.raw)
		}
		return out, nil
	}
	return nil, corrupt("block %d has unknown codec %d", i, e.codec)
}

// fixed decodes a whole fixed-width column.
func (c *column) fixed(typ uint8, width int) ([]byte, error) {
	if c.typ != typ || c.width != width {
		return nil, corrupt("column type %d of width %d, want %d of %d", c.typ, c.width, typ, width)
	}
	out := make([]byte, 0, c.rows*width)
	for i := range c.blocks {
		b, err := c.decodeBlock(i, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, b...)
	}
	if len(out) != c.rows*width {
		return nil, corrupt("column holds %d bytes for %d rows of %d", len(out), c.rows, width)
	}
	return out, nil
}

// uint64s decodes a columnUint64 as an Arrow array.
func (c *column) uint64s() (*array.Uint64, error) {
	data, err := c.fixed(columnUint64, 8)
	if err != nil {
		return nil, err
	}
	d := array.NewData(arrow.PrimitiveTypes.Uint64, c.rows,
		[]*memory.Buffer{nil, memory.NewBufferBytes(data)}, nil, 0, 0)
	return array.NewUint64Data(d), nil
}

// offsets decodes the row lengths of a columnBinary into Arrow offsets:
// rows+1 values, offsets[i] to offsets[i+1] being row i's bytes in the whole
// column's data.
func (c *column) offsets() ([]int32, error) {
	if c.typ != columnBinary || len(c.blocks) == 0 {
		return nil, corrupt("column type %d is no text column", c.typ)
	}
	lengths, err := c.decodeBlock(0, nil)
	if err != nil {
		return nil, err
	}
	if c.rows > len(lengths) {
		return nil, corrupt("%d rows but %d bytes of lengths", c.rows, len(lengths))
	}
	out := make([]int32, c.rows+1)
	total := uint64(0)
	for i := range c.rows {
		n, size := binary.Uvarint(lengths)
		if size <= 0 {
			return nil, corrupt("row lengths end at row %d of %d", i, c.rows)
		}
		lengths = lengths[size:]
		if total += n; total > 1<<31-1 {
			return nil, corrupt("row lengths exceed 2 GiB")
		}
		out[i+1] = int32(total)
	}
	sum := uint64(0)
	for _, b := range c.blocks[1:] {
		sum += uint64(b.raw)
	}
	if sum != total {
		return nil, corrupt("text blocks decode to %d bytes, the rows need %d", sum, total)
	}
	return out, nil
}

// binaryRows calls fn with the bytes of each wanted row, rows ascending, each
// block decoded once. The bytes are valid during the call only.
func (c *column) binaryRows(rows []uint16, fn func(i int, value []byte) error) error {
	if len(rows) == 0 {
		return nil
	}
	offsets, err := c.offsets()
	if err != nil {
		return err
	}
	var buf, data []byte
	block, base := 0, int32(0)
	for i, r := range rows {
		row := uint32(r)
		if int(row) >= c.rows {
			return corrupt("row %d of a column with %d", row, c.rows)
		}
		next := block
		for next == 0 || next+1 < len(c.blocks) && c.blocks[next+1].first <= row {
			next++
		}
		if next >= len(c.blocks) || c.blocks[next].first > row {
			return corrupt("no block holds row %d", row)
		}
		if next != block {
			block = next
			if data, err = c.decodeBlock(block, buf); err != nil {
				return err
			}
			if c.blocks[block].codec != codecStored {
				buf = data
			}
			base = offsets[c.blocks[block].first]
		}
		lo, hi := offsets[row]-base, offsets[row+1]-base
		if lo < 0 || int(hi) > len(data) {
			return corrupt("row %d lies outside its block", row)
		}
		if err := fn(i, data[lo:hi]); err != nil {
			return err
		}
	}
	return nil
}
