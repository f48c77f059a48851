package kernel

// Packed is a right factor laid out once as the kernels read it and kept: it saves
// each product that work, and the memory traffic of it. Every tier reads the same
// layout, [k block][panel][k][32].
//
// An FP32 Packed takes 4 bytes an element, a BF16 one 2, an Int8 one 9 bits or, for
// Q4_1 and Q4_K, 10; with the columns rounded up to a multiple of 32. It does not
// change, and may be used by many at once.
type Packed struct {
	rows, cols int
	precision  Precision
	format     BlockFormat // of Int8
	words      []uint32
}

// Rows returns K of the matrix that was packed.
func (w *Packed) Rows() int { return w.rows }

// Cols returns N of the matrix that was packed.
func (w *Packed) Cols() int { return w.cols }

// Bytes returns the memory it takes.
func (w *Packed) Bytes() int { return 4 * len(w.words) }

// Pack lays out b, K x N and not itself Packed, for products of the precision.
func Pack(p *Pool, b Factor, precision Precision) *Packed {
	x := &multiply{engine: activeEngine(), b: rightOf(b), precision: precision, pairs: precision == BF16}
	if x.b.form == asPacked {
		panic("kernel: a Packed matrix cannot be packed again")
	}
	x.b.check(precision)
	w := &Packed{rows: x.b.rows, cols: x.b.cols, precision: precision}
	if w.rows == 0 || w.cols == 0 {
		return w
	}
	if precision == Int8 {
		w.format, w.words = x.b.format, packInt8(p, x.b)
		return w
	}
	panels := ceil(w.cols, tileCols)
	w.words = alignedWords(panels * tileCols * x.words(w.rows))
	const group = 8 // panels of a task
	groups := ceil(panels, group)
	block := blockOf(w.rows, precision)
	space := make([]scratch, p.Threads())
	p.Run(groups*ceil(w.rows, block), func(thread, task int) {
		col := task % groups * group * tileCols
		k0 := task / groups * block
		n, k := min(group*tileCols, w.cols-col), min(block, w.rows-k0)
		x.packB(w.block(k0, col), floats(space[thread].get(x.b.room())), col, k0, n, k)
	})
	return w
}

// block returns the panels from column col on, in the block of k that begins at k0.
func (w *Packed) block(k0, col int) []uint32 {
	k := min(blockOf(w.rows, w.precision), w.rows-k0)
	panels := ceil(w.cols, tileCols)
	return w.words[w.precision.words(k0)*panels*tileCols+col*w.precision.words(k):]
}
