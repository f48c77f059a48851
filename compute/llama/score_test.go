package llama

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tensorfile"
)

// Scores are those of the whole log-softmax in double precision, with a vocabulary of
// several parts, and rows that take vectors as well as products.
func TestScore(t *testing.T) {
	c := smallConfig()
	c.Vocabulary, c.Hidden, c.FeedForward = 2*vocabularyStep+77, 32, 32
	all, ids := tinyTensors(c), tinyIDs("score", 30, c.Vocabulary)
	m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 2})
	truth := referenceLogits(c, all, ids)
	for _, asked := range []int{1, 3, 30} {
		targets := make([]int32, len(ids))
		for i := range targets {
			if targets[i] = -1; i >= len(ids)-asked {
				targets[i] = int32(i*977) % int32(c.Vocabulary)
			}
		}
		targets[29] = mostLikely(narrow(truth[29])) // a likely one, too
		scores := make([]Score, len(ids))
		require.NoError(t, m.Score(context.Background(), []Input{{m.NewCache(), ids}}, [][]int32{targets}, [][]Score{scores}))
		for i, target := range targets {
			if target < 0 {
				assert.Zero(t, scores[i])
				continue
			}
			assert.InDelta(t, referenceLogSoftmax(truth[i])[target], scores[i].LogProb, 2e-5)
			assert.Equal(t, mostLikely(narrow(truth[i])), scores[i].Best)
		}
	}
	one := [][]int32{{1}}
	for _, bad := range []struct {
		in      Input
		targets [][]int32
	}{
		{Input{m.NewCache(), []int32{1, 2}}, one},
		{Input{m.NewCache(), []int32{1}}, [][]int32{{int32(c.Vocabulary)}}},
		{Input{m.NewCache(), []int32{int32(c.Vocabulary)}}, one},
		{Input{m.NewCache(), []int32{-1}}, one},
		{Input{nil, []int32{1}}, one},
	} {
		assert.Error(t, m.Score(context.Background(), []Input{bad.in}, bad.targets, [][]Score{make([]Score, 1)}))
	}
}

func narrow(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

// Continuations of shared prefixes have the scores they have in texts of their own.
func TestAnswers(t *testing.T) {
	c := smallConfig()
	all := tinyTensors(c)
	m := open(t, writeGGUF(t, c, all, tensorfile.F32), Options{Threads: 2})
	shared := tinyIDs("shared", 70, c.Vocabulary)
	base := m.NewCache()
	require.NoError(t, m.Logits(context.Background(), nil, []Input{{base, shared}}))
	var questions []Question
	for i := range 20 {
		q := Question{Prefix: tinyIDs(string(rune('a'+i)), 1+i*3, c.Vocabulary)}
		if i%2 == 0 {
			q.Cache = base
		}
		for j := range i % 4 {
			q.Continuations = append(q.Continuations, tinyIDs(string(rune('A'+i))+string(rune('A'+j)), 2*j+i%3, c.Vocabulary))
		}
		questions = append(questions, q)
	}
	// One that is greedy.
	questions = append(questions, Question{Prefix: shared, Continuations: [][]int32{greedy(t, m, shared, 5)}})
	answers, err := m.Answers(context.Background(), questions)
	require.NoError(t, err)
	for i, q := range questions {
		require.Len(t, answers[i], len(q.Continuations))
		before := q.Prefix
		if q.Cache != nil {
			before = append(append([]int32(nil), shared...), q.Prefix...)
		}
		for j, next := range q.Continuations {
			want, likeliest := 0.0, true
			truth := referenceLogits(c, all, append(append([]int32(nil), before...), next...))
			for k, id := range next {
				row := truth[len(before)-1+k]
				want += referenceLogSoftmax(row)[id]
				likeliest = likeliest && mostLikely(narrow(row)) == id
			}
			assert.InDelta(t, want, answers[i][j].LogProb, 1e-4)
			assert.Equal(t, likeliest, answers[i][j].Greedy)
		}
	}
	assert.True(t, answers[20][0].Greedy)
	assert.Equal(t, len(shared), base.Len())
	base.Release()
	held, _ := m.CacheBytes()
	assert.Zero(t, held)
	for _, bad := range []Question{
		{Continuations: [][]int32{{1}}},
		{Prefix: []int32{-1}},
		{Prefix: []int32{1}, Continuations: [][]int32{{1}, {-1}}},
		{Prefix: []int32{1}, Continuations: [][]int32{{int32(c.Vocabulary)}}},
		{Prefix: []int32{1}, Continuations: [][]int32{make([]int32, c.Context+1)}},
	} {
		_, err = m.Answers(context.Background(), []Question{{Prefix: []int32{1}}, bad})
		assert.ErrorContains(t, err, "question 1")
	}
	_, err = m.Answers(context.Background(), []Question{{Prefix: []int32{1}, Continuations: [][]int32{make([]int32, c.Context)}}})
	assert.NoError(t, err, "the last token is not run")
}
