package kernel

import (
	"math"
	"unsafe"
)

// Generation is bound by memory, which holds one query's keys and values a head only
// once; there, a task is a part of the positions of one key head of a sequence, and all
// queries that use it, four at a time:
//
//	scores [queries][positions], a chunk of keys at a time, so that it stays in L1 for all
//	weights = e to the power of the scores less the largest, and their sum
//	sums [queries][Dim] of the values, likewise
//
// Then the parts' sums are added up, each weighted by its largest score, in order.
const (
	manyRows    = 24           // from here on, packing keys pays
	partRows    = 256          // positions
	chunkBytes  = 8 << 10      // of a chunk of a head's keys, or values
	scoreStride = partRows + 3 // a row of scores, with what keyScores may write
)

type decode[T CacheElement] struct {
	*forward
	sequences []decodeSequence[T]
	tasks     int
	words     int
}

type decodeSequence[T CacheElement] struct {
	span
	cache cachedRows[T]
	task  int // its first
	at    int // its parts' results
}

// part is what a part of the positions comes to.
type part struct {
	largest, sum []float32 // [queries]
	sums         []float32 // [queries][decodeWidth]
}

func (d *decode[T]) add(s *Sequence[T], row int) {
	d.sequences = append(d.sequences, decodeSequence[T]{
		span: span{row: row, rows: s.Rows, past: s.Past}, cache: cachedRows[T]{s.KVCache.strides(d.Attention), d.Dim}, task: d.tasks, at: d.words,
	})
	q := &d.sequences[len(d.sequences)-1]
	d.tasks += d.parts(q) * d.KVHeads
	d.words += d.parts(q) * d.KVHeads * d.partWords(q)
}

// parts returns how many parts a sequence's positions have.
func (d *decode[T]) parts(s *decodeSequence[T]) int { return ceil(s.past+s.rows, partRows) }

// queries returns how many there are to a key head, with those of zeros.
func (d *decode[T]) queries(s *decodeSequence[T]) int {
	return ceil(s.rows*d.group(), decodeHeads) * decodeHeads
}

func (d *decode[T]) partWords(s *decodeSequence[T]) int {
	return ceil(d.queries(s)*(2+decodeWidth(d.Dim)), 16) * 16
}

// part returns where the results of a sequence's part go.
func (d *decode[T]) part(space []uint32, s *decodeSequence[T], head, index int) part {
	words := floats(space[s.at+(head*d.parts(s)+index)*d.partWords(s):])
	n := d.queries(s)
	width := n * decodeWidth(d.Dim)
	return part{sums: words[:width], largest: words[width:][:n], sum: words[width+n:][:n]}
}

func (d *decode[T]) run(p *Pool) {
	p = held(p)
	defer p.running.Unlock()
	space := p.shared.get(d.words)
	for i := range d.sequences {
		s := &d.sequences[i]
		s.keys = &s.cache
	}
	p.run(d.tasks, func(thread, task int) {
		s := &d.sequences[lastUnit(d.sequences, func(s *decodeSequence[T]) bool { return s.task <= task })]
		head, index := (task-s.task)/d.parts(s), (task-s.task)%d.parts(s)
		d.attend(s, d.part(space, s, head, index), head, index*partRows, &p.space[thread])
	})
	p.run(len(d.sequences)*d.KVHeads, func(_, task int) {
		d.merge(space, &d.sequences[task/d.KVHeads], task%d.KVHeads)
	})
}

// attend does the part of the positions from first on.
func (d *decode[T]) attend(s *decodeSequence[T], r part, head, first int, room *scratch) {
	n := min(partRows, s.past+s.rows-first)
	queries, width := d.queries(s), decodeWidth(d.Dim)
	space := room.get(queries * (d.Dim + scoreStride))
	q, scores := floats(carve(&space, queries*d.Dim)), floats(space)
	for i := range queries {
		if i >= s.rows*d.group() {
			clear(q[i*d.Dim:][:d.Dim])
			continue
		}
		scale(q[i*d.Dim:][:d.Dim], d.head(d.q, s, head, i), d.scale())
	}
	values := s.cache.V[first/s.cache.PageRows][first%s.cache.PageRows*s.cache.Stride+head*s.cache.HeadStride:]
	d.each(s, false, head, first, n, values, func(group, at, n, ahead int, keys []T) {
		keyScores(scores[group*scoreStride+at:], q[group*d.Dim:], keys, d.Dim, s.cache.Stride, n, scoreStride, ahead)
	})
	for i := range queries {
		row := scores[i*scoreStride:][:n]
		seen := min(max(s.past+i/d.group()+1-first, 0), n)
		r.largest[i] = rowMax(row[:seen])
		r.sum[i] = expSum(row[:seen], row[:seen], r.largest[i])
		clear(row[seen:])
	}
	clear(r.sums)
	d.each(s, true, head, first, n, nil, func(group, at, n, ahead int, values []T) {
		addValues(r.sums[group*width:], scores[group*scoreStride+at:], values, d.Dim, s.cache.Stride, n, scoreStride, ahead)
	})
}

// each calls f for every chunk of a part's positions and every four queries: with the
// place of the chunk's first position in the part, how many there are, and how many bytes
// later what is wanted next begins: the next chunk, and then what the caller says.
func (d *decode[T]) each(s *decodeSequence[T], values bool, head, first, n int, then []T, f func(group, at, n, ahead int, lines []T)) {
	var chunk []T
	var place, count int
	do := func(next []T) {
		ahead := 0
		if len(next) > 0 {
			ahead = int(uintptr(unsafe.Pointer(&next[0])) - uintptr(unsafe.Pointer(&chunk[0])))
		}
		for group := 0; group < d.queries(s); group += decodeHeads {
			f(group, place, count, ahead, chunk)
			ahead = 0
		}
	}
	most := max(chunkBytes/int(unsafe.Sizeof(T(0)))/d.Dim, decodeHeads)
	s.cache.segments(values, head, first, first+n, most, func(at, n int, lines []T) {
		if chunk != nil {
			do(lines)
		}
		chunk, place, count = lines, at-first, n
	})
	do(then)
}

// head returns query i of a key head in q or out: all heads of a row, then those of the
// next.
func (d *decode[T]) head(m Matrix, s *decodeSequence[T], head, i int) []float32 {
	return m.Data[(s.row+i/d.group())*m.stride()+(head*d.group()+i%d.group())*d.Dim:][:d.Dim]
}

// merge adds up the parts of a sequence's key head.
func (d *decode[T]) merge(space []uint32, s *decodeSequence[T], head int) {
	for i := range s.rows * d.group() {
		out := d.head(d.out, s, head, i)
		largest, total := float32(math.Inf(-1)), float32(0)
		for index := range d.parts(s) {
			largest = max(largest, d.part(space, s, head, index).largest[i])
		}
		clear(out)
		for index := range d.parts(s) {
			r := d.part(space, s, head, index)
			weight := exponential(r.largest[i] - largest)
			total += float32(weight * r.sum[i])
			axpy(out, r.sums[i*decodeWidth(d.Dim):][:d.Dim], weight)
		}
		scale(out, out, 1/total)
		if s.rows > 1 && !allFinite(out) {
			d.exactRow(&unit{span: &s.span, head: head}, head*d.group()+i%d.group(), i/d.group())
		}
	}
}

func allFinite(x []float32) bool {
	sum := sumSquares(x)
	return sum-sum == 0
}
