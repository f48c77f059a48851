package kernel

// ToBF16 sets dst[i] to the bits of src[i] in bfloat16, the upper half of a float32: 8
// bits of exponent, 7 of fraction. It rounds to nearest, ties to even, denormals too,
// with the same bits on every tier. What is too large becomes infinity. A NaN stays one:
// it keeps its sign and the upper bits of its payload, and becomes quiet.
func ToBF16(dst []uint16, src []float32) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		toBF16(dst[from:to], src[from:to])
	}
}

// FromBF16 sets dst[i] to the number whose bits in bfloat16 are src[i]. It changes no
// bit, of a NaN neither.
func FromBF16(dst []float32, src []uint16) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		fromBF16(dst[from:to], src[from:to])
	}
}

// ToFP16 sets dst[i] to the bits of src[i] in half precision (IEEE 754 binary16): 5 bits
// of exponent, 10 of fraction, from 2^-24, with denormals, to 65504. It rounds as
// [ToBF16] does.
func ToFP16(dst []uint16, src []float32) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		toFP16(dst[from:to], src[from:to])
	}
}

// FromFP16 sets dst[i] to the number whose bits in half precision are src[i], exactly. A
// NaN becomes quiet.
func FromFP16(dst []float32, src []uint16) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		fromFP16(dst[from:to], src[from:to])
	}
}
