package train

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
)

var errTables = errors.New("its tables are not those of a data set")

// readTables reads size bytes of tables, which begin where the records end. The
// checksum was right; so it asks no more than that reading needs no memory and no
// place that are not there.
func readTables(from io.Reader, size, end int64) (*tables, error) {
	r := reader{in: bufio.NewReaderSize(from, 1<<16), left: size}
	width, blockTokens := r.number(), r.number()
	buckets, sequences, order, ends, epochs, stats := r.number(), r.number(), r.number(), r.number(), r.number(), r.number()
	if width != 2 && width != 4 || sequences*sequenceBytes+(order+ends+epochs)*4+buckets*4+stats > r.left {
		return nil, errTables
	}
	t := &tables{width: int(width), blockTokens: int(blockTokens), end: end}
	for range buckets {
		t.buckets = append(t.buckets, string(r.bytes(r.number())))
	}
	at := int64(headBytes)
	for range sequences {
		record := r.number()
		s := sequence{offset: at, tokens: uint32(r.number()), learned: uint32(r.number()), row: uint32(r.number())}
		r.word = [4]byte{}
		r.read(r.word[:2])
		s.bucket = binary.LittleEndian.Uint16(r.word[:])
		if at += record; int64(s.tokens)*width > record || int64(s.bucket) >= buckets {
			return nil, errTables
		}
		t.sequences.add(s)
	}
	t.order, t.ends, t.epochs = r.list(order, sequences-1), r.list(ends, order), r.list(epochs, ends)
	err := json.Unmarshal(r.bytes(stats), &t.stats)
	if err != nil || r.left != 0 || at != end || !covers(t.ends, order) || !covers(t.epochs, ends) {
		return nil, errTables
	}
	return t, nil
}

// covers tells whether the ends of parts, in order, are those of n things.
func covers(ends []uint32, n int64) bool {
	last := uint32(0)
	for _, end := range ends {
		if end < last {
			return false
		}
		last = end
	}
	return int64(last) == n
}

// reader reads numbers; beyond the end they are 0 and left is negative.
type reader struct {
	in   *bufio.Reader
	left int64
	word [4]byte
}

func (r *reader) number() int64 {
	r.word = [4]byte{}
	r.read(r.word[:])
	return int64(binary.LittleEndian.Uint32(r.word[:]))
}

func (r *reader) read(b []byte) {
	if r.left -= int64(len(b)); r.left < 0 {
		r.left = -1
	} else if _, err := io.ReadFull(r.in, b); err != nil {
		r.left = -1
	}
}

// bytes returns the next n bytes, or none.
func (r *reader) bytes(n int64) []byte {
	if n > r.left {
		r.left = -1
		return nil
	}
	b := make([]byte, n)
	r.read(b)
	return b
}

// list reads n numbers, none of them above most.
func (r *reader) list(n, most int64) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		x := r.number()
		if x > most {
			r.left = -1
			return nil
		}
		list[i] = uint32(x)
	}
	return list
}
