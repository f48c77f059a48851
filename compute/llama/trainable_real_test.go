package llama

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// Of a real model over 4-bit weights, losses are those that Score gives, and an adapter
// learns a text by heart.
func TestSmolLM2Learns(t *testing.T) {
	m := smollm2(t, Options{Precision: FP32})
	a, err := m.NewAdapter(LoRA{Rank: 8, Alpha: 16}, 1)
	require.NoError(t, err)
	exact := learnable(t, m, TrainableOptions{Adapter: a})
	b := oneBatch(&m.config, 65, 1)
	b = Batch{Tokens: b.Tokens[:64], Targets: b.Tokens[1:], Weights: b.Weights[:64], Ends: []int{64}}
	for i := range b.Weights {
		b.Weights[i] = 1.0 / 64
	}
	losses, scores := make([]float32, 64), [][]Score{make([]Score, 64)}
	require.NoError(t, exact.Losses(context.Background(), losses, b))
	require.NoError(t, m.Score(context.Background(), []Input{{m.NewCache(), b.Tokens}}, [][]int32{b.Targets}, scores))
	for i, x := range losses {
		require.InDelta(t, -scores[0][i].LogProb, x, 1e-3)
	}
	before := sumOf(losses, b.Weights)

	tr := learnable(t, m, TrainableOptions{Adapter: a, Precision: kernel.BF16, Recompute: 10})
	moments := make([][2][]float32, len(tr.Parameters()))
	for i, p := range tr.Parameters() {
		moments[i] = [2][]float32{make([]float32, len(p.Data)), make([]float32, len(p.Data))}
	}
	adam := kernel.AdamW{LearningRate: 2e-3, Beta1: 0.9, Beta2: 0.98, Epsilon: 1e-8}
	for step := range 30 {
		steps, _ := learn(t, tr, b)
		t.Logf("step %d: loss %.3f", step, sumOf(steps[0], b.Weights))
		for i, p := range tr.Parameters() {
			adam.Step(p.Data, p.Grad, moments[i][0], moments[i][1], step+1, 1)
		}
		tr.Updated()
	}
	require.NoError(t, tr.Losses(context.Background(), losses, b))
	require.Less(t, sumOf(losses, b.Weights), before/4)
}
