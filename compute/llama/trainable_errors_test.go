package llama

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
	"smelt/compute/tensorfile"
)

func TestTrainingErrors(t *testing.T) {
	c := smallConfig()
	c.Context = 40
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	tr := learnable(t, m, TrainableOptions{})
	for name, change := range map[string]func(*Batch){
		"token":          func(b *Batch) { b.Tokens[3] = int32(c.Vocabulary) },
		"negative token": func(b *Batch) { b.Tokens[3] = -1 },
		"target":         func(b *Batch) { b.Targets[3] = int32(c.Vocabulary) },
		"no target":      func(b *Batch) { b.Targets[3] = -100 },
		"ends":           func(b *Batch) { b.Ends[0], b.Ends[1] = b.Ends[1], b.Ends[0] },
		"empty":          func(b *Batch) { b.Ends = []int{5, 5, len(b.Tokens)} },
		"no end":         func(b *Batch) { b.Ends = b.Ends[:1] },
		"no ends":        func(b *Batch) { b.Ends = nil },
		"beyond the end": func(b *Batch) { b.Ends[1]++ },
		"context":        func(b *Batch) { b.Ends = []int{len(b.Tokens)} },
		"targets":        func(b *Batch) { b.Targets = b.Targets[1:] },
		"weights":        func(b *Batch) { b.Weights = b.Weights[1:] },
	} {
		b := packed(c, 20, 30)
		losses := make([]float32, len(b.Tokens))
		require.NoError(t, tr.Gradients(context.Background(), losses, b), name)
		change(&b)
		assert.Error(t, tr.Gradients(context.Background(), losses, b), name)
		assert.Error(t, tr.Losses(context.Background(), losses, b), name)
	}
	for name, o := range map[string]TrainableOptions{
		"int8":           {Precision: kernel.Int8},
		"recompute":      {Recompute: c.Layers + 1},
		"negative":       {Recompute: -1},
		"noise":          {Noise: math.NaN()},
		"negative noise": {Noise: -1},
		"tokens":         {Tokens: 1 << 50},
		"other model":    {Adapter: &Adapter{lora: LoRA{Rank: 1, Alpha: 1}}},
	} {
		_, err := m.NewTrainable(o)
		assert.Error(t, err, name)
	}
	// Nothing to learn.
	b := packed(c, 20, 30)
	clear(b.Weights)
	losses, grads := learn(t, tr, b)
	require.Equal(t, make([]float32, 50), losses[0])
	for _, g := range grads {
		require.Equal(t, make([]float32, len(g)), g)
	}
	require.NoError(t, tr.Gradients(context.Background(), nil, Batch{}))
}

// Gradients that are cancelled, wherever that is, leave everything usable.
func TestTrainingCancelled(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.F32), Options{Threads: 2})
	tr := learnable(t, m, TrainableOptions{})
	b := packed(c, 20, 30)
	losses, grads := learn(t, tr, b)
	for steps := range 2 * c.Layers {
		err := tr.Gradients(&stopAfter{context.Background(), steps}, make([]float32, 50), b)
		require.ErrorIs(t, err, context.Canceled, fmt.Sprint(steps))
		one, two := learn(t, tr, b)
		require.Equal(t, losses, one)
		require.Equal(t, grads, two)
	}
	for steps := range c.Layers {
		ctx := func() context.Context { return &stopAfter{context.Background(), steps} }
		require.ErrorIs(t, tr.Losses(ctx(), make([]float32, 50), b), context.Canceled)
		require.ErrorIs(t, tr.Logits(ctx(), make([]float32, 50*c.Vocabulary), b), context.Canceled)
	}
}

// After the first batch of a size, nothing is allocated.
func TestTrainingAllocatesNothing(t *testing.T) {
	c := smallConfig()
	m := open(t, folderOf(t, c, tinyTensors(c), tensorfile.BF16), Options{Threads: 2})
	b := packed(c, 20, 30)
	losses := make([]float32, 50)
	for name, l := range kindsOfTraining() {
		tr := trainableOf(t, m, l, TrainableOptions{Precision: kernel.BF16, Recompute: 1, Noise: 5})
		step := func() {
			if err := tr.Gradients(context.Background(), losses, b); err != nil {
				t.Fatal(err)
			}
		}
		step()
		assert.Zero(t, testing.AllocsPerRun(5, step), name)
	}
}

// An adapter that the model cannot have is refused, and one that it can have sees what is
// trained.
func TestAdapterOfTrainable(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	m := open(t, folderOf(t, c, all, tensorfile.F32), Options{Threads: 1})
	other := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 1})
	l := LoRA{Rank: 2, Alpha: 4, DoRA: true}
	for want, change := range map[string]func(*Adapter){
		"":                                 func(*Adapter) {},
		"some layers only":                 func(a *Adapter) { a.layers[1][Up] = nil },
		"layers.1.mlp.up_proj is for":      func(a *Adapter) { a.layers[1][Up].magnitude = nil },
		"layers.0.self_attn.k_proj is for": func(a *Adapter) { a.layers[0][Keys].a = a.layers[0][Keys].a[2:] },
		"heads of width 8":                 func(a *Adapter) { a.headDim = 8 },
		"a model of 1 layers":              func(a *Adapter) { a.layers = a.layers[:1] },
		"rows in another order":            func(a *Adapter) { a.pairing = other.names.pairing },
		"dropout 1 is out of range":        func(a *Adapter) { a.lora.Dropout = 1 },
	} {
		a, err := m.NewAdapter(l, 1)
		require.NoError(t, err)
		change(a)
		tr, err := m.NewTrainable(TrainableOptions{Adapter: a})
		if want != "" {
			assert.ErrorContains(t, err, want)
			continue
		}
		require.NoError(t, err)
		for _, p := range tr.Parameters() {
			for i := range p.Data {
				p.Data[i] = 3
			}
		}
		for i := range a.layers {
			for _, f := range a.layers[i] {
				for _, x := range [][]float32{f.a, f.b, f.magnitude} {
					for _, v := range x {
						require.EqualValues(t, 3, v)
					}
				}
			}
		}
	}
}
