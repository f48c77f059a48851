package llama

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// learnable returns a trainable of a tiny model, which is closed with the test.
func learnable(t testing.TB, m *Model, o TrainableOptions) *Trainable {
	tr, err := m.NewTrainable(o)
	require.NoError(t, err)
	return tr
}

// adapted returns an adapter of which no number is 0.
func adapted(t testing.TB, m *Model, l LoRA) *Adapter {
	a, err := m.NewAdapter(l, 7)
	require.NoError(t, err)
	for i := range a.layers {
		for p, f := range a.layers[i] {
			if f == nil {
				continue
			}
			for k := range f.b {
				f.b[k] = (float32(splitmix(uint64(i*1000003+p*10007+k))>>56) - 128) / 512
			}
			for k := range f.magnitude {
				f.magnitude[k] *= 1 + (float32(splitmix(uint64(k+i+p))>>56)-128)/512
			}
		}
	}
	return a
}

// packed returns a batch of sequences of such lengths, of which two tokens in three are
// learned.
func packed(c *Config, lengths ...int) Batch {
	var b Batch
	for i, n := range lengths {
		b.Tokens = append(b.Tokens, tinyIDs(fmt.Sprint("sequence", i), n, c.Vocabulary)...)
		b.Ends = append(b.Ends, len(b.Tokens))
	}
	learned := 0
	for i := range b.Tokens {
		b.Targets = append(b.Targets, b.Tokens[(i+1)%len(b.Tokens)])
		w := float32(1)
		if i%3 == 1 {
			w, b.Targets[i] = 0, -100
		} else {
			learned++
		}
		b.Weights = append(b.Weights, w)
	}
	for i := range b.Weights {
		b.Weights[i] /= float32(learned)
	}
	return b
}

// learn returns losses and a copy of all gradients, which it clears.
func learn(t testing.TB, tr *Trainable, batches ...Batch) (losses [][]float32, grads map[string][]float32) {
	for _, p := range tr.Parameters() {
		clear(p.Grad)
	}
	for _, b := range batches {
		losses = append(losses, make([]float32, len(b.Tokens)))
		require.NoError(t, tr.Gradients(context.Background(), losses[len(losses)-1], b))
	}
	grads = map[string][]float32{}
	for _, p := range tr.Parameters() {
		grads[p.Name] = append([]float32(nil), p.Grad...)
	}
	return losses, grads
}

// shapes are those of models the tests run.
func trainedShapes() map[string]*Config {
	return map[string]*Config{
		"grouped, tied": {Vocabulary: 41, Hidden: 32, FeedForward: 48, Layers: 2, Heads: 4, KVHeads: 2, HeadDim: 8, Context: 64,
			NormEpsilon: 1e-5, Rope: Rope{Theta: 10000}, Tied: true, BOS: -1},
		"wide heads": {Vocabulary: 37, Hidden: 24, FeedForward: 40, Layers: 2, Heads: 2, KVHeads: 2, HeadDim: 20, Context: 64,
			NormEpsilon: 1e-5, Rope: Rope{Theta: 500}, BOS: -1},
		"one layer": {Vocabulary: 19, Hidden: 16, FeedForward: 24, Layers: 1, Heads: 2, KVHeads: 1, HeadDim: 6, Context: 64,
			NormEpsilon: 1e-5, Rope: Rope{Theta: 10000}, Tied: true, BOS: -1},
	}
}

func folderOf(t testing.TB, c *Config, all tensors, d tensorfile.DType) string {
	text, err := c.JSON(d)
	require.NoError(t, err)
	return writeFolder(t, text, all, d)
}

// requireDerivatives compares gradients with central differences of the plain model: along
// a random direction of each tensor, and by some of its numbers.
func requireDerivatives(t *testing.T, p *plainModel, b Batch, parameters []Parameter, grads map[string][]float32, gguf bool) {
	for _, x := range parameters {
		grad := grads[x.Name]
		if gguf && turned(x.Name) {
			grad = permuted(grad, p.c.HeadDim, p.c.Hidden, true)
		}
		size := 0.0
		for _, g := range grad {
			size += float64(g) * float64(g)
		}
		size = math.Sqrt(size)
		require.NotZero(t, size, x.Name)
		check := func(direction []float64) {
			const step = 1e-4
			length, want := 0.0, 0.0
			for i, v := range direction {
				length, want = length+v*v, want+v*float64(grad[i])
			}
			length = math.Sqrt(length)
			got := (p.moved(x.Name, direction, step/length).loss(b) - p.moved(x.Name, direction, -step/length).loss(b)) / (2 * step) * length
			require.InDelta(t, got, want, 2e-5*size*length+1e-8*length, "%s", x.Name)
		}
		along := make([]float64, len(grad))
		for i, g := range grad { // random, with a part along the gradient
			along[i] = (float64(splitmix(uint64(i))>>32)/(1<<31)-1)/math.Sqrt(float64(len(grad))) + float64(g)/size
		}
		check(along)
		for k := range 2 {
			one := make([]float64, len(grad))
			one[splitmix(uint64(k)+fnv(x.Name))%uint64(len(grad))] = 1
			check(one)
		}
	}
}

