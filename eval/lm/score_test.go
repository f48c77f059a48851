package lm

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/llama"
	"smelt/compute/tokenizer"
	"smelt/eval"
	"smelt/eval/tasks"
)

var _ eval.Model = (*Model)(nil)

// near is how far log-probabilities may be from those in float64, and from those of the
// same request among others.
const near = 1e-4

func open(t testing.TB, m *llama.Model, o Options) *Model {
	l, err := New(m, o)
	require.NoError(t, err)
	return l
}

// ask returns the answers to requests, each of which must be answered once.
func ask(t testing.TB, l *Model, requests []tasks.Request) []tasks.Answer {
	answers := make([]tasks.Answer, len(requests))
	seen := make([]int, len(requests))
	require.NoError(t, l.Answer(context.Background(), requests, func(i int, a tasks.Answer) error {
		answers[i] = a
		seen[i]++
		return nil
	}))
	for i, n := range seen {
		require.Equal(t, 1, n, "request %d", i)
	}
	held, _ := l.m.CacheBytes()
	require.Zero(t, held, "all caches are given back")
	return answers
}

// plainly answers a log-likelihood by the harness's words, with nothing shared and the
// softmax in float64. add is what the tokenizer puts before a text.
func plainly(t testing.TB, l *Model, r tasks.Request, begin string) tasks.Answer {
	encode := func(s string) []int32 {
		special := begin == "" || !strings.HasPrefix(s, begin)
		return l.tok.Encode(nil, s, tokenizer.Options{Special: special})
	}
	var before, whole []int32
	if r.Context != "" {
		stem := strings.TrimRight(r.Context, " \t\n\r\f\v\x1c\x1d\x1e\x1f\u00a0")
		before, whole = encode(stem), encode(r.Context+r.Continuation)
	}
	if len(before) == 0 { // which, of a context, the harness does not take
		before = []int32{l.prefix[0]}
		whole = append(before, l.tok.Encode(nil, r.Context+r.Continuation, tokenizer.Options{})...)
		if whole[1] == before[0] {
			whole = whole[1:]
		}
	}
	rest := whole[len(before):]
	whole = append(slices.Clone(before), rest...)
	positions := l.m.Config().Context
	a := tasks.Answer{Greedy: true}
	if len(whole) > positions+1 {
		whole, a.Cut = whole[len(whole)-positions-1:], true
	}
	run := whole[:len(whole)-1]
	v := l.m.Config().Vocabulary
	logits := make([]float32, len(run)*v)
	c := l.m.NewCache()
	defer c.Release()
	require.NoError(t, l.m.AllLogits(context.Background(), logits, []llama.Input{{Cache: c, Tokens: run}}))
	for i, id := range rest {
		row := logits[(len(run)-len(rest)+i)*v:][:v]
		sum, best := 0.0, 0
		for k, x := range row {
			sum += math.Exp(float64(x))
			if x > row[best] {
				best = k
			}
		}
		a.LogProb += float64(row[id]) - math.Log(sum)
		a.Greedy = a.Greedy && best == int(id)
	}
	return a
}

func assertNear(t testing.TB, want, got tasks.Answer, of tasks.Request) {
	assert.InDelta(t, want.LogProb, got.LogProb, near*max(1, -want.LogProb/10), "%+v", of)
	want.LogProb = got.LogProb
	assert.Equal(t, want, got, "%+v", of)
}

// someText draws texts that begin alike.
func someText(t *rapid.T, label string) string {
	parts := rapid.SliceOfN(rapid.SampledFrom([]string{
		"the", " cat", " sat", " on", " the mat", "\n", "\n\n", " ", "  ", "A:", " B", "猫", "<|turn|>", "é", " 10", "\x1f", "\u00a0", "<s>", "<|begin|>",
	}), 0, 8).Draw(t, label)
	return strings.Join(parts, "")
}

// Answers of any requests together are those of each alone.
func TestScore(t *testing.T) {
	for name, tok := range map[string]*tokenizer.Tokenizer{"bytes": byteLevel(t), "sentencepiece": sentencePiece(t)} {
		begin := map[string]string{"bytes": "<|begin|>", "sentencepiece": "<s>"}[name]
		m := tiny(t, tok, 24, 10, llama.Options{})
		t.Run(name, rapid.MakeCheck(func(rt *rapid.T) {
			l := open(t, m, Options{Rows: rapid.SampledFrom([]int{1, 2, 7, 40, 512}).Draw(rt, "rows")})
			stems := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return someText(t, "context") }), 1, 4).Draw(rt, "contexts")
			var requests []tasks.Request
			for range rapid.IntRange(1, 12).Draw(rt, "n") {
				r := tasks.Request{
					Context:      rapid.SampledFrom(stems).Draw(rt, "stem") + rapid.SampledFrom([]string{"", "", " cat", " on the"}).Draw(rt, "tail"),
					Continuation: rapid.SampledFrom([]string{" the", " the cat", " cat sat on", "x", "\n\n", " <|turn|>"}).Draw(rt, "continuation"),
				}
				if _, err := l.pairs(context.Background(), []tasks.Request{r}, []int{0}); err == nil {
					requests = append(requests, r)
				}
			}
			if len(requests) == 0 {
				return
			}
			for i, a := range ask(t, l, requests) {
				assertNear(t, plainly(t, l, requests[i], begin), a, requests[i])
			}
		}))
	}
}

