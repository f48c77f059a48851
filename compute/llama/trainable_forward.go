package llama

import (
	"context"

	"smelt/compute/kernel"
)

// forward runs the layers, which leaves the results of the wanted rows in the last x. For
// a backward pass, the layers keep what they need.
func (t *Trainable) forward(ctx context.Context, learns bool) error {
	n, r := len(t.batch.Tokens), &t.room
	t.pool.Run(tasksOf(n), t.tasks.embed)
	for i := range t.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		t.forwardLayer(i, r.x[i+1])
	}
	return nil
}

// forwardLayer runs a layer, to next. Without next, it makes again all that is kept.
func (t *Trainable) forwardLayer(i int, next []float32) {
	c, r, l, k := t.config, &t.room, &t.layers[i], t.keptOf(i)
	n, d, q, kv := len(t.batch.Tokens), c.Hidden, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	x := r.x[i]
	fewer := t.fewer(i)
	if fewer {
		t.normalise(r.h, nil, x, &l.attentionNorm, n)
	} else {
		t.normalise(r.h, k.middle, x, &l.attentionNorm, n)
	}
	t.project(i, attentionIn, k, r.h, n, false, k.q, k.k, k.v)
	t.job.q, t.job.k, t.job.rows = k.q, k.k, n
	t.pool.Run(tasksOf(n), t.tasks.rotate)
	t.attention.Forward(t.pool, view(k.o, n, q), k.lse[:c.Heads*n],
		kernel.QKV{Q: view(k.q, n, q), K: view(k.k, n, kv), V: view(k.v, n, kv)}, t.batch.Ends)
	o := k.o
	if fewer {
		n, o = len(t.wanted), r.chosen
		for j, row := range t.wanted {
			copy(k.middle[j*d:(j+1)*d], x[row*d:])
			copy(o[j*q:(j+1)*q], k.o[row*q:])
		}
	}
	t.project(i, attentionOut, k, o, n, true, k.middle)
	t.normalise(r.h, next, k.middle, &l.feedForwardNorm, n)
	t.project(i, feedForwardIn, k, r.h, n, false, k.gate, k.up)
	t.activate(r.wide[0], k, n)
	t.project(i, feedForwardOut, k, r.wide[0], n, true, next)
}

// fewer tells whether a layer goes on with fewer rows after attention.
func (t *Trainable) fewer(layer int) bool {
	return layer == len(t.layers)-1 && len(t.wanted) < len(t.batch.Tokens)
}

// product sets y to x, of some rows, times the transpose of the weights, or adds that.
func (t *Trainable) product(y, x []float32, rows int, m *matrix, add bool) {
	kernel.MatMul(t.pool, view(y, rows, m.out), view(x, rows, m.in), m.factor,
		kernel.MatMulOptions{Accumulate: add, Precision: t.options.Precision})
}

// finalNorm returns what the head multiplies, of the wanted rows.
func (t *Trainable) finalNorm() []float32 {
	t.normalise(t.room.h, nil, t.room.x[len(t.layers)], &t.norm, len(t.wanted))
	return t.room.h
}

// entropy sets t.losses and, if it learns, dx to the derivatives by the last layer's
// result, both of the wanted rows. Logits exist for some rows at a time.
func (t *Trainable) entropy(learns bool) {
	r, n, d, v := &t.room, len(t.wanted), t.config.Hidden, t.config.Vocabulary
	h := t.finalNorm()
	parts := (n + logitRows(v) - 1) / logitRows(v)
	each := (n + parts - 1) / parts
	task := t.tasks.loss
	if learns {
		task = t.tasks.entropy
	}
	for from := 0; from < n; from += each {
		rows := min(each, n-from)
		h := h[from*d:]
		t.product(r.logits, h, rows, &t.head, false)
		t.job.first = from
		t.pool.Run(rows, task)
		if learns {
			dlogits := view(r.logits, rows, v)
			t.backProduct(r.dh[from*d:], dlogits, &t.head, false)
			t.weightGradient(&t.head, dlogits, h)
		}
	}
	if learns {
		clear(r.dx[:n*d])
		t.normaliseBack(r.dx, r.dh, r.x[len(t.layers)], &t.norm, n)
	}
}
