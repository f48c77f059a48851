package kernel

import "math"

// Generation is bound by memory, which holds one query's keys and values a head only
// once; there, a task is a part of the positions of one key head of a sequence, and all
// queries that use it, four at a time:
//
//	scores [queries][positions], a chunk of keys at a time, so that it stays in L1 for all
//	weights = e to the power of the scores less the largest, and their sum
//	sums [queries][Dim] of the values, likewise
//
// Then the parts' sums, if there are several, are added up, each weighted by its largest
// score, in order.
const (
	manyRows    = 24           // from here on, packing keys pays
	partRows    = 256          // positions
	chunkBytes  = 8 << 10      // of a chunk of a head's keys, or values
	scoreStride = partRows + 3 // a row of scores, with what keyScores may write
)

// invariantRows is how many rows of queries a task has at most where one may have many:
// as many as leave their scores in L1.
const invariantRows = 8

type decode struct {
	Attention
	pool      *Pool
	out, q    Matrix
	sequences []decodeSequence
	tasks     int
	words     int // of the results of those with several parts
	results   []float32

	do decodeTasks
}

type decodeTasks struct{ attend, merge func(thread, task int) }

type decodeSequence struct {
	span
	task int // its first
	at   int // its parts' results
}

// part is what a part of the positions comes to.
type part struct {
	largest, sum []float32 // [queries]
	sums         []float32 // [queries][decodeWidth]
}

// begin takes the place of the last call.
func (d *decode) begin(p *Pool, a Attention, out, q Matrix) *decode {
	if d.do.attend == nil {
		d.do = decodeTasks{d.attendTask, d.mergeTask}
	}
	d.Attention, d.pool, d.out, d.q = a, p, out, q
	return d
}

// forget lets go of everything but the memory of the list.
func (d *decode) forget() {
	clear(d.sequences)
	*d = decode{sequences: d.sequences[:0], do: d.do}
}

func (d *decode) add(u span) {
	s := decodeSequence{span: u, task: d.tasks, at: d.words}
	d.sequences = append(d.sequences, s)
	d.tasks += s.parts() * d.KVHeads
	if s.parts() > 1 {
		d.words += s.parts() * d.KVHeads * d.partWords(&s)
	}
}

// addBlocks adds a span's rows as if they came some at a time.
func (d *decode) addBlocks(u span) {
	for at := 0; at < u.rows; at += invariantRows {
		b := u
		b.row, b.past, b.rows = u.row+at, u.past+at, min(invariantRows, u.rows-at)
		d.add(b)
	}
}

// parts returns how many parts a sequence's positions have.
func (s *decodeSequence) parts() int { return ceil(s.past+s.rows, partRows) }

// queries returns how many there are to a key head, with those of zeros.
func (d *decode) queries(s *decodeSequence) int {
	return ceil(s.rows*d.group(), decodeHeads) * decodeHeads
}

func (d *decode) partWords(s *decodeSequence) int {
	return ceil(d.queries(s)*(2+decodeWidth(d.Dim)), 16) * 16
}

// part returns where the results of one of several parts go.
func (d *decode) part(s *decodeSequence, head, index int) part {
	return d.partOf(s, d.results[s.at+(head*s.parts()+index)*d.partWords(s):])
}

func (d *decode) partOf(s *decodeSequence, words []float32) part {
	n := d.queries(s)
	width := n * decodeWidth(d.Dim)
	return part{sums: words[:width], largest: words[width:][:n], sum: words[width+n:][:n]}
}

func (d *decode) run() {
	d.results = floats(d.pool.shared.get(d.words))
	d.pool.run(d.tasks, d.do.attend)
	if d.words > 0 {
		d.pool.run(len(d.sequences)*d.KVHeads, d.do.merge)
	}
}

// locate returns what a task is about.
func (d *decode) locate(task int) (s *decodeSequence, head, index int) {
	s = &d.sequences[lastUnit(d.sequences, func(s *decodeSequence) bool { return s.task <= task })]
	return s, (task - s.task) / s.parts(), (task - s.task) % s.parts()
}

