package llama

import "smelt/compute/kernel"

// poolBytes is about what products and attention work in, of so many tokens in sequences
// as long as may be: the left factor of a product laid out, or keys, values and the sums of
// their gradients, at least those of one head; and for each thread a part of the right
// factor and some sums.
func (t *Trainable) poolBytes(tokens int) int64 {
	const (
		factor, keys  = 4 << 20, 8 << 20 // words, at most
		block, within = 1 << 17, 768     // words of a right factor, and of a sum that need not wait
		tile          = 512              // columns of a thread's sums
		queries       = 192              // of attention, at once
		runs          = 16               // of queries, each with sums of its own, in all heads
	)
	c := t.config
	length := min(tokens, c.Context)
	words := func(k int) int {
		if t.options.Precision == kernel.BF16 {
			return (k + 1) / 2
		}
		return k
	}
	rows := min(tokens, logitRows(c.Vocabulary))
	longest := max(c.Hidden, c.FeedForward, c.Heads*c.HeadDim)
	product := min(factor, max(tokens*words(longest), rows*words(c.Vocabulary)))
	waiting := 0
	if words(max(longest, c.Vocabulary)) > within {
		waiting = min(rows, factor/words(c.Vocabulary)) * tile
	}
	if words(longest) > within || t.options.Adapter == nil && words(tokens) > within {
		waiting = max(waiting, min(tokens, factor/words(longest))*tile)
	}
	perRun := max(1, min(length/64, (runs+c.KVHeads-1)/c.KVHeads))
	perHead := length * c.HeadDim * (3 + (2*perRun+2)*2/3) // sums of early queries are of fewer keys
	attention := max(perHead, min(keys, (tokens+length-1)/max(length, 1)*c.KVHeads*perHead))
	thread := max(block+waiting/t.pool.Threads(), queries*(9*c.HeadDim+200))
	return 4 * int64(max(product, attention)+t.pool.Threads()*thread)
}

// Bytes returns the memory that training takes on batches of so many tokens, beside the
// model's weights as they are stored and the optimiser's moments: parameters and their
// gradients, activations and all else it works in.
func (t *Trainable) Bytes(tokens int) int64 {
	var count carver
	t.lay(&count, tokens)
	return 8*t.numbers + 4*int64(count.used) + t.poolBytes(tokens)
}

// Operations returns the floating-point operations that [Trainable.Gradients] needs for
// a batch, in products with weights and in attention. What is computed again is counted
// once, and so is a layer that has no gradient to hand on.
func (t *Trainable) Operations(b Batch) (matmul, attention float64) {
	n, learned := float64(len(b.Tokens)), 0.0
	for _, w := range b.Weights {
		if w != 0 {
			learned++
		}
	}
	if learned == 0 {
		return 0, 0
	}
	full := t.options.Adapter == nil
	size := func(p Projection) float64 { out, in := t.config.shape(p); return float64(out) * float64(in) }
	passes := func(backwards bool) float64 { // over a matrix: forward, by its input, by its weights
		passes := 1.0
		if backwards {
			passes++
		}
		if full {
			passes++
		}
		return passes
	}
	for i := range t.layers {
		l := &t.layers[i]
		for s := range sites {
			rows := n
			if i == len(t.layers)-1 && s != attentionIn {
				rows = learned
			}
			backwards := full || i > 0 || s != attentionIn
			for p, end := s.span(); p < end; p++ {
				matmul += 2 * rows * size(p) * passes(backwards)
			}
			for _, a := range l.adapters[s].list {
				out, in := t.config.shape(a.projection)
				both := 3 * float64(in+out) // forward, du and dB, dA and dx
				if !backwards {
					both -= float64(in)
				}
				if a.dora != nil && t.lora.Dropout > 0 { // weights times what dropout left, too
					matmul += 2 * rows * size(a.projection) * passes(backwards)
				}
				matmul += 2 * rows * float64(t.lora.Rank) * both
			}
		}
	}
	matmul += 2 * learned * float64(t.head.out) * float64(t.head.in) * passes(true)
	forward, backward := t.attention.Operations(b.Ends)
	return matmul, (forward + backward) * float64(len(t.layers))
}
