package compare_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/eval/compare"
	"smelt/eval/results"
	"smelt/eval/stats"
	"smelt/eval/tasks"
)

func ptr[T any](v T) *T { return &v }

// task is a task whose examples scored the values given in each metric.
func task(name string, values map[string][]float64, metrics ...string) results.Task {
	t := results.Task{Name: name, Version: "1", Kind: results.Choice}
	for _, m := range metrics {
		t.N = len(values[m])
		t.Scores = append(t.Scores, results.Score{Metric: m, HigherIsBetter: true, N: t.N})
	}
	for i := range t.N {
		e := results.Example{ID: i, Prompt: fmt.Sprintf("%s-%d", name, i), Scores: map[string]results.Float{}}
		for _, m := range metrics {
			e.Scores[m] = results.Float(values[m][i])
		}
		t.Examples = append(t.Examples, e)
	}
	return t
}

func of(name string, list ...results.Task) *results.Results {
	return &results.Results{Format: results.Format, Model: results.Model{Name: name, SHA256: name + "-hash"}, Tasks: list}
}

// shares are n scores of which those from on are right.
func shares(n, from, to int) (x []float64) {
	for i := range n {
		v := 0.0
		if i >= from && i < to {
			v = 1
		}
		x = append(x, v)
	}
	return x
}

func TestSharesAreTestedByMcNemar(t *testing.T) {
	// 40 right for A, 65 for B, of which 35 are the same: 5 against 30.
	a := of("a", task("t", map[string][]float64{"acc,none": shares(100, 0, 40)}, "acc,none"))
	b := of("b", task("t", map[string][]float64{"acc,none": shares(100, 5, 70)}, "acc,none"))
	c, err := compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	m := c.Tasks[0].Primary()
	require.NotNil(t, m)
	assert.Equal(t, &compare.Counts{Both: 35, OnlyA: 5, OnlyB: 30, Neither: 30}, m.Counts)
	assert.Equal(t, compare.McNemar, m.Test)
	assert.InDelta(t, 0.25, float64(m.Difference), 1e-12)
	exact := 0.0 // two tails of 35 throws of a coin
	for i := range 6 {
		exact += 2 * choose(35, i) / math.Pow(2, 35)
	}
	assert.InEpsilon(t, exact, float64(m.P), 1e-9)
	assert.InEpsilon(t, exact-choose(35, 5)/math.Pow(2, 35), float64(m.MidP), 1e-9)
	assert.Equal(t, m.P, m.Q, "a family of one")
	assert.InDelta(t, math.Sqrt((35-100*0.0625)/99/100), float64(m.StdErr), 1e-12)
	assert.True(t, m.Low > 0 && m.Low < m.Difference && m.High > m.Difference && m.High < 0.5, "%v %v", m.Low, m.High)
	assert.Equal(t, compare.Better, m.Verdict)
	assert.Len(t, c.Tasks[0].Flips, 35)
	assert.Equal(t, "b is better on 1 task (t) than a.", c.Summary)
}

func choose(n, k int) float64 {
	v := 1.0
	for i := range k {
		v = v * float64(n-i) / float64(i+1)
	}
	return v
}

