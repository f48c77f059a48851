package kernel

import (
	"fmt"
	"math"
	"slices"
)

// The backward pass recomputes the probabilities p from lse, and with
//
//	dp = dout * v^T,  ds = p * (dp - delta),  delta = the row's sum of dout*out
//
// has dv = p^T * dout, dq = Scale * ds * k and dk = Scale * ds^T * q (Dao, section 2.3.2):
// five products. A task is a run of queries of all heads of a key head. Its tiles have
// 12 queries as rows and 32 keys as columns:
//
//	for blocks of queries, 12 of each head in turn:
//	  for blocks of keys, and 32 of them:
//	    s [queries][32] = queries [12][Dim] * keys [Dim][32], and so dp; s = p, dp = ds
//	    dv [Dim][32]  += dout [12][queries] * s [queries][32]
//	    dk [Dim][32]  += q [12][queries] * dp [queries][32]
//	    turn dp: [12][keys]
//	  dq [12][Dim] += dp [12][keys] * keys [keys][32]
//
// Tasks of the same key head each have a dk and dv of their own, which are added in the
// end: how many these are, and what each does, depends on the document's length alone.
const (
	gradientKeys = 4 * tileCols
	// gradientRows is about how many queries, of all heads, are in a block.
	gradientRows = 16 * tileRows
)

// Backward sets dx to the derivatives of the loss by x, given dout, those by Forward's
// result, that result, lse, and the rest as Forward had it. No matrix of dx may overlap
// any other. The bits do not depend on the number of threads, nor on other documents.
//
// The errors are those of the products and, relative to the terms that are added up,
// twice those of the probabilities; see Attention.
func (a Attention) Backward(p *Pool, dx QKV, dout, out Matrix, lse []float32, x QKV, ends []int) {
	a.check()
	rows := x.Q.Rows
	a.checkQKV("q", "k", "v", x, rows)
	a.checkQKV("dq", "dk", "dv", dx, rows)
	a.checkRows("dout", dout, rows, a.Heads)
	a.checkRows("out", out, rows, a.Heads)
	checkEnds(ends, rows)
	if len(lse) != a.Heads*rows {
		panic(fmt.Sprintf("kernel: lse is of %d numbers and not %d x %d", len(lse), a.Heads, rows))
	}
	p = held(p)
	defer p.running.Unlock()
	b := p.attention.backward.begin(p, a)
	defer b.forget()
	b.x, b.dx, b.dout, b.out, b.lse = x, dx, dout, out, lse
	b.panels = max(1, gradientRows/tileRows/a.group())
	first, words := 0, 0
	for _, end := range ends {
		for head := range a.KVHeads {
			if end == first {
				break
			}
			u := gradientUnit{row: first, rows: end - first, head: head}
			u.runs = max(1, min(u.rows/64, ceil(16, a.KVHeads), b.blocks(&u)))
			need := b.words(&u)
			if words > 0 && words+need > packedAtOnce {
				b.run(words)
				words = 0
			}
			words += need
			b.units = append(b.units, u)
		}
		first = end
	}
	b.run(words)
}

// gradientUnit is a document's key head.
type gradientUnit struct {
	row, rows, head int
	runs            int      // of queries, a task each
	keysT, valuesT  []uint32 // [keys/32][Dim][32]
	keys            []uint32 // [key block][Dim/32][key][32]
	sums            []uint32 // a run's: [keys/32] dv and dk [Dim/12][12][32]
	pack, add       int      // its first tasks of packing and of adding
}

// queryRun is a run of queries, of which there are pairs with a key.
type queryRun struct{ unit, run, pairs int }

type backward struct {
	Attention
	engine
	pool      *Pool
	x, dx     QKV
	dout, out Matrix
	lse       []float32
	panels    int // of 12 queries, of each head of the group, in a block
	units     []gradientUnit
	runs      []queryRun

	do backwardTasks
}

type backwardTasks struct{ pack, queries, add func(thread, task int) }

// begin takes the place of the last call.
func (b *backward) begin(p *Pool, a Attention) *backward {
	if b.do.pack == nil {
		b.do = backwardTasks{b.packTask, b.queriesTask, b.addTask}
	}
	b.Attention, b.engine, b.pool = a, activeEngine(), p
	return b
}

// forget lets go of everything but the memory of the lists.
func (b *backward) forget() {
	clear(b.units[:cap(b.units)])
	*b = backward{units: b.units[:0], runs: b.runs[:0], do: b.do}
}

func (b *backward) blockRows() int             { return b.panels * tileRows }
func (b *backward) blocks(u *gradientUnit) int { return ceil(u.rows, b.blockRows()) }
func (b *backward) widthA() int                { return ceil(b.Dim, tileRows) * tileRows }
func (b *backward) widthB() int                { return ceil(b.Dim, tileCols) * tileCols }
func (b *backward) panelSums() int             { return 2 * b.widthA() * tileCols }

