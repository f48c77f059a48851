package reasoning

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/results"
	"smelt/eval/stats"
)

type marks struct {
	flexible, strict float64
	text             string
}

// ran is a result of gsm8k_cot.
func ran(list []marks) results.Task {
	t := results.Task{Name: task}
	for i, m := range list {
		t.Examples = append(t.Examples, results.Example{
			ID: i, Answers: []results.Answer{{Text: &list[i].text}},
			Scores: map[string]results.Float{flexible: results.Float(m.flexible), strict: results.Float(m.strict)},
		})
	}
	t.N = len(list)
	return t
}

// marked is a result of a probe with one figure.
func marked(name, metric string, values ...float64) results.Task {
	t := results.Task{Name: name, N: len(values)}
	for i, v := range values {
		t.Examples = append(t.Examples, results.Example{ID: i, Scores: map[string]results.Float{metric: results.Float(v)}})
	}
	return t
}

func TestScore(t *testing.T) {
	list := []results.Task{
		ran([]marks{
			{1, 1, "2 + 2 = 4. The answer is 4."},
			{1, 0, "3 * 5 = 15, so 15"},
			{0, 0, "10 - 1 = 8 and 8 - 1 = 7"},
			{0, 0, "I do not know."},
		}),
		marked(samples, "vote", 1, 0, 1, 0),
		marked(plain, plain, 1, 1, 0, 1),
	}
	c := Score(list)
	require.Empty(t, c.NotRun)
	want := map[string]float64{"accuracy": 0.5, "self-consistency": 0.5, "valid equations": 0.75, "form": 0.75, "plainness": 0.75}
	weights := 0.0
	for _, p := range c.Parts {
		assert.InDelta(t, want[p.Name], float64(p.Value), 1e-12, p.Name)
		weights += p.Weight
	}
	assert.Len(t, c.Parts, 5)
	assert.InDelta(t, 1, weights, 1e-12)
	assert.InDelta(t, 0.5*0.5+0.2*0.5+0.2*0.75+0.05*0.75+0.05*0.75, float64(c.Value), 1e-12)
	assert.Equal(t, 3, c.Parts[2].N, "replies with equations")
	assert.InDelta(t, stats.Mean([]float64{1, 1, 0, 0}).StdErr, float64(c.Parts[0].StdErr), 1e-12)
	assert.InDelta(t, stats.Mean([]float64{0, 1, 0, 0}).StdErr, float64(c.Parts[3].StdErr), 1e-12, "of flexible less strict")
}

// Without a part there is no score.
func TestMissing(t *testing.T) {
	whole := []results.Task{ran([]marks{{1, 1, "1 + 1 = 2"}, {0, 0, ""}}), marked(samples, "vote", 1, 0), marked(plain, plain, 1, 1)}
	for _, test := range []struct {
		change func(list []results.Task) []results.Task
		want   string
		parts  int
	}{
		{func(list []results.Task) []results.Task { return nil }, "accuracy of gsm8k_cot, which was not asked for", 0},
		{func(list []results.Task) []results.Task { return list[:2] }, "plainness of plain", 4},
		{func(list []results.Task) []results.Task { list[1].NotRun = "no data"; return list }, "self-consistency of samples, which was not run", 4},
		{func(list []results.Task) []results.Task { list[1].Examples = nil; return list }, "not in the results", 4},
		{func(list []results.Task) []results.Task { list[0] = ran([]marks{{1, 1, "2"}, {0, 0, ""}}); return list }, "no equations", 4},
		{func(list []results.Task) []results.Task { delete(list[0].Examples[1].Scores, strict); return list }, "example 1 has no mark", 4},
	} {
		list := []results.Task{ran([]marks{{1, 1, "1 + 1 = 2"}, {0, 0, ""}}), whole[1], whole[2]}
		c := Score(test.change(list))
		assert.Contains(t, c.NotRun, test.want)
		assert.True(t, math.IsNaN(float64(c.Value)))
		assert.True(t, math.IsNaN(float64(c.StdErr)))
		assert.Len(t, c.Parts, test.parts)
		raw, err := json.Marshal(c)
		require.NoError(t, err)
		assert.Contains(t, string(raw), `"value":null`)
	}
}

// The standard error is the spread that a bootstrap over the questions finds.
func TestStdErrIsThatOfABootstrap(t *testing.T) {
	texts := []string{"1 + 1 = 2", "1 + 1 = 3", "2 * 2 = 4, 3 * 3 = 9 and 4 * 4 = 17", "none", "5 - 2 = 3"}
	random := rand.New(rand.NewPCG(1, 2))
	var list []marks
	var votes, plains []float64
	for range 60 {
		m := marks{text: texts[random.IntN(len(texts))], flexible: float64(random.IntN(2))}
		m.strict = m.flexible * float64(random.IntN(2))
		list = append(list, m)
		votes = append(votes, max(m.flexible, float64(random.IntN(4)/3)))
		plains = append(plains, float64(random.IntN(3)/2))
	}
	rest := marked(plain, plain, plains...)
	c := Score([]results.Task{ran(list), marked(samples, "vote", votes...), rest})
	require.Empty(t, c.NotRun)
	at := make([]float64, len(list))
	for i := range at {
		at[i] = float64(i)
	}
	b, err := stats.Bootstrap(at, func(draw []float64) float64 {
		var some []marks
		var v []float64
		for _, i := range draw {
			some, v = append(some, list[int(i)]), append(v, votes[int(i)])
		}
		return float64(Score([]results.Task{ran(some), marked(samples, "vote", v...), rest}).Value)
	}, stats.BootstrapOptions{Replicates: 200})
	require.NoError(t, err)
	others := 0.05 * stats.Mean(plains).StdErr // are not drawn again
	assert.InEpsilon(t, math.Hypot(b.StdErr, others), float64(c.StdErr), 0.2)
}
