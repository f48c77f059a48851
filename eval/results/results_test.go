package results

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/stats"
	"smelt/eval/tasks"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

func number(v float64) *Float { f := Float(v); return &f }

func text(s string) *string { return &s }

func yes(v bool) *bool { return &v }

// sample has all there is in a file, and values that are hard to write.
func sample() *Results {
	four, contaminated := 4, 1
	r := &Results{
		Format: Format, Program: "smelt 1.2", Harness: tasks.Harness,
		Model: Model{Name: "nano", SHA256: strings.Repeat("ab", 32), Parameters: 1234, Weights: "BF16"},
		Settings: Settings{
			Suites: []string{"quick"}, Limit: 2, Shots: &four, Precision: "fp32", Tier: "avx2", Seed: 42, Sandbox: "seccomp, rlimits; Python 3.11",
		},
		Tasks: []Task{
			{
				Name: "arc", Group: "all", Version: "1.0", Kind: Choice, Shots: 4, N: 2, Of: 20,
				Data:         []tasks.File{{Name: "a.jsonl", SHA256: "00"}, {Name: "b.jsonl", SHA256: "11"}},
				Scores:       []Score{{"acc,none", 0.5, 0.5, 2, true, number(0.5), nil}, {"acc_norm,none", 1, Float(math.NaN()), 1, true, nil, nil}},
				Contaminated: &contaminated, Clean: []Score{{"acc,none", 1, Float(math.NaN()), 1, true, number(0.5), nil}},
				Notes: []string{"a note"},
				Examples: []Example{
					{
						ID: 0, Prompt: "0123456789abcdef", Question: "What <is> \"it\", {or: [\\ not]?\n\u2028", Choices: []string{"a", ""}, Gold: []int{0, 1},
						Answers: []Answer{{LogProb: number(-1.0 / 3), Greedy: yes(true)}, {LogProb: number(math.Inf(-1)), Greedy: yes(false), Cut: true}},
						Scores:  map[string]Float{"acc,none": 1, "acc_norm,none": 1}, Contaminated: true,
					},
					{
						ID: 1, Prompt: "fedcba9876543210", Choices: []string{"x"}, Answers: []Answer{{LogProb: number(-5e-324), Greedy: yes(false)}},
						Scores: map[string]Float{"acc,none": 0},
					},
				},
			},
			{
				Name: "code", Version: "1", Kind: Code, NotRun: "no python3 found", Examples: []Example{
					{ID: 3, Targets: []string{"assert"}, Answers: []Answer{{Text: text("    return"), End: "stop", Passed: yes(false)}}, Scores: map[string]Float{}},
				},
			},
			{Name: "empty", Kind: Behaviour},
		},
		Groups: []Group{{
			Name: "all", Tasks: []string{"arc"}, Scores: []Score{{"acc,none", 0.5, 0.5, 2, true, nil, nil}},
			Contaminated: &contaminated, Clean: []Score{{"acc,none", 1, Float(math.NaN()), 1, true, nil, nil}},
		}},
		Composites: []Composite{{
			Name: "reasoning", Value: 0.5, StdErr: 0.1, Parts: []Part{{"accuracy", "gsm8k exact_match", 1, 0.5, 0.1, nil, 2}},
			Clean: &Composite{Name: "reasoning", Value: 0, StdErr: 0, Parts: []Part{{"accuracy", "gsm8k exact_match", 1, 0, 0, nil, 20}}},
		}, {Name: "none", Value: Float(math.NaN()), StdErr: Float(math.NaN()), NotRun: "needs gsm8k"}},
		HeldOut: &HeldOut{"SAMPLE 3 ROWS FROM buckets", "99", []Bucket{{"code", 2, 30, 100, 1.5, 0.1, 0.7, 0.05, 1, []RowLoss{{0, 30, 20, 28, 70}, {2, 15, 10, 14, 30}}}}, Bucket{"", 2, 30, 100, 1.5, 0.1, 0.7, 0.05, 1, nil}, 0},
	}
	r.SetIntervals()
	return r
}

func TestFileIsTheGoldenOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	require.NoError(t, Write(path, sample()))
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	golden := filepath.Join("testdata", FileName)
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, have, 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(have))

	for _, from := range []string{path, filepath.Dir(path)} {
		r, err := Read(from)
		require.NoError(t, err)
		assert.True(t, math.IsNaN(float64(r.Tasks[0].Scores[1].StdErr)))
		again := filepath.Join(t.TempDir(), "again")
		require.NoError(t, Write(again, r))
		text, err := os.ReadFile(again)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(text))
	}
	assert.True(t, json.Valid(want))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing is left beside it")
}

