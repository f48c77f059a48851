package llama

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The tokens that may be drawn, and their probabilities, are those transformers leaves:
// testdata/record_sampling.py recorded them.
func TestSamplingFilters(t *testing.T) {
	text, err := os.ReadFile("testdata/sampling.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Temperature   float64
			TopK          int     `json:"top_k"`
			TopP          float64 `json:"top_p"`
			MinP          float64 `json:"min_p"`
			Penalty       float64 `json:"repetition_penalty"`
			Kept          int     // how many are left
			Sum           int     `json:"sum_of_ids"`
			First         []int32
			Probabilities []float64 // of the first
		}
	}
	require.NoError(t, json.Unmarshal(text, &file))
	require.NotEmpty(t, file.Cases)
	for i, c := range file.Cases {
		logits := make([]float32, 1500)
		s := newSampler(Sampling{
			Temperature: c.Temperature, TopK: c.TopK, TopP: c.TopP, MinP: c.MinP, RepetitionPenalty: c.Penalty,
		}, len(logits))
		for j := range logits {
			logits[j] = float32((float64(splitmix(fnv(strconv.Itoa(i))+uint64(j))>>40)/(1<<24) - 0.5) * 12)
			if j%3 == 0 {
				s.note(int32(j))
			}
		}
		chosen := s.next(logits)
		kept := slices.Clone(s.candidates)
		assert.True(t, slices.ContainsFunc(kept, func(c candidate) bool { return c.id == chosen }))
		slices.SortFunc(kept, func(a, b candidate) int { return int(a.id - b.id) })
		sum := 0
		for _, k := range kept {
			sum += int(k.id)
		}
		assert.Len(t, kept, c.Kept, "case %d", i)
		assert.Equal(t, c.Sum, sum, "case %d", i)
		for j, id := range c.First {
			assert.Equal(t, id, kept[j].id)
			assert.InEpsilon(t, c.Probabilities[j], kept[j].weight/s.mass(), 1e-5, "case %d", i)
		}
	}
}

// Draws follow the probabilities: of 20,000, each token's count is within 5 standard
// deviations. The same seed draws the same.
func TestSamplingDraws(t *testing.T) {
	logits := []float32{0, 1, -1, 2, 0.5}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x))
	}
	draw := func(seed uint64, n int) (drawn []int32) {
		s := newSampler(Sampling{Temperature: 1, Seed: seed}, len(logits))
		for range n {
			drawn = append(drawn, s.next(slices.Clone(logits)))
		}
		return drawn
	}
	const n = 20000
	counts := make([]float64, len(logits))
	for _, id := range draw(1, n) {
		counts[id]++
	}
	for id, x := range logits {
		p := math.Exp(float64(x)) / sum
		assert.InDelta(t, n*p, counts[id], 5*math.Sqrt(n*p*(1-p)), id)
	}
	assert.Equal(t, draw(7, 50), draw(7, 50))
	assert.NotEqual(t, draw(7, 50), draw(8, 50))
}

func TestSamplingEdges(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, s := range []Sampling{{}, {Temperature: 1}, {Temperature: 1, TopP: 0.5}, {Temperature: 1, TopK: 2}, {Temperature: 1, MinP: 1}} {
		for _, logits := range [][]float32{{0}, {-inf, 3, -inf}, {inf, 0}, {-inf, -inf}, {nan, nan}, {3e38, -3e38, 0}, {0, 0, 0, 0}} {
			id := newSampler(s, len(logits)).next(slices.Clone(logits))
			assert.True(t, id >= 0 && int(id) < len(logits), "%v %v", s, logits)
		}
		assert.EqualValues(t, 1, newSampler(s, 3).next([]float32{-inf, 3, -inf}))
	}
	for _, cold := range []float64{1e-30, 1e-40, 5e-324} { // 1 over which fp32, or double precision, cannot hold
		assert.EqualValues(t, 1, newSampler(Sampling{Temperature: cold}, 3).next([]float32{0, 5, 3}))
		assert.EqualValues(t, 1, newSampler(Sampling{Temperature: cold}, 3).next([]float32{-2, 0, -1}))
	}
	assert.EqualValues(t, 1, mostLikely([]float32{0, 2, 2}), "of several the first")
	for _, s := range []Sampling{{Temperature: -1}, {TopK: -1}, {TopP: 1.1}, {MinP: math.NaN()}, {RepetitionPenalty: math.Inf(1)}} {
		assert.Error(t, s.Validate())
	}
	assert.NoError(t, (&Sampling{}).Validate())
}
