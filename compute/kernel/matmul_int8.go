package kernel

import "fmt"

//go:generate go run ./gen/int8

// MatMul sets c = Alpha * x * transpose(w), or adds that to c, for weights w as they
// are stored: c.Cols rows of x.Cols elements in the format f, one after the other.
// c is M x N, x M x K, neither Transposed; K is whole blocks, and M, N and K may be 0.
// c must not overlap with x. The pool may be nil. o.Precision has no meaning here.
//
// The rows of x are rounded to int8 in blocks of 32 as [Int8Vector] rounds them; a
// block with an infinity or a NaN makes its row of c NaN. Of these numbers and the
// weights as f.Dequantize gives them, with e = 2^-24,
//
//	|c - exact| <= (K/16 + 8) e |Alpha| sum |x| |w|   [AVX2, AVX512: (K + 8) e]
//
// where |w| is |d*s*q| + |e*t| in Q4_K and |d*q| + |m| in Q4_1. For the products of 32
// elements, in Q6_K of 16, are added as integers, exactly; the sum, times both scales,
// is rounded two to four times before it is added to the others, in ascending order
// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). That holds as
// long as nothing overflows or is denormal. Where a scale of a weight is not finite,
// neither is the result.
//
// An element depends on its row of x and its row of w, and on nothing else: not on the
// number of threads, on M, on N, on whether the weights are packed. AVX2 and AVX512
// have no instructions for this: there the same numbers are multiplied in fp32.
//
// Weights are unpacked anew in each product, which costs as much as one to six more
// rows of x: up to four rows are faster by [BlockFormat.MatVecs], six or more by this.
//
// It panics, as an index out of range does, if the shapes do not fit.
func (f BlockFormat) MatMul(p *Pool, c, x Matrix, w []byte, o MatMulOptions) {
	w = w[:f.bytesOf(c.Cols, x.Cols)]
	int8Product(p, c, x, int8Weights{format: f, stored: w}, o)
}

// PackedInt8 is a matrix of weights in a [BlockFormat], laid out once for products:
// 9 or 10 bits a weight, with the rows rounded up to a multiple of 32. Every tier
// reads the same layout. It does not change, and may be used by many at once.
type PackedInt8 struct {
	format BlockFormat
	n, k   int
	words  []uint32 // [panel][group][word][32]: see int8Form
}

// Pack lays out n rows of k elements, as they are stored in w.
func (f BlockFormat) Pack(p *Pool, w []byte, n, k int) *PackedInt8 {
	w = w[:f.bytesOf(n, k)]
	packed := &PackedInt8{format: f, n: n, k: k}
	if n == 0 || k == 0 {
		return packed
	}
	form, pack := f.int8Form(), activeEngine().pack
	panel := form.wordsB(k) * tileCols
	packed.words = alignedWords(ceil(n, tileCols) * panel)
	space := make([]scratch, p.Threads())
	p.Run(ceil(n, tileCols), func(thread, task int) {
		room := space[thread].get(form.unpackRoom())
		form.unpack(pack, packed.words[task*panel:][:panel], room, int8Weights{format: f, stored: w}, task*tileCols, n, 0, k, k)
	})
	return packed
}

// Format returns the format of the weights that were packed.
func (w *PackedInt8) Format() BlockFormat { return w.format }

// Rows returns N, the rows of weights that were packed.
func (w *PackedInt8) Rows() int { return w.n }

// Cols returns K, the elements of a row.
func (w *PackedInt8) Cols() int { return w.k }

// Bytes returns the memory it takes.
func (w *PackedInt8) Bytes() int { return 4 * len(w.words) }

// MatMulInt8 is [BlockFormat.MatMul] with packed weights, and has the same bits.
func MatMulInt8(p *Pool, c, x Matrix, w *PackedInt8, o MatMulOptions) {
	if c.Cols != w.n || x.Cols != w.k {
		panic(fmt.Sprintf("kernel: a %d x %d matrix is no product of %d x %d and %d x %d weights", c.Rows, c.Cols, x.Rows, x.Cols, w.n, w.k))
	}
	int8Product(p, c, x, int8Weights{format: w.format, packed: w.words}, o)
}

// bytesOf returns what n rows of k elements take, which must be whole blocks.
func (f BlockFormat) bytesOf(n, k int) int {
	if n < 0 || k < 0 {
		panic(fmt.Sprintf("kernel: a matrix of %d x %d weights", n, k))
	}
	return n * f.Bytes(k)
}
