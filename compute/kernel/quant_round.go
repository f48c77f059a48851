package kernel

import (
	"encoding/binary"
	"math"
)

// QuantizeQ8_0 sets dst to src in the format Q8_0, with the same bits as ggml's
// quantize_row_q8_0_ref for finite numbers: d is the largest magnitude over 127, and
// q rounds halves away from zero. The length of src must be whole blocks, that of dst
// Q8_0.Bytes of it. A block that holds an infinity or a NaN becomes NaNs; one whose
// scale is above the largest fp16, 65504, becomes infinities and NaNs.
func QuantizeQ8_0(dst []byte, src []float32) {
	dst = dst[:Q8_0.Bytes(len(src))]
	for ; len(src) > 0; dst, src = dst[34:], src[32:] {
		x, q := src[:32], dst[2:34]
		largest := math.Float32frombits(largestMagnitude(x))
		d, inverse := blockScale(largest / 127)
		binary.LittleEndian.PutUint16(dst, halfBits(math.Float32bits(d)))
		for i, v := range x {
			q[i] = byte(roundAway(v * inverse))
		}
	}
}

// QuantizeQ4_0 is like [QuantizeQ8_0] for the format Q4_0 and ggml's
// quantize_row_q4_0_ref: d is the number of largest magnitude, the first of several,
// over -8; so that one has q = 0, and one as large of the other sign is cut from 16
// to 15.
func QuantizeQ4_0(dst []byte, src []float32) {
	dst = dst[:Q4_0.Bytes(len(src))]
	for ; len(src) > 0; dst, src = dst[18:], src[32:] {
		x, q := src[:32], dst[2:18]
		var largest float32
		magnitude := largestMagnitude(x)
		for i := len(x) - 1; i >= 0; i-- {
			if math.Float32bits(x[i])&^(1<<31) == magnitude {
				largest = x[i]
			}
		}
		d, inverse := blockScale(largest / -8)
		binary.LittleEndian.PutUint16(dst, halfBits(math.Float32bits(d)))
		for i := range q {
			q[i] = fourBits(x[i]*inverse) | fourBits(x[i+16]*inverse)<<4
		}
	}
}

// largestMagnitude returns the bits of the largest |x[i]|. As integers, the bits of
// magnitudes are in the order of the numbers, and NaN's are above infinity's.
func largestMagnitude(x []float32) (bits uint32) {
	for _, v := range x {
		bits = max(bits, math.Float32bits(v)&^(1<<31))
	}
	return bits
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

// fourBits returns the integer nearest to x+8, at most 15; x is -8 or more, or a NaN.
func fourBits(x float32) byte {
	if x != x {
		return 0
	}
	return byte(min(15, int(x+8.5)))
}
