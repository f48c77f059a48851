package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
)

//go:generate go run ./gen/quant

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
// vectors in testdata come from its Python package gguf.
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

// Dequantize sets dst to the numbers src stands for, with the same bits as ggml's
// reference, where a compiler has not fused its products and sums. The length of dst
// must be whole blocks, and src have Bytes of it.
func (f BlockFormat) Dequantize(dst []float32, src []byte) {
	k := f.kind()
	src = src[:f.Bytes(len(dst))]
	for len(dst) > 0 {
		f.decode(dst[:k.elements], src[:k.bytes])
		dst, src = dst[k.elements:], src[k.bytes:]
	}
}

// decode dequantises one block. It is no function value, for which the caller's dst
// would have to be on the heap.
func (f BlockFormat) decode(dst []float32, block []byte) {
	switch f {
	case Q8_0:
		decodeQ8_0(dst, block)
	case Q4_0:
		decodeQ4_0(dst, block)
	case Q4_1:
		decodeQ4_1(dst, block)
	case Q5_0:
		decodeQ5_0(dst, block)
	case Q4K:
		decodeQ4K(dst, block)
	case Q6K:
		decodeQ6K(dst, block)
	}
}

// half returns the fp16 number at the beginning of b.
func half(b []byte) float32 {
	return math.Float32frombits(floatBits(binary.LittleEndian.Uint16(b)))
}

func decodeQ8_0(dst []float32, block []byte) {
	d, q := half(block), block[2:]
	for i := range dst {
		dst[i] = d * float32(int8(q[i]))
	}
}

func decodeQ4_0(dst []float32, block []byte) {
	d, q := half(block), block[2:]
	for i, b := range q[:16] {
		dst[i] = d * float32(int(b&15)-8)
		dst[i+16] = d * float32(int(b>>4)-8)
	}
}

func decodeQ4_1(dst []float32, block []byte) {
	d, m, q := half(block), half(block[2:]), block[4:]
	for i, b := range q[:16] {
		dst[i] = float32(d*float32(b&15)) + m
		dst[i+16] = float32(d*float32(b>>4)) + m
	}
}

func decodeQ5_0(dst []float32, block []byte) {
	d, fifth, q := half(block), binary.LittleEndian.Uint32(block[2:]), block[6:]
	for i, b := range q[:16] {
		low := uint32(b&15) | fifth>>i&1<<4
		high := uint32(b>>4) | fifth>>(i+16)&1<<4
		dst[i] = d * float32(int(low)-16)
		dst[i+16] = d * float32(int(high)-16)
	}
}

func decodeQ4K(dst []float32, block []byte) {
	d, e, scales, q := half(block), half(block[2:]), block[4:16], block[16:]
	for j := range 8 {
		s, t := scalesQ4K(scales, j)
		scale, least := d*float32(s), e*float32(t)
		shift := j % 2 * 4
		for i, b := range q[j/2*32:][:32] {
			dst[j*32+i] = float32(scale*float32(b>>shift&15)) - least
		}
	}
}

// scalesQ4K returns the two 6-bit scales of the j-th 32 elements. Those of the
// first four are the lower 6 bits of bytes 0-3 and 4-7. The others have their lower
// 4 bits in the halves of bytes 8-11, and their upper 2 bits above the first four's.
func scalesQ4K(b []byte, j int) (s, t byte) {
	if j < 4 {
		return b[j] & 63, b[j+4] & 63
	}
	return b[j+4]&15 | b[j-4]>>6<<4, b[j+4]>>4 | b[j]>>6<<4
}

// decodeQ6K: each half of a block, 128 elements, has 64 bytes of lower bits and 32
// of upper ones. Its four quarters of 32 elements have their lower bits in the lower
// halves of the first and the second 32 bytes, then in the upper halves of these;
// their upper bits are bits 0-1, 2-3, 4-5 and 6-7 of the 32 bytes.
func decodeQ6K(dst []float32, block []byte) {
	low, high, scales, d := block[:128], block[128:192], block[192:208], half(block[208:])
	for j := range 8 {
		half, quarter := j/4, j%4
		lower := low[half*64+quarter%2*32:][:32]
		upper := high[half*32:][:32]
		for i := range 32 {
			q := lower[i]>>(quarter/2*4)&15 | upper[i]>>(quarter*2)&3<<4
			scale := d * float32(int8(scales[j*2+i/16]))
			dst[j*32+i] = scale * float32(int(q)-32)
		}
	}
}