func TestOtherScoresAreTestedByBootstrap(t *testing.T) {
	x, y := []float64{0.1, 0.5, 0.4, 0.3, 0.2}, []float64{0.2, 0.7, 0.7, 0.4, 0.4}
	a, b := task("t", map[string][]float64{"acc,none": x}, "acc,none"), task("t", map[string][]float64{"acc,none": y}, "acc,none")
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	m := c.Tasks[0].Metrics[0]
	assert.Equal(t, compare.Bootstrap, m.Test)
	assert.Nil(t, m.Counts)
	assert.Empty(t, c.Tasks[0].Flips)
	// All five differences have one sign: the bootstrap alone says p = 0.0002, signs can say no less than 2/32.
	assert.Equal(t, results.Float(0.0625), m.P)
	assert.Equal(t, compare.NoneShown, m.Verdict)
	spread, err := stats.PairedBootstrap(x, y, stats.BootstrapOptions{})
	require.NoError(t, err)
	assert.Equal(t, spread.Low, float64(m.Low))
	assert.True(t, math.IsNaN(float64(m.Detectable)), "no difference of five examples can be shown")
	assert.Equal(t, "No difference between b and a was shown on 1 task: too few examples differ to show any.", c.Summary)

	x, y = append(x, 0.5), append(y, 0.4)
	a, b = task("t", map[string][]float64{"acc,none": x}, "acc,none"), task("t", map[string][]float64{"acc,none": y}, "acc,none")
	c, err = compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	m = c.Tasks[0].Metrics[0]
	assert.InDelta(t, stats.Detectable(float64(m.StdErr), 0.05, 0.8), float64(m.Detectable), 1e-12)
}

func TestOneExampleProvesNothing(t *testing.T) {
	for _, v := range []float64{1, 0.7} {
		a, b := task("t", map[string][]float64{"acc,none": {0}}, "acc,none"), task("t", map[string][]float64{"acc,none": {v}}, "acc,none")
		c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
		require.NoError(t, err)
		m := c.Tasks[0].Metrics[0]
		assert.True(t, math.IsNaN(float64(m.P)) && math.IsNaN(float64(m.Q)))
		assert.Empty(t, m.Verdict)
		assert.Equal(t, "No task was tested.", c.Summary)
		_, err = json.Marshal(c)
		assert.NoError(t, err)
	}
}

func TestFamilies(t *testing.T) {
	right, wrong := shares(60, 0, 60), shares(60, 0, 0)
	mixed := shares(60, 0, 30)
	list := func(first, part []float64) []results.Task {
		p1 := task("g_one", map[string][]float64{"acc,none": part}, "acc,none")
		p2 := task("g_two", map[string][]float64{"acc,none": mixed}, "acc,none")
		p1.Group, p2.Group = "g", "g"
		conduct := task("style", map[string][]float64{"loops": first, "words": part}, "loops", "words")
		conduct.Kind = results.Behaviour
		conduct.Scores[0].HigherIsBetter = false
		return []results.Task{
			task("sum", map[string][]float64{"exact_match,strict-match": mixed, "exact_match,flexible-extract": first}, "exact_match,strict-match", "exact_match,flexible-extract"),
			task("end", map[string][]float64{"acc,none": part, "acc_norm,none": mixed}, "acc,none", "acc_norm,none"), p1, p2, conduct,
		}
	}
	c, err := compare.Compare(of("a", list(wrong, wrong)...), of("b", list(right, right)...), compare.Options{})
	require.NoError(t, err)
	got := map[string]string{}
	for _, task := range c.Tasks {
		for _, m := range task.Metrics {
			got[task.Name+" "+m.Name] = m.Family + ": " + string(m.Verdict)
			assert.Equal(t, m.Family == "", math.IsNaN(float64(m.Q)), task.Name)
		}
	}
	assert.Equal(t, map[string]string{
		"sum exact_match,flexible-extract": "tasks: better", "sum exact_match,strict-match": ": ",
		"end acc_norm,none": "tasks: no difference shown", "end acc,none": ": ",
		"g acc,none": "tasks: better", "g_one acc,none": "parts of g: better", "g_two acc,none": "parts of g: no difference shown",
		"style loops": "behaviour: worse", "style words": "behaviour: better",
	}, got)
	var names []string
	for _, task := range c.Tasks {
		names = append(names, task.Name)
	}
	assert.Equal(t, []string{"sum", "end", "g", "g_one", "g_two", "style"}, names, "a group stands before its parts")
	assert.Equal(t, 120, c.Tasks[2].Metrics[0].N)
	assert.Equal(t, []int{2, 0, 1}, []int{c.Better, c.Worse, c.Equal})
	assert.Equal(t, "b is better on 2 tasks (sum, g) than a; on 1 task no difference was shown: too few examples differ to show any.", c.Summary)
	// The adjusted values are those of the family: of three tasks, two with the same p.
	assert.InEpsilon(t, float64(c.Tasks[0].Metrics[0].P)*1.5, float64(c.Tasks[2].Metrics[0].Q), 1e-9)

	c, err = compare.Compare(of("a", list(wrong, wrong)...), of("b", list(right, right)...), compare.Options{Tasks: []string{"g_one"}})
	require.NoError(t, err)
	require.Len(t, c.Tasks, 1)
	assert.Equal(t, "b is better on 1 task (g_one) than a.", c.Summary, "a part asked for by itself is a task")
	_, err = compare.Compare(of("a", list(wrong, wrong)...), of("b"), compare.Options{Tasks: []string{"nothing"}})
	assert.ErrorContains(t, err, `neither result has a task "nothing"; they have end, g, g_one`)
}

