package db

import (
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
)

// manifest names the segments of the store. It is the last thing a commit
// writes, so whoever starts from it sees whole commits only.
type manifest struct {
	Generation uint32        `json:"generation"`
	Commit     uint64        `json:"commit"`
	NextFile   uint32        `json:"next_file"`
	Samples    int           `json:"samples"` // kept samples, so that a lost one is noticed
	Fields     []string      `json:"fields"`  // position = field id in index keys
	Segments   []segmentMeta `json:"segments"`
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

// indexMeta is a field id and the number of rows in the segment that have it.
type indexMeta [2]int

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
