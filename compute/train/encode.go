package train

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"smelt/compute/chat"
	"smelt/compute/tokenizer"
)

// Why a conversation gives nothing to learn from. Beside these there are
// [chat.ErrPrompt] and the faults of a template, which may refuse a conversation.
var (
	ErrNoAnswer = errors.New("no turn is the assistant's")
	ErrEmpty    = errors.New("the assistant says nothing")
	ErrTooLong  = errors.New("longer than the context")
)

// TooLong says what becomes of a sequence that is longer than the context.
type TooLong uint8

// What becomes of it: Cut keeps the beginning, so that the last answer loses its
// end and the token that ends it; Drop keeps nothing.
const (
	Cut TooLong = iota
	Drop
)

// EncoderOptions are how conversations become tokens.
type EncoderOptions struct {
	// Context is the most tokens that a sequence may have, 2 or more.
	Context int
	// TooLong is what becomes of longer ones.
	TooLong TooLong
	// Ends are the tokens at which the model stops (llama.Config.EOS). The
	// tokenizer's own end of sequence always is one.
	Ends []int32
	// All learns the prompts, too.
	All bool
	// Now is the time that a template may ask for.
	Now time.Time
}

// Encoder makes tokens of conversations and says which of them are learned:
//
//   - The text is what the template makes of the conversation up to its last
//     answer. What follows that is left out, since nothing is learned from it.
//   - Learned are the answers (see [chat.Template.Learn]) and the token that ends
//     each. Where the template puts none of Ends behind the last answer, the text
//     ends there and the tokenizer's end of sequence follows. Where it puts none
//     behind an earlier answer, or rewrites earlier turns (chat.ErrRewrites), the
//     conversation is split: each answer is learned alone, in a sequence of its
//     own, after what serving would show the model.
//   - A conversation of one turn that is not the user's is plain text, as rows of
//     text alone are: no template, the tokens that the tokenizer puts around any
//     text, the end of sequence behind it, and all of it learned.
//   - What turns say never becomes a control token.
//   - A prompt is encoded apart from its answer, as in serving, where the answer
//     is not there yet. Tokenizers that cannot encode the middle of a text
//     (SentencePiece's, which begins every text with a space) encode it whole. A
//     token on both sides of a border, which only these can make, is learned if
//     its first byte is the answer's; Straddles counts them.
//   - A sequence longer than the context is cut or dropped (TooLong). One that
//     learns nothing, or nothing but ends, is dropped.
//
// It is safe for concurrent use.
type Encoder struct {
	tok      *tokenizer.Tokenizer
	template *chat.Template
	options  EncoderOptions
	tokens   map[string]any // bos_token and eos_token, as llama.Dialogue has them
	end      int32          // put behind what the template does not end
	apart    bool           // parts of a text may be encoded apart
}

// NewEncoder makes the encoder of a model's tokenizer and template. The template
// may be nil if there is plain text alone.
func NewEncoder(tok *tokenizer.Tokenizer, template *chat.Template, o EncoderOptions) (*Encoder, error) {
	if o.Context < 2 {
		return nil, fmt.Errorf("train: a context of %d tokens has no room for a token and the next", o.Context)
	}
	e := &Encoder{tok: tok, template: template, options: o, tokens: map[string]any{}}
	if id, ok := tok.BOS(); ok {
		e.tokens["bos_token"], _ = tok.Token(id)
	}
	id, ok := tok.EOS()
	switch {
	case ok:
		e.tokens["eos_token"], _ = tok.Token(id)
		e.options.Ends = append(slices.Clone(o.Ends), id)
		e.end = id
	case len(o.Ends) > 0:
		e.end = o.Ends[0]
	default:
		return nil, errors.New("train: neither the tokenizer nor the model names a token that ends an answer, so the model could not learn to stop; give the tokenizer an eos_token")
	}
	for _, id := range e.options.Ends {
		if _, ok := tok.Token(id); !ok {
			return nil, fmt.Errorf("train: the model ends with token %d, which the tokenizer does not have", id)
		}
	}
	bare := tok.Encode(nil, "x", tokenizer.Options{})
	e.apart = tok.Family() != "sentencepiece" && !slices.Equal(bare, tok.Encode(nil, " x", tokenizer.Options{}))
	return e, nil
}

// Sequence is tokens to learn from.
type Sequence struct {
	Tokens []int32
	Learn  []bool // which tokens are learned, as the target of the one before; not the first
	Cut    bool   // at the context
}

// Learned is the number of targets that are learned.
func (s *Sequence) Learned() int {
	n := 0
	for _, learned := range s.Learn {
		if learned {
			n++
		}
	}
	return n
}

// Encoded is what an Encoder makes of a conversation.
type Encoded struct {
	Sequences []Sequence // one, or one an answer if it was split
	Lost      int        // answers of a split conversation that are longer than the context
	Straddles int        // tokens on both sides of an answer's border
}

