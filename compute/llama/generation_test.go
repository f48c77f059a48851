package llama

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Where not all that run fit in memory, the newest wait and say in the end what they say
// alone; what does not fit at all ends alone.
func TestGenerateMemory(t *testing.T) {
	m := speaker(t, 2048)
	var requests []Request
	for i := range 6 {
		r := Request{Prompt: tinyIDs(fmt.Sprint(i), 40+i*30, m.config.Vocabulary), MaxTokens: 100, IgnoreEOS: true}
		if i%2 == 1 {
			r.Sampling = Sampling{Temperature: 0.8, RepetitionPenalty: 1.2, Seed: uint64(i)}
		}
		requests = append(requests, r)
	}
	want := generate(t, m, 1, requests...)
	for _, pages := range []int64{5, 6, 9, 12} { // the largest request takes 5
		m.pages = newStore(&m.config)
		m.pages.limit = pages * m.pages.pageBytes()
		assert.Equal(t, want, generate(t, m, 0, requests...), pages)
		assert.LessOrEqual(t, m.pages.made, pages)
	}

	m.pages = newStore(&m.config)
	m.pages.limit = 4 * m.pages.pageBytes()
	for i, s := range generate(t, m, 0, requests...) {
		if (len(requests[i].Prompt)+100-1+pageRows-1)/pageRows > 4 {
			assert.ErrorIs(t, s.err, ErrMemory, i)
			assert.Equal(t, want[i].ids[:len(s.ids)], s.ids)
		} else {
			assert.Equal(t, want[i], s, i)
		}
	}
}

// A cache that a request brings is, while it waits, as it was before.
func TestGenerateMemoryOfCaches(t *testing.T) {
	m := speaker(t, 2048)
	ids := tinyIDs("caches", 100, m.config.Vocabulary)
	alone := generate(t, m, 1, Request{Prompt: ids, MaxTokens: 100, IgnoreEOS: true})[0]
	m.pages = newStore(&m.config)
	m.pages.limit = 5 * m.pages.pageBytes()
	caches := []*Cache{m.NewCache(), m.NewCache()}
	var requests []Request
	for _, c := range caches {
		require.NoError(t, m.Logits(context.Background(), nil, []Input{{c, ids[:60]}}))
		requests = append(requests, Request{Cache: c, Before: ids[:60], Prompt: ids[60:], MaxTokens: 100, IgnoreEOS: true})
	}
	said := generate(t, m, 0, requests...)
	assert.Equal(t, alone, said[0])
	assert.ErrorIs(t, said[1].err, ErrMemory, "for the first keeps its cache")
	assert.Equal(t, 199, caches[0].Len())
	assert.LessOrEqual(t, caches[1].Len(), 64, "which one page holds")
}

// More texts than rows of a step take turns, and a prompt among them is not forgotten.
func TestGenerateFair(t *testing.T) {
	m := speaker(t, 256)
	const n = stepRows + 90
	made := make([]int, n+1)
	requests := make([]Request, n, n+1)
	for i := range requests {
		requests[i] = Request{Prompt: []int32{int32(i % m.config.Vocabulary)}, MaxTokens: 12, IgnoreEOS: true}
	}
	requests = append(requests, Request{Prompt: tinyIDs("long", 200, m.config.Vocabulary), MaxTokens: 2, IgnoreEOS: true})
	apart := 0
	for e, err := range m.Generate(context.Background(), slices.Values(requests), GenerateOptions{Batch: n + 1}) {
		require.NoError(t, err)
		made[e.Request]++
		if len(made) > 0 && made[n] == 1 {
			assert.Less(t, slices.Max(made[:n]), 5, "the prompt's turn")
			made[n]++
		}
		apart = max(apart, slices.Max(made[:n])-slices.Min(made[:n]))
	}
	assert.LessOrEqual(t, apart, 2)
	assert.Equal(t, 12, slices.Min(made[:n]))
}

// A model whose numbers are none says so, and for those texts alone that come upon them.
func TestGenerateNotNumbers(t *testing.T) {
	for _, broken := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
		m := speaker(t, 60)
		good := Request{Prompt: []int32{1, 2}, MaxTokens: 5, IgnoreEOS: true}
		want := generate(t, m, 1, good)[0]
		bad := int32(0)
		for slices.Contains(want.ids, bad) || slices.Contains(good.Prompt, bad) {
			bad++
		}
		w := &m.weights.embedding
		w.numbers = slices.Clone(w.numbers) // which were mapped, and cannot be changed
		w.numbers[int(bad)*w.in+3] = broken
		all := generate(t, m, 0, good, Request{Prompt: []int32{1, 2, bad}, IgnoreEOS: true}, good)
		assert.Equal(t, []said{want, want}, []said{all[0], all[2]})
		assert.ErrorContains(t, all[1].err, "request 1: llama: position 2: the model's logits are not numbers")
		assert.Empty(t, all[1].ids)
	}
}

// Text that was held back comes with the error that ends all.
func TestGenerateHeldBack(t *testing.T) {
	m := speaker(t, 256)
	request := Request{Prompt: tinyIDs("ends", 20, m.config.Vocabulary), IgnoreEOS: true}
	full := generate(t, m, 1, request)[0]
	require.Greater(t, len(full.text), 20)
	request.Stop = []string{full.text[:len(full.text)-1] + "never"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var texts []string
	var ends []int
	tokens := 0
	for e, err := range m.Generate(ctx, slices.Values([]Request{request, {Prompt: request.Prompt, IgnoreEOS: true}}), GenerateOptions{}) {
		if err != nil {
			assert.ErrorIs(t, err, context.Canceled)
			texts, ends = append(texts, e.Text), append(ends, e.Request)
			continue
		}
		if e.Request == 0 {
			assert.Empty(t, e.Text)
		}
		if tokens++; tokens == 60 {
			cancel()
		}
	}
	require.Equal(t, []int{0, 1, -1}, ends)
	assert.NotEmpty(t, texts[0])
	assert.True(t, strings.HasPrefix(full.text, strings.TrimRight(texts[0], "\ufffd")), "%q", texts[0])
	assert.Empty(t, texts[2])

	// At its last token a text is whole.
	request.MaxTokens = 30
	limited := generate(t, m, 1, request)[0]
	assert.Equal(t, TokenLimit, limited.end)
	request.Stop = nil
	assert.Equal(t, generate(t, m, 1, request)[0], limited)
}
