//go:build !amd64 || noasm

package kernel

func roundInt8(values []int8, scales []float32, sums []int32, x []float32) {
	roundInt8Generic(values, scales, sums, x)
}

func matVecQ8(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	matVecQ8Generic(y, w, values, scales, sums, blocks)
}

func matVecQ4(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	matVecQ4Generic(y, w, values, scales, sums, blocks)
}

func matVecQ4K(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	matVecQ4KGeneric(y, w, values, scales, sums, blocks)
}

func matVecQ6K(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	matVecQ6KGeneric(y, w, values, scales, sums, blocks)
}

func matVecF32(y, w, x []float32, stride int) { matVecF32Generic(y, w, x, stride) }

func matVecBF16(y []float32, w []uint16, x []float32, stride int) {
	matVecBF16Generic(y, w, x, stride)
}
