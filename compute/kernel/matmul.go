package kernel

import "fmt"

// Matrix is a view of float32 numbers as Rows x Cols. Element (i, j) is
// Data[i*Stride+j] or, if Transposed, Data[j*Stride+i]. A Stride of 0 means that
// the rows (if Transposed, the columns) follow one another without gaps.
type Matrix struct {
	Data       []float32
	Rows, Cols int
	Stride     int
	Transposed bool
}

// T returns the transpose, a view of the same numbers.
func (m Matrix) T() Matrix {
	m.Stride = m.stride()
	m.Rows, m.Cols, m.Transposed = m.Cols, m.Rows, !m.Transposed
	return m
}

func (m Matrix) stride() int {
	switch {
	case m.Stride != 0:
		return m.Stride
	case m.Transposed:
		return m.Rows
	}
	return m.Cols
}

// need returns how many numbers the view reaches over.
func (m Matrix) need() int {
	lines, length := m.Rows, m.Cols
	if m.Transposed {
		lines, length = length, lines
	}
	if lines == 0 || length == 0 {
		return 0
	}
	return (lines-1)*m.stride() + length
}

// check panics if the view has no sense, or reaches over more than the numbers there
// are.
func (m Matrix) check(name string, have int) {
	length := m.Cols
	if m.Transposed {
		length = m.Rows
	}
	switch {
	case m.Rows < 0 || m.Cols < 0:
		panic(fmt.Sprintf("kernel: matrix %s is %d x %d", name, m.Rows, m.Cols))
	case m.stride() < length:
		panic(fmt.Sprintf("kernel: matrix %s has a stride of %d and lines of %d numbers", name, m.stride(), length))
	case have < m.need():
		panic(fmt.Sprintf("kernel: matrix %s of %d x %d and stride %d reaches over %d numbers and has %d",
			name, m.Rows, m.Cols, m.stride(), m.need(), have))
	}
}

// Precision says what a product multiplies. It always adds in fp32.
type Precision uint8

const (
	// FP32 multiplies the numbers as they are.
	FP32 Precision = iota
	// BF16 rounds both factors to bfloat16, to nearest and ties to even, with
	// denormals as zeros: twice as fast where the machine has an instruction for
	// it, and elsewhere FP32's speed with bfloat16's precision.
	BF16
	// Int8 multiplies block-quantised weights as integers with a rounded to int8. b is the
	// transpose of a [BlockMatrix], as stored or Packed, and a is not Transposed.
	//
	// Rows of a are rounded in blocks of 32 as [Int8Vector] rounds them; a block with an
	// infinity or a NaN makes its row of c NaN. Of these numbers and the weights as
	// Dequantize gives them, with e = 2^-24,
	//
	//	|c - exact| <= (K/16 + 8) e |Alpha| sum |a| |b|   [AVX2, AVX512: (K + 8) e]
	//
	// where |b| is |d*s*q| + |e*t| in Q4_K and |d*q| + |m| in Q4_1. For the products of 32
	// elements, in Q6_K of 16, are added as integers, exactly; the sum, times both scales,
	// is rounded two to four times before it is added to the others, in ascending order.
	// That holds as long as nothing overflows or is denormal. Where a scale of a weight is
	// not finite, neither is the result. AVX2 and AVX512 have no instructions for this:
	// there the same numbers are multiplied in fp32.
	//
	// Weights that are not Packed are unpacked anew in each product, which costs as much as
	// three to six more rows of a. Up to four rows, in Q4_K and Q6_K one, are better served
	// by [BlockFormat.MatVecs].
	Int8
)

func (p Precision) String() string { return [...]string{"fp32", "bf16", "int8"}[p] }

// BF16InHardware tells whether the active tier multiplies bf16 as such. Others multiply
// the same numbers in fp32, at the speed of that.
func BF16InHardware() bool { return activeEngine().tilePairs != nil }

// MatMulOptions say what becomes of a product. The zero value overwrites c with it.
// There is no bias, which Llama's layers lack; their residual sums are Accumulate's.
type MatMulOptions struct {
	// Alpha is a factor of the product; 0 means 1.
	Alpha float32
	// Accumulate adds the product to c. Otherwise c is overwritten and never read.
	Accumulate bool
	// Precision of the factors. A Packed factor has its own, which must be this.
	Precision Precision
}

// MatMul sets c = Alpha * a * b, or adds that to c. c is M x N, a M x K and b K x N,
// of which any may be 0, b in any form of a [Factor]; a and b may be Transposed, c must
// not, and must not overlap with them. The pool may be nil.
//
// Each element is the sum over k in ascending order, one rounding a step where the
// tier has a fused multiply-add (two in the generic tier), so that with e = 2^-24
//
//	|c - exact| <= (K+2) e |Alpha| sum |a| |b|   [generic: (K+3) e; BF16: + 2^-7, from rounding a and b]
//
// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1) as long as
// nothing overflows or is denormal. An element depends on its row of a and its
// column of b and on nothing else: not on the number of threads, on M, on N, on
// whether a factor is Transposed or how b is stored. The FP32 bits of AVX2 and AVX-512
// are the same. NaN and Inf in a and b reach the elements they belong to.
//
// It panics, as an index out of range does, if the shapes do not fit.
func MatMul(p *Pool, c, a Matrix, b Factor, o MatMulOptions) {
	product(p, c, a, rightOf(b), o)
}

func mismatch(c, a Matrix, b right) {
	if c.Transposed {
		panic("kernel: the matrix a product is written to must not be Transposed")
	}
	panic(fmt.Sprintf("kernel: a %d x %d matrix is no product of %d x %d and %d x %d", c.Rows, c.Cols, a.Rows, a.Cols, b.rows, b.cols))
}
