package main

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/results"
)

// invented are results of a task of which nothing is right, of a group, and of a composite.
func invented(t *testing.T) *results.Results {
	t.Helper()
	task := func(name, group string, n, right, held int) results.Task {
		x := results.Task{Name: name, Group: group, Kind: results.Choice, N: n, Of: n}
		for i := range n {
			e := results.Example{ID: i, Scores: map[string]results.Float{"acc,none": 0}, Contaminated: i < held}
			if i < right {
				e.Scores["acc,none"] = 1
			}
			x.Examples = append(x.Examples, e)
		}
		var err error
		x.Scores, err = results.Means([]results.Score{{Metric: "acc,none"}}, x.Examples)
		require.NoError(t, err)
		x.Clean, err = results.Means([]results.Score{{Metric: "acc,none"}}, x.Examples[held:])
		require.NoError(t, err)
		x.Contaminated = &held
		return x
	}
	r := &results.Results{Tasks: []results.Task{
		task("none", "", 200, 0, 0), task("all", "", 200, 200, 0), task("some", "", 100, 40, 10), task("g_one", "g", 50, 20, 10), task("g_two", "g", 50, 5, 0),
	}}
	r.Groups = results.Pool(r.Tasks)
	part := func(value, stdErr results.Float) []results.Part {
		return []results.Part{{Name: "accuracy", From: "none", Weight: 0.5, Value: value, StdErr: stdErr, N: 200}}
	}
	r.Composites = []results.Composite{{
		Name: "reasoning", Value: 0.2, StdErr: 0.01, Parts: part(0, 0), Clean: &results.Composite{Value: 0.1, StdErr: 0.02, Parts: part(0.2, 0.04)},
	}}
	r.SetIntervals()
	return r
}

func TestResultsSayWhatIsKnown(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, writeResults(&out, invented(t), look{}))
	text := strings.Join(strings.FieldsFunc(out.String(), func(r rune) bool { return r == ' ' }), " ")
	for _, line := range []string{
		"none acc 200 0.0% <1.9%", "all acc 200 100.0% >98.1%", "some acc 100 40.0% 4.9", "g (2 tasks) acc 100 25.0% 4.1",
		"reasoning score: 20.0% ± 1.0 (95% interval 18.0% to 22.2%)", "without the examples that the training sample holds: 10.0% ± 2.0 (95% interval 6.1% to 13.9%)",
		"accuracy none 0.5 200 0.0% <1.9%",
		"note some: the training sample holds 10 of 100 examples; without them acc is 33.3% ± 5.0 (n 90)",
		"note g: the training sample holds 10 of 100 examples; without them acc is 16.7% ± 3.9 (n 90)",
		"note < and >: none or all are right, where a standard error says nothing; the bound of the 95% interval (Wilson)",
	} {
		assert.Contains(t, text, line)
	}
	assert.NotContains(t, text, "g_one", "the group speaks for its parts")
	assert.NotContains(t, text, "± 0.0")

	r := invented(t)
	r.Tasks, r.Composites = r.Tasks[2:], nil
	out.Reset()
	require.NoError(t, writeResults(&out, r, look{}))
	assert.NotContains(t, out.String(), "< and >", "there is nothing to explain")
}

func TestSpreadOf(t *testing.T) {
	nan := results.Float(math.NaN())
	for _, c := range []struct {
		v, stdErr results.Float
		i         *results.Interval
		share     bool
		want      string
	}{
		{0.4, 0.05, &results.Interval{0.3, 0.5}, true, "5.0"}, {0, 0, &results.Interval{0, 0.25}, true, "<25.0%"}, {1, 0, &results.Interval{0.75, 1}, true, ">75.0%"},
		{4, 0, nil, false, "-"}, {1, nan, &results.Interval{0.2, 1}, true, "-"}, {0, 0, &results.Interval{0, 0.25}, false, "<0.25"},
	} {
		assert.Equal(t, c.want, spreadOf(c.v, c.stdErr, c.i, c.share), "%+v", c)
	}
}
