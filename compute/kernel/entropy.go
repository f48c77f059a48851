package kernel

import "math"

// sumBlock is how many exponentials are added in single precision; sums of these
// are added in double. It bounds the error of a sum over a large vocabulary.
const sumBlock = 4096

// LogSum is the logarithm of a sum of exponentials, over numbers that come in
// pieces. The zero value is the sum of none. How the numbers are divided into
// pieces changes the last bits; a multiple of 4096 in each but the last, with the
// largest in the first, does not.
type LogSum struct {
	largest float32
	sum     float64 // of exp(x-largest)
}

// Add adds e to the power of each of x.
func (l *LogSum) Add(x []float32) {
	if len(x) == 0 {
		return
	}
	// A piece all minus infinity adds nothing, but a NaN in it must be seen.
	largest := max(rowMax(x), -math.MaxFloat32)
	switch {
	case l.sum == 0:
		l.largest = largest
	case largest > l.largest:
		l.sum *= math.Exp(float64(l.largest) - float64(largest))
		l.largest = largest
	}
	for len(x) > 0 {
		n := min(len(x), sumBlock)
		l.sum += float64(sumExp(x[:n], l.largest))
		x = x[n:]
	}
}

// Value returns the logarithm; that of no numbers is minus infinity.
func (l *LogSum) Value() float64 { return float64(l.largest) + math.Log(l.sum) }

// Softmax sets dst[i] to weight times the softmax of x[i], where x is all or a part
// of what was added.
func (l *LogSum) Softmax(dst, x []float32, weight float32) {
	expScale(dst, prefix(x, len(dst)), l.largest, float32(float64(weight)/l.sum))
}

// LogSoftmax sets each row of dst, of cols elements, to the logarithm of the softmax
// of the row of src: x - log(sum(exp(x))). With e = 2^-24 an element is off by less than
//
//	e (2|x| + 2|log(sum(exp(x)))| + 10 + min(cols, 4096)/16)
//
// A row with NaN, with plus infinity, or of minus infinity alone becomes NaN throughout.
func LogSoftmax(dst, src []float32, cols int) {
	dst = prefix(dst, len(src))
	for i := range rowCount(len(src), cols) {
		row := src[i*cols : (i+1)*cols]
		var l LogSum
		l.Add(row)
		shift(dst[i*cols:(i+1)*cols], row, float32(l.Value()))
	}
}

// CrossEntropyLoss sets loss[t] to the negative logarithm of the probability that
// row t of logits gives to targets[t]. There are len(targets) rows; a row of weight 0
// does not count: its loss is 0, and its target may be anything. A loss is off by less
// than e (loss + 20 + min(cols, 4096)/16), e being 2^-24; it is NaN where [LogSoftmax]
// is, and plus infinity for a target of minus infinity.
func CrossEntropyLoss(loss, logits []float32, targets []int32, weights []float32) {
	cols := columns(logits, targets)
	for t, target := range targets {
		loss[t] = 0
		if weights[t] != 0 {
			row := logits[t*cols : (t+1)*cols]
			var l LogSum
			l.Add(row)
			loss[t] = l.minus(row[target])
		}
	}
}

// CrossEntropy is CrossEntropyLoss that besides replaces logits by the derivative of
// the sum of weights[t]*loss[t]:
//
//	dlogits[t][v] = weights[t] * (softmax(logits[t])[v] - (1 if v is targets[t]))
//
// It knows nothing of other rows. So a model of large vocabulary makes the logits
// of some rows, calls this, multiplies the result back, and takes the next rows
// into the same memory; the bits are those of all rows at once. With the mean over
// N tokens as the loss, a weight is 1/N, or 0 for a token that is not learned.
func CrossEntropy(loss, logits []float32, targets []int32, weights []float32) {
	cols := columns(logits, targets)
	for t, target := range targets {
		row, weight := logits[t*cols:(t+1)*cols], weights[t]
		loss[t] = 0
		if weight == 0 {
			clear(row)
			continue
		}
		chosen := row[target]
		l := LogSum{largest: rowMax(row)}
		for rest := row; len(rest) > 0; {
			n := min(len(rest), sumBlock)
			l.sum += float64(expSum(rest[:n], rest[:n], l.largest))
			rest = rest[n:]
		}
		loss[t] = l.minus(chosen)
		scale(row, row, float32(float64(weight)/l.sum))
		row[target] -= weight
	}
}

// minus returns the logarithm less x, without rounding in between.
func (l *LogSum) minus(x float32) float32 {
	return float32(math.Log(l.sum) + (float64(l.largest) - float64(x)))
}

// columns returns how many logits a target has.
func columns(logits []float32, targets []int32) int {
	cols := len(logits) / max(len(targets), 1)
	rowCount(len(logits), max(cols, 1))
	return cols
}
