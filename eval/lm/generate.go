package lm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"smelt/compute/llama"
	"smelt/eval/tasks"
)

// worthRows is how many rows sharing a stretch of prompts must save: the stretch is run by
// itself, which for a few rows takes as long as for some dozens.
const worthRows = 64

// continuing is a text to go on with.
type continuing struct {
	sequence
	requests []int // equal ones; sequence.request is the place among the texts
	room     int   // tokens that may be made
	stops    []string
	ends     []int32
	sampling llama.Sampling
	made     []int32
	end      llama.Reason
	cache    *llama.Cache // that it goes on with, or nil
}

// generation generates texts.
type generation struct {
	l      *Model
	ctx    context.Context
	texts  []continuing
	order  []int // of the texts, in the order they began
	failed error // while prompts were run
	again  []int // texts that had too little memory beside the others
	alone  bool  // there are no others
}

// generate answers requests for texts.
func (l *Model) generate(ctx context.Context, requests []tasks.Request, which []int, got func(i int, a tasks.Answer) error) error {
	if len(which) == 0 {
		return nil
	}
	g := &generation{l: l, ctx: ctx}
	if err := g.read(requests, which); err != nil {
		return err
	}
	sequences := make([]sequence, len(g.texts))
	for i := range g.texts {
		sequences[i] = g.texts[i].sequence
		l.work.prompts.Add(int64(len(g.texts[i].tokens)))
	}
	root := plant(sequences)
	defer func() {
		for i := range g.texts {
			g.texts[i].release()
		}
	}()
	all := func(yield func(llama.Request) bool) { g.walk(root, nil, yield) }
	if err := g.follow(all, l.o.Batch, got); err != nil {
		return err
	}
	g.alone = true
	for _, i := range g.again {
		one := func(yield func(llama.Request) bool) { yield(g.begin(i, nil)) }
		if err := g.follow(one, 1, got); err != nil {
			return err
		}
	}
	return nil
}

func (t *continuing) release() {
	if t.cache != nil {
		t.cache.Release()
		t.cache = nil
	}
}

// read makes texts of requests, equal ones once.
func (g *generation) read(requests []tasks.Request, which []int) error {
	known := map[[32]byte]int{}
	for _, i := range which {
		r := &requests[i]
		key := r.Key()
		if at, ok := known[key]; ok {
			g.texts[at].requests = append(g.texts[at].requests, i)
			continue
		}
		known[key] = len(g.texts)
		g.texts = append(g.texts, continuing{requests: []int{i}})
	}
	return g.l.parallel(g.ctx, len(g.texts), 64, func(from, to int) error {
		for i := from; i < to; i++ {
			if err := g.l.read(&g.texts[i], &requests[g.texts[i].requests[0]]); err != nil {
				return fmt.Errorf("lm: request %d: %w", g.texts[i].requests[0], err)
			}
			g.texts[i].request = i
		}
		return nil
	})
}

// read sets what is asked of a text.
func (l *Model) read(t *continuing, r *tasks.Request) (err error) {
	if t.sequence, t.room, err = l.prompt(r); err != nil {
		return err
	}
	t.stops = l.stops(r.Until)
	t.ends = l.ends(t.stops)
	if r.Sampling.Sample {
		t.sampling = llama.Sampling{
			Temperature: r.Sampling.Temperature, TopK: r.Sampling.TopK, TopP: r.Sampling.TopP, Seed: r.Sampling.Seed,
		}
		if t.sampling.Temperature == 0 {
			t.sampling.Temperature = 1
		}
	}
	return t.sampling.Validate()
}

