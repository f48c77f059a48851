package taskexam_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval"
	"smelt/eval/journal"
	"smelt/eval/results"
	"smelt/eval/sandbox"
	"smelt/eval/stats"
	"smelt/eval/taskexam"
	"smelt/eval/tasks"
)

func TestMain(m *testing.M) {
	if code, child := sandbox.Main(); child {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// model answers each request as it is told to, and counts.
type model struct {
	say   func(r tasks.Request) tasks.Answer
	asked int
}

func (m *model) Answer(_ context.Context, requests []tasks.Request, got func(int, tasks.Answer) error) error {
	for i := len(requests) - 1; i >= 0; i-- {
		m.asked++
		if err := got(i, m.say(requests[i])); err != nil {
			return err
		}
	}
	return nil
}

// bits are 64 of a request's hash.
func bits(r tasks.Request) uint64 {
	key := r.Key()
	return binary.LittleEndian.Uint64(key[:])
}

func load(t *testing.T, name string) (*tasks.Task, *tasks.Set) {
	task, err := tasks.Builtin(name)
	require.NoError(t, err)
	set, err := task.Load(tasks.Pack(), tasks.Options{})
	require.NoError(t, err)
	return task, set
}

func exam(t *testing.T, task *tasks.Task, set *tasks.Set, o taskexam.Options) eval.Exam {
	e, err := taskexam.New(task, set, o)
	require.NoError(t, err)
	return e
}

func run(t *testing.T, m eval.Model, exams ...eval.Exam) []results.Task {
	ts, err := eval.Run(context.Background(), m, exams, eval.Options{})
	require.NoError(t, err)
	require.NoError(t, (&results.Results{Format: results.Format, Tasks: ts}).Check())
	return ts
}

// user is a task of that YAML and rows.
func user(t *testing.T, yaml string, rows ...string) (*tasks.Task, *tasks.Set) {
	task, err := tasks.Read(strings.NewReader("dataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\n" + yaml))
	require.NoError(t, err)
	set, err := task.Load(fstest.MapFS{"rows.jsonl": {Data: []byte(strings.Join(rows, "\n"))}}, tasks.Options{})
	require.NoError(t, err)
	return task, set
}

// Every task of the pack has the scores that its examples have one by one.
func TestPack(t *testing.T) {
	for _, name := range tasks.Names()[:8] {
		task, set := load(t, name)
		if task.Code {
			continue
		}
		m := &model{say: func(r tasks.Request) tasks.Answer {
			return tasks.Answer{LogProb: -float64(bits(r)%4096) / 64, Greedy: bits(r)%2 == 0, Text: "So it is 7.\nThe answer is 7 in all.", End: tasks.Stop}
		}}
		got := run(t, m, exam(t, task, set, taskexam.Options{}))[0]

		values := map[string][]float64{}
		chance := 0.0
		for i := range set.Docs {
			doc := &set.Docs[i]
			var answers []tasks.Answer
			for _, r := range task.Requests(doc) {
				answers = append(answers, m.say(r))
			}
			scores, err := task.Score(doc, answers)
			require.NoError(t, err)
			x := got.Examples[i]
			assert.Equal(t, doc.ID, x.ID)
			assert.Equal(t, doc.Question, x.Question)
			assert.Equal(t, doc.Choices, x.Choices)
			assert.Equal(t, doc.Targets, x.Targets)
			assert.Equal(t, results.PromptHash(task.Requests(doc)), x.Prompt)
			for metric, v := range scores {
				values[metric] = append(values[metric], v)
				assert.Equal(t, results.Float(v), x.Scores[metric])
			}
			for j, a := range answers {
				if task.Kind() == tasks.LogLikelihood {
					assert.Equal(t, results.Float(a.LogProb), *x.Answers[j].LogProb)
					assert.Equal(t, a.Greedy, *x.Answers[j].Greedy)
					assert.Nil(t, x.Answers[j].Text)
				} else {
					assert.Equal(t, "7", x.Found["flexible-extract"])
					assert.Equal(t, a.Text, *x.Answers[j].Text)
					assert.Equal(t, "stop", x.Answers[j].End)
					assert.Nil(t, x.Answers[j].LogProb)
					assert.Nil(t, x.Answers[j].Passed)
				}
			}
			chance += float64(len(doc.Gold)) / max(1, float64(len(doc.Choices))) / float64(len(set.Docs))
		}
		require.Len(t, got.Scores, len(task.Metrics))
		for i, s := range got.Scores {
			want := stats.Mean(values[s.Metric])
			assert.Equal(t, task.Metrics[i].Key(), s.Metric)
			assert.Equal(t, []any{results.Float(want.Mean), results.Float(want.StdErr), want.N, true}, []any{s.Value, s.StdErr, s.N, s.HigherIsBetter})
			if task.Kind() == tasks.LogLikelihood {
				assert.InDelta(t, chance, float64(*s.Chance), 1e-12, name)
			} else {
				assert.Nil(t, s.Chance)
			}
		}
		assert.Equal(t, []any{name, task.Version, set.Shots, len(set.Docs), set.Of, set.Files}, []any{got.Name, got.Version, got.Shots, got.N, got.Of, got.Data})
		assert.Equal(t, map[tasks.Kind]string{tasks.LogLikelihood: results.Choice, tasks.Generate: results.Generated}[task.Kind()], got.Kind)
		assert.Empty(t, got.Notes)
		assert.Empty(t, got.NotRun)
	}
}

func TestNotes(t *testing.T) {
	task, set := load(t, "gsm8k")
	n := 0
	m := &model{say: func(r tasks.Request) tasks.Answer {
		n++
		return tasks.Answer{Text: "7", End: map[bool]tasks.End{true: tasks.TooLong, false: tasks.EndOfText}[n <= 2], Cut: n == 1}
	}}
	got := run(t, m, exam(t, task, set, taskexam.Options{}))[0]
	require.Greater(t, got.N, 2)
	require.Len(t, got.Notes, 2)
	assert.Regexp(t, `^1 of \d+ prompts were longer than the model's context and lost their beginning$`, got.Notes[0])
	assert.Regexp(t, `^2 of \d+ answers were cut off at their longest$`, got.Notes[1])
	assert.True(t, got.Examples[got.N-1].Answers[0].Cut)
}

func TestRepeats(t *testing.T) {
	const yaml = "task: words\noutput_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{a}}'\nmetric_list: [{metric: exact_match}]\nrepeats: 3\n" +
		"filter_list: [{name: vote, filter: [{function: majority_vote}, {function: take_first}]}]\n"
	rows := []string{`{"q":"one","a":"x"}`, `{"q":"two","a":"y"}`}
	task, set := user(t, yaml+"generation_kwargs: {do_sample: true, temperature: 0.5}", rows...)
	seeds := map[uint64]bool{}
	requests := exam(t, task, set, taskexam.Options{Seed: 1}).Requests()
	for _, example := range requests {
		require.Len(t, example, 3)
		for _, r := range example {
			seeds[r.Sampling.Seed] = true
			r.Sampling.Seed = 0
			assert.Equal(t, task.Requests(&set.Docs[0])[0].Sampling, r.Sampling)
		}
	}
	assert.Len(t, seeds, 6, "each draws differently")
	assert.Equal(t, requests, exam(t, task, set, taskexam.Options{Seed: 1}).Requests())
	assert.NotEqual(t, requests, exam(t, task, set, taskexam.Options{Seed: 2}).Requests())
	some := exam(t, task, set, taskexam.Options{Seed: 1})

	// Two of three say what is right.
	n := 0
	got := run(t, &model{say: func(r tasks.Request) tasks.Answer {
		n++
		return tasks.Answer{Text: []string{"x", "z", "x"}[n%3]}
	}}, some)[0]
	assert.Equal(t, "x", got.Examples[0].Found["vote"])
	assert.Len(t, got.Examples[0].Answers, 3)
	assert.Equal(t, results.Float(0.5), got.Scores[0].Value)

	// What is not drawn is the same each time, and asked once.
	task, set = user(t, yaml, rows...)
	m := &model{say: func(tasks.Request) tasks.Answer { return tasks.Answer{Text: "x"} }}
	run(t, m, exam(t, task, set, taskexam.Options{Seed: 1}))
	assert.Equal(t, 2, m.asked)
}

func TestChat(t *testing.T) {
	task, set := load(t, "arc_easy")
	plain := exam(t, task, set, taskexam.Options{}).Requests()
	for i, example := range exam(t, task, set, taskexam.Options{Chat: true}).Requests() {
		for j, r := range example {
			assert.True(t, r.Chat)
			assert.Equal(t, set.Docs[i].Choices[j], r.Continuation, "without the delimiter")
			assert.Equal(t, plain[i][j].Context, r.Context)
			assert.False(t, plain[i][j].Chat)
		}
	}
	task, set = user(t, "task: t\noutput_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{q}}'\ngen_prefix: 'So:'\nmetric_list: [{metric: exact_match}]\n", `{"q":"one"}`)
	_, err := taskexam.New(task, set, taskexam.Options{Chat: true})
	assert.ErrorContains(t, err, "gen_prefix")
	exam(t, task, set, taskexam.Options{})
}

// broken log-probabilities end a run, and the error says where.
func TestMarkNamesTheExample(t *testing.T) {
	task, set := load(t, "hellaswag")
	m := &model{say: func(tasks.Request) tasks.Answer { return tasks.Answer{LogProb: 1} }}
	_, err := eval.Run(context.Background(), m, []eval.Exam{exam(t, task, set, taskexam.Options{})}, eval.Options{})
	assert.ErrorContains(t, err, "hellaswag, example ")
}

// solve writes the canonical solutions of the pack, but of the first problem a wrong one.
func solve(t *testing.T, set *tasks.Set) func(tasks.Request) tasks.Answer {
	solutions := map[string]string{}
	for i := range set.Docs {
		var row struct {
			Solution string `json:"canonical_solution"`
		}
		require.NoError(t, json.Unmarshal(set.Docs[i].Row, &row))
		solutions[set.Docs[i].Context] = row.Solution
	}
	solutions[set.Docs[0].Context] = "    return None\n"
	return func(r tasks.Request) tasks.Answer { return tasks.Answer{Text: solutions[r.Context], End: tasks.Stop} }
}

// Without Python a task about code is not run, which is no score; its completions are kept, and
// once there is Python only programs are run.
func TestCodeIsNotRunAndLaterIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), journal.FileName)
	task, set := load(t, "humaneval")
	m := &model{say: solve(t, set)}
	evaluate := func(o taskexam.Options) (results.Task, journal.Stats) {
		j, err := journal.Open(path, "model")
		require.NoError(t, err)
		ts := run(t, j.Wrap(m), exam(t, task, set, o))
		require.NoError(t, j.Close())
		return ts[0], j.Stats()
	}
	_, err := sandbox.New(context.Background(), sandbox.Options{Python: "no-such-python", Unsafe: true})
	require.ErrorIs(t, err, sandbox.ErrNoPython)
	got, _ := evaluate(taskexam.Options{NoSandbox: err})
	assert.Contains(t, got.NotRun, "no python3 found")
	assert.Equal(t, results.Code, got.Kind)
	assert.Empty(t, got.Scores)
	assert.Zero(t, got.N)
	require.Len(t, got.Examples, len(set.Docs))
	for i, x := range got.Examples {
		assert.Equal(t, m.say(tasks.Request{Context: set.Docs[i].Context}).Text, *x.Answers[0].Text)
		assert.Nil(t, x.Answers[0].Passed)
		assert.Empty(t, x.Scores)
	}
	assert.Equal(t, len(set.Docs), m.asked)
	assert.Empty(t, results.Pool([]results.Task{got}))

	box, err := sandbox.New(context.Background(), sandbox.Options{Dir: t.TempDir()})
	if errors.Is(err, sandbox.ErrNoPython) || errors.Is(err, sandbox.ErrUncontained) {
		t.Skipf("no program can be run here: %v", err)
	}
	require.NoError(t, err)
	limits := sandbox.Limits{Time: 2 * time.Minute, CPU: 10 * time.Second} // of a busy machine
	got, journalled := evaluate(taskexam.Options{Sandbox: box, Limits: limits})
	assert.Equal(t, len(set.Docs), m.asked, "the model is asked nothing")
	assert.Equal(t, len(set.Docs), journalled.Known)
	assert.Empty(t, got.NotRun)
	require.Len(t, got.Scores, 1)
	assert.Equal(t, "pass@1,create_test", got.Scores[0].Metric)
	n := float64(len(set.Docs))
	assert.InDelta(t, (n-1)/n, float64(got.Scores[0].Value), 1e-12)
	for i, x := range got.Examples {
		assert.Equal(t, i != 0, *x.Answers[0].Passed)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = exam(t, task, set, taskexam.Options{Sandbox: box}).Mark(ctx, 1, []tasks.Answer{{Text: "    return 1"}})
	assert.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "humaneval, example 1")
}

func TestCodeWithoutAReason(t *testing.T) {
	task, set := load(t, "humaneval")
	got := run(t, &model{say: solve(t, set)}, exam(t, task, set, taskexam.Options{}))[0]
	assert.Contains(t, got.NotRun, "no sandbox")
}
