//go:build !noasm

package kernel

// matVecBF16Rest adds the products of the elements from the n-th on, which are few.
func matVecBF16Rest(y []float32, w []uint16, x []float32, stride, n int) {
	if n == len(x) {
		return
	}
	for i := range y {
		var rest [1]float32
		matVecBF16Generic(rest[:], w[i*stride+n:], x[n:], stride)
		y[i] += rest[0]
	}
}