func TestOnlyTheSamePromptsAreCompared(t *testing.T) {
	a, b := task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none"), task("t", map[string][]float64{"acc,none": shares(12, 0, 6)}, "acc,none")
	a.Examples[3].Prompt = "another question"
	b.Examples[7].Prompt = b.Examples[6].Prompt                  // twice the same: the first with the first
	b.Examples[8].Scores["acc,none"] = results.Float(math.NaN()) // not known
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	x := c.Tasks[0]
	assert.Equal(t, []int{8, 2, 4, 7}, []int{x.Pairs, x.OnlyA, x.OnlyB, x.Metrics[0].N})

	for _, change := range []struct {
		do  func(t *results.Task)
		why string
	}{
		{func(t *results.Task) { t.Version = "2" }, "versions 1 and 2 of the task"},
		{func(t *results.Task) { t.Shots = 5 }, "0 and 5 worked examples before the question"},
		{func(t *results.Task) { t.Kind = results.Generated }, "a task of choice and one of generation"},
		{func(t *results.Task) { t.NotRun = "no python3" }, "not run for the second: no python3"},
		{func(t *results.Task) { t.Examples = nil }, "no example has the same prompts and right answers among 10 and 0"},
		{func(t *results.Task) { t.Scores[0].Metric = "acc_norm,none" }, "no metric has scores by example in both"},
		{func(t *results.Task) { t.Name = "other" }, "t: only the first has it; other: only the second has it"},
	} {
		b := task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none")
		change.do(&b)
		_, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
		require.ErrorIs(t, err, compare.ErrNothingInCommon)
		assert.ErrorContains(t, err, change.why)
	}
}

// A file of data whose right answers were corrected asks the same, and marks otherwise.
func TestOnlyTheSameRightAnswersAreCompared(t *testing.T) {
	a, b := task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none"), task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none")
	for _, list := range [][]results.Example{a.Examples, b.Examples} {
		for i := range list {
			list[i].Choices, list[i].Gold, list[i].Targets = []string{"x", "y"}, []int{0}, []string{"7"}
		}
	}
	b.Examples[0].Gold = []int{1}
	b.Examples[1].Targets = []string{"8"}
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	x := c.Tasks[0]
	assert.Equal(t, []int{8, 2, 2}, []int{x.Pairs, x.OnlyA, x.OnlyB})
}

// Where two runs never differ, or always to one side, that is not certain of all examples there could be.
func TestNoDifferenceIsNotCertain(t *testing.T) {
	for _, c := range []struct {
		a, b      []float64
		low, high float64
	}{
		{shares(200, 0, 50), shares(200, 0, 50), -0.0137, 0.0137},
		{shares(20, 0, 0), shares(20, 0, 20), 0.735, 1},
	} {
		got, err := compare.Compare(of("a", task("t", map[string][]float64{"acc,none": c.a}, "acc,none")), of("b", task("t", map[string][]float64{"acc,none": c.b}, "acc,none")), compare.Options{})
		require.NoError(t, err)
		m := got.Tasks[0].Primary()
		assert.InDelta(t, c.low, float64(m.Low), 1e-3)
		assert.InDelta(t, c.high, float64(m.High), 1e-3)
		assert.Zero(t, m.StdErr)
	}
	x := []float64{0.1, 0.5, 0.4, 0.3, 0.2, 0.7, 0.9} // graded ones: nothing is known of how they would differ
	got, err := compare.Compare(of("a", task("t", map[string][]float64{"acc,none": x}, "acc,none")), of("b", task("t", map[string][]float64{"acc,none": x}, "acc,none")), compare.Options{})
	require.NoError(t, err)
	m := got.Tasks[0].Primary()
	assert.True(t, math.IsNaN(float64(m.Low)) && math.IsNaN(float64(m.High)))
	assert.Equal(t, results.Float(1), m.P)
}

