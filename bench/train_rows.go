package bench

import (
	"context"
	"fmt"

	"smelt/compute/chat"
	"smelt/compute/kernel"
	"smelt/compute/llama"
	"smelt/compute/train"
)

// madeUpBatch is sequences of tokens, each token to be learned after the one before it.
func madeUpBatch(tokens, sequences, vocabulary int) llama.Batch {
	n := tokens * sequences
	b := llama.Batch{Tokens: make([]int32, n), Targets: make([]int32, n), Weights: make([]float32, n), Seed: 1}
	for i := range b.Tokens {
		b.Tokens[i] = int32((i*7919 + 13) % vocabulary)
	}
	for end := tokens; end <= n; end += tokens {
		b.Ends = append(b.Ends, end)
		for i := end - tokens; i < end-1; i++ {
			b.Targets[i], b.Weights[i] = b.Tokens[i+1], 1/float32(sequences*(tokens-1))
		}
	}
	return b
}

// packedBatches makes tokens of the examples, as training does, and reads all blocks.
func packedBatches(ctx context.Context, m *llama.Model, o TrainOptions) ([]llama.Batch, error) {
	tok, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	var template *chat.Template
	if source, err := m.Template(); err != nil {
		return nil, err
	} else if source != "" {
		if template, err = chat.Parse(source); err != nil {
			return nil, fmt.Errorf("%s: chat template: %w", o.Model, err)
		}
	}
	e, err := train.NewEncoder(tok, template, train.EncoderOptions{Context: o.Tokens, Ends: m.Config().EOS})
	if err != nil {
		return nil, err
	}
	d, err := train.Build(ctx, o.Scratch, "bench", e, o.Examples, train.DatasetOptions{BlockTokens: o.Tokens * o.Batch, Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	batches := make([]llama.Batch, d.Blocks())
	for i := range batches {
		var b train.Block
		if err := d.Block(i, &b); err != nil {
			return nil, err
		}
		b.Batch.Weights, b.Batch.Seed = make([]float32, len(b.Learn)), uint64(i)
		for j, learned := range b.Learn {
			if learned {
				b.Batch.Weights[j] = 1 / float32(d.Learned(i))
			}
		}
		batches[i] = b.Batch
	}
	return batches, nil
}

// adamWStep moves parameters as training does: threads share out ranges of elements.
type adamWStep struct {
	pool    *kernel.Pool
	ranges  []llama.Parameter // parts of parameters
	moments [][2][]float32    // of each range
	steps   int
}

func newAdamWStep(pool *kernel.Pool, parameters []llama.Parameter) *adamWStep {
	const elements = 1 << 16 // some 30 us
	s := &adamWStep{pool: pool}
	for _, p := range parameters {
		first, second := make([]float32, len(p.Data)), make([]float32, len(p.Data))
		for from := 0; from < len(p.Data); from += elements {
			to := min(from+elements, len(p.Data))
			s.ranges = append(s.ranges, llama.Parameter{Data: p.Data[from:to], Grad: p.Grad[from:to], Decay: p.Decay})
			s.moments = append(s.moments, [2][]float32{first[from:to], second[from:to]})
		}
	}
	return s
}

// step takes a step by the gradients and makes them zero.
func (s *adamWStep) step() {
	s.steps++
	s.pool.Run(len(s.ranges), func(_, i int) {
		p, o := s.ranges[i], kernel.AdamW{LearningRate: 1e-5, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
		if p.Decay {
			o.WeightDecay = 0.01
		}
		o.Step(p.Data, p.Grad, s.moments[i][0], s.moments[i][1], s.steps, 1)
		clear(p.Grad)
	})
}
