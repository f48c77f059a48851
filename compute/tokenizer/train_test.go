package tokenizer_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// TestTrain trains on the hostile texts and compares with what Hugging Face's trainer made of them.
func TestTrain(t *testing.T) {
	texts := slices.DeleteFunc(hostile(t), func(s string) bool { return len(s) > 40 })
	got, err := tokenizer.Train(context.Background(), slices.Values(texts), 1000, "<|endoftext|>", "<|im_start|>")
	require.NoError(t, err)
	want := small(t, "trained")
	assert.Equal(t, want.Size(), got.Size())
	assert.Equal(t, modelOf(want), modelOf(got))
}

// modelOf returns the lines that a tokenizer's vocabulary and merges have in its JSON.
func modelOf(tok *tokenizer.Tokenizer) []string {
	_, after, _ := strings.Cut(string(tok.JSON()), `"model"`)
	return strings.Split(after, "\n")
}

func TestTrainRefuses(t *testing.T) {
	none := slices.Values([]string{})
	for _, c := range []struct {
		size    int
		special []string
		want    string
	}{
		{255, nil, "a vocabulary of 255 tokens"}, {257, []string{"<a>", "<b>"}, "from 258"}, {1 << 30, nil, "a vocabulary of"},
		{300, []string{"a"}, "must be two"}, {300, []string{""}, "must be two"}, {300, []string{"<\xff>"}, "in UTF-8"}, {300, []string{"<a>", "<a>"}, "<a>"},
	} {
		_, err := tokenizer.Train(context.Background(), none, c.size, c.special...)
		require.ErrorContains(t, err, c.want)
	}
}

// A tokenizer trained on nothing has the bytes; special tokens do not come out of text by merging.
func TestTrainSpecial(t *testing.T) {
	tok, err := tokenizer.Train(context.Background(), slices.Values([]string{}), 1000)
	require.NoError(t, err)
	assert.Equal(t, 256, tok.Size())

	tok, err = tokenizer.Train(context.Background(), slices.Values(slices.Repeat([]string{"hello end end"}, 10)), 300, "end", "hell")
	require.NoError(t, err)
	for _, id := range tok.Encode(nil, "hello end hell", tokenizer.Options{Literal: true}) {
		assert.False(t, tok.IsSpecial(id), "%d", id)
	}
	assert.True(t, tok.IsSpecial(tok.Encode(nil, "end", tokenizer.Options{})[0]))
}

// asked is a context that ends when it has been asked so often.
type asked struct {
	context.Context
	left int
}

func (a *asked) Err() error {
	if a.left--; a.left < 0 {
		return context.Canceled
	}
	return nil
}

// Training can be interrupted between texts, between words and between merges.
func TestTrainInterrupted(t *testing.T) {
	for _, left := range []int{0, 5, 10, 11, 50} {
		ctx := &asked{context.Background(), left}
		_, err := tokenizer.Train(ctx, words(1000), 1000)
		assert.ErrorIs(t, err, context.Canceled)
		assert.GreaterOrEqual(t, ctx.left, -3, "it goes on for long")
	}
}

// words gives n made-up words, as texts of a hundred.
func words(n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		rng := uint32(1)
		var b strings.Builder
		for i := range n {
			rng = rng*1664525 + 1013904223
			fmt.Fprintf(&b, "%x ", rng>>(8+rng>>28))
			if i%100 == 99 {
				if !yield(b.String()) {
					return
				}
				b.Reset()
			}
		}
	}
}

func BenchmarkTrain(b *testing.B) {
	size := 0
	for s := range words(200_000) {
		size += len(s)
	}
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tokenizer.Train(context.Background(), words(200_000), 4096); err != nil {
			b.Fatal(err)
		}
	}
}
