package kernel

import (
	"fmt"
	"unsafe"
)

// Factor is the right factor of a product in the form it is stored: a [Matrix], a
// [MatrixBF16], a [MatrixF16], a [BlockMatrix] or a *[Packed]. There is one interface,
// and not a function for each of them, so that a model holds its weights as its file has
// them and its layers are written once; it is closed, for each form is read in its own
// way.
//
// A product with a MatrixBF16, a MatrixF16 or a BlockMatrix has the bits of one with the
// Matrix of the same numbers, and never holds that: each task converts the panels it
// packs, some 8 Ki numbers at a time, or lays bf16 out as it is for products of that. That
// costs for each number of b what multiplying it with a few rows of a does; so a product
// of many rows has nearly the speed of one with a Matrix, and a product of few rows is
// better served by [BlockFormat.MatVec] or [MatVecsBF16].
type Factor interface{ right() right }

// MatrixBF16 is a [Matrix] of bfloat16 numbers.
type MatrixBF16 struct {
	Data       []uint16
	Rows, Cols int
	Stride     int
	Transposed bool
}

// MatrixF16 is a [Matrix] of half-precision numbers.
type MatrixF16 struct {
	Data       []uint16
	Rows, Cols int
	Stride     int
	Transposed bool
}

// BlockMatrix is a matrix of block-quantised numbers as a file has them: Rows lines of
// Cols numbers or, if Transposed, Cols lines of Rows numbers. A line is whole blocks,
// and lines follow one another without gaps.
//
// The weights W of a linear layer are stored as [outputs][inputs]. Its forward pass is
// a product with W.T(), its backward pass one with W.
type BlockMatrix struct {
	Data       []byte
	Format     BlockFormat
	Rows, Cols int
	Transposed bool
}

// T returns the transpose, a view of the same numbers.
func (m MatrixBF16) T() MatrixBF16 {
	t := m.shape().T()
	return MatrixBF16{m.Data, t.Rows, t.Cols, t.Stride, t.Transposed}
}

// T returns the transpose, a view of the same numbers.
func (m MatrixF16) T() MatrixF16 { return MatrixF16(MatrixBF16(m).T()) }

// T returns the transpose, a view of the same numbers.
func (m BlockMatrix) T() BlockMatrix {
	m.Rows, m.Cols, m.Transposed = m.Cols, m.Rows, !m.Transposed
	return m
}

// shape returns the view without its numbers.
func (m MatrixBF16) shape() Matrix {
	return Matrix{Rows: m.Rows, Cols: m.Cols, Stride: m.Stride, Transposed: m.Transposed}
}

// right is a right factor as a product reads it: of packed, numbers, words and blocks,
// the one that form says. packed is no pointer, which would be the caller's interface
// and put whatever is in that on the heap.
type right struct {
	form       form
	rows, cols int
	packed     Packed
	numbers    []float32
	words      []uint16
	blocks     []byte
	format     BlockFormat
	ld         int  // numbers from one line to the next
	alongK     bool // a line is a column of b, else a row
}

type form uint8

const (
	asNumbers form = iota
	asPacked
	asWords // and up: to be converted
	asHalves
	asBlocks
)

// rightOf is b.right(), of which the call through the interface would do so, too.
func rightOf(b Factor) right {
	switch b := b.(type) {
	case Matrix:
		return b.right()
	case MatrixBF16:
		return b.right()
	case MatrixF16:
		return b.right()
	case BlockMatrix:
		return b.right()
	case *Packed:
		return b.right()
	}
	panic("kernel: a product without a right factor")
}

func (m Matrix) right() right {
	m.check("b", len(m.Data))
	return right{rows: m.Rows, cols: m.Cols, numbers: m.Data, ld: m.stride(), alongK: m.Transposed}
}

func (m MatrixBF16) right() right {
	shape := m.shape()
	shape.check("b", len(m.Data))
	return right{form: asWords, rows: m.Rows, cols: m.Cols, words: m.Data, ld: shape.stride(), alongK: m.Transposed}
}

func (m MatrixF16) right() right {
	r := MatrixBF16(m).right()
	r.form = asHalves
	return r
}

