package llama

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// Rows of zeros have no direction: their results and derivatives are 0, with any magnitude,
// and all others are as ever.
func TestGradientsOfZeroRows(t *testing.T) {
	for name, l := range map[string]LoRA{
		"dora":          {Rank: 3, Alpha: 5, DoRA: true},
		"dora, dropout": {Rank: 3, Alpha: 5, DoRA: true, Dropout: 0.3},
	} {
		t.Run(name, func(t *testing.T) {
			c := trainedShapes()["grouped, tied"]
			all := tinyTensors(c)
			const row = 2
			for i := range c.Layers {
				for _, p := range Projections() {
					_, in := c.shape(p)
					clear(all[moduleName(i, p)+".weight"][row*in : (row+1)*in])
				}
			}
			m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 2})
			a := adapted(t, m, l)
			for i := range a.layers {
				for p, f := range a.layers[i] {
					clear(f.b[row*l.Rank : (row+1)*l.Rank])
					f.magnitude[row] = float32(p % 2)
				}
			}
			tr := learnable(t, m, TrainableOptions{Adapter: a})
			b, p := packed(c, 5, 1, 3), newPlainModel(c, all)
			p.adapt(l, tr.Parameters())
			losses := make([]float32, len(b.Tokens))
			require.NoError(t, tr.Losses(context.Background(), losses, b))
			require.InDelta(t, p.loss(b), sumOf(losses, b.Weights), 1e-5)

			_, grads := learn(t, tr, b)
			for name, grad := range grads {
				require.True(t, finite(grad), name)
			}
			if l.Dropout == 0 {
				requireDerivatives(t, p, b, tr.Parameters(), grads, false)
			}
		})
	}
}

// Norms are right where B A takes nearly all of a row away, too.
func TestNormsOfSmallRows(t *testing.T) {
	c := trainedShapes()["wide heads"]
	all := tinyTensors(c)
	m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 2})
	l := LoRA{Rank: 2, Alpha: 2, DoRA: true, Projections: []Projection{Up}}
	for left := 0.5; left > 1e-6; left /= 4 {
		a := adapted(t, m, l)
		const row = 3
		f := a.layers[1][Up]
		for i, x := range all[moduleName(1, Up)+".weight"][row*c.Hidden : (row+1)*c.Hidden] {
			f.a[i] = x * 0.7 // of which sums are not exact
		}
		f.b[row*l.Rank], f.b[row*l.Rank+1] = float32((left-1)/0.7), 0
		tr := learnable(t, m, TrainableOptions{Adapter: a})
		p := newPlainModel(c, all)
		p.adapt(l, tr.Parameters())
		d := tr.layers[1].adapters[feedForwardIn].list[0].dora
		for i, norm := range p.norms[moduleName(1, Up)+".weight"] {
			require.InEpsilon(t, float64(d.magnitude[i])/norm, d.scale[i], 1e-4, "row %d, %v left", i, left)
			require.InEpsilon(t, 1/norm, d.inverse[i], 1e-4, "row %d, %v left", i, left)
		}
	}
}

// Norms can be computed anew while there is no room for a batch.
func TestUpdatedAfterSetRecompute(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	b := packed(c, 20, 30)
	l := &LoRA{Rank: 4, Alpha: 8, DoRA: true}
	tr, other := trainableOf(t, m, l, TrainableOptions{}), trainableOf(t, m, l, TrainableOptions{Recompute: 1})
	learn(t, tr, b)
	require.NoError(t, tr.SetRecompute(1))
	for _, x := range []*Trainable{tr, other} {
		for _, p := range x.Parameters() {
			for i := range p.Data {
				p.Data[i] *= 1.25
			}
		}
		x.Updated()
	}
	losses, grads := learn(t, tr, b)
	one, two := learn(t, other, b)
	require.Equal(t, one, losses)
	require.Equal(t, two, grads)
	require.False(t, math.IsNaN(sumOf(losses[0], b.Weights)))
}
