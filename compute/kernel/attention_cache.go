package kernel

import "fmt"

// CacheElement is what a KVCache holds: numbers as they are, or as bfloat16.
type CacheElement interface{ float32 | uint16 }

// KVCache holds the keys and values of a sequence's positions in pages of equal size,
// which other sequences that begin alike may share:
//
//	K[i/PageRows][i%PageRows*Stride + head*HeadStride:][:Dim]   the key of position i
//
// and V likewise. A last page may be shorter than the others.
type KVCache[T CacheElement] struct {
	K, V     [][]T
	PageRows int
	// Stride is from one position to the next and HeadStride from one head to the next;
	// 0 means KVHeads*Dim and Dim. With PageRows*Dim for HeadStride and Dim for Stride,
	// what is read together lies together.
	Stride, HeadStride int
}

// Sequence is one sequence's share of a batch: some rows of queries, that see their own
// position and those before. The keys and values of all, Past+Rows positions, are in the
// cache.
type Sequence[T CacheElement] struct {
	KVCache[T]
	Past, Rows int
}

// AttendCached sets out, shaped like q, to the attention of the sequences' queries, whose
// rows follow one another in q: of a few rows each, as in generation, or many, as when a
// prompt is taken in. A row's result depends on the sequence's Past and Rows and on
// nothing else in the batch; how a prompt is divided changes some last bits of it.
//
// With one row or few, the keys and values of a head are read from memory once for all
// the queries that use it. The errors are those of Attention, with the cache's numbers
// for exact.
func AttendCached[T CacheElement](a Attention, p *Pool, out, q Matrix, sequences []Sequence[T]) {
	a.check()
	rows := 0
	for i := range sequences {
		sequences[i].check(a)
		rows += sequences[i].Rows
	}
	a.checkRows("q", q, rows, a.Heads)
	a.checkRows("out", out, rows, a.Heads)
	f := forward{Attention: a, engine: activeEngine(), out: out, q: q}
	d := decode[T]{forward: &f}
	row := 0
	for i := range sequences {
		s := &sequences[i]
		switch {
		case s.Rows >= manyRows:
			f.spans = append(f.spans, span{row: row, rows: s.Rows, past: s.Past, keys: &cachedRows[T]{s.KVCache.strides(a), a.Dim}})
		case s.Rows > 0:
			d.add(s, row)
		}
		row += s.Rows
	}
	if len(f.spans) > 0 {
		f.run(p)
	}
	if len(d.sequences) > 0 {
		d.run(p)
	}
}

// strides returns c with its strides.
func (c KVCache[T]) strides(a Attention) KVCache[T] {
	if c.Stride == 0 {
		c.Stride = a.KVHeads * a.Dim
	}
	if c.HeadStride == 0 {
		c.HeadStride = a.Dim
	}
	return c
}

// check panics unless the cache has the keys and values there must be.
func (s *Sequence[T]) check(a Attention) {
	c, n := s.strides(a), s.Past+s.Rows
	if s.Past < 0 || s.Rows < 0 || c.PageRows < 1 || c.Stride < 0 || c.HeadStride < 0 {
		panic(fmt.Sprintf("kernel: a sequence of %d rows after %d, in pages of %d with strides %d and %d", s.Rows, s.Past, c.PageRows, c.Stride, c.HeadStride))
	}
	for at := 0; at < n; at += c.PageRows {
		page, need := at/c.PageRows, (min(c.PageRows, n-at)-1)*c.Stride+(a.KVHeads-1)*c.HeadStride+a.Dim
		if page >= len(c.K) || page >= len(c.V) || len(c.K[page]) < need || len(c.V[page]) < need {
			panic(fmt.Sprintf("kernel: position %d of %d is not in the cache", at, n))
		}
	}
}

// segments calls f for each run of positions from one to another that lie in one page,
// at most most of them, with their keys or values.
func (c *KVCache[T]) segments(values bool, head, from, to, most int, f func(at, n int, lines []T)) {
	pages := c.K
	if values {
		pages = c.V
	}
	for at := from; at < to; {
		row := at % c.PageRows
		n := min(c.PageRows-row, to-at, most)
		f(at, n, pages[at/c.PageRows][row*c.Stride+head*c.HeadStride:])
		at += n
	}
}

// cachedRows makes a KVCache keyRows.
type cachedRows[T CacheElement] struct {
	KVCache[T]
	dim int
}

func (c *cachedRows[T]) lines(room []float32, values bool, head, from, n int) source {
	c.segments(values, head, from, from+n, n, func(at, n int, lines []T) {
		to := room[(at-from)*c.dim:]
		for i := range n {
			copyRow(to[i*c.dim:][:c.dim], lines[i*c.Stride:][:c.dim])
		}
	})
	return source{data: room, ld: c.dim}
}

func copyRow[T CacheElement](dst []float32, src []T) {
	switch src := any(src).(type) {
	case []float32:
		copy(dst, src)
	case []uint16:
		fromBF16(dst, src)
	}
}