// A bootstrap of many examples of which few differ, all to one side, is as sure of itself as of a handful.
func TestFewDifferencesAmongMany(t *testing.T) {
	x, y := make([]float64, 200), make([]float64, 200)
	for i := range 4 {
		y[i] = 0.5
	}
	a, b := task("t", map[string][]float64{"acc,none": x}, "acc,none"), task("t", map[string][]float64{"acc,none": y}, "acc,none")
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	m := c.Tasks[0].Primary()
	assert.Equal(t, results.Float(0.125), m.P, "four signs that are the same")
	assert.Equal(t, compare.NoneShown, m.Verdict)
	assert.True(t, math.IsNaN(float64(m.Detectable)))
}

// Of a handful of examples the bootstrap finds more than the signs can say: 4 of 256 ways to set them are as far from 0.
func TestHandfulOfExamples(t *testing.T) {
	x, y := []float64{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5}, []float64{0.4, 0.3, 0.2, 0.1, 0.4, 0.3, 0.2, 0.55}
	a, b := task("t", map[string][]float64{"acc,none": x}, "acc,none"), task("t", map[string][]float64{"acc,none": y}, "acc,none")
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	assert.Equal(t, results.Float(4/256.0), c.Tasks[0].Primary().P)
}

func TestWithoutContaminatedExamples(t *testing.T) {
	part := func(name string, values []float64, marked ...int) results.Task {
		x := task(name, map[string][]float64{"acc,none": values}, "acc,none")
		x.Contaminated = ptr(len(marked))
		for _, i := range marked {
			x.Examples[i].Contaminated = true
		}
		return x
	}
	inGroup := func(t results.Task) results.Task { t.Group = "g"; return t }
	unlooked := task("u", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none")
	a := of("a", part("t", shares(40, 0, 0), 0, 1), inGroup(part("g1", shares(10, 0, 0), 3)), inGroup(part("g2", shares(10, 0, 0))), unlooked)
	b := of("b", part("t", shares(40, 0, 12), 1, 2, 3, 4, 5, 6, 7, 8), inGroup(part("g1", shares(10, 0, 10))), inGroup(part("g2", shares(10, 0, 0))), unlooked)
	c, err := compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	x := c.Tasks[0]
	assert.Equal(t, 9, *x.Contaminated, "by the marks of either")
	assert.Equal(t, 31, x.Clean.N)
	assert.InDelta(t, 3.0/31, float64(x.Clean.Difference), 1e-12)
	assert.InDelta(t, 0.25, float64(x.Clean.P), 1e-12)
	assert.Empty(t, x.Clean.Verdict)
	assert.Equal(t, compare.Better, x.Primary().Verdict, "of all examples")
	assert.Equal(t, []int{1, 19}, []int{*c.Tasks[1].Contaminated, c.Tasks[1].Clean.N}, "a group")
	assert.Nil(t, c.Tasks[3].Clean, "a part without marks")
	assert.Nil(t, c.Tasks[4].Contaminated)
	assert.Equal(t, []string{
		"t: the training sample holds 9 of 40 examples; without them the difference is +9.7 points (p 0.25)",
		"g: the training sample holds 1 of 20 examples; without them the difference is +47.4 points (p 0.0039)",
	}, c.Warnings)

	all := part("t", shares(2, 0, 1), 0, 1)
	c, err = compare.Compare(of("a", all), of("b", all), compare.Options{})
	require.NoError(t, err)
	assert.Contains(t, c.Warnings, "t: the training sample holds 2 of 2 examples, which leaves too few to compare")
	_, err = json.Marshal(c)
	assert.NoError(t, err)
}

func TestSummaryTellsBlindTasksFromOthers(t *testing.T) {
	x := []results.Task{task("same", map[string][]float64{"acc,none": shares(100, 0, 40)}, "acc,none"), task("near", map[string][]float64{"acc,none": shares(100, 0, 40)}, "acc,none")}
	y := []results.Task{task("same", map[string][]float64{"acc,none": shares(100, 0, 40)}, "acc,none"), task("near", map[string][]float64{"acc,none": shares(100, 10, 50)}, "acc,none")}
	c, err := compare.Compare(of("a", x...), of("b", y...), compare.Options{})
	require.NoError(t, err)
	assert.Equal(t, "No difference between b and a was shown on 2 tasks: on 1 of these too few examples differ to show any, and on the others a difference of 12.4 points would have been found with probability 0.8.", c.Summary)
}

func TestFlipsOfAMetricOfErrors(t *testing.T) {
	a, b := task("t", map[string][]float64{"acc,none": {0, 1}}, "acc,none"), task("t", map[string][]float64{"acc,none": {1, 1}}, "acc,none")
	a.Scores[0].HigherIsBetter = false
	c, err := compare.Compare(of("a", a), of("b", b), compare.Options{})
	require.NoError(t, err)
	require.Len(t, c.Tasks[0].Flips, 1)
	assert.Equal(t, "a", c.Tasks[0].Flips[0].Right)
}

// Rounding leaves of one row a little, which must not become an infinite error.
func TestOneHeldOutRow(t *testing.T) {
	for tokens := int64(2); tokens < 60; tokens++ {
		held := func(nats results.Float) *results.HeldOut {
			row := results.RowLoss{Nats: nats, Tokens: tokens, TextNats: nats, Bytes: 3 * tokens}
			x := results.Bucket{Name: "code", Rows: 1, ByRow: []results.RowLoss{row}, Loss: nats / results.Float(tokens), BitsPerByte: nats / results.Float(3*tokens)}
			all := x
			all.Name, all.ByRow = "", nil
			return &results.HeldOut{Digest: "same", Buckets: []results.Bucket{x}, All: all}
		}
		a, b := of("a"), of("b")
		a.HeldOut, b.HeldOut = held(results.Float(tokens)*0.1), held(results.Float(tokens)*0.3)
		c, err := compare.Compare(a, b, compare.Options{})
		require.NoError(t, err)
		require.True(t, math.IsNaN(float64(c.HeldOut[0].LossStdErr)) && math.IsNaN(float64(c.HeldOut[0].BitsPerByteError)), "%d tokens: %v", tokens, c.HeldOut[0])
		assert.NotContains(t, c.Summary, "NaN")
	}
}

func TestFlipsSayWhatEachAnswered(t *testing.T) {
	lp := func(list ...float64) (out []results.Answer) {
		for _, v := range list {
			out = append(out, results.Answer{LogProb: ptr(results.Float(v))})
		}
		return out
	}
	e := results.Example{Choices: []string{"no", "certainly", "ééé"}, Gold: []int{1}, Answers: lp(-2, -6, -4.2)}
	assert.Equal(t, "no", compare.Answered(&e, "acc,none").Answer)
	assert.Equal(t, "certainly", compare.Answered(&e, "acc_norm,none").Answer, "-1 a character, -0.67 and -1.4")
	assert.Equal(t, "certainly", compare.Answered(&e, "acc_bytes,none").Answer)
	assert.Equal(t, []string{"certainly"}, compare.Wanted(&e))
	said := results.Example{Targets: []string{"7"}, Found: map[string]string{"flexible-extract": "8"}, Answers: []results.Answer{{Text: ptr("It is 8."), End: "stop"}}}
	assert.Equal(t, compare.Said{Answer: "8", Replies: []compare.Reply{{Text: "It is 8.", End: "stop"}}}, compare.Answered(&said, "exact_match,flexible-extract"))
	voted := results.Example{Found: map[string]string{"vote": "8"}, Answers: []results.Answer{{Text: ptr("It is 9.")}, {Text: ptr("It is 8."), Cut: true}}}
	assert.Equal(t, compare.Said{Answer: "8", Replies: []compare.Reply{{Text: "It is 9."}, {Text: "It is 8."}}, Cut: true}, compare.Answered(&voted, "vote"))
	program := results.Example{Answers: []results.Answer{{Text: ptr("pass"), Passed: ptr(false)}}}
	assert.Equal(t, "the program failed", compare.Answered(&program, "pass@1,create_test").Answer)
	program.Answers = append(program.Answers, results.Answer{Text: ptr("pass"), Passed: ptr(true)}, program.Answers[0])
	assert.Equal(t, "1 of 3 programs ran to their end", compare.Answered(&program, "pass@1,create_test").Answer)
	none := results.Example{Choices: []string{"a", ""}, Answers: lp(-1, 0)}
	assert.Equal(t, "", compare.Answered(&none, "acc_norm,none").Answer, "what is over no length is taken, as the metric does")
	for _, odd := range []results.Example{{}, {Choices: []string{"a"}}, {Gold: []int{-1, 9}, Choices: []string{""}, Answers: lp(-1, -2)}} {
		assert.NotPanics(t, func() { compare.Answered(&odd, "acc_norm,none"); compare.Wanted(&odd) })
	}
}

func TestWarnings(t *testing.T) {
	a := of("m", task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none"))
	b := of("m", task("t", map[string][]float64{"acc,none": shares(10, 0, 5)}, "acc,none"))
	c, err := compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{"both are results of the same model"}, c.Warnings)
	assert.Equal(t, "m m-hash", c.A.Label)
	b.Model.SHA256 = "else"
	a.Settings = results.Settings{Precision: "fp32", Limit: 10}
	b.Settings = results.Settings{Precision: "as stored", Chat: true, Shots: ptr(0), Template: "chatml", LeadingSpace: "keep"}
	b.Tasks[0].Data = []tasks.File{{Name: "f", SHA256: "1"}}
	c, err = compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"chat template used: no for the first, yes for the second", "the chat template given: none for the first, chatml for the second",
		"the space that a text begins with: none for the first, keep for the second", "precision of products: fp32 for the first, as stored for the second",
		"examples a task: the first 10 for the first, all for the second", "worked examples: each task's own for the first, 0 for the second",
		"t: the data files differ, so only examples with the same prompts and right answers are compared",
	}, c.Warnings)
}

