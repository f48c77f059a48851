package kernel

// Packed is the right factor of products, b, laid out once as the kernels read it
// and kept: it saves each product that work, and the memory traffic of it. Every
// tier reads the same layout, [k block][panel][k][32].
//
// An FP32 Packed takes 4 bytes an element, a BF16 one 2, with the columns rounded
// up to a multiple of 32. It does not change, and may be used by many at once.
type Packed struct {
	rows, cols int
	precision  Precision
	words      []uint32
}

// Rows returns K of the matrix that was packed.
func (w *Packed) Rows() int { return w.rows }

// Cols returns N of the matrix that was packed.
func (w *Packed) Cols() int { return w.cols }

// Bytes returns the memory it takes.
func (w *Packed) Bytes() int { return 4 * len(w.words) }

// Pack lays out b, K x N, rounding it if the precision is BF16.
func Pack(p *Pool, b Matrix, precision Precision) *Packed {
	b.check("b", len(b.Data))
	s := b.side(true)
	return pack(p, b, precision, func(_, col, k0, _, _ int) source { return s.from(col, k0) })
}

// MatrixBF16 is a Matrix of bfloat16 numbers, as weights are stored.
type MatrixBF16 struct {
	Data       []uint16
	Rows, Cols int
	Stride     int
	Transposed bool
}

// PackBF16 lays out b, K x N, for products of BF16, without a copy of it in fp32.
func PackBF16(p *Pool, b MatrixBF16) *Packed {
	shape := Matrix{Rows: b.Rows, Cols: b.Cols, Stride: b.Stride, Transposed: b.Transposed}
	shape.check("b", len(b.Data))
	s := shape.side(true)
	space := make([]scratch, p.Threads())
	return pack(p, shape, BF16, func(thread, col, k0, n, k int) source {
		lines, length, at := k, n, k0*s.ld+col
		if s.alongK {
			lines, length, at = n, k, col*s.ld+k0
		}
		wide := floats(space[thread].get(lines * length))
		for i := range lines {
			FromBF16(wide[i*length:][:length], b.Data[at+i*s.ld:])
		}
		return source{wide, length, s.alongK}
	})
}

// pack lays out a matrix of that shape, of which from returns n columns and k rows.
func pack(p *Pool, b Matrix, precision Precision, from func(thread, col, k0, n, k int) source) *Packed {
	w := &Packed{rows: b.Rows, cols: b.Cols, precision: precision}
	if b.Rows == 0 || b.Cols == 0 {
		return w
	}
	panels := ceil(b.Cols, tileCols)
	w.words = alignedWords(panels * tileCols * precision.words(b.Rows))
	do := activeEngine().pack
	if precision == BF16 {
		do = activeEngine().packPairs
	}
	const group = 8 // panels of a task
	groups := ceil(panels, group)
	block := blockOf(b.Rows, precision)
	p.Run(groups*ceil(b.Rows, block), func(thread, task int) {
		col := task % groups * group * tileCols
		k0 := task / groups * block
		n, k := min(group*tileCols, b.Cols-col), min(block, b.Rows-k0)
		do(w.block(k0, col), tileCols, from(thread, col, k0, n, k), n, k)
	})
	return w
}

// block returns the panels from column col on, in the block of k that begins at k0.
func (w *Packed) block(k0, col int) []uint32 {
	k := min(blockOf(w.rows, w.precision), w.rows-k0)
	panels := ceil(w.cols, tileCols)
	return w.words[w.precision.words(k0)*panels*tileCols+col*w.precision.words(k):]
}
