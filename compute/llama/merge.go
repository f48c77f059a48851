package llama

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"smelt/compute/kernel"
)

// Merge writes the model with the adapter in its weights to the path to, in the way and
// under the rules of [Convert]: W + s B A, with DoRA at the magnitudes, is computed in fp32
// from what the model's file stores, row by row, and rounded once to the type it is written
// in. A row of zeros, which has no direction, stays one under DoRA. The adapter may be one
// for the same model in the other kind of file.
//
// All that an adapter does not change is written as Convert does: the configuration, the
// tokenizer and its template, and a head that is tied to the embedding stays so. Beside the
// adapter it takes a few MB of memory, and out*in*r multiplications for each matrix of
// [out][in].
func (m *Model) Merge(ctx context.Context, a *Adapter, to string, o ConvertOptions) (*Converted, error) {
	result, err := m.merge(ctx, a, to, o)
	if err != nil {
		return nil, fmt.Errorf("merge adapter: %w", err)
	}
	return result, nil
}

func (m *Model) merge(ctx context.Context, a *Adapter, to string, o ConvertOptions) (*Converted, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if m.file == nil {
		return nil, errors.New("the model is not open")
	}
	if err := a.check(&m.config); err != nil {
		return nil, err
	}
	a = a.ordered(m.names.pairing)
	changed := map[string]*factors{}
	for i := range a.layers {
		for _, p := range Projections() {
			if f := a.layers[i][p]; f != nil {
				changed[moduleName(i, p)+".weight"] = f
			}
		}
	}
	scaling := float32(a.lora.Scaling())
	return m.rewrite(ctx, to, o, func(name string, r *recoding) rows {
		if f := changed[name]; f != nil {
			return &mergedRows{recoding: r, factors: f, rank: a.lora.Rank, scaling: scaling}
		}
		return nil
	})
}

// check tells what keeps the adapter from being one for models of the shape c.
func (a *Adapter) check(c *Config) error {
	if len(a.layers) != c.Layers {
		return fmt.Errorf("the adapter is for a model of %d layers, and this one has %d", len(a.layers), c.Layers)
	}
	if a.headDim != c.HeadDim {
		return fmt.Errorf("the adapter is for a model with heads of width %d, and this one's have %d", a.headDim, c.HeadDim)
	}
	r := a.lora.Rank
	for i := range a.layers {
		for _, p := range Projections() {
			f := a.layers[i][p]
			if f == nil {
				continue
			}
			out, in := c.shape(p)
			magnitudes := 0
			if a.lora.DoRA {
				magnitudes = out
			}
			if len(f.a) != r*in || len(f.b) != out*r || len(f.magnitude) != magnitudes {
				return fmt.Errorf("the adapter of %s is for a matrix of shape [%d %d], and the model's is [%d %d]", moduleName(i, p), len(f.b)/r, len(f.a)/r, out, in)
			}
		}
	}
	return nil
}

// mergedRows is the rows of a tensor with those of an adapter, which are in the order of the
// file, added.
type mergedRows struct {
	*recoding
	*factors
	rank    int
	scaling float32
}

func (m *mergedRows) row(dst []byte, room *rowRoom, i int) error {
	src, err := m.stored(i)
	if err != nil {
		return err
	}
	width, at := m.width(), m.order.of(i)
	w := sized(room.wide, width)
	room.wide = w
	room.decode(w, src, m.from.DType)
	// encode uses this memory again, when the product is no longer needed.
	product := sized(room.again, width)
	room.again = product
	clear(product)
	for k, b := range m.b[at*m.rank : (at+1)*m.rank] {
		kernel.Axpy(product, m.a[k*width:(k+1)*width], b)
	}
	kernel.Axpy(w, product, m.scaling)
	if m.magnitude != nil {
		kernel.Scale(w, w, overNorm(m.magnitude[at], math.Sqrt(kernel.SumSquares(w))))
	}
	return room.encode(dst, w, m.to)
}

// WriteTrained writes the model with other numbers for some or all of its tensors to the
// path to, in the way and under the rules of [Convert]; each is rounded once to the type it
// is written in. The parameters have the names of transformers, the shapes of m's tensors,
// and, for queries and keys, rows in the order of m's file. A tied head has none of its own.
// All else is as in m.
func (m *Model) WriteTrained(ctx context.Context, ps []Parameter, to string, o ConvertOptions) (*Converted, error) {
	result, err := m.writeTrained(ctx, ps, to, o)
	if err != nil {
		return nil, fmt.Errorf("write trained model: %w", err)
	}
	return result, nil
}

func (m *Model) writeTrained(ctx context.Context, ps []Parameter, to string, o ConvertOptions) (*Converted, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if m.file == nil {
		return nil, errors.New("the model is not open")
	}
	shapes := map[string][]int{}
	_, places := newWeights(huggingFaceNames(), &m.config)
	for _, p := range places {
		shapes[p.name] = p.shape
	}
	trained := make(map[string]*Parameter, len(ps))
	for i := range ps {
		p := &ps[i]
		shape, known := shapes[p.Name]
		switch n := len(p.Data); {
		case !known:
			return nil, fmt.Errorf("parameter %q is no tensor of the model", p.Name)
		case trained[p.Name] != nil:
			return nil, fmt.Errorf("parameter %q is there twice", p.Name)
		case !slices.Equal(p.Shape, shape) || n != size(shape):
			return nil, fmt.Errorf("parameter %q: %d numbers of shape %v, and the model makes it %v", p.Name, n, p.Shape, shape)
		}
		trained[p.Name] = p
	}
	return m.rewrite(ctx, to, o, func(name string, r *recoding) rows {
		if p := trained[name]; p != nil {
			return &trainedRows{recoding: r, data: p.Data}
		}
		return nil
	})
}

// size returns how many numbers a shape has.
func size(shape []int) int {
	n := 1
	for _, k := range shape {
		n *= k
	}
	return n
}

// trainedRows is numbers in memory in the place of those of a tensor.
type trainedRows struct {
	*recoding
	data []float32
}

func (t *trainedRows) row(dst []byte, room *rowRoom, i int) error {
	width, at := t.width(), t.order.of(i)
	return room.encode(dst, t.data[at*width:(at+1)*width], t.to)
}