func TestComposites(t *testing.T) {
	result := func(name string, n int, value, stdErr results.Float) *results.Results {
		r := of(name, task("t", map[string][]float64{"acc,none": shares(n, 0, 5)}, "acc,none"))
		r.Composites = []results.Composite{{Name: "reasoning", Value: value, StdErr: stdErr, Parts: []results.Part{{Name: "accuracy", From: "t acc,none", Weight: 1, N: n}}}}
		return r
	}
	a := result("a", 10, 0.25, 0.03)
	c, err := compare.Compare(a, result("b", 10, 0.5, 0.04), compare.Options{})
	require.NoError(t, err)
	assert.Equal(t, []compare.Composite{{Name: "reasoning", A: 0.25, B: 0.5, StdErrA: 0.03, StdErrB: 0.04, Difference: 0.25, StdErr: 0.05}}, c.Composites)
	c, err = compare.Compare(a, result("b", 10, 0.5, 0.04), compare.Options{Tasks: []string{"t"}})
	require.NoError(t, err)
	assert.Empty(t, c.Composites)

	notRun, other := result("b", 10, 0, 0), result("b", 10, 0.5, 0.04)
	notRun.Composites[0].NotRun = "it needs more"
	other.Composites[0].Parts[0].Weight = 0.5
	for why, b := range map[string]*results.Results{
		"the examples of t are not the same": result("b", 12, 0.5, 0.04), "not run for the second: it needs more": notRun, "it is made of other parts": other,
	} {
		c, err := compare.Compare(a, b, compare.Options{})
		require.NoError(t, err)
		assert.Empty(t, c.Composites)
		assert.Equal(t, []compare.Skipped{{Task: "reasoning score", Why: why}}, c.Skipped)
	}
}

