package kernel

// A product of int8 runs in the blocks of matmul_block.go, with sizes of its own: for
// each byte there are four times as many multiplications to do, so that blocks of k are
// longer, and those of columns can be small.
const (
	int8K    = 2048 // elements of k up to which it is one block
	int8Cols = 128  // columns of a task
	int8Wide = 512  // elements of a block where panels are made fp32
)

// tileInt8Func adds up a tile, of which the first height rows are wanted, over k groups
// of the panels, and else is a tileFunc.
type tileInt8Func func(height, k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

// int8Multiply is one product under way.
type int8Multiply struct {
	engine
	c, x    Matrix
	w       int8Weights
	form    int8Form
	m, n, k int
	block   int // of k
	alpha   float32
	mode    int          // of the last block
	wide    bool         // panels are made fp32
	narrow  tileInt8Func // else

	row, rows int      // of x that are packed
	panelsA   []uint32 // [panel][k][12]
	cols      int      // of a task
	parts     int      // rows are cut into, for tasks

	pool *Pool
	do   *int8Tasks
}

// int8Tasks are tasks for products of Int8.
type int8Tasks struct{ packA, tiles func(thread, task int) }

// multiply does a product.
func (y *int8Multiply) multiply(p *Pool, c, a Matrix, b right, o MatMulOptions) {
	if a.Transposed {
		panic("kernel: a product of int8 with a left factor that is Transposed")
	}
	do := y.do
	if do == nil {
		do = &int8Tasks{y.packA, y.tiles}
	}
	defer func() { *y = int8Multiply{do: do} }()
	w := int8Weights{format: b.format, stored: b.blocks}
	if b.form == asPacked {
		w = int8Weights{format: b.packed.format, packed: b.packed.words}
	}
	*y = int8Multiply{
		pool: p, do: do, engine: activeEngine(), c: c, x: a, w: w, form: w.format.int8Form(),
		m: c.Rows, n: c.Cols, k: a.Cols, alpha: o.Alpha, mode: overwrite,
	}
	if y.alpha == 0 {
		y.alpha = 1
	}
	if o.Accumulate {
		y.mode = addTo
	}
	most := int8K
	if y.narrow = activeInt8Tile(y.form); y.narrow == nil {
		y.wide = true
		most = int8Wide
	}
	y.block = y.k
	if y.k > most { // blocks of whole blocks of weights
		y.block = ceil(ceil(y.k, ceil(y.k, most)), 256) * 256
	}
	y.run()
}

// tileOf adds up a tile: see tileInt8Func.
func (y *int8Multiply) tileOf(height, k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int) {
	if y.wide {
		y.tile(k, a, b, next, part, c, ldc, alpha, mode)
	} else {
		y.narrow(height, k, a, b, next, part, c, ldc, alpha, mode)
	}
}

// wordsA and wordsB return the words that k elements take at one place of a panel.
func (y *int8Multiply) wordsA(k int) int {
	if y.wide {
		return k
	}
	return y.form.wordsA(k)
}

func (y *int8Multiply) wordsB(k int) int {
	if y.wide {
		return k
	}
	return y.form.wordsB(k)
}

// steps returns what a tile counts k elements as.
func (y *int8Multiply) steps(k int) int {
	if y.wide {
		return k
	}
	return y.form.groups(k)
}

func (y *int8Multiply) run() {
	p := y.pool
	panels := ceil(y.m, tileRows)
	words := y.wordsA(y.k)
	chunks := ceil(panels*tileRows*words, blockA)
	y.rows = ceil(panels, chunks) * tileRows
	y.plan(p.Threads())
	space := p.shared.get(y.rows * words)
	for y.row = 0; y.row < y.m; y.row += y.rows {
		y.panelsA = space
		p.run(ceil(min(y.rows, y.m-y.row), tileRows), y.do.packA)
		p.run(ceil(y.n, y.cols)*y.parts, y.do.tiles)
	}
}

// plan cuts the work into tasks: blocks of columns and, where those are too few for
// the threads to finish at about the same time, parts of the rows, for each of which
// weights are unpacked again.
func (y *int8Multiply) plan(threads int) {
	y.cols = min(int8Cols, ceil(y.n, tileCols)*tileCols)
	y.parts = 1
	if threads == 1 {
		return
	}
	tasks := 4 * threads
	y.cols = max(min(y.cols, ceil(ceil(y.n, tasks), tileCols)*tileCols), tileCols)
	if few := ceil(y.n, y.cols); few < threads {
		y.parts = min(ceil(tasks, few), ceil(y.rows, tileRows))
	}
}

// packA rounds a panel of x.
func (y *int8Multiply) packA(thread, task int) {
	rows := min(y.rows, y.m-y.row)
	words := y.wordsA(y.k) * tileRows
	panel := y.panelsA[task*words:][:words]
	var narrow []uint32
	if y.wide {
		narrow = y.pool.space[thread].get(y.form.wordsA(y.block) * tileRows)
	}
	for k0 := 0; k0 < y.k; k0 += y.block {
		k := min(y.block, y.k-k0)
		var from [tileRows]*float32
		for i := range from {
			row := y.row + min(task*tileRows+i, rows-1) // those beyond do not count
			from[i] = &y.x.Data[row*y.x.stride()+k0]
		}
		dst := panel[y.wordsA(k0)*tileRows:]
		if y.wide {
			roundPanel(y.form, narrow, &from, k/int8Block)
			y.form.widenA(dst, narrow, k)
		} else {
			roundPanel(y.form, dst, &from, k/int8Block)
		}
	}
}

// blockOfB returns the panels of cols columns from col on, in the block of k that
// begins at k0, and the words from one to the next. Space is where they are unpacked,
// unless they are kept, and room for doing so.
func (y *int8Multiply) blockOfB(space, room []uint32, col, cols, k0, k int) (panels []uint32, stride int) {
	kept := y.form.wordsB(y.k) * tileCols
	if y.w.packed != nil {
		panels, stride = y.w.packed[col/tileCols*kept+y.form.wordsB(k0)*tileCols:], kept
		if !y.wide {
			return panels, stride
		}
	}
	narrow := y.form.wordsB(k) * tileCols
	wide := y.wordsB(k) * tileCols
	for at := range ceil(cols, tileCols) {
		dst := space[at*wide:][:wide]
		switch {
		case !y.wide:
			y.form.unpack(y.pack, dst, room, y.w, col+at*tileCols, y.n, k0, k, y.k)
		case y.w.packed != nil:
			y.form.widenB(dst, panels[at*stride:], k)
		default:
			y.form.unpack(y.pack, room[:narrow], room[narrow:], y.w, col+at*tileCols, y.n, k0, k, y.k)
			y.form.widenB(dst, room, k)
		}
	}
	return space, wide
}

// tiles does one task: a block of columns with a part of the rows.
func (y *int8Multiply) tiles(thread, task int) {
	block, part := task/y.parts, task%y.parts
	rows := min(y.rows, y.m-y.row)
	panels := ceil(rows, tileRows)
	first, last := panels*part/y.parts, panels*(part+1)/y.parts
	if first == last {
		return
	}
	col := block * y.cols
	cols := min(y.cols, y.n-col)
	across := ceil(cols, tileCols)

	inPlace := y.block >= y.k // no sums have to wait: one tile is enough, for edges
	waiting := 1
	if !inPlace {
		waiting = (last - first) * across
	}
	wordsB := across * tileCols * y.wordsB(y.block)
	space := y.pool.space[thread].get(waiting*tileWords + wordsB + y.form.unpackRoom() + y.form.wordsB(y.block)*tileCols)
	sums, space := floats(space[:waiting*tileWords]), space[waiting*tileWords:]
	stride := y.c.stride()
	for k0 := 0; k0 < y.k; k0 += y.block {
		k := min(y.block, y.k-k0)
		b, strideB := y.blockOfB(space[:wordsB], space[wordsB:], col, cols, k0, k)
		begin := 0
		if k0 > 0 {
			begin = resume
		}
		final := k0+k == y.k
		steps := y.steps(k)
		lineA, wordsA := y.wordsA(y.k)*tileRows, y.wordsA(k)*tileRows
		for i := first; i < last; i++ {
			height := min(tileRows, rows-i*tileRows)
			a := y.panelsA[i*lineA+y.wordsA(k0)*tileRows:]
			for j := range across {
				width := min(tileCols, cols-j*tileCols)
				tile := sums
				if !inPlace {
					tile = sums[((i-first)*across+j)*tileWords:]
				}
				tile = tile[:tileWords]
				pb := &b[j*strideB]
				// A share of the next panel of A, in the time of this tile.
				next := &a[min(lineA+j*wordsA/across, len(a)-1)]
				if !final {
					y.tileOf(height, steps, &a[0], pb, next, &tile[0], nil, 0, 0, begin)
					continue
				}
				c := y.c.Data[(y.row+i*tileRows)*stride+col+j*tileCols:]
				if height == tileRows && width == tileCols {
					y.tileOf(height, steps, &a[0], pb, next, &tile[0], &c[0], stride, y.alpha, begin|y.mode)
					continue
				}
				y.tileOf(height, steps, &a[0], pb, next, &tile[0], nil, 0, 0, begin)
				y.store(&tile[0], &c[0], stride, height, width, y.alpha, y.mode)
			}
		}
	}
}
