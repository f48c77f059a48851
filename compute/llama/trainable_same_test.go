package llama

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/kernel/cpu"
	"smelt/compute/tensorfile"
)

// kindsOfTraining are all there are.
func kindsOfTraining() map[string]*LoRA {
	return map[string]*LoRA{
		"full":          nil,
		"lora":          {Rank: 4, Alpha: 8},
		"dora":          {Rank: 4, Alpha: 8, DoRA: true},
		"lora, dropout": {Rank: 4, Alpha: 8, Dropout: 0.2},
		"dora, dropout": {Rank: 4, Alpha: 8, Dropout: 0.2, DoRA: true},
	}
}

func trainableOf(t testing.TB, m *Model, l *LoRA, o TrainableOptions) *Trainable {
	if l != nil {
		o.Adapter = adapted(t, m, *l)
	}
	return learnable(t, m, o)
}

// requireNear compares with a share of the largest number.
func requireNear(t *testing.T, want, got map[string][]float32, share float64) {
	t.Helper()
	for name, x := range want {
		largest := 0.0
		for _, v := range x {
			largest = max(largest, math.Abs(float64(v)))
		}
		for i, v := range x {
			require.InDelta(t, v, got[name][i], share*largest, "%s, number %d", name, i)
		}
	}
}

// Sequences learn the same whether they are packed into a batch or come one by one, and
// whether a step's gradients are of one batch or added up over several.
func TestPackedEqualsUnpacked(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	for name, l := range kindsOfTraining() {
		if l != nil && l.Dropout > 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			tr := trainableOf(t, m, l, TrainableOptions{})
			b := packed(c, 37, 1, 70, 12)
			losses, grads := learn(t, tr, b)
			var alone []Batch
			first := 0
			for _, end := range b.Ends {
				alone = append(alone, Batch{Tokens: b.Tokens[first:end], Targets: b.Targets[first:end], Weights: b.Weights[first:end], Ends: []int{end - first}})
				first = end
			}
			one, added := learn(t, tr, alone...)
			i := 0
			for _, list := range one {
				for _, x := range list {
					require.InDelta(t, losses[0][i], x, 1e-5)
					i++
				}
			}
			requireNear(t, grads, added, 1e-5)
		})
	}
}

// Neither the number of threads, nor what is computed again, nor what came before changes
// a bit; the seed changes noise.
func TestTrainingBits(t *testing.T) {
	c := smallConfig()
	c.Layers = 3
	all := tinyTensors(c)
	path, gguf := folderOf(t, c, all, tensorfile.BF16), writeGGUF(t, c, all, tensorfile.Q8_0)
	for name, l := range kindsOfTraining() {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{path, gguf} {
				var losses [][]float32
				var grads map[string][]float32
				b := packed(c, 37, 1, 70, 12)
				b.Seed = 5
				for threads := 1; threads <= 4; threads++ {
					m := open(t, file, Options{Threads: threads})
					tr := trainableOf(t, m, l, TrainableOptions{Precision: kernel.BF16, Recompute: threads - 1, Noise: 5})
					if threads == 3 { // of another size
						learn(t, tr, packed(c, 64, 64, 64, 10))
					}
					one, two := learn(t, tr, b)
					if threads == 1 {
						losses, grads = one, two
						continue
					}
					require.Equal(t, losses, one, "%d threads", threads)
					require.Equal(t, grads, two, "%d threads", threads)
					if threads == 4 {
						b.Seed++
						other, _ := learn(t, tr, b)
						require.NotEqual(t, losses, other)
					}
				}
			}
		})
	}
}

// Whatever the weights are stored as, gradients of an adapter are those over the same
// numbers in fp32.
func TestGradientsOfStoredTypes(t *testing.T) {
	c := smallConfig()
	c.Hidden, c.FeedForward, c.HeadDim, c.Layers = 256, 256, 64, 1
	all := tinyTensors(c)
	l := &LoRA{Rank: 4, Alpha: 8}
	b := packed(c, 9, 14)
	for _, d := range []tensorfile.DType{tensorfile.F16, tensorfile.BF16, tensorfile.Q8_0, tensorfile.Q4_0, tensorfile.Q4_1, tensorfile.Q4K, tensorfile.Q6K} {
		t.Run(string(d), func(t *testing.T) {
			stored := rounded(t, c, all, d)
			wide := trainableOf(t, open(t, folderOf(t, c, stored, tensorfile.F32), Options{Threads: 2}), l, TrainableOptions{})
			// A GGUF file of rows in the other order, which a model reads in its own.
			block := false
			var m *Model
			if _, block = d.Block(); block {
				m = open(t, writeGGUF(t, c, all, d), Options{Threads: 2})
			} else {
				m = open(t, folderOf(t, c, stored, d), Options{Threads: 2})
			}
			_, want := learn(t, wide, b)
			tr := trainableOf(t, m, l, TrainableOptions{})
			if block {
				for _, p := range tr.Parameters() {
					if isTurnedB(p.Name) {
						copy(p.Data, permuted(p.Data, c.HeadDim, l.Rank, false))
					}
				}
			}
			_, got := learn(t, tr, b)
			if block {
				for _, p := range tr.Parameters() {
					if isTurnedB(p.Name) {
						got[p.Name] = permuted(got[p.Name], c.HeadDim, l.Rank, true)
					}
				}
			}
			requireNear(t, want, got, 1e-4)
		})
	}
}

