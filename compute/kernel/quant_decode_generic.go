package kernel

import (
	"encoding/binary"
	"math"
)

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
		scale, least := d*float32(s), float32(e*float32(t))
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
