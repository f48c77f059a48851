package kernel

import (
	"math"
	"unsafe"
)

// A task of the forward pass is a block of 32 queries of one head, which are the
// columns of its tiles; the rows are keys, or elements of a value:
//
//	for blocks of keys:
//	  for 12 of them:        s [keys][32]  = keys [12][Dim] * queries [Dim][32]
//	  s = 2^(s - largest), where the largest of each column may grow
//	  for 12 of a value's:   o [Dim][32]  += values [12][keys] * s [keys][32]
//
// So the tiles of s, one after the other, are a panel of B for the second product as
// they are, and what is done to a query is done to a lane. Keys and values have been
// packed before as panels of A, [12][Dim] and [12][keys].
const (
	queryBlock = tileCols
	keyBlock   = 32 * tileRows // so that s stays in L1 or near it
	// packedAtOnce is about how many words of keys and values are packed at a time.
	packedAtOnce = 8 << 20
)

// span is a run of rows of queries, of a document or a sequence, with its keys.
type span struct {
	row, rows    int
	past         int // keys before that of the first row
	keys, values cacheRows
	first        int // the position there of its first key
}

// unit is a span's key head, whose keys and values are packed together.
type unit struct {
	*span
	head         int
	packedKeys   []uint32 // [keys/12][Dim][12]
	packedValues []uint32 // [key block][Dim/12][key][12]
	pack         int      // its first task of packing
	task         int      // its first task
}

func (u *unit) count() int { return u.past + u.rows }

type forward struct {
	Attention
	engine
	pool   *Pool
	out, q Matrix
	lse    []float32
	pages  [2][]float32 // the keys and values of documents
	spans  []span
	units  []unit // those packed

	do forwardTasks
}

type forwardTasks struct{ pack, attend func(thread, task int) }

// begin takes the place of the last call.
func (f *forward) begin(p *Pool, a Attention, out, q Matrix) *forward {
	if f.do.pack == nil {
		f.do = forwardTasks{f.packTask, f.blockTask}
	}
	f.Attention, f.engine, f.pool, f.out, f.q = a, activeEngine(), p, out, q
	return f
}

// forget lets go of everything but the memory of the lists.
func (f *forward) forget() {
	clear(f.spans)
	clear(f.units[:cap(f.units)])
	*f = forward{spans: f.spans[:0], units: f.units[:0], do: f.do}
}

func (f *forward) run() {
	words := 0
	for i := range f.spans {
		s := &f.spans[i]
		for head := range f.KVHeads {
			need := f.packedWords(s.past + s.rows)
			if words > 0 && words+need > packedAtOnce {
				f.runUnits(words)
				words = 0
			}
			words += need
			f.units = append(f.units, unit{span: s, head: head})
		}
	}
	f.runUnits(words)
}

func (f *forward) packedWords(keys int) int {
	return ceil(keys, tileRows)*tileRows*f.Dim + keys*f.widthOfValues()
}

// runUnits does the units there are, and empties the list.
func (f *forward) runUnits(words int) {
	space := f.pool.shared.get(words)
	pack, tasks := 0, 0
	for i := range f.units {
		u := &f.units[i]
		u.packedKeys = carve(&space, ceil(u.count(), tileRows)*tileRows*f.Dim)
		u.packedValues = carve(&space, u.count()*f.widthOfValues())
		u.pack, u.task = pack, tasks
		pack += 2 * ceil(u.count(), keyBlock)
		tasks += ceil(u.rows, queryBlock) * f.group()
	}
	f.pool.run(pack, f.do.pack)
	f.pool.run(tasks, f.do.attend)
	f.units = f.units[:0]
}

func (f *forward) packTask(thread, task int) {
	u := &f.units[lastUnit(f.units, func(u *unit) bool { return u.pack <= task })]
	task -= u.pack
	f.packBlock(u, task/2*keyBlock, task%2 == 1, &f.pool.space[thread])
}

// blockTask does a block of queries. The last ones have most to do, and come first.
func (f *forward) blockTask(thread, task int) {
	u := &f.units[lastUnit(f.units, func(u *unit) bool { return u.task <= task })]
	task -= u.task
	block := ceil(u.rows, queryBlock) - 1 - task/f.group()
	f.block(u, u.head*f.group()+task%f.group(), block*queryBlock, &f.pool.space[thread])
}

// carve takes n words off the front of space.
func carve(space *[]uint32, n int) []uint32 {
	part := (*space)[:n]
	*space = (*space)[n:]
	return part
}

