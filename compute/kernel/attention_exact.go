package kernel

// In a tile, what a query does not see has the weight 0. That hides every number but
// those that are not finite, of which the product with 0 is NaN. So where a result is not
// finite it is computed again from what it depends on and nothing else, by the functions
// here: slowly, but not often.

// exactRow computes the result of one query.
func (f *forward) exactRow(u *unit, head, r int) {
	n := u.past + r + 1
	room, weights := make([]float32, n*f.Dim), make([]float32, n)
	q := f.q.Data[(u.row+r)*f.q.stride()+head*f.Dim:][:f.Dim]
	keys := u.keys.lines(room, u.head, u.first, n, f.Dim)
	for i := range weights {
		weights[i] = f.scale() * dot(q, keys.data[i*keys.ld:][:f.Dim])
	}
	softmaxRow(weights, weights)
	out := f.out.Data[(u.row+r)*f.out.stride()+head*f.Dim:][:f.Dim]
	clear(out)
	values := u.values.lines(room, u.head, u.first, n, f.Dim)
	for i, weight := range weights {
		axpy(out, values.data[i*values.ld:][:f.Dim], weight)
	}
}

// exactPair returns the probability of a key to a query, and the derivative by their
// score. Rows are of the document.
func (b *backward) exactPair(u *gradientUnit, row, key, head int) (p, ds float32) {
	row += u.row
	key += u.row
	dout := b.head(b.dout, row, head)
	score := float32(b.scale() * dot(b.head(b.x.Q, row, head), b.head(b.x.K, key, u.head)))
	p = exponential(score - b.lse[head*b.x.Q.Rows+row])
	delta := dot(dout, b.head(b.out, row, head))
	return p, b.scale() * p * (dot(dout, b.head(b.x.V, key, u.head)) - delta)
}

// exactQuery sets dq to the derivatives by one query.
func (b *backward) exactQuery(u *gradientUnit, row, head int, dq []float32) {
	clear(dq)
	for key := range row + 1 {
		_, ds := b.exactPair(u, row, key, head)
		axpy(dq, b.head(b.x.K, u.row+key, u.head), ds)
	}
}

// exactKey sets the derivatives by one key and its value.
func (b *backward) exactKey(u *gradientUnit, key int) {
	dk, dv := b.head(b.dx.K, u.row+key, u.head), b.head(b.dx.V, u.row+key, u.head)
	clear(dk)
	clear(dv)
	for head := u.head * b.group(); head < (u.head+1)*b.group(); head++ {
		for row := key; row < u.rows; row++ {
			p, ds := b.exactPair(u, row, key, head)
			axpy(dk, b.head(b.x.Q, u.row+row, head), ds)
			axpy(dv, b.head(b.dout, u.row+row, head), p)
		}
	}
}