// walk yields requests for all texts below a node, of which cache has some of the tokens
// before; nil is none. It returns false if yield does or prompts cannot be run.
func (g *generation) walk(n *node, cache *llama.Cache, yield func(llama.Request) bool) bool {
	from := 0
	if cache != nil {
		from = cache.Len()
	}
	if rows := n.end() - from; rows*(n.shared()-1) >= worthRows {
		next := g.l.m.NewCache()
		if cache != nil {
			next = cache.Fork()
		}
		err := g.l.m.Logits(g.ctx, nil, []llama.Input{{Cache: next, Tokens: n.tokens[from:]}})
		switch {
		case err == nil:
			cache = next
			g.l.work.shared.Add(int64(rows * (n.shared() - 1)))
		case !errors.Is(err, llama.ErrMemory): // without a cache of its own it goes on, too
			next.Release()
			g.failed = err
			return false
		}
		defer next.Release()
	}
	for _, m := range n.ended {
		if !yield(g.begin(m.request, cache)) {
			return false
		}
	}
	children := slices.Clone(n.children)
	slices.SortStableFunc(children, func(a, b *node) int { return b.longest - a.longest })
	for _, child := range children {
		if !g.walk(child, cache, yield) {
			return false
		}
	}
	return true
}

// begin returns the request for a text, of which cache has the first tokens.
func (g *generation) begin(i int, cache *llama.Cache) llama.Request {
	t := &g.texts[i]
	g.order = append(g.order, i)
	t.made = nil
	r := llama.Request{
		Prompt: t.tokens, Sampling: t.sampling, MaxTokens: t.room, Stop: t.stops, Ends: t.ends, Alone: g.l.DropsSpace(),
	}
	if cache != nil {
		t.cache = cache.Fork()
		r.Cache, r.Before, r.Prompt = t.cache, t.tokens[:cache.Len()], t.tokens[cache.Len():]
	}
	return r
}

// follow runs requests, so many at a time, and answers those that end.
func (g *generation) follow(requests func(yield func(llama.Request) bool), batch int, got func(i int, a tasks.Answer) error) error {
	g.order = g.order[:0]
	for e, err := range g.l.m.Generate(g.ctx, requests, llama.GenerateOptions{Batch: batch}) {
		if g.failed != nil {
			return g.failed
		}
		if err != nil && (e.Request < 0 || g.ctx.Err() != nil) {
			return err
		}
		t := &g.texts[g.order[e.Request]]
		if err != nil {
			t.release()
			if !errors.Is(err, llama.ErrMemory) || g.alone {
				return fmt.Errorf("lm: request %d: %w", t.requests[0], err)
			}
			g.again = append(g.again, g.order[e.Request])
			continue
		}
		t.made = append(t.made, e.Token)
		if e.End == "" {
			continue
		}
		t.end = e.End
		t.release()
		g.l.work.generated.Add(int64(len(t.made)))
		a := g.l.answer(t)
		t.made = nil
		for _, i := range t.requests {
			if err := got(i, a); err != nil {
				return err
			}
		}
	}
	return g.failed
}

// answer returns the text that was made, and why it ended.
func (l *Model) answer(t *continuing) tasks.Answer {
	a := tasks.Answer{Cut: t.cut, End: tasks.TooLong}
	made := t.made
	if t.end == llama.EndOfText {
		a.End = tasks.EndOfText
		made = made[:len(made)-1] // no text, even if the tokenizer does not call it special
	}
	a.Text = tasks.CutAtStop(l.decode(t.tokens, made), t.stops)
	if t.end == llama.StopText {
		a.End = tasks.Stop
	}
	return a
}

// stops returns the texts that end a text, that of the token which ends a sequence among
// them.
func (l *Model) stops(until []string) []string {
	var stops []string
	for _, s := range append(slices.Clone(until), l.eos) {
		if s != "" && !slices.Contains(stops, s) {
			stops = append(stops, s)
		}
	}
	return stops
}

// ends returns the special tokens that are stops: they are not in the text, for it to be
// cut at them.
func (l *Model) ends(stops []string) []int32 {
	var ends []int32
	for _, stop := range stops {
		if id, ok := l.tok.ID(stop); ok && l.tok.IsSpecial(id) {
			ends = append(ends, id)
		}
	}
	return ends
}
