package probe

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

var rewriteGolden = flag.Bool("rewrite", false, "rewrite golden files")

// fake answers by a function, in the reverse order.
type fake func(r *tasks.Request) tasks.Answer

func (f fake) Answer(_ context.Context, requests []tasks.Request, got func(int, tasks.Answer) error) error {
	for i := len(requests) - 1; i >= 0; i-- {
		if err := got(i, f(&requests[i])); err != nil {
			return err
		}
	}
	return nil
}

// says is a model that always says the same.
func says(text string) fake {
	return func(*tasks.Request) tasks.Answer { return tasks.Answer{Text: text, End: tasks.EndOfText} }
}

// hashed is a model whose answers are drawn from the hash of what is asked.
func hashed(r *tasks.Request) tasks.Answer {
	sum := r.Key()
	n := binary.BigEndian.Uint64(sum[:8])
	if r.Kind == tasks.LogLikelihood {
		return tasks.Answer{LogProb: -float64(n%10_000) / 100}
	}
	vocabulary := strings.Fields("the a river boat because however benefits risks 3 + 4 = 7 . story night overall it was and then 12")
	var words []string
	for i := range 5 + n%40 {
		words = append(words, vocabulary[int(sum[(i+n)%32])*7%len(vocabulary)])
	}
	end := tasks.EndOfText
	if n%5 == 0 {
		end = tasks.TooLong
	}
	return tasks.Answer{Text: strings.Join(words, " "), End: end}
}

// run asks and marks the exam.
func run(t *testing.T, e eval.Exam, m eval.Model) results.Task {
	t.Helper()
	list, err := eval.Run(t.Context(), m, []eval.Exam{e}, eval.Options{})
	require.NoError(t, err)
	task := list[0]
	assert.Equal(t, e.Name(), task.Name)
	return task
}

// only is the exam with that name.
func only(t *testing.T, kind Kind, name string, o Options) eval.Exam {
	t.Helper()
	exams, err := New(kind, o)
	require.NoError(t, err)
	for _, e := range exams {
		if e.Name() == name {
			return e
		}
	}
	t.Fatalf("%s has no exam %s", kind, name)
	return nil
}

func score(t *testing.T, task results.Task, metric string) results.Score {
	t.Helper()
	for _, s := range task.Scores {
		if s.Metric == metric {
			return s
		}
	}
	t.Fatalf("%s has no figure %s", task.Name, metric)
	return results.Score{}
}

// data are the project's own examples with two files more.
func data(t *testing.T) fs.FS {
	t.Helper()
	all := fstest.MapFS{
		noveltyFile: {Data: []byte(`{"id":"a","prompt":"Name a river."}` + "\n\n" + `{"id":"b","prompt":"Name a tree."}` + "\n")},
		fictionFile: {Data: []byte("\ufeffOnce there was a miller. " + strings.Repeat("He ground his corn, and the wheel turned, day after day. ", 90))},
	}
	pack := tasks.Pack()
	require.NoError(t, fs.WalkDir(pack, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(pack, path)
		all[path] = &fstest.MapFile{Data: raw}
		return err
	}))
	return all
}

// What the probes ask, and what they make of a model that answers by hash. Prompts are the project's own.
func TestGolden(t *testing.T) {
	var out strings.Builder
	for _, kind := range Kinds() {
		exams, err := New(kind, Options{Data: data(t)})
		require.NoError(t, err)
		for _, e := range exams {
			task := run(t, e, fake(hashed))
			requests := e.Requests()
			fmt.Fprintf(&out, "%s %s %s, %d of %d, %d shots\n", task.Name, task.Kind, task.Version, task.N, task.Of, task.Shots)
			for _, x := range []int{0, len(requests) - 1} {
				r := requests[x][len(requests[x])-1]
				fmt.Fprintf(&out, "  example %d: %d requests, the last: %s chat %v, %d tokens, %+v, prompt %.16x\n",
					task.Examples[x].ID, len(requests[x]), r.Kind, r.Chat, r.MaxTokens, r.Sampling, sha256.Sum256([]byte(r.Context+"\x00"+r.Continuation)))
			}
			for _, s := range task.Scores {
				chance := ""
				if s.Chance != nil {
					chance = fmt.Sprintf(" chance %.4f", *s.Chance)
				}
				fmt.Fprintf(&out, "  %s %.6f ± %.6f n %d higher %v%s\n", s.Metric, s.Value, s.StdErr, s.N, s.HigherIsBetter, chance)
			}
			for _, note := range task.Notes {
				fmt.Fprintf(&out, "  note: %s\n", note)
			}
		}
	}
	path := filepath.Join("testdata", "golden.txt")
	if *rewriteGolden {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String())
}

