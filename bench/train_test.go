package bench

import (
	"context"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/kernel"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// nanoModel makes a small model and returns its folder.
func nanoModel(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "nano")
	words := slices.Values(slices.Repeat([]string{"Slag floats on the melt, and what is heavy sinks: so ore is told from dross."}, 50))
	tok, err := tokenizer.Train(t.Context(), words, 300, "<|endoftext|>", "<|im_start|>", "<|im_end|>")
	require.NoError(t, err)
	c, err := llama.PresetConfig("nano")
	require.NoError(t, err)
	template, err := chat.BuiltinSource("chatml")
	require.NoError(t, err)
	end, _ := tok.ID("<|im_end|>")
	c.Vocabulary, c.EOS = tok.Size(), []int32{end}
	require.NoError(t, llama.New(t.Context(), dir, *c, tok, llama.NewOptions{Weights: tensorfile.F32, Template: template}))
	return dir
}

// Every token but the last of each sequence is learned, and a step's weights sum to 1.
func TestMadeUpBatch(t *testing.T) {
	b := madeUpBatch(4, 3, 50)
	assert.Equal(t, []int{4, 8, 12}, b.Ends)
	sum := 0.0
	for i, w := range b.Weights {
		sum += float64(w)
		assert.Equal(t, i%4 != 3, w != 0, i)
		if w != 0 {
			assert.Equal(t, b.Tokens[i+1], b.Targets[i])
		}
		assert.Less(t, b.Tokens[i], int32(50))
	}
	assert.InDelta(t, 1, sum, 1e-6)
}

// The optimiser's step is that of kernel.AdamW on each whole parameter, whatever the threads.
func TestAdamWStep(t *testing.T) {
	parameters := func() []llama.Parameter {
		return []llama.Parameter{
			{Data: numbers(70_000), Grad: slices.Repeat([]float32{0.5, -1, 0.25, 2}, 17_500), Decay: true},
			{Data: numbers(7), Grad: []float32{1, 2, 3, 4, 5, 6, 7}},
		}
	}
	want := parameters()
	for i, p := range want {
		o := kernel.AdamW{LearningRate: 1e-5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: []float64{0.01, 0}[i]}
		first, second := make([]float32, len(p.Data)), make([]float32, len(p.Data))
		for step := 1; step <= 2; step++ {
			o.Step(p.Data, p.Grad, first, second, step, 1)
		}
	}
	for threads := 1; threads <= 3; threads++ {
		pool := kernel.NewPool(threads)
		got := parameters()
		s := newAdamWStep(pool, got)
		gradients := [][]float32{slices.Clone(got[0].Grad), slices.Clone(got[1].Grad)}
		for range 2 {
			for i, g := range gradients {
				assert.NotEqual(t, make([]float32, len(g)), g)
				copy(got[i].Grad, g)
			}
			s.step()
		}
		pool.Close()
		for i := range want {
			assert.True(t, slices.Equal(want[i].Data, got[i].Data), "parameter %d, %d threads", i, threads)
			assert.Zero(t, kernel.SumSquares(got[i].Grad))
		}
	}
}

func TestMeasureTraining(t *testing.T) {
	model := nanoModel(t)
	for _, rank := range []int{0, 4} {
		for _, precision := range []kernel.Precision{kernel.FP32, kernel.BF16} {
			o := TrainOptions{Model: model, Rank: rank, Precision: precision, Tokens: 16, Batch: 2, Threads: 2, Runs: 2}
			r, err := MeasureTraining(t.Context(), o)
			require.NoError(t, err)
			require.Len(t, r.Figures, 1)
			f := r.Figures[0]
			assert.Equal(t, []int{2, 1, 2, 32, 30}, []int{f.Threads, f.Blocks, f.Sequences, f.Tokens, f.Learned})
			assert.Equal(t, rank == 0, r.Trained == r.Parameters, "of %d are %d trained", r.Parameters, r.Trained)
			assert.Equal(t, 8*r.Trained, f.Moments)
			assert.InDelta(t, math.Log(300), f.Loss, 1, "a model that knows nothing")
			assert.Greater(t, f.TokensPerSecond.Min, 0.0)
			assert.Greater(t, f.Products, f.Attention)
			assert.InEpsilon(t, 32/(f.Products/f.ProductsCeiling.Rate+f.Attention/f.AttentionCeiling.Rate), f.Roofline, 1e-9)
			assert.InEpsilon(t, f.TokensPerSecond.Max/f.Roofline, f.Share, 1e-9)
		}
	}
}

// Examples are packed into blocks: all their tokens, the answers learned, a step for each block.
func TestMeasureTrainingOnExamples(t *testing.T) {
	says := func(role chat.Role, text string) chat.Turn { return chat.Turn{Role: role, Content: text} }
	rows := func(yield func(chat.Example, error) bool) {
		for _, answer := range []string{"ore", "slag floats", "the melt is told from dross"} {
			c := chat.Conversation{Turns: []chat.Turn{says(chat.User, "What sinks?"), says(chat.Assistant, answer)}}
			if !yield(chat.Example{Conversation: c, Bucket: "factual"}, nil) {
				return
			}
		}
	}
	o := TrainOptions{Model: nanoModel(t), Rank: 2, Precision: kernel.BF16, Tokens: 64, Threads: 1, Runs: 1, Examples: rows, Scratch: t.TempDir()}
	r, err := MeasureTraining(t.Context(), o)
	require.NoError(t, err)
	f := r.Figures[0]
	assert.Equal(t, 3, f.Sequences)
	assert.LessOrEqual(t, f.Tokens, 64*f.Blocks)
	assert.Greater(t, f.Tokens, f.Learned, "prompts are not learned")
	assert.Greater(t, f.Learned, 3)

	o.Batch = 4 // one block holds all
	all, err := MeasureTraining(t.Context(), o)
	require.NoError(t, err)
	assert.Equal(t, []int{1, f.Tokens, f.Learned}, []int{all.Figures[0].Blocks, all.Figures[0].Tokens, all.Figures[0].Learned})
}

func TestMeasureTrainingRefuses(t *testing.T) {
	for _, o := range []TrainOptions{{Tokens: 1}, {Tokens: -1}, {Runs: -1}, {Batch: -1}, {Rank: -1}, {Recompute: -1}, {Precision: kernel.Int8}} {
		assert.Error(t, o.Validate(), o)
	}
	model := nanoModel(t)
	_, err := MeasureTraining(t.Context(), TrainOptions{Model: model, Tokens: 1 << 19})
	assert.ErrorIs(t, err, llama.ErrContext)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = MeasureTraining(ctx, TrainOptions{Model: model, Tokens: 8})
	assert.ErrorIs(t, err, context.Canceled)
}
