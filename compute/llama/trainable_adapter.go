package llama

import "smelt/compute/kernel"

// project multiplies x with the matrices of a site, each with its adapter: it sets their
// ys to the results, or adds these. For a y that is nil, it makes what is kept alone.
//
// In training with dropout D, PEFT's DoRA is y = Wx + (g-1) W Dx + g s B A Dx with g for
// the magnitude over the norm of the row, which is m (W + s B A) x / norm without (DoraLinearLayer in
// peft/tuners/lora/dora.py, version 0.21).
func (t *Trainable) project(layer int, s site, k *kept, x []float32, rows int, add bool, ys ...[]float32) {
	l := &t.layers[layer]
	g := &l.adapters[s]
	first, end := s.span()
	replaced := t.lora.DoRA && !t.drops()
	for p := first; p < end; p++ {
		if y := ys[p-first]; y != nil && !(replaced && g.has(p)) {
			t.product(y, x, rows, &l.matrices[p], add)
		}
	}
	if len(g.list) == 0 {
		return
	}
	if !t.drops() {
		t.thin(view(k.u[s], rows, g.width()), view(x, rows, g.in), g.all(g.a).T(), 1, false)
	}
	for i := range g.list {
		a := &g.list[i]
		u, y := g.columns(k.u[s], rows, i), ys[a.place]
		from := x
		if t.drops() {
			from = t.drop(x, rows, g.in, layer, a.projection)
			t.thin(u, view(from, rows, g.in), g.one(g.a, i).T(), 1, false)
		}
		if a.dora == nil {
			if y != nil {
				t.thin(view(y, rows, a.out()), u, a.matrix(a.b).T(), t.scaling(), true)
			}
			continue
		}
		z := k.z[a.projection]
		t.product(z, from, rows, &l.matrices[a.projection], false)
		if t.drops() && y != nil {
			t.job.dst, t.job.x, t.job.rows, t.job.cols = y, z, rows, a.out()
			t.pool.Run(tasksOf(rows), t.tasks.subtract)
		}
		t.thin(view(z, rows, a.out()), u, a.matrix(a.b).T(), t.scaling(), true)
		if y != nil {
			t.scaleColumns(y, z, a.dora.scale, rows, add || t.drops())
		}
	}
}

// projectBack is the backward pass of project: given dys, the derivatives by the results,
// it adds to those by what is trained, and sets dx, unless it is nil, to those by x.
func (t *Trainable) projectBack(layer int, s site, k *kept, dx, x []float32, rows int, dys ...[]float32) {
	l := &t.layers[layer]
	g := &l.adapters[s]
	first, end := s.span()
	replaced := t.lora.DoRA && !t.drops()
	written := false
	for p := first; p < end; p++ {
		m := &l.matrices[p]
		dy := view(dys[p-first], rows, m.out)
		t.weightGradient(m, dy, x)
		if dx != nil && !(replaced && g.has(p)) {
			t.backProduct(dx, dy, m, written)
			written = true
		}
	}
	if len(g.list) == 0 {
		return
	}
	for i := range g.list {
		a := &g.list[i]
		m := &l.matrices[a.projection]
		dy, u, du := dys[a.place], g.columns(k.u[s], rows, i), g.columns(t.room.du, rows, i)
		dz := dy
		if a.dora != nil {
			t.magnitudeGradient(a.dora, dy, k.z[a.projection], rows)
			dz = t.room.dz
			t.scaleColumns(dz, dy, a.dora.scale, rows, false)
		}
		dzs := view(dz, rows, a.out())
		t.thin(a.matrix(a.bGrad), dzs.T(), u, t.scaling(), true)
		t.thin(du, dzs, a.matrix(a.b), t.scaling(), false)
		if replaced && dx != nil {
			t.backProduct(dx, dzs, m, written)
			written = true
		}
		if !t.drops() {
			continue
		}
		dropped := t.drop(x, rows, g.in, layer, a.projection)
		t.thin(g.one(g.aGrad, i), du.T(), view(dropped, rows, g.in), 1, true)
		if dx == nil {
			continue
		}
		t.thin(view(dropped, rows, g.in), du, g.one(g.a, i), 1, false)
		if a.dora != nil {
			t.job.dst, t.job.x, t.job.rows, t.job.cols = dz, dy, rows, a.out()
			t.pool.Run(tasksOf(rows), t.tasks.subtract)
			t.backProduct(dropped, dzs, m, true)
		}
		t.addDropped(dx, dropped, rows, g.in, layer, a.projection)
	}
	if t.drops() {
		return
	}
	du := view(t.room.du, rows, g.width())
	t.thin(g.all(g.aGrad), du.T(), view(x, rows, g.in), 1, true)
	if dx != nil {
		t.thin(view(dx, rows, g.in), du, g.all(g.a), 1, true)
	}
}

// thin is a product with a factor of few rows or columns.
func (t *Trainable) thin(c, a, b kernel.Matrix, alpha float32, add bool) {
	kernel.MatMul(t.pool, c, a, b, kernel.MatMulOptions{Alpha: alpha, Accumulate: add, Precision: t.options.Precision})
}

func (t *Trainable) scaling() float32 { return float32(t.lora.Scaling()) }

// drops tells whether adapters see a part of their input only.
func (t *Trainable) drops() bool { return t.noisy && t.lora.Dropout > 0 }

// has tells whether the projection has an adapter.
func (s *siteAdapters) has(p Projection) bool {
	for i := range s.list {
		if s.list[i].projection == p {
			return true
		}
	}
	return false
}

// columns returns what is one adapter's of x, [rows][width].
func (s *siteAdapters) columns(x []float32, rows, i int) kernel.Matrix {
	w := s.width()
	return kernel.Matrix{Data: x[i*s.rank : rows*w], Rows: rows, Cols: s.rank, Stride: w}
}

// all returns x, A or its gradient, as one matrix.
func (s *siteAdapters) all(x []float32) kernel.Matrix { return view(x, s.width(), s.in) }

// one returns what is one adapter's of x, A or its gradient.
func (s *siteAdapters) one(x []float32, i int) kernel.Matrix {
	return view(x[i*s.rank*s.in:], s.rank, s.in)
}

func (a *trainedAdapter) out() int { return len(a.b) / a.rank }

// matrix returns x, B or its gradient, as a matrix.
func (a *trainedAdapter) matrix(x []float32) kernel.Matrix { return view(x, a.out(), a.rank) }
