package kernel

// A product is skinny if one factor, the thin one, has few rows (a) or columns (b),
// and the other, the long one, many: LoRA's products, or those of a few tokens with a
// matrix of weights. To pack the long factor would cost as much as to multiply it: it
// is read where it lies, and only the thin one is packed, as B is, [panel][k][32]. A b
// that is no numbers is made such in parts that stay in L1, if its lines are columns.
//
//	the long factor is   its lines are   kernels   a register of sums is
//	a or b^T             places          rows      4 lines x 4 columns; 16 columns
//	a^T or b             k               columns   16 places
//
// where places are rows of a or columns of b and columns are the thin factor's. From
// tiles of 32 places by 32 columns, kept while k lasts, numbers go to c, turned about
// if they lie the other way there.
const (
	longTile = 32 // places of a tile

	longLeast = longTile     // places from which a factor is long
	thinMost  = 3 * tileCols // columns up to which one is thin
	skinnyK   = 32           // k from which tiles are worth their detour

	rowsK    = 1024 // k of a call, of which a thin panel stays in L2
	columnsK = 128  // k of a call, of which a tile's places stay in L1
	maxGroup = 8    // tiles of a task: so many neighbours are read for each columnsK
)

// skinnyFunc multiplies some places of the long factor x with some columns of a panel
// of the thin one, over k numbers, and writes the sums to part, a part of a tile with
// 32 numbers a line: [place][column] (rows) or [column][place] (columns). resumed (1,
// else 0) says that they go on from what is there. next is where a call on other
// places will read, in cache afterwards.
type skinnyFunc func(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)

// skinnyKernel is a skinnyFunc with the places and columns it takes.
type skinnyKernel struct {
	places, columns int
	do              skinnyFunc
}

// skinnyKernels are those of a tier, the widest first; none if it has none.
type skinnyKernels struct {
	rows, columns         []skinnyKernel
	rowPairs, columnPairs []skinnyKernel // of BF16
}

// of returns the kernels for the long factor s.
func (e skinnyKernels) of(s source, pairs bool) []skinnyKernel {
	switch {
	case pairs && s.alongK:
		return e.rowPairs
	case pairs:
		return e.columnPairs
	case s.alongK:
		return e.rows
	}
	return e.columns
}

// narrowest returns the narrowest kernel for so many columns, or the widest there is.
func narrowest(kernels []skinnyKernel, columns int) skinnyKernel {
	i := 0
	for i+1 < len(kernels) && kernels[i+1].columns >= columns {
		i++
	}
	return kernels[i]
}

// skinny is what such a product has.
type skinny struct {
	long, thin      source
	places, columns int
	mirrored        bool // long is b
	kernels         []skinnyKernel
	chunk           int      // of k
	copied          bool     // a tile's part of long is, for each chunk
	converted       bool     // likewise, for b is no numbers
	panels          []uint32 // of thin
	tiles           int      // of places
	groups          int      // of tiles, a task each
}

// planSkinny reports whether the product is skinny, and sets x.skinny if so. It goes
// by the shape alone; the bits are the same either way.
func (x *multiply) planSkinny() bool {
	b := source{x.b.numbers, x.b.ld, x.b.alongK}
	s := skinny{long: x.a, thin: b, places: x.m, columns: x.n, chunk: columnsK}
	if x.n > x.m {
		s = skinny{long: b, thin: x.a, places: x.n, columns: x.m, chunk: columnsK, mirrored: true}
	}
	if s.converted = x.b.form >= asWords; s.converted {
		// Pairs are multiplied so fast that packing b pays for a single row.
		if !s.mirrored || !x.b.alongK || x.pairs {
			return false
		}
	}
	if x.b.form == asPacked || s.columns > thinMost || s.places < longLeast || x.k < skinnyK {
		return false
	}
	if x.precision == FP32 || x.pairs {
		s.kernels = x.skinnyKernels.of(s.long, x.pairs)
	}
	if len(s.kernels) == 0 {
		return false
	}
	switch {
	case s.converted:
		s.chunk = partRun
	case s.long.alongK:
		s.chunk = rowsK
	default:
		s.copied = s.displaced(x.pairs)
	}
	s.tiles = ceil(s.places, longTile)
	s.groups = cuts(s.tiles, min(max(s.tiles/8, 1), maxGroup), x.pool.Threads())
	x.skinny = s
	return true
}

// displaced reports whether a tile of long is worth a copy: its lines are 2 KiB or a
// multiple apart, so that few sets of L1 have to hold them all; they are read several
// times; and the kernel is too quick to hide that they come from L2 each time, as those
// of bf16 are and the narrow ones of AVX2.
func (s *skinny) displaced(pairs bool) bool {
	return s.long.ld%512 == 0 && s.columns > 16 && (pairs || s.kernels[0].columns < 8)
}