// Encode makes the tokens of a conversation. An error says why it is of no use;
// it wraps ErrNoAnswer, ErrEmpty, ErrTooLong or chat.ErrPrompt, or is a fault of
// the template or of the conversation.
func (e *Encoder) Encode(c chat.Conversation) (Encoded, error) {
	if len(c.Turns) == 1 && c.Turns[0].Role != chat.User {
		return e.plain(c.Turns[0].Content)
	}
	last := len(c.Turns) - 1
	for last >= 0 && c.Turns[last].Role != chat.Assistant {
		last--
	}
	if last < 0 {
		return Encoded{}, ErrNoAnswer
	}
	if e.template == nil {
		return Encoded{}, errors.New("the model has no chat template to write a conversation with")
	}
	c.Turns = c.Turns[:last+1]
	var out Encoded
	fits, err := e.answers(&out, c, e.options.All)
	switch {
	case errors.Is(err, chat.ErrRewrites), err == nil && !fits:
		out = Encoded{}
		err = e.split(&out, c)
	case err == nil:
		err = e.finish(&out)
	}
	if err != nil {
		return Encoded{}, err
	}
	return out, nil
}

// split encodes each answer alone.
func (e *Encoder) split(out *Encoded, c chat.Conversation) error {
	for i, turn := range c.Turns {
		if turn.Role != chat.Assistant {
			continue
		}
		if _, err := e.answers(out, chat.Conversation{Turns: c.Turns[:i+1], Tools: c.Tools}, true); err != nil {
			return fmt.Errorf("answer of turn %d: %w", i, err)
		}
	}
	return e.finish(out)
}

// answers appends the sequence of a conversation that ends with an answer, if
// that says anything. Unless lastOnly, it appends nothing and returns false if an
// answer before the last has no end.
func (e *Encoder) answers(out *Encoded, c chat.Conversation, lastOnly bool) (bool, error) {
	l, err := e.template.Learn(c, chat.Options{Variables: e.tokens, Now: e.options.Now}, lastOnly)
	if err != nil {
		return false, err
	}
	if len(l.Learn) == 0 {
		return true, nil
	}
	t := e.encode(l.Text, l.Content, l.Learn)
	last := len(l.Learn) - 1
	for i, span := range l.Learn {
		from, to, _ := t.within(span)
		_, ended := e.ended(t, from, to)
		switch {
		case i < last && !ended && !lastOnly: // with it, this is a part of the last turn
			return false, nil
		case i == last && !ended:
			end := withoutLayout(&l.Rendered, span)
			l.Learn[last].To = end
			t = e.encode(l.Text[:end], l.Content, l.Learn)
			t.ids = append(t.ids, e.end)
		}
	}
	for i, span := range l.Learn {
		from, to, straddles := t.within(span)
		to, _ = e.ended(t, from, to)
		t.learn(from, to)
		if out.Straddles += straddles; i == last {
			t.ids = t.ids[:to]
		}
	}
	t.learned[0] = false // where nothing is before the first answer
	out.Sequences = append(out.Sequences, Sequence{Tokens: t.ids, Learn: t.learned[:len(t.ids)]})
	return true, nil
}

// ended tells whether an answer of the tokens [from, to) is ended, and returns to
// where its end is. That may be behind it: {% generation %} blocks often leave it out.
func (e *Encoder) ended(t *tokenised, from, to int) (int, bool) {
	switch {
	case to > from && e.ends(t.ids[to-1]):
		return to, true
	case to < len(t.ids) && e.ends(t.ids[to]):
		return to + 1, true
	}
	return to, false
}

// withoutLayout is the end of an answer without the white space that the template,
// having no token to end it, put behind it.
func withoutLayout(r *chat.Rendered, answer chat.Span) int {
	said := clip(r.Content, answer.From, answer.To)
	if len(said) == 0 {
		return answer.To
	}
	end := said[len(said)-1].To
	return end + len(strings.TrimRightFunc(r.Text[end:answer.To], unicode.IsSpace))
}

// plain encodes text that no template goes around.
func (e *Encoder) plain(text string) (Encoded, error) {
	ids := e.tok.Encode(nil, text, tokenizer.Options{Special: true, Literal: true})
	if len(ids) == 0 || !e.ends(ids[len(ids)-1]) {
		ids = append(ids, e.end)
	}
	out := Encoded{Sequences: []Sequence{{Tokens: ids, Learn: allLearned(len(ids))}}}
	return out, e.finish(&out)
}

// allLearned is all of n tokens but the first, which none comes before.
func allLearned(n int) []bool {
	all := make([]bool, n)
	for i := 1; i < n; i++ {
		all[i] = true
	}
	return all
}

// finish keeps the sequences to the context, and of them those that have
// something to learn.
func (e *Encoder) finish(out *Encoded) error {
	kept := out.Sequences[:0]
	for _, s := range out.Sequences {
		if !e.says(&s) {
			continue
		}
		if e.options.All {
			s.Learn = allLearned(len(s.Tokens))
		}
		if most := e.options.Context; len(s.Tokens) > most {
			s.Tokens, s.Learn, s.Cut = s.Tokens[:most], s.Learn[:most], true
			if e.options.TooLong == Drop || !e.says(&s) {
				out.Lost++
				continue
			}
		}
		kept = append(kept, s)
	}
	out.Sequences = kept
	switch {
	case len(kept) > 0:
		return nil
	case out.Lost > 0:
		return ErrTooLong
	}
	return ErrEmpty
}

// says tells whether a learned token is something else than an end.
func (e *Encoder) says(s *Sequence) bool {
	for i := 1; i < len(s.Tokens); i++ {
		if s.Learn[i] && !e.ends(s.Tokens[i]) {
			return true
		}
	}
	return false
}

func (e *Encoder) ends(id int32) bool { return slices.Contains(e.options.Ends, id) }