func TestHeldOut(t *testing.T) {
	held := func(digest string, loss float64) *results.HeldOut {
		x := results.Bucket{Name: "code", Rows: 9, Tokens: 90, Loss: results.Float(loss), LossStdErr: 0.03, BitsPerByte: results.Float(loss / 2), BitsByteStdErr: 0.04}
		all := x
		all.Name = ""
		return &results.HeldOut{Digest: digest, Buckets: []results.Bucket{x}, All: all}
	}
	a, b := of("a"), of("b")
	a.HeldOut, b.HeldOut = held("same", 2), held("same", 1.5)
	c, err := compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	require.Len(t, c.HeldOut, 2)
	assert.InDelta(t, -0.5, float64(c.HeldOut[0].Loss), 1e-12)
	assert.InDelta(t, math.Sqrt(0.0018), float64(c.HeldOut[0].LossStdErr), 1e-12)
	assert.False(t, c.HeldOut[0].Paired)
	assert.Contains(t, c.Warnings, "held-out loss: the results do not have the same rows one by one, so the standard errors of the differences are larger than they need be")
	b.HeldOut.Digest = "another"
	_, err = compare.Compare(a, b, compare.Options{})
	require.ErrorIs(t, err, compare.ErrNothingInCommon)
	assert.ErrorContains(t, err, "the rows differ")
}