func TestMissingDataIsNotRun(t *testing.T) {
	for kind, names := range map[Kind]map[string]string{
		Creative: {"creative_novelty": noveltySource, "creative_fiction": fictionFile},
		Edge:     {"edge_robustness": "arc_easy"},
		Samples:  {"samples": "grade-school-math"},
	} {
		for name, why := range names {
			e := only(t, kind, name, Options{})
			assert.Empty(t, e.Requests())
			task := run(t, e, says(""))
			assert.Contains(t, task.NotRun, why)
			assert.Empty(t, task.Scores)
			assert.Zero(t, task.N)
		}
	}
}

func TestErrors(t *testing.T) {
	file := func(name, text string) fs.FS { return fstest.MapFS{name: {Data: []byte(text)}} }
	for _, test := range []struct {
		kind Kind
		o    Options
		want string
	}{
		{"styles", Options{}, "no probe"},
		{Style, Options{Limit: -1}, "limit"},
		{Creative, Options{Data: file(noveltyFile, "{\"prompt\":\"a\"}\n{\"prompt\":")}, "line 2"},
		{Creative, Options{Data: file(noveltyFile, "{}")}, "no prompt"},
		{Creative, Options{Data: file(noveltyFile, "\n")}, "empty"},
		{Creative, Options{Data: file(fictionFile, "\xff")}, "UTF-8"},
		{Creative, Options{Data: file(fictionFile, " \n")}, "empty"},
	} {
		_, err := New(test.kind, test.o)
		assert.ErrorContains(t, err, test.want)
	}
	_, err := only(t, Plain, "plain", Options{}).Mark(t.Context(), 0, nil)
	assert.ErrorContains(t, err, "0 answers where 1")
	_, err = only(t, Creative, "creative_fiction", Options{Data: data(t)}).Mark(t.Context(), 0, []tasks.Answer{{LogProb: math.NaN()}})
	assert.ErrorContains(t, err, "no log-probability")
	_, err = only(t, Plain, "plain", Options{}).Result(nil)
	assert.Error(t, err)
}

// A file without examples is as good as none.
func TestEmptyDataIsNotRun(t *testing.T) {
	for kind, name := range map[Kind]string{Edge: "edge_robustness", Samples: "samples"} {
		files := fstest.MapFS{"arc_easy_test.jsonl": {}, "gsm8k_test.jsonl": {}}
		assert.Contains(t, run(t, only(t, kind, name, Options{Data: files}), says("")).NotRun, "no example of the task")
	}
}

// Every reply has a seed of its own, and the same one in every run.
func TestSeeds(t *testing.T) {
	seen := map[uint64]bool{}
	first := only(t, Style, "style", Options{}).Requests()
	again := only(t, Style, "style", Options{}).Requests()
	other := only(t, Style, "style", Options{Seed: 1}).Requests()
	assert.Equal(t, first, again)
	for i, requests := range first {
		for j, r := range requests {
			assert.False(t, seen[r.Sampling.Seed])
			seen[r.Sampling.Seed] = true
			assert.NotEqual(t, r.Sampling.Seed, other[i][j].Sampling.Seed)
		}
	}
	assert.Len(t, seen, 24*5)
	few := only(t, Style, "style", Options{Limit: 3}).Requests()
	require.Len(t, few, 3)
	assert.Equal(t, first[4], few[0])
}

func TestBareAndChat(t *testing.T) {
	for _, o := range []Options{{}, {Bare: true}, {Chat: true}} {
		o.Data = data(t)
		plain := only(t, Plain, "plain", o)
		assert.Equal(t, !o.Bare, plain.Requests()[0][0].Chat)
		assert.Equal(t, o.Bare, slices.Contains(run(t, plain, says("Hello.")).Notes, "its prompts are asked as they are: the model has no chat template"))
		assert.Equal(t, o.Chat, only(t, Samples, "samples", o).Requests()[0][0].Chat)
		assert.Equal(t, o.Chat, only(t, Edge, "edge_robustness", o).Requests()[0][0].Chat)
	}
}

// Results are JSON, figures that are not there as null.
func TestResultIsJSON(t *testing.T) {
	task := run(t, only(t, Style, "style", Options{Limit: 2}), says(""))
	raw, err := json.Marshal(task)
	require.NoError(t, err)
	assert.Contains(t, string(raw), `"self_bleu":null`)
	assert.Zero(t, score(t, task, "distinct_1").N)
	assert.Contains(t, task.Notes, "10 of 10 replies are empty")
}
