package tensorboard

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
)

// frameBytes is what a record takes beyond its event.
const frameBytes = 8 + 4 + 4

// checksum returns the masked CRC-32C of b.
func checksum(b []byte) uint32 {
	crc := crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
	return (crc>>15 | crc<<17) + 0xa282ead8
}

// appendRecord appends the record of an event to dst.
func appendRecord(dst, event []byte) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(event)))
	dst = binary.LittleEndian.AppendUint32(dst, checksum(dst[at:]))
	dst = append(dst, event...)
	return binary.LittleEndian.AppendUint32(dst, checksum(event))
}

// recordReader reads records of which size bytes are left. It never allocates more than that.
type recordReader struct {
	r     *bufio.Reader
	left  int64
	event []byte
}

func newRecordReader(r io.Reader, size int64) *recordReader {
	return &recordReader{r: bufio.NewReaderSize(r, 1<<16), left: size}
}

// next returns the next event, which the call after it overwrites. whole is false at the end of the
// file and at a record that is cut short or does not have its checksum.
func (r *recordReader) next() (event []byte, whole bool, err error) {
	if r.left < frameBytes {
		return nil, false, nil
	}
	var head [12]byte
	if _, err := io.ReadFull(r.r, head[:]); err != nil {
		return nil, false, err
	}
	n := binary.LittleEndian.Uint64(head[:8])
	if binary.LittleEndian.Uint32(head[8:]) != checksum(head[:8]) || n > uint64(r.left-frameBytes) {
		return nil, false, nil
	}
	if uint64(cap(r.event)) < n+4 {
		r.event = make([]byte, n+4)
	}
	r.event = r.event[:n+4]
	if _, err := io.ReadFull(r.r, r.event); err != nil {
		return nil, false, err
	}
	event = r.event[:n]
	if binary.LittleEndian.Uint32(r.event[n:]) != checksum(event) {
		return nil, false, nil
	}
	r.left -= frameBytes + int64(n)
	return event, true, nil
}
