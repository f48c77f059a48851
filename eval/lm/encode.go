package lm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tokenizer"
	"smelt/eval/tasks"
)

// sequence is a request as tokens.
type sequence struct {
	request int
	tokens  []int32
	asked   int // how many of them, from the last on, are the continuation
	cut     bool
}

// space tells what Python's str.rstrip removes: str.isspace, which has the four separators
// of ASCII beside what Unicode calls White_Space.
func space(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// context returns the text that a request goes on from.
func (l *Model) context(r *tasks.Request) (string, error) {
	if !r.Chat {
		return r.Context, nil
	}
	if l.template == nil {
		return "", fmt.Errorf("%w: give it one", ErrNoTemplate)
	}
	render := func(turns []chat.Turn) (chat.Rendered, error) {
		return l.template.Render(chat.Conversation{Turns: turns}, chat.Options{AddGenerationPrompt: true, Variables: l.tokens, Now: l.o.Now})
	}
	turns := []chat.Turn{{Role: chat.System, Content: r.System}}
	for _, s := range r.Shots {
		turns = append(turns, chat.Turn{Role: chat.User, Content: s.Question})
		if s.Answer != "" {
			turns = append(turns, chat.Turn{Role: chat.Assistant, Content: s.Answer})
		}
	}
	turns = append(turns, chat.Turn{Role: chat.User, Content: r.Context})
	if r.System != "" {
		text, err := render(turns)
		if err == nil {
			return text.Text, nil
		} // a template that has no place for a system turn: the harness, too, leaves it out
	}
	text, err := render(turns[1:])
	if err != nil {
		return "", fmt.Errorf("chat template: %w", err)
	}
	return text.Text, nil
}

// encode returns the tokens of a text, with those that the tokenizer puts around it unless
// the text begins with begin.
func (l *Model) encode(text, begin string) []int32 {
	special := begin == "" || !strings.HasPrefix(text, begin)
	return l.tok.Encode(nil, text, tokenizer.Options{Special: special})
}

// pair returns the tokens of a log-likelihood. known is a context, without white space at
// its end, whose tokens are those given; or "".
func (l *Model) pair(text, continuation, known string, knownTokens []int32) (s sequence, err error) {
	stem := strings.TrimRightFunc(text, space)
	var before []int32
	switch {
	case text == "":
	case stem != "" && stem == known:
		before = knownTokens
	default:
		before = l.encode(stem, l.begin)
	}
	if len(before) > 0 {
		whole := l.encode(text+continuation, l.begin)
		s.asked = len(whole) - len(before)
		s.tokens = append(slices.Clone(before), whole[min(len(before), len(whole)):]...) // also where whole begins otherwise
	} else {
		after := l.tok.Encode(nil, text+continuation, tokenizer.Options{})
		if len(after) == 0 || len(l.prefix) > 0 && after[0] != l.prefix[0] {
			s.tokens, s.asked = append(append(s.tokens, l.prefix...), after...), len(after)
		} else {
			s.tokens, s.asked = after, len(after)-1
		}
	}
	positions := l.m.Config().Context
	if text == "" { // it, too, may lose its beginning
		s.asked = min(s.asked, positions)
	}
	switch {
	case s.asked <= 0:
		return s, fmt.Errorf("the continuation %.40q has no tokens of its own: give it a text that does not melt into the context", continuation)
	case s.asked > positions:
		return s, fmt.Errorf("the continuation has %d tokens, and the model %d positions: %w: take a model of longer context, or leave the task out", s.asked, positions, llama.ErrContext)
	}
	if n := len(s.tokens) - (positions + 1); n > 0 {
		s.tokens, s.cut = s.tokens[n:], true
	}
	return s, nil
}

// pairs encodes as many of the requests as a wave takes, at least one.
func (l *Model) pairs(ctx context.Context, requests []tasks.Request, which []int) ([]sequence, error) {
	const block = 256
	var wave []sequence
	for tokens := 0; len(wave) < len(which) && tokens < waveTokens; {
		part := make([]sequence, min(block*l.m.Threads(), len(which)-len(wave)))
		at := which[len(wave):]
		err := l.parallel(ctx, len(part), block, func(from, to int) error {
			var stem string
			var known []int32
			for i := from; i < to; i++ {
				r := &requests[at[i]]
				text, err := l.context(r)
				if err != nil {
					return fmt.Errorf("lm: request %d: %w", at[i], err)
				}
				if part[i], err = l.pair(text, r.Continuation, stem, known); err != nil {
					return fmt.Errorf("lm: request %d: %w", at[i], err)
				}
				part[i].request = at[i]
				if s := strings.TrimRightFunc(text, space); s != stem && !part[i].cut {
					stem, known = s, part[i].tokens[:len(part[i].tokens)-part[i].asked]
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, s := range part {
			tokens += len(s.tokens)
		}
		wave = append(wave, part...)
	}
	return wave, nil
}

// prompt returns the tokens of a text to go on with, and how many may follow.
func (l *Model) prompt(r *tasks.Request) (s sequence, room int, err error) {
	text, err := l.context(r)
	if err != nil {
		return s, 0, err
	}
	if r.MaxTokens < 1 {
		return s, 0, fmt.Errorf("it asks for %d tokens at most: one is the least", r.MaxTokens)
	}
	s.tokens = l.encode(text, l.bos)
	if len(s.tokens) == 0 {
		s.tokens = l.prefix
	}
	if len(s.tokens) == 0 {
		return s, 0, fmt.Errorf("its context is empty, and the tokenizer has no token that begins a text")
	}
	positions := l.m.Config().Context
	room = r.MaxTokens
	if room >= positions {
		room = positions / 2
	}
	if n := len(s.tokens) - (positions - room); n > 0 {
		s.tokens, s.cut = s.tokens[n:], true
	}
	return s, room, nil
}

// parallel does n things, in blocks, on the model's threads.
func (l *Model) parallel(ctx context.Context, n, block int, do func(from, to int) error) error {
	var wg sync.WaitGroup
	var next atomic.Int64
	blocks := (n + block - 1) / block
	failed := make([]error, blocks)
	for range min(l.m.Threads(), blocks) {
		wg.Go(func() {
			for b := int(next.Add(1)) - 1; b < blocks; b = int(next.Add(1)) - 1 {
				if failed[b] = ctx.Err(); failed[b] == nil {
					failed[b] = do(b*block, min((b+1)*block, n))
				}
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}