// The error of a difference row by row is what many draws of rows show, and less than that of rows drawn apart.
func TestHeldOutRowByRow(t *testing.T) {
	const n = 400
	random := rand.New(rand.NewPCG(1, 2))
	all := make([][2]results.RowLoss, n)
	for i := range all {
		hard, tokens := 1+random.Float64(), 5+random.Int64N(40) // what both find hard, and the second a tenth less
		for j := range all[i] {
			nats := results.Float(float64(tokens) * (hard - 0.1*float64(j)*random.Float64()))
			all[i][j] = results.RowLoss{Row: i, Nats: nats, Tokens: tokens, TextNats: nats / 2, Bytes: 4 * tokens}
		}
	}
	held := func(rows [][2]results.RowLoss, j int) *results.HeldOut {
		x := results.Bucket{Name: "code", Rows: len(rows), LossStdErr: 1, BitsByteStdErr: 1}
		var nats, bits, tokens, bytes float64
		for i := range rows {
			r := rows[i][j]
			r.Row = i
			x.ByRow = append(x.ByRow, r)
			nats, bits, tokens, bytes = nats+float64(r.Nats), bits+float64(r.TextNats)/math.Ln2, tokens+float64(r.Tokens), bytes+float64(r.Bytes)
		}
		x.Loss, x.BitsPerByte = results.Float(nats/tokens), results.Float(bits/bytes)
		y := x
		y.Name, y.ByRow = "", nil
		return &results.HeldOut{Digest: "same", Buckets: []results.Bucket{x}, All: y}
	}
	compared := func(rows [][2]results.RowLoss) []compare.Bucket {
		a, b := of("a"), of("b")
		a.HeldOut, b.HeldOut = held(rows, 0), held(rows, 1)
		c, err := compare.Compare(a, b, compare.Options{})
		require.NoError(t, err)
		require.Len(t, c.HeldOut, 2)
		assert.True(t, c.HeldOut[0].Paired)
		assert.Equal(t, fmt.Sprint(c.HeldOut[0].LossStdErr), fmt.Sprint(c.HeldOut[1].LossStdErr), "all rows are those of the one bucket")
		return c.HeldOut
	}
	got := compared(all)[1]
	var losses, bits []float64
	for range 2000 {
		draw := make([][2]results.RowLoss, n)
		for i := range draw {
			draw[i] = all[random.IntN(n)]
		}
		x, y := held(draw, 0), held(draw, 1)
		losses = append(losses, float64(y.All.Loss-x.All.Loss))
		bits = append(bits, float64(y.All.BitsPerByte-x.All.BitsPerByte))
	}
	spread := func(x []float64) float64 { return stats.Mean(x).StdErr * math.Sqrt(float64(len(x))) }
	assert.InEpsilon(t, spread(losses), float64(got.LossStdErr), 0.08)
	assert.InEpsilon(t, spread(bits), float64(got.BitsPerByteError), 0.08)
	assert.True(t, math.IsNaN(float64(compared(all[:1])[0].LossStdErr)))

	a, b := of("a"), of("b")
	a.HeldOut, b.HeldOut = held(all, 0), held(all, 1)
	b.HeldOut.Buckets[0].ByRow[7].Row = n // the second has an answer of another row
	c, err := compare.Compare(a, b, compare.Options{})
	require.NoError(t, err)
	assert.False(t, c.HeldOut[0].Paired || c.HeldOut[1].Paired)
	assert.InDelta(t, math.Sqrt2, float64(c.HeldOut[0].LossStdErr), 1e-12)
	assert.Regexp(t, `^No task was tested\. On 400 held-out rows bits per byte went from 0\.\d{4} to 0\.\d{4} \(-0\.\d{4} ± 1\.4142\)\.$`, c.Summary)
}

