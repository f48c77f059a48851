package kernel

import (
	"fmt"
	"iter"
)

// Int8Vector is a vector to multiply with rows of any [BlockFormat], rounded to int8 in
// blocks of 32, each with a float32 scale. The zero value is an empty vector; Set fills
// it and keeps its memory for the next.
//
// Rounding an element costs at most half its block's scale, which is 1/127 of the
// block's largest magnitude.
type Int8Vector struct {
	// Assembly reads the slices by their places.
	values []int8    // with zeros up to a multiple of int8Group blocks
	halves []int8    // the same, in groups of four blocks: their first halves, then their second
	scales []float32 // one a block, then zeros so that a whole vector can be read from any
	sums   []int32   // of a block's values, negated; padded like scales
	starts []int32   // four a block, of its values 4i to 4i+3 and 4i+16 to 4i+19, negated
	len    int
}

const (
	int8Block = 32
	int8Group = 4  // blocks a kernel reads at once
	scaleRoom = 16 // scales a kernel reads at once
)

// Set makes v the vector x, whose length must be a multiple of 32. Each element becomes
// the nearest integer to it over the scale, halves to even. A block with an infinity or
// a NaN makes every product NaN; one whose scale is at most 2^-128 counts as zeros. All
// tiers give the same bits.
func (v *Int8Vector) Set(x []float32) {
	blocks := rowCount(len(x), int8Block)
	groups := (blocks + int8Group - 1) / int8Group * int8Group
	v.len = len(x)
	v.values = resize(v.values, groups*int8Block, blocks*int8Block)
	v.halves = resize(v.halves, groups*int8Block, blocks/int8Group*int8Group*int8Block)
	v.scales = resize(v.scales, groups+scaleRoom, blocks)
	v.sums = resize(v.sums, groups+scaleRoom, blocks)
	v.starts = resize(v.starts, groups*4, blocks*4)
	roundInt8(v.values, v.scales, v.sums, x)
	splitInt8(v.halves, v.starts, v.values[:len(x)])
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
func (v *Int8Vector) Len() int { return v.len }

// Round sets dst, of length Len, to the numbers that v has in place of x's.
func (v *Int8Vector) Round(dst []float32) {
	for i := range dst[:v.Len()] {
		dst[i] = v.scales[i/int8Block] * float32(v.values[i])
	}
}

// kernelBytes is about how many bytes of weights a kernel is given in one call: what
// the second cache holds beside other things, for several vectors to take their turn
// before the rows leave it. Reading them from memory takes some 6 microseconds, so that
// the garbage collector need not wait long for a goroutine in assembly.
const kernelBytes = 1 << 18

// rowParts divides rows of so many bytes among calls of a kernel, from and to.
func rowParts(rows, bytes int) iter.Seq2[int, int] {
	step := max(1, kernelBytes/max(1, bytes))
	return func(yield func(from, to int) bool) {
		for from := 0; from < rows; from += step {
			if !yield(from, min(from+step, rows)) {
				return
			}
		}
	}
}

// MatVec sets y[i] to the product of row i of the matrix w and x. Rows follow each
// other in w, which must have len(y) rows of x.Len() elements in the format f; that
// must be whole blocks. A caller who shares out rows among goroutines gives each a
// part of y and the same rows of w: every y[i] depends on its own row alone.
//
// Sums of a few of a block's products are exact, those over blocks are in float32 and
// in an order that depends on the tier. Where a scale is not finite, neither is the
// result.
func (f BlockFormat) MatVec(y []float32, w []byte, x *Int8Vector) {
	stride := f.Bytes(x.Len())
	w = prefix(w, len(y)*stride)
	for from, to := range rowParts(len(y), stride) {
		f.matVec(y[from:to], w[from*stride:to*stride], x)
	}
}

// MatVecs is [BlockFormat.MatVec] for several vectors of the same length: it sets ys[i]
// to the products with xs[i], with the same bits. All ys have as many elements as w has
// rows. It reads w from memory once, and from a cache for the second vector and so on;
// that is worth most where memory is much slower than kernels, as with float32.
func (f BlockFormat) MatVecs(ys [][]float32, w []byte, xs []Int8Vector) {
	if len(xs) == 0 {
		return
	}
	rows, stride := len(ys[0]), f.Bytes(xs[0].Len())
	w = prefix(w, rows*stride)
	for i := range xs {
		if xs[i].Len() != xs[0].Len() {
			panic(fmt.Sprintf("kernel: a vector of %d elements is among those of %d", xs[i].Len(), xs[0].Len()))
		}
	}
	for from, to := range rowParts(rows, stride) {
		for i := range xs {
			f.matVec(prefix(ys[i], rows)[from:to], w[from*stride:to*stride], &xs[i])
		}
	}
}

// matVec is MatVec for a few rows.
func (f BlockFormat) matVec(y []float32, w []byte, x *Int8Vector) {
	blocks := x.Len() / f.Elements()
	switch f {
	case Q8_0:
		matVecQ8_0(y, w, x, blocks)
	case Q4_0:
		matVecQ4_0(y, w, x, blocks)
	case Q4_1:
		matVecQ4_1(y, w, x, blocks)
	case Q5_0:
		matVecQ5_0(y, w, x, blocks)
	case Q4K:
		matVecQ4K(y, w, x, blocks)
	case Q6K:
		matVecQ6K(y, w, x, blocks)
	}
}

// MatVec sets y[i] to the product of row i of w, a matrix of len(y) rows of len(x)
// elements that follow each other, and x. Every y[i] depends on its own row alone, so
// rows may be shared out among goroutines.
func MatVec(y, w, x []float32) {
	n := len(x)
	w = prefix(w, len(y)*n)
	for from, to := range rowParts(len(y), 4*n) {
		matVecF32(y[from:to], w[from*n:to*n], x, n)
	}
}

// MatVecs is [MatVec] for several vectors, as [BlockFormat.MatVecs] is.
func MatVecs(ys [][]float32, w []float32, xs [][]float32) {
	if len(xs) == 0 {
		return
	}
	rows, n := len(ys[0]), len(xs[0])
	w = prefix(w, rows*n)
	for from, to := range rowParts(rows, 4*n) {
		for i, x := range xs {
			matVecF32(prefix(ys[i], rows)[from:to], w[from*n:to*n], prefix(x, n), n)
		}
	}
}

// MatVecBF16 is [MatVec] for a matrix in bfloat16, whose elements it multiplies as the
// float32 they are.
func MatVecBF16(y []float32, w []uint16, x []float32) {
	n := len(x)
	w = prefix(w, len(y)*n)
	for from, to := range rowParts(len(y), 2*n) {
		matVecBF16(y[from:to], w[from*n:to*n], x, n)
	}
}

// MatVecsBF16 is [MatVecBF16] for several vectors, as [BlockFormat.MatVecs] is.
func MatVecsBF16(ys [][]float32, w []uint16, xs [][]float32) {
	if len(xs) == 0 {
		return
	}
	rows, n := len(ys[0]), len(xs[0])
	w = prefix(w, rows*n)
	for from, to := range rowParts(rows, 2*n) {
		for i, x := range xs {
			matVecBF16(prefix(ys[i], rows)[from:to], w[from*n:to*n], prefix(x, n), n)
		}
	}
}
