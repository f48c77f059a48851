package kernel

// Softmax sets each row of dst, of cols elements, to the softmax of the row of src:
// positive numbers that add up to 1, in proportion to e to the power of src.
//
// An element far below the row's largest, as one masked by -1e30 or minus infinity
// is, gets 0. A row with NaN, with plus infinity, or of minus infinity alone becomes
// NaN throughout. The relative error is below 5 ulp, plus half an ulp for each unit
// that the element, and in the mean the others, are below the row's largest, plus
// one for every 32 elements of the row at the very worst.
func Softmax(dst, src []float32, cols int) {
	dst = prefix(dst, len(src))
	for i := range rowCount(len(src), cols) {
		softmaxRow(dst[i*cols:(i+1)*cols], src[i*cols:(i+1)*cols])
	}
}

// SoftmaxBackward sets each row of dx, of cols elements, to the derivative of the
// loss by the softmax's input, given its result y and the derivative dy by that:
//
//	dx = y * (dy - sum(y*dy))
func SoftmaxBackward(dx, y, dy []float32, cols int) {
	y, dy = prefix(y, len(dx)), prefix(dy, len(dx))
	for i := range rowCount(len(dx), cols) {
		from, to := i*cols, (i+1)*cols
		mean := dot(y[from:to], dy[from:to])
		softmaxGradient(dx[from:to], y[from:to], dy[from:to], mean)
	}
}
