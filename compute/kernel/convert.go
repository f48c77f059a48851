package kernel

// bfloat16 is the upper half of a float32: 8 bits of exponent, 7 of fraction. Half
// precision (IEEE 754 binary16) has 5 and 10: it reaches to 65504, and down to
// 2^-24 with denormals. Both are held as their bits in a uint16.
//
// Conversions round to nearest, ties to even, and give the same bits on every
// tier. What is too large becomes infinity. A NaN stays one: it keeps its sign and
// the upper bits of its payload, and becomes quiet, but FromBF16 changes no bit.

// ToBF16 sets dst[i] to src[i] in bfloat16.
func ToBF16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for from, to := range pieces(len(dst)) {
		toBF16(dst[from:to], src[from:to])
	}
}

// FromBF16 sets dst[i] to the bfloat16 src[i], exactly.
func FromBF16(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for from, to := range pieces(len(dst)) {
		fromBF16(dst[from:to], src[from:to])
	}
}

// ToFP16 sets dst[i] to src[i] in half precision.
func ToFP16(dst []uint16, src []float32) {
	src = src[:len(dst)]
	for from, to := range pieces(len(dst)) {
		toFP16(dst[from:to], src[from:to])
	}
}

// FromFP16 sets dst[i] to the half-precision src[i], exactly.
func FromFP16(dst []float32, src []uint16) {
	src = src[:len(dst)]
	for from, to := range pieces(len(dst)) {
		fromFP16(dst[from:to], src[from:to])
	}
}
