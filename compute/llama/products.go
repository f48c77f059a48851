package llama

import "smelt/compute/kernel"

// products multiplies the rows of activations with weights, on a pool.
type products struct {
	pool *kernel.Pool

	// Of few rows: the rows, as they are and rounded, the results of each output, and what
	// the tasks, made once, work on.
	xs      [][]float32
	rounded []kernel.Int8Vector
	sum     []float32
	targets []target
	rows    int
	rooms   []taskRoom // one a thread
	task    func(thread, task int)
}

// target is the weights of a product and where it goes, [rows][w.out].
type target struct {
	w *linear
	y []float32
}

// taskRoom is what a task works in.
type taskRoom struct {
	ys   [][]float32
	wide []float32
}

// taskBytes of weights are multiplied in a task where there are few rows. They take some
// 5 us from memory; so the threads are done at nearly the same time.
const taskBytes = 1 << 16

func (p *products) init(pool *kernel.Pool) {
	p.pool = pool
	p.rooms = make([]taskRoom, pool.Threads())
	p.task = p.vectors
}

// multiply sets each target's y to x, of some rows, times the transpose of its weights,
// or adds that to it. All weights have the same width.
func (p *products) multiply(x []float32, rows int, add bool, targets ...target) {
	few := true
	for _, t := range targets {
		few = few && rows <= t.w.few()
	}
	if few {
		p.multiplyFew(x, rows, add, targets)
		return
	}
	for _, t := range targets {
		in := kernel.Matrix{Data: x, Rows: rows, Cols: t.w.in}
		out := kernel.Matrix{Data: t.y, Rows: rows, Cols: t.w.out}
		kernel.MatMul(p.pool, out, in, t.w.factor, kernel.MatMulOptions{Accumulate: add, Precision: t.w.precision})
	}
}

func (p *products) multiplyFew(x []float32, rows int, add bool, targets []target) {
	in := targets[0].w.in
	p.rows, p.targets, p.xs = rows, append(p.targets[:0], targets...), p.xs[:0]
	for len(p.rounded) < rows {
		p.rounded = append(p.rounded, kernel.Int8Vector{})
	}
	for i := range rows {
		p.xs = append(p.xs, x[i*in:(i+1)*in])
	}
	tasks := 0
	for i, t := range targets {
		if t.w.int8() && (i == 0 || !targets[0].w.int8()) {
			for j, row := range p.xs {
				p.rounded[j].Set(row)
			}
		}
		tasks += t.tasks()
	}
	if add { // there is one target
		p.sum = sized(p.sum, rows*targets[0].w.out)
		p.targets[0].y = p.sum
	}
	p.pool.Run(tasks, p.task)
	if add {
		y := targets[0].y[:len(p.sum)]
		kernel.Add(y, y, p.sum)
	}
}

// lines returns how many outputs a task makes.
func (t *target) lines() int { return max(1, taskBytes/max(t.w.lineBytes(), 1)) }

func (t *target) tasks() int { return (t.w.out + t.lines() - 1) / t.lines() }

// vectors is a task: some outputs of one target, of all rows.
func (p *products) vectors(thread, task int) {
	i := 0
	for task >= p.targets[i].tasks() {
		task -= p.targets[i].tasks()
		i++
	}
	t, room := &p.targets[i], &p.rooms[thread]
	from := task * t.lines()
	to := min(from+t.lines(), t.w.out)
	room.ys = room.ys[:0]
	for row := range p.rows {
		room.ys = append(room.ys, t.y[row*t.w.out+from:row*t.w.out+to])
	}
	if t.w.widened() {
		room.wide = sized(room.wide, max(widenNumbers, t.w.in))
	}
	t.w.vectors(room.ys, from, to, p.xs, p.rounded[:p.rows], room.wide)
}
