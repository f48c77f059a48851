package db

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// manifest names the segments of the store. It is the last thing a commit
// writes, so whoever starts from it sees whole commits only.
type manifest struct {
	Format     int    `json:"format"` // 0 in format 1
	Generation uint32 `json:"generation"`
	Commit     uint64 `json:"commit"`
	NextFile   uint32 `json:"next_file"`
	Samples    int    `json:"samples"` // kept samples, so that a lost one is noticed
	Tags       int    `json:"tags"`    // likewise
	Events     uint64 `json:"events"`  // entries of the log
	Deleted    uint64 `json:"deleted"` // the commit that last deleted rows; 0: none are
	// Compacted is the commit of the last compaction; 0: there was none.
	Compacted uint64        `json:"compacted,omitempty"`
	Updated   []string      `json:"updated"` // fields whose values are no longer the records'
	Fields    []string      `json:"fields"`  // position = field id in index keys
	Segments  []segmentMeta `json:"segments"`
}

// segmentMeta describes the segment whose number is its position.
type segmentMeta struct {
	Rows   int   `json:"rows"`
	Raw    int64 `json:"raw"`    // bytes of records as they came
	Stored int64 `json:"stored"` // bytes of column and index values
	// Indexes are the fields some row of the segment has, so that a lost index
	// entry is noticed.
	Indexes []indexMeta `json:"indexes"`
}

// indexMeta is a field id, the number of rows in the segment that have it, and
// the commit that wrote the entry.
type indexMeta [3]uint64

func (i indexMeta) field() uint16   { return uint16(i[0]) }
func (i indexMeta) rows() int       { return int(i[1]) }
func (i indexMeta) version() uint64 { return i[2] }

// index finds the segment's entry for a field.
func (s *segmentMeta) index(field uint16) (indexMeta, bool) {
	for _, i := range s.Indexes {
		if i.field() == field {
			return i, true
		}
	}
	return indexMeta{}, false
}

// clone is a deep enough copy to make the next manifest of.
func (m *manifest) clone() *manifest {
	next := *m
	next.Updated = slices.Clone(m.Updated)
	next.Fields = slices.Clone(m.Fields)
	next.Segments = slices.Clone(m.Segments)
	return &next
}

func (m *manifest) rows() int64 {
	n := int64(0)
	for _, s := range m.Segments {
		n += int64(s.Rows)
	}
	return n
}

func (m *manifest) fieldID(name string) (uint16, bool) {
	for i, f := range m.Fields {
		if f == name {
			return uint16(i), true
		}
	}
	return 0, false
}

// seal appends the CRC-32C that unseal checks and removes.
func seal(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func unseal(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, corrupt("value of %d bytes", len(b))
	}
	body := b[:len(b)-4]
	if got, want := crc32.Checksum(body, castagnoli), binary.LittleEndian.Uint32(b[len(body):]); got != want {
		return nil, corrupt("checksum is %08x, not %08x", got, want)
	}
	return body, nil
}

func sealJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return seal(b), nil
}

func unsealJSON(b []byte, v any) error {
	body, err := unseal(b)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return corrupt("%v", err)
	}
	return nil
}

func sealBitmap(b *roaring.Bitmap) ([]byte, error) {
	bits, err := b.ToBytes()
	return seal(bits), err
}

func unsealBitmap(value []byte, b *roaring.Bitmap) error {
	body, err := unseal(value)
	if err != nil {
		return err
	}
	if err := b.UnmarshalBinary(body); err != nil {
		return corrupt("bitmap: %v", err)
	}
	return nil
}