func (m BlockMatrix) right() right {
	shape := Matrix{Rows: m.Rows, Cols: m.Cols, Transposed: m.Transposed}
	k := m.Format.kind()
	shape.check("b", len(m.Data)/k.bytes*k.elements)
	if shape.need() > 0 {
		rowCount(shape.stride(), k.elements)
	}
	return right{form: asBlocks, rows: m.Rows, cols: m.Cols, blocks: m.Data, format: m.Format, ld: shape.stride(), alongK: m.Transposed}
}

func (w *Packed) right() right { return right{form: asPacked, rows: w.rows, cols: w.cols, packed: *w} }

// Numbers are converted in parts of up to partLines lines by partRun numbers. A part
// stays in L1 until it is packed, and none goes across a multiple of partRun, so that
// blocks at its ends are decoded whole only where k is cut inside a block.
const (
	partLines = tileCols
	partRun   = 256
)

// room returns how many words of memory converting takes.
func (r *right) room() int {
	if r.form >= asWords {
		return partLines * partRun
	}
	return 0
}

// packB packs n columns of b from col on, in k rows from k0 on, for this product. col
// is a multiple of tileCols and k0 one of two; wide is memory of b.room words.
func (x *multiply) packB(dst []uint32, wide []float32, col, k0, n, k int) {
	b, words := &x.b, x.words(k)
	switch {
	case b.form == asNumbers:
		x.packPart(dst, tileCols, source{b.numbers, b.ld, b.alongK}.from(col, k0), n, k)
	case x.pairs && x.packStored != nil && b.storesPairs(k):
		x.packStored(dst, b, col, k0, n, k)
	case b.alongK:
		for first := 0; first < n; first += partLines {
			panel, lines := dst[first*words:], min(partLines, n-first)
			for at, end := k0, 0; at < k0+k; at = end {
				end = min(at-at%partRun+partRun, k0+k)
				s := b.part(wide, col+first, at, lines, end-at)
				x.packPart(panel[x.words(at-k0)*tileCols:], tileCols, s, lines, end-at)
			}
		}
	default:
		for first := 0; first < k; first += partLines {
			lines := min(partLines, k-first)
			for at, end := col, 0; at < col+n; at = end {
				end = min(at-at%partRun+partRun, col+n)
				s := b.part(wide, k0+first, at, lines, end-at)
				for place := at; place < end; place += tileCols {
					panel := dst[(place-col)*words+x.words(first)*tileCols:]
					x.packPart(panel, tileCols, s.from(place-at, 0), min(tileCols, end-place), lines)
				}
			}
		}
	}
}

// storesPairs tells whether the words of a panel of bf16, of k, can be taken from what is
// stored. Making that fp32 and rounding it again would but make denormals zero and NaNs
// quiet, as a multiplication of pairs does.
func (r *right) storesPairs(k int) bool {
	whole := k%2 == 0 && r.ld%2 == 0 && uintptr(unsafe.Pointer(unsafe.SliceData(r.words)))%4 == 0
	return r.form == asWords && (whole || !r.alongK)
}

// part converts n numbers of each of some lines, from number at of a line on.
func (r *right) part(wide []float32, line, at, lines, n int) source {
	if r.form == asWords {
		widenLines(wide, partRun, r.words[line*r.ld+at:], r.ld, lines, n)
		return source{wide, partRun, r.alongK}
	}
	if r.form == asHalves {
		for i := range lines {
			fromFP16(wide[i*partRun:][:n], r.words[(line+i)*r.ld+at:][:n])
		}
		return source{wide, partRun, r.alongK}
	}
	kind := r.format.kind()
	skip := at % kind.elements
	first, blocks := at/kind.elements, ceil(skip+n, kind.elements)
	stride := r.ld / kind.elements * kind.bytes
	r.format.decodeLines(wide, partRun, r.blocks[line*stride+first*kind.bytes:], stride, lines, blocks)
	return source{wide[skip:], partRun, r.alongK}
}

// check panics if a product of the precision cannot have the factor.
func (r *right) check(precision Precision) {
	switch {
	case r.form == asPacked && r.packed.precision != precision:
		panic(fmt.Sprintf("kernel: a product of %s with a matrix packed as %s", precision, r.packed.precision))
	case precision == Int8 && r.form != asPacked && (r.form != asBlocks || !r.alongK):
		panic("kernel: a product of int8 with what is not the transpose of a BlockMatrix")
	}
}
