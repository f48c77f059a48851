package llama

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

// A matrix is multiplied forwards, backwards, and for its gradient, each with two
// operations a number and token; the first layer's input has no gradient where embeddings
// do not learn, and only learned tokens have logits and a last feed-forward block.
func TestOperations(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 1})
	b := oneBatch(c, 30, 2)
	count := func(list ...Projection) (n float64) {
		for _, p := range list {
			out, in := c.shape(p)
			n += float64(out * in)
		}
		return n
	}
	layer, head := count(Projections()...), float64(c.Vocabulary*c.Hidden)
	after := count(Output, Gate, Up, Down)

	matmul, attention := learnable(t, m, TrainableOptions{}).Operations(b)
	require.Equal(t, 6*60*(2*layer+head), matmul)
	require.Equal(t, 2*7*2*2*(30*31/2)*float64(c.Heads*c.HeadDim), attention)

	for i := range 20 {
		b.Weights[i] = 0
	}
	matmul, _ = learnable(t, m, TrainableOptions{}).Operations(b)
	require.Equal(t, 6*(60*(2*layer-after)+40*(after+head)), matmul)

	l := &LoRA{Rank: 3, Alpha: 1, Projections: []Projection{Queries, Down}}
	matmul, _ = trainableOf(t, m, l, TrainableOptions{Recompute: 2}).Operations(b)
	base := 4*(60*(2*layer-after)+40*(after+head)) - 2*60*count(Queries, Keys, Values)
	queries, down := float64(c.Heads*c.HeadDim+c.Hidden), float64(c.Hidden+c.FeedForward)
	adapters := 6 * 3 * (2*60*queries + 60*down + 40*down)
	require.Equal(t, base+adapters-2*3*60*float64(c.Hidden), matmul)

	clear(b.Weights)
	matmul, attention = learnable(t, m, TrainableOptions{}).Operations(b)
	require.Zero(t, matmul+attention)
}

// With dropout, DoRA multiplies the weights with what dropout left as well.
func TestOperationsOfDoRA(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 1})
	b := oneBatch(c, 30, 2)
	l := &LoRA{Rank: 3, Alpha: 1, DoRA: true, Projections: []Projection{Queries, Down}}
	plain, _ := trainableOf(t, m, l, TrainableOptions{}).Operations(b)
	l.Dropout = 0.1
	dropped, _ := trainableOf(t, m, l, TrainableOptions{}).Operations(b)
	queries, down := float64(c.Heads*c.HeadDim*c.Hidden), float64(c.Hidden*c.FeedForward)
	require.Equal(t, 2*60*(4*queries+4*down-queries), dropped-plain) // 2 layers, both ways, but for the first queries
}

// Any shape of model has an estimate.
func TestTrainingBytesOfOddShapes(t *testing.T) {
	c := smallConfig()
	c.Vocabulary, c.FeedForward, c.Layers, c.Heads, c.KVHeads = 1, 2048, 1, 1, 1
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 1})
	tr := learnable(t, m, TrainableOptions{Precision: kernel.BF16})
	require.Positive(t, tr.Bytes(0))
	require.Greater(t, tr.Bytes(100), tr.Bytes(0))
	require.NoError(t, tr.SetRecompute(1))
	tr.Reserve(-1)
	losses := make([]float32, 3)
	b := Batch{Tokens: make([]int32, 3), Targets: make([]int32, 3), Weights: []float32{1, 0, 1}, Ends: []int{3}}
	require.NoError(t, tr.Gradients(context.Background(), losses, b))
	require.Equal(t, make([]float32, 3), losses, "one token is certain")
}