// attendTask does a part of the positions. It asks for memory in the order in which it
// is read: the keys, the values, and the keys of what is likely to be this thread's next
// part. A chunk is asked for while the one before is multiplied. Some 64 KB before, the
// pages it lies in are touched, for to look up where these are takes longer than to
// fetch a line, and processors do not look ahead across pages.
func (d *decode) attendTask(thread, task int) {
	s, head, index := d.locate(task)
	first := index * partRows
	n := min(partRows, s.past+s.rows-first)
	then := walk{&s.keys, head, first, n} // nothing else
	if next := task + d.pool.Threads(); next < d.tasks {
		s, head, index := d.locate(next)
		then = walk{&s.keys, head, index * partRows, min(partRows, s.past+s.rows-index*partRows)}
	}
	keys, values := walk{&s.keys, head, first, n}, walk{&s.values, head, first, n}

	queries, width := d.queries(s), decodeWidth(d.Dim)
	space := d.pool.space[thread].get(queries*(d.Dim+scoreStride) + d.partWords(s))
	q, scores := floats(carve(&space, queries*d.Dim)), floats(carve(&space, queries*scoreStride))
	r := d.partOf(s, floats(space))
	if s.parts() > 1 {
		r = d.part(s, head, index)
	}
	for i := range queries {
		if i >= s.rows*d.group() {
			clear(q[i*d.Dim:][:d.Dim])
			continue
		}
		scale(q[i*d.Dim:][:d.Dim], d.head(d.q, s, head, i), d.scale())
	}
	for at := 0; at < n; {
		c, ahead, far := keys.next(at, d.Dim, values)
		for group := 0; group < queries; group += decodeHeads {
			s, q := scores[group*scoreStride+at:], q[group*d.Dim:]
			if keys.f32 != nil {
				keyScores(s, q, keys.f32[c.page][c.offset:], d.Dim, keys.stride, c.n, scoreStride, ahead, far)
			} else {
				keyScores(s, q, keys.bf16[c.page][c.offset:], d.Dim, keys.stride, c.n, scoreStride, ahead, far)
			}
			ahead, far = 0, 0
		}
		at += c.n
	}
	for i := range queries {
		row := scores[i*scoreStride:][:n]
		seen := min(max(s.past+i/d.group()+1-first, 0), n)
		r.largest[i] = rowMax(row[:seen])
		r.sum[i] = expSum(row[:seen], row[:seen], r.largest[i])
		clear(row[seen:])
	}
	clear(r.sums)
	for at := 0; at < n; {
		c, ahead, far := values.next(at, d.Dim, then)
		for group := 0; group < queries; group += decodeHeads {
			o, p := r.sums[group*width:], scores[group*scoreStride+at:]
			if values.f32 != nil {
				addValues(o, p, values.f32[c.page][c.offset:], d.Dim, values.stride, c.n, scoreStride, ahead, far)
			} else {
				addValues(o, p, values.bf16[c.page][c.offset:], d.Dim, values.stride, c.n, scoreStride, ahead, far)
			}
			ahead, far = 0, 0
		}
		at += c.n
	}
	if s.parts() == 1 {
		for i := range s.rows * d.group() {
			d.finish(s, head, i, r.sums[i*width:][:d.Dim], r.sum[i])
		}
	}
}

// walk is the reading of n positions from first on.
type walk struct {
	*cacheRows
	head, first, n int
}

// next returns the chunk from a position of the walk on, and how many bytes later what
// lies that is to be read after it, and what is to be read long after: then is the walk
// after this one.
func (w *walk) next(at, dim int, then walk) (c chunk, ahead, far int) {
	most := max(chunkBytes/(w.elementSize()*dim), decodeHeads)
	c = w.chunk(w.head, w.first+at, w.first+w.n, most)
	here := w.address(w.head, w.first+at)
	if at+c.n < w.n {
		ahead = int(w.address(w.head, w.first+at+c.n) - here)
	} else {
		ahead = int(then.address(then.head, then.first) - here)
	}
	if at < then.n {
		far = int(then.address(then.head, then.first+at) - here)
	}
	return c, ahead, far
}

// head returns query i of a key head in q or out: all heads of a row, then those of the
// next.
func (d *decode) head(m Matrix, s *decodeSequence, head, i int) []float32 {
	return m.Data[(s.row+i/d.group())*m.stride()+(head*d.group()+i%d.group())*d.Dim:][:d.Dim]
}

// mergeTask adds up the parts of a sequence's key head, of those that a query sees any
// position of: so its result is the same, to the last bit, with fewer rows in the task.
func (d *decode) mergeTask(_, task int) {
	s, head := &d.sequences[task/d.KVHeads], task%d.KVHeads
	if s.parts() == 1 {
		return
	}
	width := decodeWidth(d.Dim)
	for i := range s.rows * d.group() {
		seen := ceil(s.past+i/d.group()+1, partRows)
		largest := float32(math.Inf(-1))
		for index := range seen {
			largest = max(largest, d.part(s, head, index).largest[i])
		}
		sums, total := d.part(s, head, 0).sums[i*width:][:d.Dim], float32(0)
		for index := range seen {
			r := d.part(s, head, index)
			weight := exponential(r.largest[i] - largest)
			total += float32(weight * r.sum[i])
			if index == 0 {
				scale(sums, sums, weight)
			} else {
				axpy(sums, r.sums[i*width:][:d.Dim], weight)
			}
		}
		d.finish(s, head, i, sums, total)
	}
}

// finish makes the result of query i of a key head of its weighted values' sums and of
// the weights' sum.
func (d *decode) finish(s *decodeSequence, head, i int, sums []float32, total float32) {
	out := d.head(d.out, s, head, i)
	scale(out, sums, 1/total)
	if s.rows > 1 && !allFinite(out) {
		f := forward{Attention: d.Attention, out: d.out, q: d.q}
		f.exactRow(&unit{span: &s.span, head: head}, head*d.group()+i%d.group(), i/d.group())
	}
}

func allFinite(x []float32) bool {
	sum := sumSquares(x)
	return sum-sum == 0
}
