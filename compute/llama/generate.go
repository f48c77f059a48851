package llama

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"smelt/compute/tokenizer"
)

// Request is a text to go on with.
type Request struct {
	// Cache has the tokens before Prompt; or it is nil. It goes on with the prompt and with
	// all tokens that are generated but the last.
	Cache     *Cache
	Prompt    []int32 // at least one token
	Before    []int32 // those that Cache has, which the repetition penalty counts, too; or nil
	Sampling  Sampling
	MaxTokens int      // 0: as many as the context holds
	Stop      []string // texts that end it, and are not part of it
	IgnoreEOS bool
}

// Event is a token of a request.
type Event struct {
	Request int // its place among the requests
	Token   int32
	Text    string // what of the text is known for certain since the last event: whole characters
	End     Reason // of the last event of a request
}

// Reason is why a request ended, "" if it has not.
type Reason string

// The reasons.
const (
	EndOfText   Reason = "end of text" // the model said so
	StopText    Reason = "stop text"
	TokenLimit  Reason = "token limit"
	ContextFull Reason = "context full"
)

// GenerateOptions are how requests are run together.
type GenerateOptions struct {
	Batch int // requests at a time, at most; 0 stands for 16
}

// Generate goes on with the requests, some at a time: where one ends, the next one
// begins. An error that concerns one request, as a token that is none, comes with its
// event and ends it; any other ends all, and its event has the Request -1.
//
// What is drawn for a request does not depend on the others, but logits do by rounding;
// where tokens are nearly as likely as each other, that may change which is chosen.
func (m *Model) Generate(ctx context.Context, requests iter.Seq[Request], o GenerateOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		tok, err := m.Tokenizer()
		if err != nil {
			yield(Event{Request: -1}, err)
			return
		}
		next, stop := iter.Pull(requests)
		defer stop()
		g := generation{m: m, tok: tok, most: o.Batch, next: next}
		if g.most <= 0 {
			g.most = 16
		}
		defer g.release()
		for {
			if !g.admit(yield) {
				return
			}
			if len(g.streams) == 0 {
				return
			}
			if err := g.step(ctx); err != nil {
				yield(Event{Request: -1}, err)
				return
			}
			if !g.emit(yield) {
				return
			}
		}
	}
}

// generation is what Generate works on.
type generation struct {
	m       *Model
	tok     *tokenizer.Tokenizer
	most    int
	next    func() (Request, bool)
	taken   int // requests
	streams []*stream
	inputs  []Input
	ready   []*stream // whose logits the step has made, in the order of inputs
	logits  []float32
}

// stream is a request that runs.
type stream struct {
	Request
	index   int
	own     bool    // the cache
	waiting []int32 // tokens to be run
	last    [1]int32
	made    int // tokens
	sampler *sampler
	text    stopper
	decoder *tokenizer.Decoder
	buffer  []byte
}

// release gives the caches up that requests did not bring.
func (g *generation) release() {
	for _, s := range g.streams {
		if s.own {
			s.Cache.Release()
		}
	}
}

// admit takes requests until there are enough. It returns false if yield does.
func (g *generation) admit(yield func(Event, error) bool) bool {
	for len(g.streams) < g.most {
		r, ok := g.next()
		if !ok {
			return true
		}
		s := &stream{Request: r, index: g.taken, waiting: r.Prompt, own: r.Cache == nil}
		g.taken++
		if s.own {
			s.Cache = g.m.NewCache()
		}
		if err := g.check(s); err != nil {
			if !yield(Event{Request: s.index}, fmt.Errorf("llama: request %d: %w", s.index, err)) {
				return false
			}
			continue
		}
		s.sampler = newSampler(r.Sampling, g.m.config.Vocabulary)
		s.sampler.note(r.Before...)
		s.sampler.note(r.Prompt...)
		s.text.stops = r.Stop
		s.decoder = g.tok.NewDecoder(true)
		s.decoder.Skip(r.Before)
		s.decoder.Skip(r.Prompt)
		g.streams = append(g.streams, s)
	}
	return true
}

