package llama

import "smelt/compute/kernel"

// tasks are what is shared out among the threads between products, of rowsATask rows each
// where nothing else is said. They are made once, and work on a job.
type tasks struct {
	embed, norm, normBack, rotate, rotateBack, activate, activateBack func(thread, task int)
	drop, addDropped, subtract, scale, scaleAdd, magnitude            func(thread, task int)
	loss, entropy                                                     func(thread, task int)
}

// job is what a task works on.
type job struct {
	rows, cols  int
	dst, x      []float32 // [rows][cols]
	y, z        []float32
	q, k        []float32
	gate, up    []float32
	weight, sum []float32
	same        []float32 // a copy of x
	key         uint64
	first       int
}

func (j *job) span(task int) (from, to int) {
	return task * rowsATask, min((task+1)*rowsATask, j.rows)
}

func (t *tasks) init(of *Trainable) {
	*t = tasks{
		embed: of.embedTask, norm: of.normTask, normBack: of.normBackTask, rotate: of.rotateTask, rotateBack: of.rotateBackTask,
		activate: of.activateTask, activateBack: of.activateBackTask, drop: of.dropTask, addDropped: of.addDroppedTask,
		subtract: of.subtractTask, scale: of.scaleTask, scaleAdd: of.scaleAddTask, magnitude: of.magnitudeTask,
		loss: of.lossTask, entropy: of.entropyTask,
	}
}

// embedTask makes embeddings, with noise, and the angles of the positions.
func (t *Trainable) embedTask(_, task int) {
	r, d, pairs := &t.room, t.config.Hidden, t.config.HeadDim/2
	key := noiseKey(t.batch.Seed, 0)
	for i := task * rowsATask; i < min((task+1)*rowsATask, len(t.batch.Tokens)); i++ {
		x, id := r.x[0][i*d:(i+1)*d], int(t.batch.Tokens[i])
		t.embedding.widen(x, id, id+1)
		if t.noisy && t.noise[i] > 0 {
			addNoise(x, key, i*d, t.noise[i])
		}
		kernel.RoPEAngles(r.cos[i*pairs:(i+1)*pairs], r.sin[i*pairs:(i+1)*pairs], t.positions[i], t.frequency)
	}
}

// normalise sets h to the norm of n rows of x, and same, unless it is nil, to x.
func (t *Trainable) normalise(h, same, x []float32, by *normWeights, n int) {
	t.job.dst, t.job.same, t.job.x, t.job.weight, t.job.rows = h, same, x, by.weight, n
	t.pool.Run(tasksOf(n), t.tasks.norm)
}

func (t *Trainable) normTask(_, task int) {
	j, d := &t.job, t.config.Hidden
	from, to := j.span(task)
	kernel.RMSNorm(j.dst[from*d:to*d], t.room.inverse[from:to], j.x[from*d:to*d], j.weight, float32(t.config.NormEpsilon))
	if j.same != nil {
		copy(j.same[from*d:to*d], j.x[from*d:to*d])
	}
}

// normaliseBack adds the derivatives by x to dx, and those by the weights to theirs. It
// comes after normalise of the same rows.
func (t *Trainable) normaliseBack(dx, dh, x []float32, by *normWeights, n int) {
	d, groups := t.config.Hidden, (n+normRows-1)/normRows
	t.job.dst, t.job.y, t.job.x, t.job.weight, t.job.sum, t.job.rows = dx, dh, x, by.weight, by.grad, n
	t.pool.Run(groups, t.tasks.normBack)
	if by.grad == nil {
		return
	}
	for i := range groups {
		kernel.Add(by.grad, by.grad, t.room.normSums[i*d:(i+1)*d])
	}
}

// normBackTask does normRows rows.
func (t *Trainable) normBackTask(thread, task int) {
	j, d := &t.job, t.config.Hidden
	from, to := task*normRows, min((task+1)*normRows, j.rows)
	group := task
	if j.sum == nil {
		group = thread // and nobody reads the sums
	}
	sum := t.room.normSums[group*d : (group+1)*d]
	clear(sum)
	kernel.RMSNormBackward(j.dst[from*d:to*d], sum, j.y[from*d:to*d], j.x[from*d:to*d], j.weight, t.room.inverse[from:to])
}

func (t *Trainable) rotateTask(_, task int)     { t.turn(task, kernel.RoPE) }
func (t *Trainable) rotateBackTask(_, task int) { t.turn(task, kernel.RoPEBackward) }

// turn turns queries and keys.
func (t *Trainable) turn(task int, by func(x, cos, sin []float32, p kernel.Pairing)) {
	c, j, pairs := t.config, &t.job, t.config.HeadDim/2
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	from, to := j.span(task)
	for i := from; i < to; i++ {
		cos, sin := t.room.cos[i*pairs:(i+1)*pairs], t.room.sin[i*pairs:(i+1)*pairs]
		by(j.q[i*q:(i+1)*q], cos, sin, t.model.names.pairing)
		by(j.k[i*kv:(i+1)*kv], cos, sin, t.model.names.pairing)
	}
}

// activate sets dst to the middle of the feed-forward block.
func (t *Trainable) activate(dst []float32, k *kept, n int) {
	t.job.dst, t.job.gate, t.job.up, t.job.rows = dst, k.gate, k.up, n
	t.pool.Run(tasksOf(n), t.tasks.activate)
}

func (t *Trainable) activateTask(_, task int) {
	j, f := &t.job, t.config.FeedForward
	from, to := j.span(task)
	from, to = from*f, to*f
	kernel.SiLUMul(j.dst[from:to], j.gate[from:to], j.up[from:to])
}

func (t *Trainable) activateBackTask(_, task int) {
	j, f := &t.job, t.config.FeedForward
	from, to := j.span(task)
	from, to = from*f, to*f
	kernel.SiLUMulBackward(j.dst[from:to], j.z[from:to], j.y[from:to], j.gate[from:to], j.up[from:to])
}

func (t *Trainable) dropTask(_, task int)       { t.dropRows(task, false) }
func (t *Trainable) addDroppedTask(_, task int) { t.dropRows(task, true) }

func (t *Trainable) dropRows(task int, add bool) {
	j := &t.job
	from, to := j.span(task)
	from, to = from*j.cols, to*j.cols
	dropRow(j.dst[from:to], j.x[from:to], j.key, t.dropBound(), from, add)
}

func (t *Trainable) subtractTask(_, task int) {
	j := &t.job
	from, to := j.span(task)
	from, to = from*j.cols, to*j.cols
	kernel.Axpy(j.dst[from:to], j.x[from:to], -1)
}

func (t *Trainable) lossTask(_, row int) {
	i, v := t.job.first+row, t.config.Vocabulary
	kernel.CrossEntropyLoss(t.losses[i:i+1], t.room.logits[row*v:(row+1)*v], t.targets[i:i+1], t.weights[i:i+1])
}

// entropyTask also makes derivatives of the logits.
func (t *Trainable) entropyTask(_, row int) {
	i, v := t.job.first+row, t.config.Vocabulary
	kernel.CrossEntropy(t.losses[i:i+1], t.room.logits[row*v:(row+1)*v], t.targets[i:i+1], t.weights[i:i+1])
}