func TestOptions(t *testing.T) {
	for _, o := range []compare.Options{{Level: 2}, {Power: -1}, {Replicates: 1}} {
		_, err := compare.Compare(of("a"), of("b"), o)
		assert.Error(t, err, "%+v", o)
		assert.NotErrorIs(t, err, compare.ErrNothingInCommon)
	}
}

// The other way round everything is the other way round, and on one thread everything is the same.
func TestSymmetry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 30).Draw(t, "n")
		value := rapid.SampledFrom([]float64{0, 1})
		if rapid.Bool().Draw(t, "more than right and wrong") {
			value = rapid.Float64Range(0, 1)
		}
		draw := func(name string) *results.Results {
			var list []results.Task
			for k := range 3 {
				list = append(list, task(fmt.Sprint("t", k), map[string][]float64{"acc,none": rapid.SliceOfN(value, n, n).Draw(t, name)}, "acc,none"))
			}
			return of(name, list...)
		}
		a, b := draw("a"), draw("b")
		o := compare.Options{Replicates: 200, Seed: 3}
		there, err := compare.Compare(a, b, o)
		require.NoError(t, err)
		back, err := compare.Compare(b, a, o)
		require.NoError(t, err)
		require.Equal(t, there.Better, back.Worse)
		for i := range there.Tasks {
			x, y := there.Tasks[i].Metrics[0], back.Tasks[i].Metrics[0]
			require.InDelta(t, float64(x.Difference), -float64(y.Difference), 1e-12)
			require.InDelta(t, float64(x.Low), -float64(y.High), 1e-9)
			require.InDelta(t, float64(x.P), float64(y.P), 1e-12)
			require.InDelta(t, float64(x.Q), float64(y.Q), 1e-12)
			require.GreaterOrEqual(t, x.Q, x.P)
			require.Equal(t, len(there.Tasks[i].Flips), len(back.Tasks[i].Flips))
			require.InDelta(t, float64(x.B-x.A), float64(x.Difference), 1e-12)
		}
		was := runtime.GOMAXPROCS(1)
		again, err := compare.Compare(a, b, o)
		runtime.GOMAXPROCS(was)
		require.NoError(t, err)
		one, err := json.Marshal(there)
		require.NoError(t, err)
		two, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(one), string(two))
	})
}