// queries returns the rows of a run: all have about the same number of scores. A run may
// be empty, but not the last.
func (b *backward) queries(u *gradientUnit, run int) (begin, end int) {
	bound := func(run int) int {
		if run == u.runs {
			return u.rows
		}
		blocks := float64(float64(b.blocks(u)) * math.Sqrt(float64(run)/float64(u.runs)))
		return min(int(blocks+0.5)*b.blockRows(), u.rows)
	}
	return bound(run), bound(run + 1)
}

// runSums returns how many words precede the sums of a run.
func (b *backward) runSums(u *gradientUnit, run int) (words int) {
	for i := range run {
		_, end := b.queries(u, i)
		words += ceil(end, tileCols) * b.panelSums()
	}
	return words
}

func (b *backward) words(u *gradientUnit) int {
	panels := ceil(u.rows, tileCols)
	return panels*tileCols*2*b.Dim + u.rows*b.widthB() + b.runSums(u, u.runs)
}

// run does the units there are, and empties the list.
func (b *backward) run(words int) {
	space := b.pool.shared.get(words)
	pack, adds := 0, 0
	b.runs = b.runs[:0]
	for i := range b.units {
		u := &b.units[i]
		panels := ceil(u.rows, tileCols)
		u.keysT = carve(&space, panels*tileCols*b.Dim)
		u.valuesT = carve(&space, panels*tileCols*b.Dim)
		u.keys = carve(&space, u.rows*b.widthB())
		u.sums = carve(&space, b.runSums(u, u.runs))
		u.pack, u.add = pack, adds
		pack += ceil(u.rows, gradientKeys)
		adds += panels
		for run := range u.runs {
			begin, end := b.queries(u, run)
			b.runs = append(b.runs, queryRun{i, run, end*end - begin*begin})
		}
	}
	// The longest come first, so that threads end at about the same time.
	slices.SortStableFunc(b.runs, func(x, y queryRun) int { return y.pairs - x.pairs })
	b.pool.run(pack, b.do.pack)
	b.pool.run(len(b.runs), b.do.queries)
	b.pool.run(adds, b.do.add)
	b.units = b.units[:0]
}

func (b *backward) packTask(_, task int) {
	u := &b.units[lastUnit(b.units, func(u *gradientUnit) bool { return u.pack <= task })]
	b.packKeys(u, (task-u.pack)*gradientKeys)
}

func (b *backward) queriesTask(thread, task int) {
	r := b.runs[task]
	b.runQueries(&b.units[r.unit], r.run, &b.pool.space[thread])
}

func (b *backward) addTask(_, task int) {
	u := &b.units[lastUnit(b.units, func(u *gradientUnit) bool { return u.add <= task })]
	b.addRuns(u, task-u.add)
}

// packKeys packs a block of keys and values from k0 on.
func (b *backward) packKeys(u *gradientUnit, k0 int) {
	n := min(gradientKeys, u.rows-k0)
	from := func(m Matrix) source {
		return source{data: m.Data[(u.row+k0)*m.stride()+u.head*b.Dim:], ld: m.stride()}
	}
	keys, values := from(b.x.K), from(b.x.V)
	b.pack(u.keys[k0*b.widthB():], tileCols, keys, b.Dim, n)
	keys.alongK, values.alongK = true, true
	b.pack(u.keysT[k0*b.Dim:], tileCols, keys, n, b.Dim)
	b.pack(u.valuesT[k0*b.Dim:], tileCols, values, n, b.Dim)
}

// addRuns adds up what the runs have for a panel of keys, and writes it.
func (b *backward) addRuns(u *gradientUnit, panel int) {
	size := b.panelSums()
	last := floats(u.sums[b.runSums(u, u.runs-1)+panel*size:][:size])
	for run := range u.runs - 1 {
		if begin, end := b.queries(u, run); begin < end && panel*tileCols < end {
			add(last, last, floats(u.sums[b.runSums(u, run)+panel*size:][:size]))
		}
	}
	dv, dk := last[:size/2], last[size/2:]
	var one, scales [tileCols]float32
	for i := range one {
		one[i], scales[i] = 1, b.scale()
	}
	ok := scaleTile(dv, &one) == 0 && scaleTile(dk, &scales) == 0
	first := panel * tileCols
	rows := min(tileCols, u.rows-first)
	if !ok {
		for key := first; key < first+rows; key++ {
			b.exactKey(u, key)
		}
		return
	}
	for _, to := range []struct {
		m   Matrix
		sum []float32
	}{{b.dx.V, dv}, {b.dx.K, dk}} {
		transposeLines(to.m.Data[(u.row+first)*to.m.stride()+u.head*b.Dim:], to.m.stride(), to.sum, b.Dim, rows)
	}
}