func TestWriteReplacesOrLeaves(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName)
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	bad := sample()
	bad.Tasks[1].Name = "arc"
	require.ErrorContains(t, Write(path, bad), "another's")
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(old))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "."+FileName+".999999999.tmp"), []byte("of a process that was killed"), 0o600))
	require.NoError(t, Write(path, sample()))
	_, err = Read(path)
	require.NoError(t, err)

	require.Error(t, Write(filepath.Join(dir, "none", FileName), sample()))
	require.Error(t, Write(dir, sample()), "a folder is there")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{``, "no results of an evaluation"},
		{`[]`, "no results of an evaluation"},
		{`{}`, "does not say which"},
		{`{"format":2,"new":1}`, "has 2, this program knows 1; use the program that wrote it"},
		{`{"format":0}`, "evaluate again"},
		{`{"format":1,"extra":1}`, "extra"},
		{`{"format":1} {}`, "after top-level value"},
		{`{"format":1,"tasks":[{"name":""}]}`, "name"},
		{`{"format":1,"tasks":[{"name":"a","kind":"odd"}]}`, "kind"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code"},{"name":"a","kind":"code"}]}`, "another's"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","n":-1}]}`, "below 0"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","contaminated":-1}]}`, "below 0"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","scores":[{"metric":"m","std_err":-1}]}]}`, "standard error"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","clean_scores":[{"metric":""}]}]}`, "score"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","examples":[{"id":-1}]}]}`, "below 0"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","examples":[{"id":7,"choices":["x"],"gold":[1]}]}]}`, "example 7: choice 1 is right, of 1"},
		{`{"format":1,"tasks":[{"name":"a","kind":"choice","examples":[{"id":7,"choices":["x"]}]}]}`, "0 answers to 1 choices"},
		{`{"format":1,"tasks":[{"name":"a","kind":"choice","examples":[{"id":7,"choices":["x"],"answers":[{}]}]}]}`, "no log-probability"},
		{`{"format":1,"tasks":[{"name":"a","kind":"choice","examples":[{"id":7,"choices":["x"],"answers":[{"log_prob":1}]}]}]}`, "no log-probability"},
		{`{"format":1,"groups":[{"name":"g","scores":[{"metric":"m","n":-1}]}]}`, "group g"},
		{`{"format":1,"composites":[{"name":"c","parts":[{"name":"p","n":-1}]}]}`, "composite c"},
		{`{"format":1,"tasks":[{"name":"a","kind":"choice","scores":[{"metric":"m","value":5}]}]}`, "not within 0 and 1"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","scores":[{"metric":"m","value":"Infinity"}]}]}`, "not within 0 and 1"},
		{`{"format":1,"tasks":[{"name":"a","kind":"behaviour","scores":[{"metric":"m","value":5,"chance":2}]}]}`, "not within 0 and 1"},
		{`{"format":1,"tasks":[{"name":"a","kind":"code","examples":[{"id":7,"scores":{"m":-1}}]}]}`, "example 7: score \"m\" is not within"},
		{`{"format":1,"composites":[{"name":"c","std_err":-1}]}`, "composite c"},
		{`{"format":1,"composites":[{"name":"c","value":"Infinity"}]}`, "composite c"},
		{`{"format":1,"composites":[{"name":"c","clean":{"std_err":-1}}]}`, "composite c"},
		{`{"format":1,"groups":[{"name":"g","clean_scores":[{"metric":""}]}]}`, "group g"},
		{`{"format":1,"groups":[{"name":"g","contaminated":-1}]}`, "group g"},
		{`{"format":1,"held_out":{"all":{"rows":-1}}}`, "held-out"},
	} {
		path := filepath.Join(t.TempDir(), "r.json")
		require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
		_, err := Read(path)
		require.ErrorContains(t, err, c.want, c.text)
		assert.ErrorContains(t, err, path)
		if strings.Contains(c.text, `"format":2`) || strings.Contains(c.text, `"format":0`) || c.text == `{}` {
			assert.ErrorIs(t, err, ErrFormat)
		}
	}
	_, err := Read(filepath.Join(t.TempDir(), "none"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A file that was written before scores had intervals gets them.
func TestReadOlder(t *testing.T) {
	r, err := parse([]byte(`{"format":1,"tasks":[{"name":"a","kind":"code","scores":[{"metric":"m","value":0,"n":4}],"examples":[{"id":0,"scores":{"m":0}}]}]}`))
	require.NoError(t, err)
	assert.InDelta(t, 0.4899, float64(r.Tasks[0].Scores[0].Interval[1]), 1e-4)
}

// What is read is written the same, and never more than what passes Check.
func FuzzRead(f *testing.F) {
	whole, err := sample().text()
	require.NoError(f, err)
	f.Add(whole)
	f.Add([]byte(`{"format":1,"tasks":[{"name":"a","kind":"choice","examples":[{"id":7,"scores":{"m":"-Infinity"}}]}]}`))
	f.Add([]byte(`{"format":1,"tasks":null,"model":{"name":"\ud800{[,:]}"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := parse(text)
		if err != nil {
			return
		}
		require.NoError(t, r.Check())
		once, err := r.text()
		require.NoError(t, err)
		again, err := parse(once)
		require.NoError(t, err)
		twice, err := again.text()
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

func TestFind(t *testing.T) {
	r := sample()
	assert.Same(t, &r.Tasks[1], r.Task("code"))
	assert.Nil(t, r.Task("none"))
	assert.Same(t, &r.Tasks[0].Scores[1], r.Tasks[0].Score("acc_norm,none"))
	assert.Nil(t, r.Tasks[0].Score("acc"))
}

// Each field of a request is in the hash of what was asked, and so is each border.
func TestPromptHash(t *testing.T) {
	base := tasks.Request{Kind: tasks.Generate, Context: "ab", Continuation: "c", Until: []string{"d", "e"}, MaxTokens: 5}
	seen := map[string]string{PromptHash(nil): "none"}
	add := func(what string, requests ...tasks.Request) {
		hash := PromptHash(requests)
		assert.Len(t, hash, 16)
		assert.Empty(t, seen[hash], what)
		seen[hash] = what
	}
	add("base", base)
	add("two", base, base)
	for i, change := range []func(*tasks.Request){
		func(r *tasks.Request) { r.Kind = tasks.LogLikelihood },
		func(r *tasks.Request) { r.Chat = true },
		func(r *tasks.Request) { r.Context, r.Continuation = "a", "bc" },
		func(r *tasks.Request) { r.Context, r.Continuation = "abc", "" },
		func(r *tasks.Request) { r.Until = []string{"de"} },
		func(r *tasks.Request) { r.Until = nil },
		func(r *tasks.Request) { r.Until = []string{"d", "e", ""} },
		func(r *tasks.Request) { r.MaxTokens = 6 },
		func(r *tasks.Request) { r.Sampling.Sample = true },
		func(r *tasks.Request) { r.Sampling.Temperature = 1 },
		func(r *tasks.Request) { r.Sampling.TopP = 1 },
		func(r *tasks.Request) { r.Sampling.TopK = 1 },
		func(r *tasks.Request) { r.Sampling.Seed = 1 },
		func(r *tasks.Request) { r.System = "a" },
		func(r *tasks.Request) { r.System, r.Context = r.Context, "" },
	} {
		r := base
		change(&r)
		add(fmt.Sprint("change ", i), r)
		add(fmt.Sprint("after change ", i), base, r)
		add(fmt.Sprint("before change ", i), r, base)
	}
	assert.Equal(t, "aa284ea5e6a1af3d", PromptHash([]tasks.Request{base}), "the hash is a part of files' format")
}

func TestMeans(t *testing.T) {
	examples := []Example{
		{ID: 4, Scores: map[string]Float{"a": 1, "b": 0.25}, Choices: []string{"", "", "", ""}, Gold: []int{0, 2, 2}},
		{ID: 5, Scores: map[string]Float{"a": 0, "b": 0.5}, Choices: []string{""}, Gold: []int{0}},
		{ID: 6, Scores: map[string]Float{"a": 1, "b": 1, "c": 1}, Choices: []string{"", ""}, Gold: nil},
	}
	scores, err := Means([]Score{{Metric: "b", HigherIsBetter: true, Chance: number(9)}, {Metric: "a", N: 8}}, examples)
	require.NoError(t, err)
	b, a := stats.Mean([]float64{0.25, 0.5, 1}), stats.Mean([]float64{1, 0, 1})
	assert.Equal(t, []Score{
		{"b", Float(b.Mean), Float(b.StdErr), 3, true, nil, nil}, {"a", Float(a.Mean), Float(a.StdErr), 3, false, nil, nil},
	}, scores)
	_, err = Means([]Score{{Metric: "c"}}, examples)
	assert.ErrorContains(t, err, `example 4 has no score "c"`)

	assert.Equal(t, Float(0.5), *Chance(examples))
	assert.Nil(t, Chance(nil))
	assert.Nil(t, Chance(append(examples, Example{})))
}

func TestPool(t *testing.T) {
	part := func(name, group string, n int, value, stderr, chance float64) Task {
		s := []Score{{"acc,none", Float(value), Float(stderr), n, true, number(chance), nil}, {"other" + name, 1, 1, n, true, nil, nil}}
		if name == "c" {
			s = nil
		}
		return Task{Name: name, Group: group, Scores: s}
	}
	groups := Pool([]Task{
		part("alone", "", 9, 0.1, 0.1, 0.1), part("a", "g", 10, 0.5, 0.1, 0.25), part("h", "other", 7, 0.1, 0.1, 0.5),
		part("b", "g", 30, 0.7, 0.2, 0.5), part("c", "g", 1, 1, 1, 1), part("d", "none ran", 0, 0, 0, 0),
	}[:5])
	require.Len(t, groups, 2)
	e := stats.Pool([]stats.Estimate{{N: 10, Mean: 0.5, StdErr: 0.1}, {N: 30, Mean: 0.7, StdErr: 0.2}})
	assert.Equal(t, Group{Name: "g", Tasks: []string{"a", "b"}, Scores: []Score{
		{"acc,none", Float(e.Mean), Float(e.StdErr), 40, true, number((0.25*10 + 0.5*30) / 40), nil},
	}}, groups[0])
	assert.Equal(t, "other", groups[1].Name)
	assert.Empty(t, Pool(nil))
}

// A group's scores without contaminated examples are its tasks' taken together as the full ones are, of tasks of which
// nothing is left nothing; where one was not looked for, there are none.
func TestPoolWithoutContaminated(t *testing.T) {
	count := func(n int) *int { return &n }
	nan := Float(math.NaN())
	task := func(name string, held *int, clean ...Score) Task {
		return Task{Name: name, Group: "g", Scores: []Score{{"acc,none", 0.5, 0.1, 10, true, number(0.25), nil}}, Contaminated: held, Clean: clean}
	}
	a := task("a", count(2), Score{"acc,none", 0.4, 0.1, 8, true, number(0.25), nil})
	b := task("b", count(10), Score{"acc,none", nan, nan, 0, true, nil, nil})
	c := task("c", count(0), Score{"acc,none", 0.5, 0.1, 10, true, number(0.5), nil})
	got := Pool([]Task{a, b, c})[0]
	e := stats.Pool([]stats.Estimate{{N: 8, Mean: 0.4, StdErr: 0.1}, {N: 10, Mean: 0.5, StdErr: 0.1}})
	assert.Equal(t, 12, *got.Contaminated)
	assert.Equal(t, []Score{{"acc,none", Float(e.Mean), Float(e.StdErr), 18, true, number((0.25*8 + 0.5*10) / 18), nil}}, got.Clean)
	assert.Equal(t, 30, got.Scores[0].N)

	got = Pool([]Task{a, task("d", nil)})[0]
	assert.Nil(t, got.Contaminated)
	assert.Nil(t, got.Clean)
}

func TestUncontaminated(t *testing.T) {
	one, two := 1, 2
	list := []Task{
		{Name: "some", Contaminated: &one, N: 2, Examples: []Example{{ID: 0}, {ID: 1, Contaminated: true}}},
		{Name: "all", Contaminated: &two, Examples: []Example{{Contaminated: true}, {Contaminated: true}}},
		{Name: "not looked for", Examples: []Example{{ID: 7}}},
	}
	got := Uncontaminated(list)
	assert.Equal(t, []Example{{ID: 0}}, got[0].Examples)
	assert.Empty(t, got[0].NotRun)
	assert.Equal(t, "the training sample holds all of its examples", got[1].NotRun)
	assert.Equal(t, list[2], got[2])
	assert.Len(t, list[0].Examples, 2, "the tasks stay as they are")
	assert.True(t, list[0].Examples[1].Contaminated)
}

func TestIntervals(t *testing.T) {
	nan := Float(math.NaN())
	for _, c := range []struct {
		value, stdErr  Float
		n              int
		share, counted bool
		low, high      float64
	}{
		{0, 0, 200, true, true, 0, 0.018845},
		{1, 0, 200, true, true, 0.981155, 1},
		{0.5, 0.035444, 200, true, true, 0.431360, 0.568640},
		{0, nan, 1, true, true, 0, 0.793450}, // of one example there is no standard error
		{0.02, 0.02, 50, true, false, 0, 0.059199},
		{0.5, 0.1, 50, true, false, 0.304004, 0.695996},
		{-3, 1, 50, false, false, -4.959964, -1.040036},
		{5, 1, 50, true, true, 3.040036, 6.959964}, // what no share can be, as a file may have it
	} {
		got := IntervalOf(c.value, c.stdErr, c.n, c.share, c.counted)
		require.NotNil(t, got, "%+v", c)
		assert.InDelta(t, c.low, float64(got[0]), 1e-5, "%+v", c)
		assert.InDelta(t, c.high, float64(got[1]), 1e-5, "%+v", c)
	}
	assert.Nil(t, IntervalOf(0.5, nan, 1, true, false))
	assert.Nil(t, IntervalOf(0.5, 0, 9, true, false), "all are alike, and no count")
	assert.Nil(t, IntervalOf(0.2, 9e-18, 9, true, false), "but for rounding")
	assert.Nil(t, IntervalOf(nan, nan, 0, true, true))
	assert.Nil(t, IntervalOf(Float(math.Inf(1)), 0.1, 9, false, false))

	scored := func(name, group, kind string, values ...Float) Task {
		t := Task{Name: name, Group: group, Kind: kind, Scores: []Score{{Metric: "m", N: len(values)}}}
		var x []float64
		for i, v := range values {
			t.Examples = append(t.Examples, Example{ID: i, Scores: map[string]Float{"m": v}})
			x = append(x, float64(v))
		}
		e := stats.Mean(x)
		t.Scores[0].Value, t.Scores[0].StdErr = Float(e.Mean), Float(e.StdErr)
		t.Clean = slices.Clone(t.Scores)
		return t
	}
	r := &Results{Tasks: []Task{
		scored("wrong", "g", Choice, 0, 0, 0, 0), scored("right", "g", Choice, 1, 1), scored("graded", "", Choice, 0.1, 0.9),
		scored("empty", "", Behaviour, 0, 0), scored("words", "", Behaviour, 2, 4),
	}}
	r.Groups = Pool(r.Tasks)
	r.Groups[0].Tasks = append(r.Groups[0].Tasks, "no such task")
	r.SetIntervals()
	wilson := func(part, whole int) Interval {
		low, high := stats.Wilson(part, whole, Level)
		return Interval{Float(low), Float(high)}
	}
	assert.Equal(t, wilson(0, 4), *r.Tasks[0].Scores[0].Interval)
	assert.Equal(t, wilson(0, 4), *r.Tasks[0].Clean[0].Interval)
	assert.Equal(t, Interval{0, 1}, *r.Tasks[2].Scores[0].Interval, "cut, and not counted")
	assert.Equal(t, wilson(0, 2), *r.Tasks[3].Scores[0].Interval, "behaviour that is counted")
	assert.InDelta(t, 3+1.96, float64(r.Tasks[4].Scores[0].Interval[1]), 1e-3, "behaviour is in units of its own")
	assert.Equal(t, wilson(2, 6), *r.Groups[0].Scores[0].Interval)
}

// Parts that are 0 or 1 have no standard error to add to the sum's, and still are not certain.
func TestIntervalOfAComposite(t *testing.T) {
	r := &Results{Composites: []Composite{{
		Value: 0.5, StdErr: 0.01, Parts: []Part{{Weight: 0.5, Value: 0, StdErr: 0, N: 20}, {Weight: 0.4, Value: 1, StdErr: 0, N: 20}, {Weight: 0.1, Value: 0.5, StdErr: 0.1, N: 20}},
		Clean: &Composite{Value: Float(math.NaN()), StdErr: Float(math.NaN())},
	}}}
	r.SetIntervals()
	c := &r.Composites[0]
	_, high := stats.Wilson(0, 20, Level)
	assert.InDelta(t, 0.5-math.Hypot(0.0196, 0.4*high), float64(c.Interval[0]), 1e-5)
	assert.InDelta(t, 0.5+math.Hypot(0.0196, 0.5*high), float64(c.Interval[1]), 1e-5)
	assert.Equal(t, Interval{0, Float(high)}, *c.Parts[0].Interval)
	assert.Nil(t, c.Clean.Interval)

	c.Parts[2].StdErr = 1e-17 // of one reply, say: how others would spread is not known
	r.SetIntervals()
	assert.Nil(t, c.Parts[2].Interval)
	assert.Nil(t, c.Interval)
}