func (x *multiply) runSkinny() {
	s, p := &x.skinny, x.pool
	s.panels = p.shared.get(ceil(s.columns, tileCols) * tileCols * x.words(x.k))
	p.run(ceil(s.columns, tileCols)*ceil(x.k, rowsK), x.do.packThin)
	p.run(s.groups, x.do.skinnyTiles)
}

// thinPanel returns a panel of the thin factor from k0 on.
func (x *multiply) thinPanel(panel, k0 int) []uint32 {
	return x.skinny.panels[(panel*x.words(x.k)+x.words(k0))*tileCols:]
}

// packThin packs a panel of the thin factor, for rowsK k.
func (x *multiply) packThin(_, task int) {
	s := &x.skinny
	blocks := ceil(x.k, rowsK)
	panel, k0 := task/blocks, task%blocks*rowsK
	col := panel * tileCols
	x.packPart(x.thinPanel(panel, k0), tileCols, s.thin.from(col, k0), min(tileCols, s.columns-col), min(rowsK, x.k-k0))
}

// skinnyTiles does a task: a group of tiles.
func (x *multiply) skinnyTiles(thread, task int) {
	s := &x.skinny
	first, last := cut(s.tiles, s.groups, task)
	panels := ceil(s.columns, tileCols)
	const words = longTile * tileCols
	const wordsCopied = columnsK * longTile
	space := x.pool.space[thread].get(((last-first)*panels+1)*words + wordsCopied + x.b.room())
	wide := floats(carve(&space, x.b.room()))
	copied, turned, sums := space[:wordsCopied], space[wordsCopied:][:words], floats(space[wordsCopied+words:])
	for k0 := 0; k0 < x.k; k0 += s.chunk {
		for tile := first; tile < last; tile++ {
			if s.converted {
				part := x.b.part(wide, s.place(tile), k0, longTile, min(s.chunk, x.k-k0))
				x.skinnyTile(sums[(tile-first)*panels*words:], part, part, copied, k0)
				continue
			}
			next, nextK := tile+1, k0
			if next == last {
				next, nextK = first, min(k0+s.chunk, x.k-1)
			}
			from, to := s.long.from(s.place(tile), k0), s.long.from(s.place(next), nextK)
			x.skinnyTile(sums[(tile-first)*panels*words:], from, to, copied, k0)
		}
	}
	for tile := first; tile < last; tile++ {
		for panel := range panels {
			x.storeSkinny(sums[((tile-first)*panels+panel)*words:][:words], turned, tile, panel)
		}
	}
}

// place returns where a tile begins: the last one where it ends with the places.
func (s *skinny) place(tile int) int { return min(tile*longTile, s.places-longTile) }

// skinnyTile adds up the tiles of the places that begin at from, one a panel of the
// thin factor, over the k of a chunk. copied is room for s.copied.
func (x *multiply) skinnyTile(sums []float32, from, next source, copied []uint32, k0 int) {
	s := &x.skinny
	k, resumed := min(s.chunk, x.k-k0), min(k0, 1)
	if s.copied {
		x.pack(copied, longTile, from, longTile, k)
		from = source{data: floats(copied), ld: longTile}
		next = from
	}
	for col := 0; col < s.columns; {
		kernel := narrowest(s.kernels, s.columns-col)
		panel, in := col/tileCols, col%tileCols
		thin, tile := x.thinPanel(panel, k0), sums[panel*longTile*tileCols:]
		for place := 0; place < longTile; place += kernel.places {
			at, part := place, in*longTile+place
			if from.alongK {
				at, part = place*from.ld, place*tileCols+in
			}
			kernel.do(k, &thin[in], &from.data[at], &next.data[min(at, len(next.data)-1)], from.ld, &tile[part], resumed)
		}
		col += kernel.columns
	}
}

// storeSkinny puts a tile into c; turned is room for one.
func (x *multiply) storeSkinny(sums []float32, turned []uint32, tile, panel int) {
	s := &x.skinny
	place, col := tile*longTile, panel*tileCols
	skip := place - s.place(tile) // places that the tile before has stored
	columns := min(tileCols, s.columns-col)
	if s.long.alongK == s.mirrored {
		lines, length := longTile, columns
		if !s.long.alongK {
			lines, length = columns, longTile
		}
		x.pack(turned, tileCols, source{sums, tileCols, true}, lines, length)
		sums = floats(turned)
	}
	stride := x.c.stride()
	if s.mirrored {
		x.store(&sums[skip], &x.c.Data[col*stride+place], stride, columns, longTile-skip, x.alpha, x.mode)
	} else {
		x.store(&sums[skip*tileCols], &x.c.Data[place*stride+col], stride, longTile-skip, columns, x.alpha, x.mode)
	}
}
