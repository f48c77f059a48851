package llama

import (
	"context"
	"fmt"
	"iter"
	"time"

	"smelt/compute/chat"
	"smelt/compute/tokenizer"
)

// Dialogue is a conversation with a model. It keeps keys and values from one answer to
// the next, so that only what is different from the text before is run.
//
//	held      <|user|>2+2?<|assistant|>4             in the cache
//	prompt    <|user|>2+2?<|assistant|>4<|user|>and 3+3?<|assistant|>
//	                                    └── run ──────────────┘
//
// It is for one goroutine at a time.
type Dialogue struct {
	Turns []chat.Turn // may be changed between answers

	m        *Model
	tok      *tokenizer.Tokenizer
	template *chat.Template
	tokens   map[string]any // bos_token and eos_token, by these names
	cache    *Cache
	held     []int32 // tokens in cache, and of a reply that was not made those that should be
}

// NewDialogue begins a conversation that a template writes down. Release ends it.
func (m *Model) NewDialogue(template *chat.Template) (*Dialogue, error) {
	tok, err := m.Tokenizer()
	if err != nil {
		return nil, err
	}
	d := &Dialogue{m: m, tok: tok, template: template, tokens: map[string]any{}, cache: m.NewCache()}
	if id, ok := tok.BOS(); ok {
		d.tokens["bos_token"], _ = tok.Token(id)
	}
	if id, ok := tok.EOS(); ok {
		d.tokens["eos_token"], _ = tok.Token(id)
	}
	return d, nil
}

// Release gives the cache back.
func (d *Dialogue) Release() {
	d.cache.Release()
	d.held = nil
}

// Prompt returns the tokens of the turns, up to where the answer begins. What the turns
// say holds no control tokens, whatever it looks like.
func (d *Dialogue) Prompt(now time.Time) ([]int32, error) {
	text, err := d.template.Render(chat.Conversation{Turns: d.Turns}, chat.Options{AddGenerationPrompt: true, Variables: d.tokens, Now: now})
	if err != nil {
		return nil, fmt.Errorf("chat template: %w", err)
	}
	literal := make([][2]int, len(text.Content))
	for i, s := range text.Content {
		literal[i] = [2]int{s.From, s.To}
	}
	return d.tok.Encode(nil, text.Text, tokenizer.Options{LiteralIn: literal}), nil
}

// Reply is an answer to be made.
type Reply struct {
	Prompt int // tokens
	Kept   int // of them, in the cache
	// Events are those of [Model.Generate], with one request, up to an error. When they end, for whatever
	// reason, what was said is the last of the Dialogue's Turns, unless that is nothing.
	Events iter.Seq2[Event, error]
}

// Answer lets the model answer the turns as r says, of which Cache, Before and Prompt are
// set here.
func (d *Dialogue) Answer(ctx context.Context, now time.Time, r Request) (*Reply, error) {
	prompt, err := d.Prompt(now)
	if err != nil {
		return nil, err
	}
	if len(prompt) >= d.m.config.Context {
		return nil, fmt.Errorf("the conversation has %d tokens and the model a context of %d: %w", len(prompt), d.m.config.Context, ErrContext)
	}
	kept := 0
	for kept < min(len(d.held), d.cache.Len(), len(prompt)-1) && d.held[kept] == prompt[kept] {
		kept++
	}
	d.cache.Truncate(kept)
	d.held = append(d.held[:kept], prompt[kept:]...)
	r.Cache, r.Before, r.Prompt = d.cache, prompt[:kept], prompt[kept:]
	return &Reply{Prompt: len(prompt), Kept: kept, Events: d.events(ctx, r)}, nil
}

func (d *Dialogue) events(ctx context.Context, r Request) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var said []byte
		defer func() {
			d.held = d.held[:d.cache.Len()]
			if len(said) > 0 {
				d.Turns = append(d.Turns, chat.Turn{Role: chat.Assistant, Content: string(said)})
			}
		}()
		one := func(yield func(Request) bool) { yield(r) }
		for e, err := range d.m.Generate(ctx, one, GenerateOptions{}) {
			if err == nil {
				d.held = append(d.held, e.Token)
			}
			said = append(said, e.Text...)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}
