package llama

import (
	"context"
	"fmt"
	"math"

	"smelt/compute/kernel"
)

// Comparison is how far what two models say of the same text is apart.
type Comparison struct {
	Positions  int        // of which the next token was compared
	SameBest   int        // of them, with the same most likely token
	MeanKL     float64    // Kullback-Leibler divergence of the second model from the first, nats
	MaxKL      float64    // at one position
	Perplexity [2]float64 // of the text, by each
	Largest    float64    // difference of two logits
	At         int        // the position of it, from 0
}

// compareRows is how many rows of logits exist at once, of each model.
const compareRows = 32

// Compare runs a text through two models of one vocabulary and compares their logits at
// each position. Beyond the smaller context, and beyond window tokens if that is not 0,
// the text begins anew. Progress, if there is one, is told how many tokens are done.
func Compare(ctx context.Context, a, b *Model, tokens []int32, window int, progress func(done int)) (*Comparison, error) {
	v := a.config.Vocabulary
	if n := b.config.Vocabulary; n != v {
		return nil, fmt.Errorf("llama: compare: vocabularies of %d and %d tokens", v, n)
	}
	if err := a.checkTokens(tokens); err != nil {
		return nil, fmt.Errorf("llama: compare: %w", err)
	}
	most := min(a.config.Context, b.config.Context)
	if window <= 0 || window > most {
		window = most
	}
	c := comparing{models: [2]*Model{a, b}}
	for i, m := range c.models {
		c.caches[i], c.logits[i] = m.NewCache(), make([]float32, compareRows*v)
		defer c.caches[i].Release()
	}
	for from := 0; from < len(tokens); {
		if from%window == 0 {
			c.caches[0].Release()
			c.caches[1].Release()
		}
		to := min(from+compareRows, from/window*window+window, len(tokens))
		if err := c.compare(ctx, tokens, from, to); err != nil {
			return nil, err
		}
		from = to
		if progress != nil {
			progress(from)
		}
	}
	r := c.result
	r.MeanKL /= float64(max(r.Positions, 1))
	for i := range r.Perplexity {
		r.Perplexity[i] = math.Exp(c.surprise[i] / float64(max(c.known, 1)))
	}
	return &r, nil
}

type comparing struct {
	models   [2]*Model
	caches   [2]*Cache
	logits   [2][]float32
	result   Comparison // KL summed up
	surprise [2]float64 // sums of -log p of the tokens that follow
	known    int        // such tokens
}

// compare runs tokens from..to.
func (c *comparing) compare(ctx context.Context, tokens []int32, from, to int) error {
	for i, m := range c.models {
		if err := m.AllLogits(ctx, c.logits[i], []Input{{c.caches[i], tokens[from:to]}}); err != nil {
			return err
		}
	}
	v := c.models[0].config.Vocabulary
	for at := from; at < to; at++ {
		rows := [2][]float32{c.logits[0][(at-from)*v:][:v], c.logits[1][(at-from)*v:][:v]}
		var sums [2]float64
		for i, row := range rows {
			var sum kernel.LogSum
			sum.Add(row)
			sums[i] = sum.Value()
			if at+1 < len(tokens) {
				c.surprise[i] += sums[i] - float64(row[tokens[at+1]])
			}
		}
		if at+1 < len(tokens) {
			c.known++
		}
		c.add(at, rows, sums)
	}
	return nil
}

// add counts a position; sums are the logarithms of the sums of e^logit.
func (c *comparing) add(at int, rows [2][]float32, sums [2]float64) {
	r := &c.result
	r.Positions++
	if mostLikely(rows[0]) == mostLikely(rows[1]) {
		r.SameBest++
	}
	kl := 0.0
	for i, x := range rows[0] {
		y := rows[1][i]
		if d := math.Abs(float64(x) - float64(y)); d > r.Largest || d != d && r.Largest == r.Largest {
			r.Largest, r.At = d, at
		}
		// e^-40 of a vocabulary adds nothing that a float64 could tell.
		if logp := float64(x) - sums[0]; !(logp < -40) {
			kl += math.Exp(logp) * (logp - (float64(y) - sums[1]))
		}
	}
	kl = max(kl, 0) // below it by rounding alone
	r.MeanKL += kl
	if kl > r.MaxKL || kl != kl {
		r.MaxKL = kl
	}
}