// Rows that sequences share are run once.
func TestWork(t *testing.T) {
	tok := byteLevel(t)
	l := open(t, tiny(t, tok, 512, 10, llama.Options{}), Options{})
	stem := strings.Repeat("the cat sat. ", 10) + "A:"
	n := func(s string) int64 { return int64(tok.Count(s, tokenizer.Options{Special: true})) }
	requests := []tasks.Request{
		{Context: stem, Continuation: " yes"}, {Context: stem, Continuation: " no"}, {Context: stem, Continuation: " yes"},
		{Context: stem, Continuation: " yes and no"}, {Context: stem + " yes", Continuation: " and no"},
	}
	ask(t, l, requests)
	var asked int64
	for _, r := range requests {
		asked += n(r.Context+r.Continuation) - 1
	}
	yes, no, and := n(" yes"), n(" no"), n(" and no")
	require.Equal(t, n(stem+" yes and no"), n(stem)+yes+and, "no token goes across")
	assert.Equal(t, Work{Asked: asked, Run: n(stem) + yes + and - 1 + no - 1}, l.Work())
}

// What cannot be answered is said.
func TestScoreErrors(t *testing.T) {
	l := open(t, tiny(t, byteLevel(t), 24, 10, llama.Options{}), Options{})
	for want, r := range map[string]tasks.Request{
		"request 1: the continuation \"\" has no tokens of its own":                   {Context: "the cat"},
		"request 1: the continuation has 40 tokens, and the model 24 positions":       {Context: "the", Continuation: strings.Repeat("x", 40)},
		"request 1: the continuation \"<|begin|>\" has no tokens of its own: give it": {Continuation: "<|begin|>"},
		"request 1: it asks for 0 tokens at most":                                     {Kind: tasks.Generate, Context: "a"},
		"request 1 is of unknown kind 7":                                              {Kind: 7},
	} {
		err := l.Answer(context.Background(), []tasks.Request{{Context: "the", Continuation: " cat"}, r}, func(int, tasks.Answer) error { return nil })
		assert.ErrorContains(t, err, want)
	}
}

// A text without a context loses its beginning where it is too long, and the answer says so.
func TestTextLongerThanTheContext(t *testing.T) {
	l := open(t, tiny(t, byteLevel(t), 24, 10, llama.Options{}), Options{})
	text := strings.Repeat("x", 40)
	asked := []tasks.Request{{Continuation: text}, {Continuation: text[:8]}}
	answers := make([]tasks.Answer, len(asked))
	require.NoError(t, l.Answer(context.Background(), asked, func(i int, a tasks.Answer) error {
		answers[i] = a
		return nil
	}))
	assert.True(t, answers[0].Cut)
	assert.Less(t, answers[0].LogProb, answers[1].LogProb)
	assert.False(t, answers[1].Cut)
	assert.Equal(t, int64(24+8), l.Work().Asked)
}

// With little memory fewer rows are run at a time, and some again; with too little for a
// request that is said.
func TestScoreMemory(t *testing.T) {
	tok := byteLevel(t)
	m := tiny(t, tok, 512, 10, llama.Options{})
	var requests []tasks.Request
	for _, a := range []string{"the cat ", "on the mat ", "no "} {
		for _, b := range []string{"A: ", "B: "} {
			for _, c := range []string{" yes", " no", " yes and no", " the cat"} {
				requests = append(requests, tasks.Request{Context: strings.Repeat(a, 12) + strings.Repeat(b, 25) + "so", Continuation: c})
			}
		}
	}
	want := ask(t, open(t, m, Options{}), requests)
	c := m.Config()
	work := m.Bytes() + c.WorkBytes()
	for pages := int64(40); pages > 0; pages -= 3 {
		small := reopen(t, m, llama.Options{Memory: work + pages*c.CacheBytes(1)})
		l := open(t, small, Options{})
		needed := int64(0)
		for _, r := range requests {
			s, err := l.pair(r.Context, r.Continuation, "", nil)
			require.NoError(t, err)
			needed = max(needed, c.CacheBytes(len(s.tokens)-1)/c.CacheBytes(1))
		}
		if pages >= needed+1 { // a page that is copied is there twice for a moment
			for i, a := range ask(t, l, requests) {
				assertNear(t, want[i], a, requests[i])
			}
		} else if pages < needed {
			err := l.Answer(context.Background(), requests, func(int, tasks.Answer) error { return nil })
			assert.ErrorIs(t, err, llama.ErrMemory)
			held, _ := small.CacheBytes()
			assert.Zero(t, held)
		}
	}
}

// An error of got, and the end of ctx, end it, and all caches are given back.
func TestScoreEnds(t *testing.T) {
	l := open(t, tiny(t, byteLevel(t), 512, 10, llama.Options{}), Options{Rows: 8})
	var requests []tasks.Request
	for i := range 40 {
		requests = append(requests, tasks.Request{Context: strings.Repeat("the cat ", 1+i%7), Continuation: strings.Repeat(" sat", 1+i/7)})
	}
	enough := errors.New("enough")
	n := 0
	err := l.Answer(context.Background(), requests, func(int, tasks.Answer) error {
		if n++; n == 5 {
			return enough
		}
		return nil
	})
	assert.ErrorIs(t, err, enough)
	assert.Equal(t, 5, n)
	held, _ := l.m.CacheBytes()
	assert.Zero(t, held)

	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	err = l.Answer(ctx, requests, func(int, tasks.Answer) error {
		n++
		cancel()
		return nil
	})
	assert.ErrorIs(t, err, context.Canceled)
	assert.Less(t, n, 10, "what a step has found")
	held, _ = l.m.CacheBytes()
	assert.Zero(t, held)
}