// lastUnit returns the index of the last unit of which begun is true, which it is of
// the first and of none after one of which it is not.
func lastUnit[U any](units []U, begun func(*U) bool) int {
	low, high := 0, len(units)
	for low+1 < high {
		if middle := (low + high) / 2; begun(&units[middle]) {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// packBlock packs the block of keys or values from position k0 on.
func (f *forward) packBlock(u *unit, k0 int, values bool, s *scratch) {
	n := min(keyBlock, u.count()-k0)
	from := &u.keys
	if values {
		from = &u.values
	}
	lines := from.lines(floats(s.get(n*f.Dim)), u.head, u.first+k0, n, f.Dim)
	if values {
		f.pack(u.packedValues[k0*f.widthOfValues():], tileRows, lines, f.Dim, n)
		return
	}
	lines.alongK = true
	f.pack(u.packedKeys[k0*f.Dim:], tileRows, lines, n, f.Dim)
}

// widthOfValues is Dim in whole panels.
func (f *forward) widthOfValues() int { return ceil(f.Dim, tileRows) * tileRows }

// block computes the results of the queries from row r0 of the unit on, for one head.
func (f *forward) block(u *unit, head, r0 int, s *scratch) {
	rows := min(queryBlock, u.rows-r0)
	width := f.widthOfValues()
	space := s.get((f.Dim + keyBlock + width) * tileCols)
	queries := carve(&space, f.Dim*tileCols)
	scores, sums := floats(carve(&space, keyBlock*tileCols)), floats(space)

	first := (u.row + r0) * f.q.stride()
	f.pack(queries, tileCols, source{f.q.Data[first+head*f.Dim:], f.q.stride(), true}, rows, f.Dim)
	var largest, sum, factor [tileCols]float32
	for i := range largest {
		largest[i] = float32(math.Inf(-1))
	}
	c := float32(float64(f.scale()) * math.Log2E)
	own := u.past + r0 // the position of the first query
	visible := own + rows
	for k0 := 0; k0 < visible; k0 += keyBlock {
		n := min(keyBlock, visible-k0)
		f.scores(scores, u.packedKeys[k0*f.Dim:], queries, n)
		maskAfter(scores[:n*tileCols], k0-own)
		softmaxTile(scores[:n*tileCols], &largest, &sum, &factor, c)
		begin := 0
		if k0 > 0 {
			begin = resume
			scaleTile(sums, &factor)
		}
		all := min(keyBlock, u.count()-k0) // keys of a panel
		values := u.packedValues[k0*width:][:all*width]
		b := word(&scores[0])
		for d := 0; d < width; d += tileRows {
			next := &values[min((d+tileRows)*all, len(values)-1)]
			f.tile(n, &values[d*all], b, next, &sums[d*tileCols], nil, 0, 0, begin)
		}
	}
	if f.lse != nil {
		at := head*f.q.Rows + u.row + r0
		for i := range rows {
			f.lse[at+i] = float32(float64(f.scale())*float64(largest[i]) + math.Log(float64(sum[i])))
		}
	}
	for i := range sum {
		factor[i] = 1 / sum[i]
	}
	if check := scaleTile(sums, &factor); check != 0 {
		for i := range rows {
			f.exactRow(u, head, r0+i)
		}
		return
	}
	stride := f.out.stride()
	transposeLines(f.out.Data[(u.row+r0)*stride+head*f.Dim:], stride, sums, f.Dim, rows)
}

// scores sets s to the products of n packed keys and 32 queries.
func (f *forward) scores(s []float32, keys, queries []uint32, n int) {
	for at := 0; at < n; at += tileRows {
		next := &keys[min((at+tileRows)*f.Dim, len(keys)-1)]
		f.tile(f.Dim, &keys[at*f.Dim], &queries[0], next, &s[at*tileCols], nil, 0, 0, 0)
	}
}

// maskAfter makes the scores of keys later than a query minus infinity: s is [keys][32],
// and the first key's position is later by that much than the first query's.
func maskAfter(s []float32, later int) {
	masked := float32(math.Inf(-1))
	for at := max(0, 1-later); at*tileCols < len(s); at++ {
		row := s[at*tileCols:][:min(later+at, tileCols)]
		for i := range row {
			row[i] = masked
		}
	}
}

func word(x *float32) *uint32 { return (*uint32)(unsafe.Pointer(x)) }
