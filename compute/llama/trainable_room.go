package llama

import (
	"fmt"

	"smelt/compute/kernel"
)

// room is the memory training works in. Below, n is the number of tokens, d the model's
// width, q that of all query heads, kv that of all key heads, f that of the feed-forward
// block, and w the sum of the ranks of a site's adapters. In the last layer there is, from
// attention on, a row only for each token with a weight.
type room struct {
	tokens int       // there is room for
	memory []float32 // all of the below

	x    [][]float32 // [n][d], the input of each layer, and the last one's result
	kept []kept      // of the layers that do not compute it again, or of one

	cos, sin    []float32    // [n][HeadDim/2]
	h           []float32    // [n][d], what a norm gives
	inverse     []float32    // [n], of it
	chosen      []float32    // [n][q], the rows of attention that the last layer goes on with
	wide        [2][]float32 // [n][f]
	dx, dh      []float32    // [n][d]
	dq, do      []float32    // [n][q]
	dk, dv      []float32    // [n][kv]
	normSums    []float32    // [n/normRows][d], gradients by a norm's weights, or [threads][d]
	logits      []float32    // [logitRows][V]
	du          []float32    // [n][w]
	dropped     []float32    // [n][in], with dropout
	dz          []float32    // [n][out], with DoRA
	normProduct []float32    // [rank][out], with DoRA
}

// kept is what the forward pass leaves the backward pass of a layer.
type kept struct {
	q, o, lse []float32              // [n][q], [n][q], [Heads][n]
	k, v      []float32              // [n][kv]
	middle    []float32              // [n][d], the residual stream before the feed-forward block
	gate, up  []float32              // [n][f]
	u         [sites][]float32       // [n][w], what A gives
	z         [projections][]float32 // [n][out], with DoRA: the sum before the magnitude
}

// normRows is how many rows add up their gradients by a norm's weights together.
const normRows = 32

// logitRows is how many rows of logits exist at once.
func logitRows(vocabulary int) int { return max(16, 12<<20/vocabulary) }

// carver hands out parts of memory or, if there is none, counts them.
type carver struct {
	memory []float32
	used   int
}

// get returns n numbers that begin a cache line.
func (c *carver) get(n int) []float32 {
	from := c.used
	c.used += (n + 15) &^ 15
	if c.memory == nil {
		return nil
	}
	return c.memory[from : from+n : from+n]
}

// lay takes all parts of the room for n tokens.
func (t *Trainable) lay(from *carver, n int) room {
	c := t.config
	d, f, q, kv := c.Hidden, c.FeedForward, c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	r := room{tokens: n, memory: from.memory}
	for range c.Layers + 1 {
		r.x = append(r.x, from.get(n*d))
	}
	widest, widestOut, widestIn := 0, 0, 0
	for i := range max(1, c.Layers-t.options.Recompute) {
		k := kept{q: from.get(n * q), o: from.get(n * q), lse: from.get(n * c.Heads), k: from.get(n * kv), v: from.get(n * kv),
			middle: from.get(n * d), gate: from.get(n * f), up: from.get(n * f)}
		l := &t.layers[c.Layers-1-i] // adapters are on the same matrices in all layers
		for s := range l.adapters {
			k.u[s] = from.get(n * l.adapters[s].width())
			widest = max(widest, l.adapters[s].width())
			for _, a := range l.adapters[s].list {
				out, in := c.shape(a.projection)
				widestOut, widestIn = max(widestOut, out), max(widestIn, in)
				if a.dora != nil {
					k.z[a.projection] = from.get(n * out)
				}
			}
		}
		r.kept = append(r.kept, k)
	}
	r.cos, r.sin = from.get(n*c.HeadDim/2), from.get(n*c.HeadDim/2)
	r.h, r.dx, r.dh, r.inverse = from.get(n*d), from.get(n*d), from.get(n*d), from.get(n)
	r.chosen, r.do, r.dq, r.dk, r.dv = from.get(n*q), from.get(n*q), from.get(n*q), from.get(n*kv), from.get(n*kv)
	r.wide = [2][]float32{from.get(n * f), from.get(n * f)}
	r.normSums = from.get(max((n+normRows-1)/normRows, t.pool.Threads()) * d)
	r.logits = from.get(min(n, logitRows(c.Vocabulary)) * c.Vocabulary)
	r.du = from.get(n * widest)
	if t.lora.Dropout > 0 {
		r.dropped = from.get(n * widestIn)
	}
	if t.lora.DoRA {
		r.dz = from.get(n * widestOut)
		r.normProduct = from.get(t.lora.Rank * widestOut)
	}
	return r
}

// Reserve takes the memory for batches of up to so many tokens now. A larger batch takes
// more, while what it had before is still there to be collected.
func (t *Trainable) Reserve(tokens int) { t.reserve(tokens) }

// reserve sees that there is room for n tokens.
func (t *Trainable) reserve(n int) {
	if n <= t.room.tokens && t.room.memory != nil {
		return
	}
	var count carver
	t.lay(&count, n)
	t.room = room{} // before the next is taken
	t.room = t.lay(&carver{memory: make([]float32, count.used+1)}, n)
}

// keptOf returns where a layer leaves what its backward pass needs. Layers that compute
// it again share that of the last layer, which is used neither before that layer's forward
// pass nor after its backward pass.
func (t *Trainable) keptOf(layer int) *kept {
	if own := layer - t.options.Recompute; own >= 0 && own < len(t.room.kept) {
		return &t.room.kept[own]
	}
	return &t.room.kept[len(t.room.kept)-1]
}

// view returns the first rows of x, of cols numbers.
func view(x []float32, rows, cols int) kernel.Matrix {
	return kernel.Matrix{Data: x[:rows*cols], Rows: rows, Cols: cols}
}

// SetRecompute changes of how many layers, from the first on, activations are computed
// again: see TrainableOptions. It gives back the memory for batches.
func (t *Trainable) SetRecompute(layers int) error {
	o := t.options
	o.Recompute = layers
	if err := o.check(t.model); err != nil {
		return fmt.Errorf("llama: training: %w", err)
	}
	t.options, t.room = o, room{}
	t.reserve(0)
	return nil
}
