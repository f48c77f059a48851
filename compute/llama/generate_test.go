package llama

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

// speaker returns a model with a tokenizer of 71 x 4 tokens or fewer, in a folder.
func speaker(t testing.TB, context int) *Model {
	text := []string{"the cat sat on the mat, the hat and the bat; größe 猫が好き 🙂", "on and on the cat sat"}
	tok, err := tokenizer.Train(t.Context(), slices.Values(text), 290, "<|end|>")
	require.NoError(t, err)
	config := fmt.Sprintf(`{"model_type": "llama", "vocab_size": %d, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2,
		"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": %d, "eos_token_id": 0, "bos_token_id": null}`, tok.Size(), context)
	c, err := ParseConfig([]byte(config))
	require.NoError(t, err)
	dir := writeFolder(t, []byte(config), tinyTensors(c), tensorfile.F32)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer.json"), tok.JSON(), 0o600))
	return open(t, dir, Options{Threads: 2})
}

// said is what a request came to.
type said struct {
	ids  []int32
	text string
	end  Reason
	err  error
}

func generate(t testing.TB, m *Model, batch int, requests ...Request) []said {
	all := make([]said, len(requests))
	for e, err := range m.Generate(context.Background(), slices.Values(requests), GenerateOptions{Batch: batch}) {
		s := &all[e.Request]
		require.True(t, s.end == "" && s.err == nil, "an event after the end")
		if err != nil {
			s.err = err
			continue
		}
		s.ids, s.text, s.end = append(s.ids, e.Token), s.text+e.Text, e.End
	}
	if !slices.ContainsFunc(requests, func(r Request) bool { return r.Cache != nil }) {
		held, _ := m.CacheBytes()
		assert.Zero(t, held)
	}
	return all
}

// Requests of different lengths, more than run at a time, drawn and greedy, say what
// they say alone.
func TestGenerateBatch(t *testing.T) {
	m := speaker(t, 2048)
	tok, err := m.Tokenizer()
	require.NoError(t, err)
	var requests []Request
	for i := range 13 {
		r := Request{Prompt: tinyIDs(fmt.Sprint(i), 1+i*60, m.config.Vocabulary), MaxTokens: 5 + 3*i, IgnoreEOS: true}
		if i%2 == 1 {
			r.Sampling = Sampling{Temperature: 0.8, TopK: 20, TopP: 0.9, RepetitionPenalty: 1.1, Seed: uint64(i)}
		}
		requests = append(requests, r)
	}
	for _, batch := range []int{1, 4, 0} {
		for i, s := range generate(t, m, batch, requests...) {
			require.NoError(t, s.err)
			assert.Equal(t, TokenLimit, s.end)
			assert.Len(t, s.ids, requests[i].MaxTokens)
			if requests[i].Sampling.Temperature == 0 {
				assert.Equal(t, greedy(t, m, requests[i].Prompt, len(s.ids)), s.ids)
			}
			assert.Equal(t, generate(t, m, 1, requests[i])[0], s)
			assert.Equal(t, strings.ToValidUTF8(string(tok.Decode(nil, s.ids, true)), "\ufffd"), collapse(s.text))
		}
	}
}

// collapse makes runs of U+FFFD one, as strings.ToValidUTF8 does.
func collapse(s string) string {
	for strings.Contains(s, "\ufffd\ufffd") {
		s = strings.ReplaceAll(s, "\ufffd\ufffd", "\ufffd")
	}
	return s
}

func TestGenerateEnds(t *testing.T) {
	m := speaker(t, 60)
	prompt := tinyIDs("ends", 20, m.config.Vocabulary)
	full := generate(t, m, 1, Request{Prompt: prompt, IgnoreEOS: true})[0]
	assert.Equal(t, ContextFull, full.end)
	assert.Len(t, full.ids, 60-20+1)

	// Any piece of the text stops it, and what is before is all there is.
	for _, length := range []int{1, 2, 5} {
		for at := 0; at+length < len(full.text); at += 7 {
			stop := full.text[at : at+length]
			s := generate(t, m, 1, Request{Prompt: prompt, IgnoreEOS: true, Stop: []string{"\x00never", stop}})[0]
			before, _, _ := strings.Cut(full.text, stop)
			assert.Equal(t, before, s.text)
			assert.Equal(t, StopText, s.end)
		}
	}

	// A token that ends texts.
	m.config.EOS = []int32{full.ids[7]}
	s := generate(t, m, 1, Request{Prompt: prompt})[0]
	assert.Equal(t, EndOfText, s.end)
	assert.Equal(t, full.ids[:slices.Index(full.ids, full.ids[7])+1], s.ids)

	// It is no text, also where the tokenizer does not know what it is for.
	tok, err := m.Tokenizer()
	require.NoError(t, err)
	require.False(t, tok.IsSpecial(full.ids[7]))
	assert.Equal(t, strings.ToValidUTF8(string(tok.Decode(nil, s.ids[:len(s.ids)-1], true)), "\ufffd"), collapse(s.text))

	// A conversation goes on in its cache.
	cache := m.NewCache()
	first := generate(t, m, 1, Request{Prompt: prompt, MaxTokens: 3, IgnoreEOS: true}, Request{Prompt: prompt})[0]
	for range m.Generate(context.Background(), slices.Values([]Request{{Cache: cache, Prompt: prompt, MaxTokens: 3, IgnoreEOS: true}}), GenerateOptions{}) {
	}
	assert.Equal(t, len(prompt)+2, cache.Len())
	for e, err := range m.Generate(context.Background(), slices.Values([]Request{{Cache: cache, Prompt: first.ids[2:], MaxTokens: 1, IgnoreEOS: true}}), GenerateOptions{}) {
		require.NoError(t, err)
		assert.Equal(t, full.ids[3], e.Token)
	}
	cache.Release()
}

