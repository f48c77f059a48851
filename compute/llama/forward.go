package llama

import (
	"context"
	"fmt"
	"slices"
)

// Input is what a sequence goes on with; its Cache has the tokens before.
type Input struct {
	Cache  *Cache
	Tokens []int32
}

// Logits runs the inputs, whose tokens their caches then have, and sets logits, of
// [inputs][V], to those after the last token of each, which must have one. If logits is
// nil, none are made.
//
// What else is in the batch changes the logits by rounding alone or, with
// [Options].Invariant, not at all, and the number of threads does not change them. An
// error, as when ctx ends, leaves the caches as they were.
func (m *Model) Logits(ctx context.Context, logits []float32, inputs []Input) error {
	if logits != nil {
		logits = logits[:len(inputs)*m.config.Vocabulary]
		for i := range inputs {
			if len(inputs[i].Tokens) == 0 {
				return fmt.Errorf("llama: input %d has no tokens to go on with", i)
			}
		}
	}
	return m.run(ctx, inputs,
		func(i, token int) bool { return logits != nil && token == len(inputs[i].Tokens)-1 },
		func(rows []outputRow) { logits = m.engine.head(logits, len(rows)) })
}

// AllLogits is [Model.Logits] for every token: [tokens of all inputs][V].
func (m *Model) AllLogits(ctx context.Context, logits []float32, inputs []Input) error {
	rows := 0
	for i := range inputs {
		rows += len(inputs[i].Tokens)
	}
	logits = logits[:rows*m.config.Vocabulary]
	return m.run(ctx, inputs,
		func(_, _ int) bool { return true },
		func(rows []outputRow) { logits = m.engine.head(logits, len(rows)) })
}

// head sets the first n rows of logits to those of the rows a step left, and returns the
// others.
func (e *engine) head(logits []float32, n int) []float32 {
	size := n * e.m.config.Vocabulary
	e.products.multiply(e.h, n, false, target{&e.m.weights.head, logits[:size]})
	return logits[size:]
}

// outputRow is one of the rows a step left in e.h: the input and token it comes from.
type outputRow struct{ input, token int }

// run runs inputs in steps. After each it calls use with the rows of the step that are
// wanted, in the order of inputs and tokens.
func (m *Model) run(ctx context.Context, inputs []Input, want func(input, token int) bool, use func([]outputRow)) error {
	if err := m.hold(); err != nil {
		return err
	}
	defer m.letGo()
	m.running.Lock()
	defer m.running.Unlock()
	if err := m.check(inputs); err != nil {
		return err
	}
	e := m.engine
	defer e.forget()
	e.starts = e.starts[:0]
	for i := range inputs {
		e.starts = append(e.starts, inputs[i].Cache.length)
	}
	for i, token := 0, 0; i < len(inputs); {
		e.parts, e.wanted, e.outputs = e.parts[:0], e.wanted[:0], e.outputs[:0]
		rows := 0
		for rows < stepRows && i < len(inputs) {
			n := min(len(inputs[i].Tokens)-token, stepRows-rows)
			if n > 0 {
				e.parts = append(e.parts, part{inputs[i].Cache, inputs[i].Tokens[token : token+n]})
			}
			for j := range n {
				if want(i, token+j) {
					e.wanted, e.outputs = append(e.wanted, rows+j), append(e.outputs, outputRow{i, token + j})
				}
			}
			rows, token = rows+n, token+n
			if token == len(inputs[i].Tokens) {
				i, token = i+1, 0
			}
		}
		if rows == 0 {
			continue
		}
		if err := e.step(ctx, e.parts, e.wanted); err != nil {
			for i := range inputs {
				inputs[i].Cache.Truncate(e.starts[i])
			}
			return err
		}
		if len(e.outputs) > 0 {
			use(e.outputs)
		}
	}
	return nil
}

// check tells what keeps inputs from being run. The caller holds m.running.
func (m *Model) check(inputs []Input) error {
	m.runs++
	for i := range inputs {
		c := inputs[i].Cache
		if err := m.checkInput(&inputs[i]); err != nil {
			return fmt.Errorf("llama: input %d: %w", i, err)
		}
		if c.run == m.runs {
			j := slices.IndexFunc(inputs, func(in Input) bool { return in.Cache == c })
			return fmt.Errorf("llama: inputs %d and %d have the same cache", j, i)
		}
		c.run = m.runs
	}
	return nil
}

func (m *Model) checkInput(in *Input) error {
	if in.Cache == nil || in.Cache.store != &m.pages {
		return fmt.Errorf("has no cache of this model")
	}
	if n := in.Cache.length + len(in.Tokens); n > m.config.Context {
		return fmt.Errorf("%d positions of %d: %w", n, m.config.Context, ErrContext)
	}
	for _, id := range in.Tokens {
		if id < 0 || int(id) >= m.config.Vocabulary {
			return fmt.Errorf("token %d is not one of %d", id, m.config.Vocabulary)
		}
	}
	return nil
}
