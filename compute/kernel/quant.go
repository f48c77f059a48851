package kernel

import "fmt"

// BlockFormat is a way to store rows of weights in few bits, as GGUF files have
// them: in blocks of 32 or 256 consecutive elements of a row, each with scales of
// its own. Bytes are in the order of ggml's structs, numbers little-endian:
//
//	format  elements  bytes  layout (the scales d, m and e are fp16)
//	Q8_0          32     34  d, 32 int8 q                          w = d*q
//	Q4_0          32     18  d, 16 bytes of 4-bit q                w = d*(q-8)
//	Q4_1          32     20  d, m, 16 bytes of 4-bit q             w = d*q + m
//	Q5_0          32     22  d, 32 fifth bits, 16 bytes of 4 bits  w = d*(q-16)
//	Q4_K         256    144  d, e, 12 bytes of 6-bit s and t,      w = d*s*q - e*t
//	                         128 bytes of 4-bit q
//	Q6_K         256    210  128 bytes of 4 bits, 64 bytes of      w = d*s*(q-32)
//	                         2 bits above them, 16 int8 s, d
//
// In the first four, the lower half of byte i is of element i and the upper half of
// element i+16. Q4_K has an s and a t for every 32 elements, and bytes 32j to 32j+31
// hold elements 64j to 64j+31 below and 64j+32 to 64j+63 above. Q6_K has an s for
// every 16 elements; comments at the code say where its bits are.
//
// The source is llama.cpp, ggml/src/ggml-common.h (block_q8_0 and so on) and
// ggml/src/ggml-quants.c (dequantize_row_q8_0, quantize_row_q8_0_ref and so on); the
// vectors in testdata come from its Python package gguf and from ggml itself.
type BlockFormat uint8

// The formats, in no particular order.
const (
	Q8_0 BlockFormat = iota
	Q4_0
	Q4_1
	Q5_0
	Q4K // Q4_K in GGUF
	Q6K // Q6_K in GGUF
)

// blockKind is what is to be known of a format.
type blockKind struct {
	name            string
	elements, bytes int // of a block
}

// kind returns what is known of f. A value that is no format is a mistake of the
// program, like an index out of range.
func (f BlockFormat) kind() blockKind {
	switch f {
	case Q8_0:
		return blockKind{"Q8_0", 32, 34}
	case Q4_0:
		return blockKind{"Q4_0", 32, 18}
	case Q4_1:
		return blockKind{"Q4_1", 32, 20}
	case Q5_0:
		return blockKind{"Q5_0", 32, 22}
	case Q4K:
		return blockKind{"Q4_K", 256, 144}
	case Q6K:
		return blockKind{"Q6_K", 256, 210}
	}
	panic(fmt.Sprintf("kernel: there is no block format %d", uint8(f)))
}

// String returns the format's name in GGUF, such as "Q4_K".
func (f BlockFormat) String() string { return f.kind().name }

// Elements returns how many elements make a block. Rows hold whole blocks.
func (f BlockFormat) Elements() int { return f.kind().elements }

// Bytes returns how many bytes n elements take. N must be whole blocks.
func (f BlockFormat) Bytes(n int) int {
	k := f.kind()
	return rowCount(n, k.elements) * k.bytes
}
