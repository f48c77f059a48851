package train

import (
	"sort"

	"smelt/compute/chat"
	"smelt/compute/tokenizer"
)

// tokenised is a text's tokens and where they stand in it.
type tokenised struct {
	ids     []int32
	to      []int // token i stands for text[to[i-1]:to[i]]
	learned []bool
}

// encode encodes a text in which content holds no control tokens; a tokenizer
// that can does so in parts, between the borders of the answers.
func (e *Encoder) encode(text string, content, answers []chat.Span) *tokenised {
	room := len(text)/3 + 16
	t := &tokenised{ids: make([]int32, 0, room), to: make([]int, 0, room)}
	at := 0
	if e.apart {
		for _, a := range answers {
			for _, border := range [2]int{a.From, a.To} {
				if at < border {
					e.part(t, text, content, at, border)
					at = border
				}
			}
		}
	}
	if at < len(text) {
		e.part(t, text, content, at, len(text))
	}
	t.learned = make([]bool, len(t.ids)+1) // and an end
	return t
}

// part appends the tokens of text[from:to].
func (e *Encoder) part(t *tokenised, text string, content []chat.Span, from, to int) {
	inside := clip(content, from, to)
	literal := make([][2]int, len(inside))
	for i, s := range inside {
		literal[i] = [2]int{s.From - from, s.To - from}
	}
	n := len(t.to)
	t.ids, t.to = e.tok.EncodeSpans(t.ids, t.to, text[from:to], tokenizer.Options{LiteralIn: literal})
	for i := n; i < len(t.to); i++ {
		t.to[i] += from
	}
}

// clip returns what of the spans, which are in order, is within [from, to).
func clip(spans []chat.Span, from, to int) []chat.Span {
	first := sort.Search(len(spans), func(i int) bool { return spans[i].To > from })
	var out []chat.Span
	for _, s := range spans[first:] {
		if s.From >= to {
			break
		}
		out = append(out, chat.Span{From: max(s.From, from), To: min(s.To, to)})
	}
	return out
}

// start is where token i begins in the text.
func (t *tokenised) start(i int) int {
	if i == 0 {
		return 0
	}
	return t.to[i-1]
}

// within returns which tokens begin in a span, and how many tokens stand on both
// sides of one of its borders.
func (t *tokenised) within(s chat.Span) (from, to, straddles int) {
	n := len(t.to)
	from = sort.Search(n, func(i int) bool { return t.start(i) >= s.From })
	to = from + sort.Search(n-from, func(i int) bool { return t.start(from+i) >= s.To })
	if from > 0 && t.to[from-1] > s.From {
		straddles++
	}
	if to > from && t.to[to-1] > s.To {
		straddles++
	}
	return from, to, straddles
}

// learn marks tokens [from, to).
func (t *tokenised) learn(from, to int) {
	for i := from; i < to; i++ {
		t.learned[i] = true
	}
}
