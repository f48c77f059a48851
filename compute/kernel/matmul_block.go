package kernel

// A product runs in blocks, sized for a level of cache each:
//
//	k      blockWords words of a panel, so that one of A stays in L1 while it
//	       meets those of B, which stream from L2
//	cols   blockB words of B are packed at once, for L2
//	rows   blockA words of A are packed at once, for L3
//
//	for rows:  pack A [k block][panel]                        (all threads)
//	  for cols, and parts of rows:                            (a task each)
//	    for k:  pack B [panel]
//	      for panels of A:  for panels of B:  tile
//
// Where k has several blocks, sums wait in tiles [12][32] of their own from one to
// the next: in c their rows would lie pages apart. The last block writes to c.
// Products with few rows or columns go another way: see matmul_skinny.go.
const (
	wholeK     = 768 // words of k up to which it is one block
	blockWords = 256 // else about that
	blockB     = 128 << 10
	blockA     = 4 << 20
	maxCols    = 512
)

// engine is what a product takes from a tier.
type engine struct {
	name            string
	tile            tileFunc
	tilePairs       tileFunc // nil: pairs are made fp32
	pack, packPairs packFunc
	packStored      packStoredFunc       // nil: bf16 is made fp32 first
	round           func(words []uint32) // to bf16, of an engine without pairs
	store           storeFunc
	skinnyKernels
}

var genericEngine = engine{
	name: "generic", tile: tileGeneric, pack: packGeneric, packPairs: packPairsGeneric,
	round: roundPanels, store: storeGeneric, skinnyKernels: skinnyGeneric,
}

// blockOf returns how many k a block has, a whole number of words.
func blockOf(k int, precision Precision) int {
	words := precision.words(k)
	if words <= wholeK {
		return k
	}
	blocks := (words + blockWords - 1) / blockWords
	block := (words + blocks - 1) / blocks
	if precision == BF16 {
		return 2 * block
	}
	return block
}

// multiply is one product under way.
type multiply struct {
	engine
	c         Matrix
	a         source
	b         right
	m, n, k   int
	block     int // of k
	precision Precision
	tileOf    tileFunc
	pairs     bool // panels are of bf16
	alpha     float32
	mode      int // of the last block

	plan    plan
	row     int      // of a, from which on rows are packed
	panelsA []uint32 // [k block][panel][k][12]

	skinny skinny // if it is that

	pool *Pool
	do   *tasks
}

func product(p *Pool, c, a Matrix, b right, o MatMulOptions) {
	b.check(o.Precision)
	c.check("c", len(c.Data))
	a.check("a", len(a.Data))
	if c.Transposed || a.Cols != b.rows || c.Rows != a.Rows || c.Cols != b.cols {
		mismatch(c, a, b)
	}
	if c.Rows == 0 || c.Cols == 0 {
		return
	}
	if a.Cols == 0 {
		if !o.Accumulate {
			for i := range c.Rows {
				clear(c.Data[i*c.stride():][:c.Cols])
			}
		}
		return
	}
	if p == nil {
		p = &Pool{threads: 1, space: make([]scratch, 1)}
	}
	p.running.Lock()
	defer p.running.Unlock()
	if o.Precision == Int8 {
		p.int8.multiply(p, c, a, b, o)
	} else {
		p.product.multiply(p, c, a, b, o)
	}
}

// multiply does a product of FP32 or BF16.
func (x *multiply) multiply(p *Pool, c, a Matrix, b right, o MatMulOptions) {
	defer x.forget()
	*x = multiply{
		pool: p, do: x.tasks(), engine: activeEngine(), c: c, a: source{a.Data, a.stride(), !a.Transposed}, b: b, m: c.Rows, n: c.Cols, k: a.Cols,
		block: blockOf(a.Cols, o.Precision), precision: o.Precision, alpha: o.Alpha, mode: overwrite,
	}
	if x.alpha == 0 {
		x.alpha = 1
	}
	if o.Accumulate {
		x.mode = addTo
	}
	x.tileOf = x.tile
	if o.Precision == BF16 && x.tilePairs != nil {
		x.tileOf, x.pairs = x.tilePairs, true
	}
	if x.planSkinny() {
		x.runSkinny()
	} else {
		x.run()
	}
}

// tasks are what a product hands to the threads. They are kept from one product to the
// next, as the memory for all else is, so that a product allocates nothing.
type tasks struct {
	packA, tiles, packThin, skinnyTiles func(thread, task int)
}

func (x *multiply) tasks() *tasks {
	if x.do == nil {
		x.do = &tasks{x.packA, x.tiles, x.packThin, x.skinnyTiles}
	}
	return x.do
}

// forget lets go of the factors.
func (x *multiply) forget() { *x = multiply{do: x.do} }

// words returns the words that k numbers of one place take in this product's panels.
func (x *multiply) words(k int) int {
	if x.pairs {
		return BF16.words(k)
	}
	return k
}

