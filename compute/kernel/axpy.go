package kernel

// Axpy adds a*x[i] to y[i].
func Axpy(y, x []float32, a float32) {
	x = prefix(x, len(y))
	for from, to := range pieces(len(y)) {
		axpy(y[from:to], x[from:to], a)
	}
}

// Scale sets dst[i] to a*src[i].
func Scale(dst, src []float32, a float32) {
	src = prefix(src, len(dst))
	for from, to := range pieces(len(dst)) {
		scale(dst[from:to], src[from:to], a)
	}
}

// Add sets dst[i] to x[i]+y[i].
func Add(dst, x, y []float32) {
	x, y = prefix(x, len(dst)), prefix(y, len(dst))
	for from, to := range pieces(len(dst)) {
		add(dst[from:to], x[from:to], y[from:to])
	}
}

// SquaresBlock is how many elements make one term of a sum of squares.
const SquaresBlock = 1 << 14

// SumSquares returns the sum of x[i]*x[i], as for the norm of a gradient: that of
// each block of SquaresBlock elements, added in their order. Products and sums are
// in double precision, so no finite x overflows.
//
// Threads get the same bits by sharing out whole blocks, keeping each block's sum,
// and adding these in order.
func SumSquares(x []float32) float64 {
	sum := 0.0
	for len(x) > 0 {
		n := min(len(x), SquaresBlock)
		sum += sumSquares(x[:n])
		x = x[n:]
	}
	return sum
}