// isTurnedB tells whether the rows of a parameter are in another order for GGUF files.
func isTurnedB(name string) bool {
	return strings.HasSuffix(name, "q_proj.lora_B.weight") || strings.HasSuffix(name, "k_proj.lora_B.weight")
}

// Logits are the model's.
func TestTrainableLogits(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	b := packed(c, 37, 1, 70)
	want := make([]float32, len(b.Tokens)*c.Vocabulary)
	var inputs []Input
	first := 0
	for _, end := range b.Ends {
		inputs = append(inputs, Input{m.NewCache(), b.Tokens[first:end]})
		first = end
	}
	require.NoError(t, m.AllLogits(context.Background(), want, inputs))
	got := make([]float32, len(want))
	tr := learnable(t, m, TrainableOptions{})
	require.NoError(t, tr.Logits(context.Background(), got, Batch{Tokens: b.Tokens, Ends: b.Ends}))
	for i := range want {
		require.InDelta(t, want[i], got[i], 1e-4)
	}
	losses, again := make([]float32, len(b.Tokens)), make([]float32, len(b.Tokens))
	require.NoError(t, tr.Losses(context.Background(), losses, b))
	require.NoError(t, tr.Gradients(context.Background(), again, b))
	require.Equal(t, losses, again)
	for i, w := range b.Weights {
		x := 0.0
		if w != 0 {
			x = -referenceLogSoftmax(wide(want[i*c.Vocabulary : (i+1)*c.Vocabulary]))[b.Targets[i]]
		}
		require.InDelta(t, x, losses[i], 1e-4)
	}
}

// Tiers differ by rounding alone.
func TestGradientsOfTiers(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.BF16), Options{Threads: 2})
	b := packed(c, 37, 1, 12)
	for name, l := range kindsOfTraining() {
		tr := trainableOf(t, m, l, TrainableOptions{Noise: 5})
		var losses [][]float32
		var grads map[string][]float32
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			one, two := learn(t, tr, b)
			restore()
			if losses == nil {
				losses, grads = one, two
			}
			for i, x := range one[0] {
				require.InDelta(t, losses[0][i], x, 1e-4, "%s, %s", name, tier)
			}
			requireNear(t, grads, two, 1e-4)
		}
	}
}

// A large vocabulary, of which logits exist for some rows at a time, changes no loss and no
// gradient: one by one, each sequence has all its logits at once.
func TestLogitsInParts(t *testing.T) {
	c := trainedShapes()["one layer"]
	c.Vocabulary = 1 << 18
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	tr := learnable(t, m, TrainableOptions{})
	b := packed(c, 40, 30, 45)
	require.Greater(t, len(b.Tokens)*2/3, logitRows(c.Vocabulary))
	var alone []Batch
	logits := make([]float32, len(b.Tokens)*c.Vocabulary)
	require.NoError(t, tr.Logits(context.Background(), logits, Batch{Tokens: b.Tokens, Ends: b.Ends}))
	first := 0
	for _, end := range b.Ends {
		require.LessOrEqual(t, end-first, logitRows(c.Vocabulary))
		one := Batch{Tokens: b.Tokens[first:end], Targets: b.Targets[first:end], Weights: b.Weights[first:end], Ends: []int{end - first}}
		own := make([]float32, (end-first)*c.Vocabulary)
		require.NoError(t, tr.Logits(context.Background(), own, Batch{Tokens: one.Tokens, Ends: one.Ends}))
		for i, x := range logits[first*c.Vocabulary : end*c.Vocabulary] {
			if math.Abs(float64(x-own[i])) > 1e-4 {
				require.InDelta(t, own[i], x, 1e-4, "logit %d of the sequence to %d", i, end)
			}
		}
		alone = append(alone, one)
		first = end
	}
	losses, grads := learn(t, tr, b)
	one, added := learn(t, tr, alone...)
	i := 0
	for _, list := range one {
		for _, x := range list {
			require.InDelta(t, x, losses[0][i], 1e-4)
			i++
		}
	}
	for name, want := range added {
		largest, away := 0.0, 0.0
		for i, x := range want {
			largest, away = max(largest, math.Abs(float64(x))), max(away, math.Abs(float64(x-grads[name][i])))
		}
		require.Less(t, away, 1e-4*largest, name)
	}
}
