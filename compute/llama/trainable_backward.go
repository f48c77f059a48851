package llama

import (
	"context"

	"smelt/compute/kernel"
)

// backward goes from dx, by the last layer's result, back through all layers, and adds to
// all gradients on the way.
func (t *Trainable) backward(ctx context.Context) error {
	for i := len(t.layers) - 1; i >= 0; i-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i < t.options.Recompute && i < len(t.layers)-1 { // what the last one keeps is still there
			t.forwardLayer(i, nil)
		}
		t.backwardLayer(i)
	}
	if grad := t.embedding.grad; grad != nil {
		d := t.config.Hidden
		for i, id := range t.batch.Tokens {
			row := grad[int(id)*d : (int(id)+1)*d]
			kernel.Add(row, row, t.room.dx[i*d:(i+1)*d])
		}
	}
	return nil
}

// backwardLayer makes of dx, by a layer's result, that by its input.
func (t *Trainable) backwardLayer(i int) {
	c, r, l, k := t.config, &t.room, &t.layers[i], t.keptOf(i)
	all, d, q, kv := len(t.batch.Tokens), c.Hidden, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	n, o := all, k.o
	if t.fewer(i) {
		n, o = len(t.wanted), r.chosen
	}

	t.activate(r.wide[0], k, n)
	t.projectBack(i, feedForwardOut, k, r.wide[1], r.wide[0], n, r.dx)
	dgate, dup := r.wide[1], r.wide[0]
	t.job.y, t.job.dst, t.job.z, t.job.gate, t.job.up, t.job.rows = r.wide[1], dgate, dup, k.gate, k.up, n
	t.pool.Run(tasksOf(n), t.tasks.activateBack)
	t.normalise(r.h, nil, k.middle, &l.feedForwardNorm, n)
	t.projectBack(i, feedForwardIn, k, r.dh, r.h, n, dgate, dup)
	t.normaliseBack(r.dx, r.dh, k.middle, &l.feedForwardNorm, n)

	t.projectBack(i, attentionOut, k, r.do, o, n, r.dx)
	if n < all {
		spread(r.do, q, t.wanted, all)
		spread(r.dx, d, t.wanted, all)
		n = all
	}
	t.attention.Backward(t.pool, kernel.QKV{Q: view(r.dq, n, q), K: view(r.dk, n, kv), V: view(r.dv, n, kv)}, view(r.do, n, q),
		view(k.o, n, q), k.lse[:c.Heads*n], kernel.QKV{Q: view(k.q, n, q), K: view(k.k, n, kv), V: view(k.v, n, kv)}, t.batch.Ends)
	t.job.q, t.job.k, t.job.rows = r.dq, r.dk, n
	t.pool.Run(tasksOf(n), t.tasks.rotateBack)
	dh := r.dh
	if i == 0 && t.embedding.grad == nil {
		dh = nil // nothing below learns
	}
	t.normalise(r.h, nil, r.x[i], &l.attentionNorm, n)
	t.projectBack(i, attentionIn, k, dh, r.h, n, r.dq, r.dk, r.dv)
	if dh != nil {
		t.normaliseBack(r.dx, dh, r.x[i], &l.attentionNorm, n)
	}
}

// spread moves the first rows of x to the rows that are wanted, and sets the others, up to
// n, to 0.
func spread(x []float32, cols int, wanted []int, n int) {
	from := len(wanted) - 1
	for row := n - 1; row >= 0; row-- {
		to := x[row*cols : (row+1)*cols]
		if from >= 0 && wanted[from] == row {
			copy(to, x[from*cols:(from+1)*cols])
			from--
		} else {
			clear(to)
		}
	}
}

// backProduct sets dx to dy times the weights, or adds that.
func (t *Trainable) backProduct(dx []float32, dy kernel.Matrix, m *matrix, add bool) {
	kernel.MatMul(t.pool, view(dx, dy.Rows, m.in), dy, m.back,
		kernel.MatMulOptions{Accumulate: add, Precision: t.options.Precision})
}

// weightGradient adds the derivative by the weights, if they are trained.
func (t *Trainable) weightGradient(m *matrix, dy kernel.Matrix, x []float32) {
	if m.grad == nil {
		return
	}
	kernel.MatMul(t.pool, view(m.grad, m.out, m.in), dy.T(), view(x, dy.Rows, m.in),
		kernel.MatMulOptions{Accumulate: true, Precision: t.options.Precision})
}
