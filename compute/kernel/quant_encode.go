package kernel

import (
	"encoding/binary"
	"math"
)

// Quantize sets dst to src in the format, with the same bytes as ggml's reference
// (quantize_row_q8_0_ref and so on) where C defines them and a compiler has not fused
// products and sums. The length of src must be whole blocks, that of dst Bytes of it.
// Every block depends on its own numbers alone, so rows may be shared out among
// goroutines.
//
// What is not finite is never lost: a block that holds an infinity or a NaN becomes
// NaNs, and one whose scale is above the largest fp16, 65504, infinities and NaNs. In
// Q4_K and Q6_K a block with a magnitude of 2^30 or more becomes NaNs, too, before
// sums of its powers overflow. Blocks of numbers too small for a scale become zeros.
func (f BlockFormat) Quantize(dst []byte, src []float32) {
	k := f.kind()
	dst = prefix(dst, f.Bytes(len(src)))
	for ; len(src) > 0; dst, src = dst[k.bytes:], src[k.elements:] {
		block, x := dst[:k.bytes], src[:k.elements]
		switch f {
		case Q8_0:
			encodeQ8_0(block, x)
		case Q4_0:
			encodeQ4_0(block, x)
		case Q4_1:
			encodeQ4_1(block, x)
		case Q5_0:
			encodeQ5_0(block, x)
		case Q4K:
			encodeQ4K(block, (*[256]float32)(x))
		case Q6K:
			encodeQ6K(block, (*[256]float32)(x))
		}
	}
}

// encodeQ8_0: d is the largest magnitude over 127, and q rounds halves away from zero.
func encodeQ8_0(block []byte, x []float32) {
	d, inverse := blockScale(math.Float32frombits(largestMagnitude(x)) / 127)
	putHalf(block, d)
	q := block[2:34]
	for i, v := range x {
		q[i] = byte(roundAway(v * inverse))
	}
}

// encodeQ4_0: d is the number of largest magnitude, the first of several, over -8; so
// that one has q = 0, and one as large of the other sign is cut from 16 to 15.
func encodeQ4_0(block []byte, x []float32) {
	d, inverse := blockScale(firstLargest(x) / -8)
	putHalf(block, d)
	for i := range 16 {
		block[2+i] = quant(x[i]*inverse, 8.5, 15) | quant(x[i+16]*inverse, 8.5, 15)<<4
	}
}

// encodeQ5_0 is like encodeQ4_0, with five bits.
func encodeQ5_0(block []byte, x []float32) {
	d, inverse := blockScale(firstLargest(x) / -16)
	putHalf(block, d)
	var fifth uint32
	for i := range 16 {
		low, high := quant(x[i]*inverse, 16.5, 31), quant(x[i+16]*inverse, 16.5, 31)
		block[6+i] = low&15 | high<<4
		fifth |= uint32(low>>4)<<i | uint32(high>>4)<<(i+16)
	}
	binary.LittleEndian.PutUint32(block[2:], fifth)
}

// encodeQ4_1: m is the least number, and d what leads from it to the largest in 15
// steps.
func encodeQ4_1(block []byte, x []float32) {
	least, most := x[0], x[0]
	for _, v := range x {
		if v < least {
			least = v
		}
		if v > most {
			most = v
		}
	}
	if !finite(x) {
		most = float32(math.NaN())
		least = most
	}
	d, inverse := blockScale((most - least) / 15)
	putHalf(block, d)
	putHalf(block[2:], least)
	for i := range 16 {
		block[4+i] = quant((x[i]-least)*inverse, 0.5, 15) | quant((x[i+16]-least)*inverse, 0.5, 15)<<4
	}
}

func putHalf(b []byte, x float32) {
	binary.LittleEndian.PutUint16(b, halfBits(math.Float32bits(x)))
}

// largestMagnitude returns the bits of the largest |x[i]|. As integers, the bits of
// magnitudes are in the order of the numbers, and NaN's are above infinity's.
func largestMagnitude(x []float32) (bits uint32) {
	for _, v := range x {
		bits = max(bits, math.Float32bits(v)&^(1<<31))
	}
	return bits
}

func finite(x []float32) bool { return largestMagnitude(x) < 0x7f800000 }

// firstLargest returns the first number of largest magnitude, or 0 if all are -0 or 0.
func firstLargest(x []float32) float32 {
	magnitude := largestMagnitude(x)
	for _, v := range x {
		if math.Float32bits(v)&^(1<<31) == magnitude && magnitude != 0 {
			return v
		}
	}
	return 0
}

// blockScale returns a block's scale and what to multiply its numbers with. That is 0
// where it would be infinite, for numbers so small that they count as zeros; and so it
// is, beside a NaN for the scale, in a block that is not finite.
func blockScale(d float32) (scale, inverse float32) {
	if d-d != 0 {
		return float32(math.NaN()), 0
	}
	if inverse = 1 / d; math.Abs(float64(inverse)) > math.MaxFloat32 {
		return d, 0
	}
	return d, inverse
}

// roundAway returns the integer nearest to x, of two the one farther from zero, and
// 0 for a NaN.
func roundAway(x float32) int8 {
	if x != x {
		return 0
	}
	return int8(float64(x) + math.Copysign(0.5, float64(x)))
}

// quant returns the integer part of x+shift, but at most most, and 0 for a NaN. The
// sum is not negative; the conversion keeps x from being fused with the product it is.
func quant(x, shift float32, most int) byte {
	if x != x {
		return 0
	}
	return byte(min(most, int(float32(x)+shift)))
}