func (x *multiply) run() {
	x.plan = x.planned(x.pool.Threads())
	x.panelsA = x.pool.shared.get(x.plan.rows * x.words(x.k))
	for x.row = 0; x.row < x.m; x.row += x.plan.rows {
		x.pool.run(x.plan.groups*ceil(x.k, x.block), x.do.packA)
		x.pool.run(x.plan.blocks*x.plan.parts, x.do.tiles)
	}
}

// packA packs a group of panels of A, for a block of k.
func (x *multiply) packA(_, task int) {
	rows := min(x.plan.rows, x.m-x.row)
	panels := ceil(rows, tileRows)
	first, last := cut(panels, x.plan.groups, task%x.plan.groups)
	if first == last {
		return
	}
	k0 := task / x.plan.groups * x.block
	k := min(x.block, x.k-k0)
	dst := x.blockA(k0, panels)[first*tileRows*x.words(k):]
	x.packPart(dst, tileRows, x.a.from(x.row+first*tileRows, k0), min(last*tileRows, rows)-first*tileRows, k)
}

// blockA returns the panels of the block of k that begins at k0.
func (x *multiply) blockA(k0, panels int) []uint32 {
	return x.panelsA[x.words(k0)*panels*tileRows:]
}

// packPart packs in the form the tile function reads.
func (x *multiply) packPart(dst []uint32, width int, s source, n, k int) {
	switch {
	case x.pairs:
		x.packPairs(dst, width, s, n, k)
	case x.precision == BF16:
		x.pack(dst, width, s, n, k)
		x.round(dst[:ceil(n, width)*width*k])
	default:
		x.pack(dst, width, s, n, k)
	}
}

// blockOfB returns the panels of cols columns from col on, in the block of k that
// begins at k0; space is where they are packed, unless they are kept.
func (x *multiply) blockOfB(space []uint32, wide []float32, col, cols, k0, k int) []uint32 {
	if x.b.form != asPacked {
		x.packB(space, wide, col, k0, cols, k)
		return space
	}
	kept := x.b.packed.block(k0, col)
	if x.pairs || x.precision == FP32 {
		return kept
	}
	words := BF16.words(k) * tileCols
	for at := range ceil(cols, tileCols) {
		widenPanel(space[at*k*tileCols:], kept[at*words:], tileCols, k)
	}
	return space
}

// tiles does one task: a block of columns with a part of the rows.
func (x *multiply) tiles(thread, task int) {
	rows := min(x.plan.rows, x.m-x.row)
	panels := ceil(rows, tileRows)
	first, last := cut(panels, x.plan.parts, task%x.plan.parts)
	if first == last {
		return
	}
	left, right := cut(ceil(x.n, tileCols), x.plan.blocks, task/x.plan.parts)
	across := right - left
	col := left * tileCols
	cols := min(right*tileCols, x.n) - col

	inPlace := x.block >= x.k // no sums have to wait: one tile is enough, for edges
	waiting := 1
	if !inPlace {
		waiting = (last - first) * across
	}
	wordsB := across * tileCols * x.words(x.block)
	wordsC := waiting * tileWords
	space := x.pool.space[thread].get(wordsB + wordsC + x.b.room())
	sums, wide := floats(space[wordsB:][:wordsC]), floats(space[wordsB+wordsC:])
	stride := x.c.stride()
	for k0 := 0; k0 < x.k; k0 += x.block {
		k := min(x.block, x.k-k0)
		words := x.words(k)
		a := x.blockA(k0, panels)
		b := x.blockOfB(space[:wordsB], wide, col, cols, k0, k)
		begin := 0
		if k0 > 0 {
			begin = resume
		}
		final := k0+k == x.k
		for i := first; i < last; i++ {
			height := min(tileRows, rows-i*tileRows)
			for j := range across {
				width := min(tileCols, cols-j*tileCols)
				tile := sums
				if !inPlace {
					tile = sums[((i-first)*across+j)*tileWords:]
				}
				tile = tile[:tileWords]
				pa, pb := &a[i*tileRows*words], &b[j*tileCols*words]
				// A share of the next panel of A, in the time of this tile.
				next := &a[min((i+1)*tileRows*words+j*tileRows*words/across, len(a)-1)]
				if !final {
					x.tileOf(words, pa, pb, next, &tile[0], nil, 0, 0, begin)
					continue
				}
				c := x.c.Data[(x.row+i*tileRows)*stride+col+j*tileCols:]
				if height == tileRows && width == tileCols {
					x.tileOf(words, pa, pb, next, &tile[0], &c[0], stride, x.alpha, begin|x.mode)
					continue
				}
				x.tileOf(words, pa, pb, next, &tile[0], nil, 0, 0, begin)
				x.store(&tile[0], &c[0], stride, height, width, x.alpha, x.mode)
			}
		}
	}
}

func ceil(n, by int) int { return (n + by - 1) / by }
