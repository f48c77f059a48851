package llama

import "smelt/compute/tensorfile"

// StoredBytes returns what the tensors of a model of this shape take as Convert writes
// them, with matrices of that type.
func (c *Config) StoredBytes(format tensorfile.Format, weights tensorfile.DType) (int64, error) {
	_, places := newWeights(ggufNames(), c)
	total := int64(0)
	for _, p := range places {
		d := weights
		if format == tensorfile.GGUF {
			d = c.ggufType(weights, p.name, p.shape)
		}
		n, err := d.Size(p.shape)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// CacheBytes returns what keys and values of a sequence of so many positions take.
func (c *Config) CacheBytes(positions int) int64 {
	s := newStore(c)
	return int64((positions+pageRows-1)/pageRows) * s.pageBytes()
}

// WorkBytes returns about what a model takes beside its weights and caches when it runs.
func (c *Config) WorkBytes() int64 { return engineBytes(c) }

// AvailableMemory returns how many bytes the system says programs may still take, and
// whether that is known.
func AvailableMemory() (bytes int64, known bool) { return availableMemory() }

// Training is what is trained of a model, and on what.
type Training struct {
	Tokens int // in a step, of all sequences together
	Rank   int // of LoRA adapters on all matrices of the layers; 0 trains all numbers
}

// Trained returns how many numbers are trained.
func (c *Config) Trained(t Training) int64 {
	if t.Rank == 0 {
		return c.Parameters()
	}
	d, f := int64(c.Hidden), int64(c.FeedForward)
	q, kv := int64(c.Heads)*int64(c.HeadDim), int64(c.KVHeads)*int64(c.HeadDim)
	sides := 2*(d+q) + 2*(d+kv) + 3*(d+f) // of all matrices of a layer, in and out
	return int64(t.Rank) * int64(c.Layers) * sides
}

// TrainingBytes estimates the least memory that training takes, with the activations of all
// layers computed again, of a model whose weights take stored bytes:
//
//	16 bytes for each number trained: itself, its gradient and AdamW's two means, in fp32
//	 4 bytes for each of tokens times (layers+5) d + 5 q + 4 kv + 4 f + 10 rank:
//	   the inputs of the layers, from which activations are computed again, those of one
//	   layer, and their gradients
//	the logits of some rows, and 24 MB for what products and attention work in
//	the weights as they are stored, which adapters leave alone
//
// q and kv are the widths of all query and of all key heads. What a Trainable takes with
// its options [Trainable.Bytes] says.
func (c *Config) TrainingBytes(t Training, stored int64) int64 {
	d, f := int64(c.Hidden), int64(c.FeedForward)
	q, kv := int64(c.Heads)*int64(c.HeadDim), int64(c.KVHeads)*int64(c.HeadDim)
	row := int64(c.Layers+5)*d + 5*q + 4*kv + 4*f + 10*int64(t.Rank)
	logits := int64(min(t.Tokens, logitRows(c.Vocabulary))) * int64(c.Vocabulary)
	bytes := 16*c.Trained(t) + 4*(int64(t.Tokens)*row+logits) + 24<<20
	if t.Rank > 0 {
		bytes += stored
	}
	return bytes
}
