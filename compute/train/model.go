package train

import (
	"context"

	"smelt/compute/llama"
)

// Model is what [Run] trains; *llama.Trainable is one.
type Model interface {
	// Parameters are what is trained: always the same slices in the same order.
	Parameters() []llama.Parameter
	// Gradients sets losses[i] to the negative logarithm of the probability of target i, or to 0
	// where its weight is 0, and adds the derivatives of the weighted sum of the losses to
	// the parameters' Grad. After an error Grad may be anything.
	Gradients(ctx context.Context, losses []float32, b llama.Batch) error
	// Losses sets losses as Gradients does, of the model as it will be used: without
	// noise or dropout.
	Losses(ctx context.Context, losses []float32, b llama.Batch) error
	// Updated tells that the parameters' Data have changed.
	Updated()
}

// Blocks is a packed data set with random access; *Dataset is one.
type Blocks interface {
	Blocks() int
	Learned(i int) int // targets of block i that are learned, without reading it
	Block(i int, into *Block) error
	Digest() [32]byte  // of all blocks
	Buckets() []string // names, by the numbers that blocks have
	// EpochEnd returns the number of blocks in the first so many epochs: Blocks() for as many as
	// there are, or more.
	EpochEnd(epochs int) int
}

// Setting is something that a run must go on with as it began: the digest of the model's
// bytes, the rank of an adapter, a digest of the data.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
