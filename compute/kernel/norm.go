package kernel

// RMSNorm normalises rows by the root of the mean of their squares (Zhang and
// Sennrich, "Root Mean Square Layer Normalization", 2019):
//
//	inverse = 1 / sqrt(mean(x*x) + eps)
//	dst     = x * weight * inverse
//
// A row has len(weight) elements; inverse has one element a row and is what the
// backward pass wants back. The squares must not exceed the range of a float32.
func RMSNorm(dst, inverse, x, weight []float32, eps float32) {
	cols := len(weight)
	if len(x) == 0 {
		return
	}
	dst = prefix(dst, len(x))
	rows := rowCount(len(x), cols)
	inverse = prefix(inverse, rows)
	for i := range rows {
		inverse[i] = rmsNorm(dst[i*cols:(i+1)*cols], x[i*cols:(i+1)*cols], weight, eps)
	}
}

// RMSNormBackward adds the derivatives of the loss by x to dx and by weight to
// dweight, given dy, that by RMSNorm's result, and RMSNorm's arguments and inverse:
//
//	dx      += inverse*weight*dy - x * inverse^3 * mean(weight*dy*x)
//	dweight += inverse*x*dy, over all rows
//
// It adds to dx because the input of a norm goes around it, too, in the models
// there are. Threads that share out the rows give each group of rows a dweight of
// its own and add these in the groups' order; groups must not depend on the number
// of threads if the bits are not to.
func RMSNormBackward(dx, dweight, dy, x, weight, inverse []float32) {
	cols := len(weight)
	if len(dx) == 0 {
		return
	}
	dy, x, dweight = prefix(dy, len(dx)), prefix(x, len(dx)), prefix(dweight, cols)
	rows := rowCount(len(dx), cols)
	inverse = prefix(inverse, rows)
	for i := range rows {
		from, to := i*cols, (i+1)*cols
		inv := float64(inverse[i])
		mean := float64(dot3(dy[from:to], weight, x[from:to])) / float64(cols)
		rmsNormGradient(dx[from:to], dweight, dy[from:to], x[from:to], weight, inverse[i], float32(inv*inv*inv*mean))
	}
}