func TestGenerateErrors(t *testing.T) {
	m := speaker(t, 60)
	good := Request{Prompt: []int32{1, 2}, MaxTokens: 3, IgnoreEOS: true}
	cache := m.NewCache()
	shared := Request{Cache: cache, Prompt: []int32{1}, MaxTokens: 3, IgnoreEOS: true}
	all := generate(t, m, 16, good, Request{}, Request{Prompt: []int32{-1}}, Request{Prompt: make([]int32, 61)},
		Request{Prompt: []int32{1}, Stop: []string{""}}, Request{Prompt: []int32{1}, MaxTokens: -1},
		Request{Prompt: []int32{1}, Before: []int32{-1}, Sampling: Sampling{RepetitionPenalty: 2}}, Request{Prompt: []int32{1}, Sampling: Sampling{TopP: 2}}, shared, shared, good)
	for i, s := range all {
		assert.Equal(t, i != 0 && i != 8 && i != 10, s.err != nil, i)
	}
	assert.ErrorIs(t, all[3].err, ErrContext)
	assert.Len(t, all[10].ids, 3)
	cache.Release()

	// Whoever stops to listen leaves no pages behind.
	for range m.Generate(context.Background(), slices.Values([]Request{good, good}), GenerateOptions{}) {
		break
	}
	held, _ := m.CacheBytes()
	assert.Zero(t, held)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for e, err := range m.Generate(ctx, slices.Values([]Request{{Prompt: []int32{1}, IgnoreEOS: true}}), GenerateOptions{}) {
		if n++; n == 5 {
			cancel()
		}
		if n > 5 {
			assert.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 6-n, e.Request)
		}
	}
	assert.Equal(t, 7, n)
}

// Text goes on where the prompt ends: SentencePiece's tokens have the space before their
// word, and that of the first one is left out at the beginning of a text alone.
func TestGenerateSpace(t *testing.T) {
	m := speaker(t, 60)
	v := tokenizer.Vocabulary{Model: "llama", Tokens: []string{"<s>"}, Types: []int32{tokenizer.TokenControl}, Scores: []float32{0}}
	for id := 1; id < m.config.Vocabulary; id++ {
		v.Tokens, v.Types, v.Scores = append(v.Tokens, fmt.Sprintf("▁%d", id)), append(v.Types, tokenizer.TokenNormal), append(v.Scores, 0)
	}
	tok, err := tokenizer.FromGGUF(&v)
	require.NoError(t, err)
	m.tokenizer = func() (*tokenizer.Tokenizer, error) { return tok, nil }
	for text, prompt := range map[string][]int32{"": {0}, "7": {0, 7}, "7 8": {7, 8}} {
		s := generate(t, m, 1, Request{Prompt: prompt, MaxTokens: 3, IgnoreEOS: true})[0]
		assert.Equal(t, string(tok.Decode(nil, append(slices.Clone(prompt), s.ids...), true)), text+s.text)
	}
}

func TestStopper(t *testing.T) {
	var s stopper
	s.stops = []string{"bcd", "abcde"}
	text, stopped := s.add("xxab", false)
	assert.Equal(t, "xx", text)
	assert.False(t, stopped)
	text, stopped = s.add("cdef", false)
	assert.Equal(t, "", text, "the text that begins first")
	assert.True(t, stopped)

	s = stopper{stops: []string{"aab"}}
	var got string
	for _, piece := range []string{"a", "a", "a", "c", "aa"} {
		text, _ = s.add(piece, false)
		got += text
	}
	assert.Equal(t, "aaac", got)
	text, _ = s.add("", true)
	assert.Equal(t, "aa", text)
}
