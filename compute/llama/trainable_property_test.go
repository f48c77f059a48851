package llama

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/tensorfile"
)

// Whatever the sequences and what is learned of them: packed into any number of batches,
// they have the same losses and, added up, the same gradients as one by one.
func TestPackingProperty(t *testing.T) {
	c := trainedShapes()["grouped, tied"]
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	for name, l := range map[string]*LoRA{"full": nil, "dora": {Rank: 2, Alpha: 3, DoRA: true}} {
		tr := trainableOf(t, m, l, TrainableOptions{Recompute: 1})
		rapid.Check(t, func(r *rapid.T) {
			var alone []Batch
			batches := make([]Batch, rapid.IntRange(1, 3).Draw(r, "batches"))
			var order []int // the batch of each sequence
			for range rapid.IntRange(1, 5).Draw(r, "sequences") {
				n := rapid.IntRange(1, 12).Draw(r, "length")
				one := Batch{Ends: []int{n}}
				for range n {
					one.Tokens = append(one.Tokens, rapid.Int32Range(0, int32(c.Vocabulary-1)).Draw(r, "token"))
					one.Targets = append(one.Targets, rapid.Int32Range(0, int32(c.Vocabulary-1)).Draw(r, "target"))
					one.Weights = append(one.Weights, rapid.SampledFrom([]float32{0, 0.01, 0.02}).Draw(r, "weight"))
				}
				alone = append(alone, one)
				to := rapid.IntRange(0, len(batches)-1).Draw(r, "to")
				order = append(order, to)
				b := &batches[to]
				b.Ends = append(b.Ends, len(b.Tokens)+n)
				b.Tokens, b.Targets, b.Weights = append(b.Tokens, one.Tokens...), append(b.Targets, one.Targets...), append(b.Weights, one.Weights...)
			}
			want, grads := learn(t, tr, alone...)
			got, added := learn(t, tr, batches...)
			at := make([]int, len(batches))
			for i, to := range order {
				for j, x := range want[i] {
					require.InDelta(r, x, got[to][at[to]+j], 1e-5, name)
				}
				at[to] += len(want[i])
			}
			requireNear(t, grads, added, 2e-5)
		})
	}
}

// No batch makes training panic: it is refused, or has losses.
func FuzzBatch(f *testing.F) {
	c := trainedShapes()["wide heads"]
	m := open(f, folderOf(f, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	tr := learnable(f, m, TrainableOptions{Noise: 1})
	f.Add([]byte{1, 2, 3, 4}, []byte{4}, []byte{2, 3, 4, 5}, []byte{1, 0, 1, 1})
	f.Add([]byte{1, 2, 3, 4}, []byte{1, 4}, []byte{2, 3, 4, 200}, []byte{1, 0, 1, 0})
	f.Add([]byte{1, 2, 99}, []byte{3}, []byte{2, 3, 4}, []byte{1, 1, 1})
	f.Add([]byte{1, 2, 3}, []byte{2, 1, 3}, []byte{2, 3, 4}, []byte{1, 1, 1})
	f.Add([]byte{}, []byte{}, []byte{}, []byte{})
	f.Add([]byte{1}, []byte{0, 1}, []byte{2}, []byte{255})
	f.Fuzz(func(t *testing.T, tokens, ends, targets, weights []byte) {
		b := Batch{Seed: uint64(len(tokens))}
		for _, x := range tokens {
			b.Tokens = append(b.Tokens, int32(int8(x)))
		}
		for _, x := range ends {
			b.Ends = append(b.Ends, int(int8(x)))
		}
		for _, x := range targets {
			b.Targets = append(b.Targets, int32(int8(x)))
		}
		for _, x := range weights {
			b.Weights = append(b.Weights, float32(int8(x))/64)
		}
		losses := make([]float32, len(tokens))
		if tr.Gradients(context.Background(), losses, b) != nil {
			return
		}
		for i, x := range losses {
			if b.Weights[i] == 0 {
				require.Zero(t, x)
			} else {
				require.True(t, x >= 0 && !math.IsInf(float64(x), 0), "loss %v", x)
			}
		}
	})
}