func TestGradientsOfAll(t *testing.T) {
	for name, c := range trainedShapes() {
		all := tinyTensors(c)
		for form, path := range map[string]string{"folder": folderOf(t, c, all, tensorfile.F32), "gguf": writeGGUF(t, c, all, tensorfile.F32)} {
			t.Run(name+"/"+form, func(t *testing.T) {
				tr := learnable(t, open(t, path, Options{Threads: 2}), TrainableOptions{})
				b, p := packed(c, 5, 1, 3), newPlainModel(c, all)
				losses, grads := learn(t, tr, b)
				require.InDelta(t, p.loss(b), sumOf(losses[0], b.Weights), 1e-5)
				requireDerivatives(t, p, b, tr.Parameters(), grads, form == "gguf")
			})
		}
	}
}

func TestGradientsOfAdapters(t *testing.T) {
	some := []Projection{Queries, Values, Up}
	for name, l := range map[string]LoRA{
		"lora":          {Rank: 3, Alpha: 5},
		"some":          {Rank: 4, Alpha: 4, Projections: some},
		"rslora":        {Rank: 2, Alpha: 3, RankStabilized: true},
		"dora":          {Rank: 3, Alpha: 5, DoRA: true},
		"dora, some":    {Rank: 2, Alpha: 5, DoRA: true, Projections: []Projection{Down, Keys}},
		"dora, queries": {Rank: 2, Alpha: 5, DoRA: true, Projections: []Projection{Queries}},
	} {
		for shape, c := range trainedShapes() {
			t.Run(name+"/"+shape, func(t *testing.T) {
				all := tinyTensors(c)
				m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 2})
				tr := learnable(t, m, TrainableOptions{Adapter: adapted(t, m, l)})
				b, p := packed(c, 5, 1, 3), newPlainModel(c, all)
				p.adapt(l, tr.Parameters())
				losses, grads := learn(t, tr, b)
				require.InDelta(t, p.loss(b), sumOf(losses[0], b.Weights), 1e-5)
				requireDerivatives(t, p, b, tr.Parameters(), grads, false)
			})
		}
	}
}

// With dropout, too, given what is dropped.
func TestGradientsOfDropout(t *testing.T) {
	for name, l := range map[string]LoRA{
		"lora": {Rank: 3, Alpha: 5, Dropout: 0.3},
		"some": {Rank: 3, Alpha: 5, Dropout: 0.5, Projections: []Projection{Keys, Down}},
		"dora": {Rank: 3, Alpha: 5, Dropout: 0.3, DoRA: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := trainedShapes()["grouped, tied"]
			all := tinyTensors(c)
			m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 2})
			tr := learnable(t, m, TrainableOptions{Adapter: adapted(t, m, l)})
			b, p := packed(c, 5, 1, 3), newPlainModel(c, all)
			b.Seed = 3
			p.adapt(l, tr.Parameters())
			p.dropped = func(name string, row int) []float64 {
				for layer := range c.Layers {
					for _, projection := range Projections() {
						if !strings.Contains(name, fmt.Sprintf("layers.%d.", layer)) || !strings.Contains(name, projection.String()) {
							continue
						}
						if layer == c.Layers-1 && projection > Values { // rows are those learned
							row, _ = slices.BinarySearch(tr.wanted, row)
						}
						_, in := c.shape(projection)
						mask := make([]float32, in)
						for i := range mask {
							mask[i] = 1
						}
						key := noiseKey(b.Seed, uint64(layer*projections+int(projection))+1)
						dropRow(mask, mask, key, tr.dropBound(), row*in, false)
						return wide(mask)
					}
				}
				return nil
			}
			losses, grads := learn(t, tr, b)
			require.InDelta(t, p.loss(b), sumOf(losses[0], b.Weights), 1e-5)
			requireDerivatives(t, p, b, tr.Parameters(), grads, false)

			p.dropped = nil
			require.NoError(t, tr.Losses(context.Background(), losses[0], b))
			require.InDelta(t, p.loss(b), sumOf(losses[0], b.Weights), 1e-5, "there is none in validation")
		})
	}
}

func sumOf(losses, weights []float32) float64 {
	sum := 0.0
	for i, x := range losses {
		sum += float64(x) * float64(weights[i])
	}
	return sum
}
