package db

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/y"
	"google.golang.org/protobuf/proto"
)

// checkTable verifies every checksum of one of Badger's table files. Badger
// itself trusts lengths before it has verified them, so a damaged table makes
// it panic, or answer without the keys it lost. Tables hold keys and small
// values only: they are a few per cent of a store.
//
// A table is blocks and an index of them, each followed by its checksum:
//
//	block...   entries, entry offsets, count u32,  checksum, u32 checksum length
//	index      flatbuffer                    u32,  checksum, u32 checksum length
func checkTable(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	rest, sum, err := cutChecksum(data)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	index, err := cutTail(&rest)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	if err := y.VerifyChecksum(index, sum); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	blocks := fb.GetRootAsTableIndex(index, 0)
	var at fb.BlockOffset
	for i := range blocks.OffsetsLength() {
		if !blocks.Offsets(&at, i) || uint64(at.Offset())+uint64(at.Len()) > uint64(len(rest)) {
			return fmt.Errorf("block %d lies outside the file", i)
		}
		block, sum, err := cutChecksum(rest[at.Offset() : at.Offset()+at.Len()])
		if err == nil {
			err = y.VerifyChecksum(block, sum)
		}
		if err != nil {
			return fmt.Errorf("block %d: %w", i, err)
		}
	}
	return nil
}

// cutTail removes from data a part that is followed by its length.
func cutTail(data *[]byte) ([]byte, error) {
	n := len(*data) - 4
	if n < 0 {
		return nil, errors.New("the file is too short")
	}
	size := int64(binary.BigEndian.Uint32((*data)[n:]))
	if size == 0 || size > int64(n) {
		return nil, fmt.Errorf("a length of %d bytes does not fit", size)
	}
	part := (*data)[n-int(size) : n]
	*data = (*data)[:n-int(size)]
	return part, nil
}

// cutChecksum removes the checksum at the end of data.
func cutChecksum(data []byte) (rest []byte, sum *pb.Checksum, err error) {
	text, err := cutTail(&data)
	if err != nil {
		return nil, nil, err
	}
	sum = &pb.Checksum{}
	if err := proto.Unmarshal(text, sum); err != nil {
		return nil, nil, err
	}
	if _, known := pb.Checksum_Algorithm_name[int32(sum.Algo)]; !known {
		return nil, nil, fmt.Errorf("unknown kind of checksum %d", sum.Algo)
	}
	return data, sum, nil
}
