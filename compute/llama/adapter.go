package llama

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"smelt/compute/kernel"
)

// Projection is one of the matrices of a layer.
type Projection uint8

// The matrices, by what transformers calls them: q_proj, k_proj, v_proj, o_proj,
// gate_proj, up_proj, down_proj.
const (
	Queries Projection = iota
	Keys
	Values
	Output
	Gate
	Up
	Down
)

const projections = 7

// Projections returns all projections, in their order in a layer.
func Projections() []Projection { return []Projection{Queries, Keys, Values, Output, Gate, Up, Down} }

// String gives the name in transformers and PEFT.
func (p Projection) String() string {
	return [projections]string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}[p]
}

// ParseProjection is the inverse of String.
func ParseProjection(name string) (Projection, error) {
	for _, p := range Projections() {
		if p.String() == name {
			return p, nil
		}
	}
	return 0, fmt.Errorf("%q is not a matrix of a layer; those are %v", name, Projections())
}

// shape returns the outputs and the inputs of a projection.
func (c *Config) shape(p Projection) (out, in int) {
	d, f, q, kv := c.Hidden, c.FeedForward, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	switch p {
	case Queries:
		return q, d
	case Keys, Values:
		return kv, d
	case Output:
		return d, q
	case Down:
		return d, f
	}
	return f, d
}

// projection returns the weights of a projection.
func (l *layer) projection(p Projection) *linear {
	return [projections]*linear{&l.queries, &l.keys, &l.values, &l.output, &l.gate, &l.up, &l.down}[p]
}

// LoRA is how an adapter changes a model (Hu and others, "LoRA: Low-Rank Adaptation of
// Large Language Models", 2021): to the result of a matrix W, of [out][in], it adds that of
// one of rank r,
//
//	y = W x + s B A x
//
// with A of [r][in], B of [out][r], and s = Alpha/r, or Alpha/sqrt(r) if RankStabilized
// (Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023).
//
// With DoRA (Liu and others, "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024) the rows
// of W + s B A keep their direction, and a magnitude m of [out] is learned beside it:
//
//	y = m (W + s B A) x / |W + s B A|    by row
//
// where a row of zeros, which has no direction, gives 0.
type LoRA struct {
	Rank           int          // r, from 1
	Alpha          float64      // above 0
	Dropout        float64      // share of x that A does not see in training, from 0, below 1
	Projections    []Projection // that are changed; none stands for all
	RankStabilized bool
	DoRA           bool
}

// Scaling returns s.
func (l LoRA) Scaling() float64 {
	if l.RankStabilized {
		return l.Alpha / math.Sqrt(float64(l.Rank))
	}
	return l.Alpha / float64(l.Rank)
}

// Validate tells what keeps l from being an adapter of models of the shape c.
func (l LoRA) Validate(c *Config) error {
	switch {
	case l.Rank < 1 || l.Rank > max(c.Hidden, c.FeedForward):
		return fmt.Errorf("rank %d is out of range; it goes from 1 to %d", l.Rank, max(c.Hidden, c.FeedForward))
	case !(l.Alpha > 0) || math.IsInf(l.Alpha, 0):
		return fmt.Errorf("alpha %v must be above 0", l.Alpha)
	case !(l.Dropout >= 0 && l.Dropout < 1):
		return fmt.Errorf("dropout %v is out of range; it is a share from 0 to below 1", l.Dropout)
	}
	for i, p := range l.Projections {
		if p >= projections {
			return fmt.Errorf("projection %d is none", p)
		}
		if slices.Contains(l.Projections[:i], p) {
			return fmt.Errorf("%v is named twice", p)
		}
	}
	return nil
}

// Adapter is a LoRA with its numbers, for models of one shape. Its rows are in the order
// of the model it was made for.
type Adapter struct {
	lora    LoRA
	layers  [][projections]*factors // nil where the model stays as it is
	pairing kernel.Pairing          // the order of the rows of queries and keys
	headDim int                     // of which a head has so many
}

// factors are the numbers of an adapter for one matrix.
type factors struct {
	a         []float32 // [r][in]
	b         []float32 // [out][r]
	magnitude []float32 // [out]; nil without DoRA
}

// LoRA returns how the adapter was made.
func (a *Adapter) LoRA() LoRA { return a.lora }

// NewAdapter returns an adapter that leaves what the model says as it is: A is uniform in
// ±1/sqrt(in), as in PEFT, B is 0, and magnitudes are those of the model's rows. Each A is
// drawn by ChaCha8 from the seed, the layer and the projection.
func (m *Model) NewAdapter(l LoRA, seed uint64) (*Adapter, error) {
	c := &m.config
	if err := l.Validate(c); err != nil {
		return nil, fmt.Errorf("llama: adapter: %w", err)
	}
	if err := m.hold(); err != nil {
		return nil, err
	}
	defer m.letGo()
	if l.Projections = slices.Clone(l.Projections); len(l.Projections) == 0 {
		l.Projections = Projections()
	}
	a := &Adapter{lora: l, layers: make([][projections]*factors, c.Layers), pairing: m.names.pairing, headDim: c.HeadDim}
	for i := range a.layers {
		for _, p := range l.Projections {
			out, in := c.shape(p)
			f := &factors{a: make([]float32, l.Rank*in), b: make([]float32, out*l.Rank)}
			place := binary.LittleEndian.AppendUint64(nil, seed)
			place = binary.LittleEndian.AppendUint64(place, uint64(i))
			random := rand.New(rand.NewChaCha8(sha256.Sum256(append(place, p.String()...))))
			bound := 1 / math.Sqrt(float64(in))
			for k := range f.a {
				f.a[k] = float32((2*random.Float64() - 1) * bound)
			}
			if l.DoRA {
				f.magnitude = make([]float32, out)
				for k, x := range m.weights.layers[i].projection(p).rowSquares() {
					f.magnitude[k] = float32(math.Sqrt(x))
				}
			}
			a.layers[i][p] = f
		}
	}
	return a, nil
}

// rowSquares returns the sum of squares of each row.
func (w *linear) rowSquares() []float64 {
	squares, row := make([]float64, w.out), make([]float32, w.in)
	for i := range squares {
		w.widen(row, i, i+1)
		squares[i] = kernel.SumSquares(row)
	}
	return squares
}
