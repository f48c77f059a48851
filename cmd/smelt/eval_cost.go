package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"smelt/eval"
	"smelt/eval/tasks"
)

// costs are about how much each request takes, by its key, in characters of prompt that are run: what its context does
// not share with another's, its continuation, and what is likely to be generated. It is a guess, for a progress bar:
// a token is about four characters, a generated one takes about as long as three of a prompt, and texts end before
// they have 256.
func costs(requests []tasks.Request) map[[32]byte]int64 {
	type asked struct {
		*tasks.Request
		text string // all of the prompt
	}
	order := make([]asked, len(requests))
	for i := range requests {
		r := &requests[i]
		order[i] = asked{r, r.Context}
		if len(r.Shots) > 0 {
			var text strings.Builder
			for _, shot := range r.Shots {
				text.WriteString(shot.Question + shot.Answer)
			}
			order[i].text = text.String() + r.Context
		}
	}
	slices.SortFunc(order, func(a, b asked) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.text, b.text))
	})
	all := make(map[[32]byte]int64, len(requests))
	var before string
	var kind tasks.Kind
	for _, r := range order {
		if r.Kind != kind { // what is scored and what is generated share nothing
			before, kind = "", r.Kind
		}
		shared := 0
		for shared < min(len(before), len(r.text)) && before[shared] == r.text[shared] {
			shared++
		}
		cost := len(r.text) - shared + len(r.Continuation)
		if before = r.text; r.Kind == tasks.Generate {
			cost += 4 * 3 * min(r.MaxTokens, 256)
		}
		all[r.Key()] = int64(cost)
	}
	return all
}

// heard is a model whose answers are heard of.
type heard struct {
	eval.Model
	answered func(*tasks.Request)
}

// Answer answers requests; see eval.Model.
func (h heard) Answer(ctx context.Context, requests []tasks.Request, got func(i int, a tasks.Answer) error) error {
	return h.Model.Answer(ctx, requests, func(i int, a tasks.Answer) error {
		h.answered(&requests[i])
		return got(i, a)
	})
}
