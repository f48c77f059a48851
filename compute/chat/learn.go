package chat

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"smelt/compute/chat/internal/jinja"
)

// ErrRewrites says that a template shows an earlier turn differently once others
// follow (it drops the thinking of past answers, or moves the system prompt to
// the last question), so that no stretch of the whole text is what the model
// would have said at that turn. Learn from each answer alone then: cut the
// conversation behind it and give Learn lastOnly.
var ErrRewrites = errors.New("the template rewrites earlier turns")

// ErrPrompt says that an answer does not go on where the template's generation
// prompt ends: the prompt opens with "<think>", say, and the answer has no
// thinking. A model that learned it would not be asked in that way.
var ErrPrompt = errors.New("the answer does not begin as the template's generation prompt does")

// Learned is a rendered conversation and the part of it that a model is to learn.
type Learned struct {
	Rendered
	Learn []Span // what the assistant says, in order and apart from each other
}

// Learn renders a conversation, without a generation prompt, and finds what the
// assistant says in it; with lastOnly, in its last turn alone, which must be the
// assistant's.
//
// A template with {% generation %} blocks says itself what that is. For others
// an answer is what follows the conversation before it, rendered with the
// generation prompt, up to the end of the conversation with it: the text a model
// would be given and the one it should have made of it. Where these do not fit
// together the error wraps ErrRewrites or ErrPrompt. So an answer ends with the
// template's end-of-turn token, which is learned; white space that the template
// puts behind that is not, as no model is asked for it.
//
// An answer takes two renderings more, so that time is the length of the text
// times the number of answers.
func (t *Template) Learn(c Conversation, o Options, lastOnly bool) (Learned, error) {
	in, err := newInput(c, o)
	if err != nil {
		return Learned{}, err
	}
	n := len(c.Turns)
	if lastOnly && (n == 0 || c.Turns[n-1].Role != Assistant) {
		return Learned{}, errors.New("the last turn is not the assistant's")
	}
	whole, err := in.render(t, n, false)
	if err != nil {
		return Learned{}, err
	}
	l := Learned{Rendered: rendered(whole)}
	if t.jinja.Generates() {
		l.Learn = spans(whole.Generated)
		if lastOnly {
			before, err := in.render(t, n-1, false)
			if err != nil {
				return Learned{}, fmt.Errorf("conversation before turn %d: %w", n-1, err)
			}
			l.Learn = l.Learn[min(len(before.Generated), len(l.Learn)):]
		}
		return l, nil
	}
	first := 0
	if lastOnly {
		first = n - 1
	}
	for i := first; i < n; i++ {
		if c.Turns[i].Role != Assistant {
			continue
		}
		s, err := in.answer(t, whole, i)
		if err != nil {
			return Learned{}, err
		}
		if k := len(l.Learn); k > 0 && s.From < l.Learn[k-1].To {
			return Learned{}, fmt.Errorf("turn %d: %w", i, ErrRewrites)
		}
		if s.From < s.To {
			l.Learn = append(l.Learn, s)
		}
	}
	return l, nil
}

// answer is where turn i, the assistant's, stands in the whole text.
func (in *input) answer(t *Template, whole jinja.Output, i int) (Span, error) {
	before, err := in.render(t, i, true)
	if err != nil {
		return Span{}, fmt.Errorf("conversation before turn %d: %w", i, err)
	}
	with := whole
	if i+1 < len(in.turns) {
		if with, err = in.render(t, i+1, false); err != nil {
			return Span{}, fmt.Errorf("conversation up to turn %d: %w", i, err)
		}
	}
	end, ok := common(with, whole)
	if !ok {
		return Span{}, fmt.Errorf("turn %d: %w", i, ErrRewrites)
	}
	if len(before.Text) > end || with.Text[:len(before.Text)] != before.Text {
		return Span{}, fmt.Errorf("turn %d: %w", i, ErrPrompt)
	}
	return Span{len(before.Text), max(len(before.Text), endOfTurn(with, end))}, nil
}

// common is where the conversation up to an answer ends in the whole one. It is
// all of part, unless part closes with a token that only the end of a
// conversation has; then it is what the two share up to the last control token or
// white space. What they share must hold all content of part.
func common(part, whole jinja.Output) (end int, ok bool) {
	if strings.HasPrefix(whole.Text, part.Text) {
		return len(part.Text), true
	}
	n := 0
	for n < min(len(part.Text), len(whole.Text)) && part.Text[n] == whole.Text[n] {
		n++
	}
	content := contentEnd(part)
	if n < content {
		return 0, false
	}
	return content + 1 + strings.LastIndexAny(part.Text[content:n], ">] \n"), true
}

// contentEnd is the end of the last content.
func contentEnd(out jinja.Output) int {
	if n := len(out.Content); n > 0 {
		return out.Content[n-1][1]
	}
	return 0
}

// endOfTurn is the end of out.Text[:end] without the white space that the
// template put behind its end-of-turn token. White space that belongs to the
// content stays, and so does what follows it directly.
func endOfTurn(out jinja.Output, end int) int {
	kept := contentEnd(out)
	trimmed := strings.TrimRightFunc(out.Text[kept:end], unicode.IsSpace)
	if trimmed == "" {
		return end
	}
	return kept + len(trimmed)
}
