package kernel

// Int8Vector is a vector to multiply with rows of any [BlockFormat]: itself, and its
// elements rounded to int8 in blocks of 32, each with a float32 scale. The zero value
// is an empty vector; Set fills it and keeps its memory for the next.
//
// Rounding an element costs at most half its block's scale, which is 1/127 of the
// block's largest magnitude.
type Int8Vector struct {
	exact  []float32 // the caller's
	values []int8    // with zeros up to a multiple of int8Padding blocks
	scales []float32 // one a block, then zeros so that a whole vector can be read from any
	sums   []int32   // of a block's values, negated; padded like scales
}

const (
	int8Block   = 32
	int8Padding = 4  // blocks a kernel reads at once
	scaleRoom   = 16 // scales a kernel reads at once
)

// Set makes v the vector x, whose length must be a multiple of 32. It keeps x, which
// must not change before the last use of v. Each element becomes the nearest integer
// to it over the scale, halves to even. A block with an infinity or a NaN makes every
// product NaN; one whose scale is at most 2^-128 counts as zeros. All tiers give the same bits.
func (v *Int8Vector) Set(x []float32) {
	blocks := rowCount(len(x), int8Block)
	groups := (blocks + int8Padding - 1) / int8Padding * int8Padding
	v.exact = x
	v.values = resize(v.values, groups*int8Block, blocks*int8Block)
	v.scales = resize(v.scales, groups+scaleRoom, blocks)
	v.sums = resize(v.sums, groups+scaleRoom, blocks)
	roundInt8(v.values, v.scales, v.sums, x)
}

// resize returns a slice of n elements, in the memory of s if it is enough, of which
// those from used on are zero.
func resize[T any](s []T, n, used int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s[used:])
	return s
}

// Len returns the number of elements.
func (v *Int8Vector) Len() int { return len(v.exact) }

// Round sets dst, of length Len, to the numbers that v has in place of x's.
func (v *Int8Vector) Round(dst []float32) {
	for i := range dst[:v.Len()] {
		dst[i] = v.scales[i/int8Block] * float32(v.values[i])
	}
}

// rowsAtOnce is about how many bytes of weights a kernel is given in one call. It
// takes some 25 microseconds, so that the garbage collector need not wait long for a
// goroutine in assembly.
const rowsAtOnce = 1 << 20

// MatVec sets y[i] to the product of row i of the matrix w and x. Rows follow each
// other in w, which must have len(y) rows of x.Len() elements in the format f; that
// must be whole blocks. A caller who shares out rows among goroutines gives each a
// part of y and the same rows of w: every y[i] depends on its own row alone.
//
// Q8_0, Q4_0, Q4_K and Q6_K multiply with x as rounded to int8. Sums of a few of a
// block's products are exact, those over blocks are in float32 and in an order that depends on the tier.
// Q4_1 and Q5_0 are dequantised and multiplied with x itself. Where a scale is not
// finite, neither is the result.
func (f BlockFormat) MatVec(y []float32, w []byte, x *Int8Vector) {
	stride := f.Bytes(x.Len())
	w = w[:len(y)*stride]
	if stride == 0 {
		clear(y)
		return
	}
	step := max(1, rowsAtOnce/stride)
	for len(y) > 0 {
		n := min(step, len(y))
		switch f {
		case Q8_0:
			matVecQ8(y[:n], w[:n*stride], x.values, x.scales, x.sums, stride/34)
		case Q4_0:
			matVecQ4(y[:n], w[:n*stride], x.values, x.scales, x.sums, stride/18)
		case Q4K:
			matVecQ4K(y[:n], w[:n*stride], x.values, x.scales, x.sums, stride/144)
		case Q6K:
			matVecQ6K(y[:n], w[:n*stride], x.values, x.scales, x.sums, stride/210)
		default:
			f.matVecExact(y[:n], w[:n*stride], x.exact)
		}
		y, w = y[n:], w[n*stride:]
	}
}

// matVecExact dequantises up to 256 elements at a time.
func (f BlockFormat) matVecExact(y []float32, w []byte, x []float32) {
	var part [256]float32
	for i := range y {
		var sum float32
		for at := 0; at < len(x); at += len(part) {
			p := part[:min(len(part), len(x)-at)]
			bytes := f.Bytes(len(p))
			f.Dequantize(p, w[:bytes])
			w = w[bytes:]
			sum += dot(p, x[at:at+len(p)])
		}
		y[i] = sum
	}
}

// MatVec sets y[i] to the product of row i of w, a matrix of len(y) rows of len(x)
// elements that follow each other, and x. Every y[i] depends on its own row alone, so
// rows may be shared out among goroutines.
func MatVec(y, w, x []float32) {
	w = w[:len(y)*len(x)]
	step := max(1, rowsAtOnce/4/max(1, len(x)))
	for len(y) > 0 {
		n := min(step, len(y))
		matVecF32(y[:n], w[:n*len(x)], x, len(x))
		y, w = y[n:], w[n*len(x):]
	}
}

// MatVecBF16 is [MatVec] for a matrix in bfloat16, whose elements it multiplies as the
// float32 they are.
func MatVecBF16(y []float32, w []uint16, x []float32) {
	w = w[:len(y)*len(x)]
	step := max(1, rowsAtOnce/2/max(1, len(x)))
	for len(y) > 0 {
		n := min(step, len(y))
		matVecBF16(y[:n], w[:n*len(x)], x, len(x))
		y, w = y[n:], w[n*len(x):]
	}
}