func (g *generation) check(s *stream) error {
	if len(s.Prompt) == 0 {
		return fmt.Errorf("its prompt has no tokens")
	}
	if s.MaxTokens < 0 {
		return fmt.Errorf("%d tokens at most are fewer than none", s.MaxTokens)
	}
	if slices.Contains(s.Stop, "") {
		return fmt.Errorf("a text to stop at is empty")
	}
	for _, other := range g.streams {
		if other.Cache == s.Cache {
			return fmt.Errorf("its cache is that of request %d, which runs", other.index)
		}
	}
	if err := s.Sampling.Validate(); err != nil {
		return err
	}
	if err := g.m.checkTokens(s.Before); err != nil {
		return fmt.Errorf("before its prompt: %w", err)
	}
	return g.m.checkInput(&Input{s.Cache, s.Prompt})
}

// step runs what waits: of those that generate, a token each; of prompts, what else fits
// in a step.
func (g *generation) step(ctx context.Context) error {
	g.inputs, g.ready = g.inputs[:0], g.ready[:0]
	left := stepRows
	for _, prompts := range []bool{false, true} {
		for _, s := range g.streams {
			if n := min(len(s.waiting), left); n > 0 && (s.made == 0) == prompts {
				g.inputs = append(g.inputs, Input{s.Cache, s.waiting[:n]})
				if s.waiting, left = s.waiting[n:], left-n; len(s.waiting) == 0 {
					g.ready = append(g.ready, s)
				}
			}
		}
	}
	// Only the last input may be a part of a prompt, of which no logits are wanted.
	v, done := g.m.config.Vocabulary, len(g.ready)
	g.logits = sized(g.logits, done*v)
	rest := g.logits
	return g.m.run(ctx, g.inputs,
		func(i, token int) bool { return i < done && token == len(g.inputs[i].Tokens)-1 },
		func(rows []outputRow) { rest = g.m.engine.head(rest, len(rows)) })
}

// emit draws the next token of each stream that is ready.
func (g *generation) emit(yield func(Event, error) bool) bool {
	v := g.m.config.Vocabulary
	for i, s := range g.ready {
		id := s.sampler.next(g.logits[i*v : (i+1)*v])
		s.sampler.note(id)
		s.made++
		e := Event{Request: s.index, Token: id}
		switch {
		case !s.IgnoreEOS && slices.Contains(g.m.config.EOS, id):
			e.End = EndOfText
		case s.made == s.MaxTokens:
			e.End = TokenLimit
		case s.Cache.length == g.m.config.Context:
			e.End = ContextFull
		}
		s.buffer = s.buffer[:0]
		if e.End != EndOfText { // whose token is no text, even if the tokenizer does not call it special
			s.buffer = s.decoder.Append(s.buffer, id)
		}
		if e.End != "" {
			s.buffer = s.decoder.Flush(s.buffer)
		}
		text, stopped := s.text.add(string(s.buffer), e.End != "")
		e.Text = text
		if stopped {
			e.End = StopText
		}
		if e.End != "" {
			g.streams = slices.DeleteFunc(g.streams, func(other *stream) bool { return other == s })
			if s.own {
				s.Cache.Release()
			}
		}
		s.last[0], s.waiting = id, s.last[:]
		if !yield(e, nil) {
			return false
		}
	}
	return true
}

// stopper looks for the texts that end a text. It holds back what may be the beginning
// of one.
type stopper struct {
	stops []string
	held  string
}

// add takes the next piece of the text, and whether it is the last, and returns what is
// certain to belong to the text and whether it ended.
func (s *stopper) add(piece string, last bool) (text string, stopped bool) {
	s.held += piece
	end := len(s.held)
	for _, stop := range s.stops {
		if i := strings.Index(s.held, stop); i >= 0 {
			end, stopped = min(end, i), true
		}
	}
	if stopped {
		return s.held[:end], true
	}
	if !last {
		for _, stop := range s.stops {
			for n := min(len(stop)-1, len(s.held)); n > 0; n-- {
				if strings.HasSuffix(s.held, stop[:n]) {
					end = min(end, len(s.held)-n)
					break
				}
			}
		}
	}
	text, s.held = s.held[:end], s.held[end:]
	return text, false
}
