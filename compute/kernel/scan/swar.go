package scan

import "encoding/binary"

// The generic tier takes eight bytes as one integer, the first of them lowest,
// and marks bytes by their top bits.
const (
	ones = 0x0101010101010101
	tops = 0x80 * ones
)

func load64(src []byte, i int) uint64 { return binary.LittleEndian.Uint64(src[i:]) }

// below marks the bytes of w that are less than n, which is at most 0x80. Bytes
// above the first that it marks may be marked wrongly.
func below(w uint64, n byte) uint64 { return (w - uint64(n)*ones) &^ w & tops }
