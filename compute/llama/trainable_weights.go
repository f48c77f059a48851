package llama

import (
	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// matrix is the weights of a linear layer in training.
type matrix struct {
	*linear
	back kernel.Factor // the weights, of which linear.factor is the transpose
	grad []float32     // [out][in]; nil if they are not trained
}

// normWeights are those of a norm in training.
type normWeights struct{ weight, grad []float32 }

// site is where matrices multiply the same rows.
type site uint8

const (
	attentionIn site = iota
	attentionOut
	feedForwardIn
	feedForwardOut
	sites
)

// span returns the first projection of a site and the one after its last.
func (s site) span() (from, to Projection) {
	bounds := [sites + 1]Projection{Queries, Output, Gate, Down, projections}
	return bounds[s], bounds[s+1]
}

// trainedLayer is a layer in training.
type trainedLayer struct {
	attentionNorm, feedForwardNorm normWeights
	matrices                       [projections]matrix
	adapters                       [sites]siteAdapters
}

func newMatrix(w *linear) matrix {
	m := matrix{linear: w}
	switch f := w.factor.(type) {
	case kernel.Matrix:
		m.back = f.T()
	case kernel.MatrixBF16:
		m.back = f.T()
	case kernel.MatrixF16:
		m.back = f.T()
	case kernel.BlockMatrix:
		m.back = f.T()
	}
	return m
}

// trainAll makes parameters of all weights.
func (t *Trainable) trainAll() {
	c, stored := t.config, t.model.weights
	named, places := newWeights(huggingFaceNames(), c)
	from := map[*linear]*linear{&named.embedding: &stored.embedding, &named.head: &stored.head}
	vectors := map[*[]float32]*[]float32{&named.norm: &stored.norm}
	for i := range named.layers {
		to, of := &named.layers[i], &stored.layers[i]
		for _, p := range Projections() {
			from[to.projection(p)] = of.projection(p)
		}
		vectors[&to.attentionNorm], vectors[&to.feedForwardNorm] = &of.attentionNorm, &of.feedForwardNorm
	}
	total := int(c.Parameters())
	data, grad := make([]float32, total), make([]float32, total)
	grads := map[*linear][]float32{}
	vectorGrads := map[*[]float32][]float32{}
	for _, p := range places {
		n := size(p.shape)
		x, dx := data[:n:n], grad[:n:n]
		data, grad = data[n:], grad[n:]
		if p.matrix != nil {
			from[p.matrix].widen(x, 0, p.shape[0])
			*p.matrix = linear{out: p.shape[0], in: p.shape[1], dtype: tensorfile.F32, numbers: x}
			p.matrix.factor = p.matrix.transpose()
			grads[p.matrix] = dx
		} else {
			copy(x, *vectors[p.vector])
			*p.vector = x
			vectorGrads[p.vector] = dx
		}
		t.parameters = append(t.parameters, Parameter{Name: p.name, Shape: p.shape, Data: x, Grad: dx, Decay: p.matrix != nil})
	}
	trained := func(w *linear) matrix {
		m := newMatrix(w)
		m.grad = grads[w]
		return m
	}
	t.embedding, t.norm = trained(&named.embedding), normWeights{named.norm, vectorGrads[&named.norm]}
	if t.head = t.embedding; !c.Tied {
		t.head = trained(&named.head)
	}
	t.layers = make([]trainedLayer, c.Layers)
	for i := range t.layers {
		l, of := &t.layers[i], &named.layers[i]
		l.attentionNorm = normWeights{of.attentionNorm, vectorGrads[&of.attentionNorm]}
		l.feedForwardNorm = normWeights{of.feedForwardNorm, vectorGrads[&of.feedForwardNorm]}
		for _, p := range Projections() {
			l.matrices[p] = trained(of.projection(p))
		}
	}
}

// trainAdapter makes parameters of the adapter's numbers.
func (t *Trainable) trainAdapter(a *Adapter) {
	c, w := t.config, t.model.weights
	t.lora = a.lora
	t.embedding, t.head, t.norm = newMatrix(&w.embedding), newMatrix(&w.head), normWeights{weight: w.norm}
	t.layers = make([]trainedLayer, c.Layers)
	for i := range t.layers {
		l, of := &t.layers[i], &w.layers[i]
		l.attentionNorm.weight, l.feedForwardNorm.weight = of.attentionNorm, of.feedForwardNorm
		for _, p := range Projections() {
			l.matrices[p] = newMatrix(of.projection(p))
		}
		for s := range sites {
			l.adapters[s] = newSiteAdapters(c, a, i, s)
			for j := range l.adapters[s].list {
				t.parameters = append(t.parameters, l.adapters[s].parameters(i, j)...)
			}
		}
	}
}

// siteAdapters are the adapters of the matrices at a site of a layer. Their A lie one
// after the other, so that one product is with all of them.
type siteAdapters struct {
	rank, in int
	a, aGrad []float32 // [len(list)*rank][in]
	list     []trainedAdapter
}

// trainedAdapter is what an adapter of one matrix has beside its A.
type trainedAdapter struct {
	projection  Projection
	place, rank int       // among the projections of its site
	b, bGrad    []float32 // [out][rank]
	dora        *dora     // nil without
}

// width is how many columns the products with all A have.
func (s *siteAdapters) width() int { return len(s.list) * s.rank }

func newSiteAdapters(c *Config, a *Adapter, layer int, at site) siteAdapters {
	s := siteAdapters{rank: a.lora.Rank}
	from, to := at.span()
	adapted := 0
	for p := from; p < to; p++ {
		if f := a.layers[layer][p]; f != nil {
			adapted += len(f.a)
		}
	}
	s.a = make([]float32, 0, adapted)
	for p := from; p < to; p++ {
		_, s.in = c.shape(p)
		f := a.layers[layer][p]
		if f == nil {
			continue
		}
		s.a = append(s.a, f.a...)
		one := trainedAdapter{projection: p, place: int(p - from), rank: a.lora.Rank, b: f.b, bGrad: make([]float32, len(f.b))}
		if f.magnitude != nil {
			one.dora = &dora{magnitude: f.magnitude, grad: make([]float32, len(f.magnitude))}
		}
		s.list = append(s.list, one)
	}
	s.aGrad = make([]float32, len(s.a))
	for i := range s.list {
		a.layers[layer][s.list[i].projection].a, _ = s.of(i)
	}
	return s
}

// of returns the A of one of the list, and its gradient.
func (s *siteAdapters) of(i int) (a, grad []float32) {
	from, to := i*s.rank*s.in, (i+1)*s.rank*s.in
	return s.a[from:to:to], s.aGrad[from:to:to]
}

// parameters returns those of one of the list.
func (s *siteAdapters) parameters(layer, i int) []Parameter {
	f := &s.list[i]
	name := "base_model.model." + moduleName(layer, f.projection)
	a, grad := s.of(i)
	list := []Parameter{
		{Name: name + ".lora_A.weight", Shape: []int{s.rank, s.in}, Data: a, Grad: grad, Decay: true},
		{Name: name + ".lora_B.weight", Shape: []int{len(f.b) / s.rank, s.rank}, Data: f.b, Grad: f.bGrad, Decay: true},
	}
	if f.dora != nil {
		list = append(list, Parameter{Name: name + ".lora_magnitude_vector", Shape: []int{len(f.dora.magnitude)}, Data: f.dora.magnitude, Grad: f.dora.grad})
	}
	return list
}
