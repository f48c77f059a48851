package exams_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval"
	"smelt/eval/exams"
	"smelt/eval/results"
	"smelt/eval/sandbox"
	"smelt/eval/suite"
	"smelt/eval/tasks"
)

func resolve(t *testing.T, suites, names []string) []suite.Item {
	t.Helper()
	items, err := suite.Resolve(suites, names, os.ReadFile)
	require.NoError(t, err)
	return items
}

func namesOf(list []eval.Exam) (names []string) {
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// data is a folder with some of the files of the pack.
func data(t *testing.T, names ...string) fs.FS {
	t.Helper()
	folder := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(tasks.Pack(), name)
		require.NoError(t, err)
		folder[name] = &fstest.MapFile{Data: text}
	}
	return folder
}

// A task of a suite whose data is missing asks nothing, and its result says where to get it.
func TestMissingInASuite(t *testing.T) {
	made, err := exams.Make(resolve(t, []string{"baseline"}, nil), exams.Options{Data: data(t, "hellaswag_train.jsonl", "hellaswag_val.jsonl"), Limit: 2})
	require.NoError(t, err)
	list := made.List
	require.Len(t, made.Sets, 1)
	assert.Len(t, made.Sets["hellaswag"].Docs, 2)
	assert.Equal(t, []string{"gsm8k", "hellaswag", "humaneval", "truthfulqa_mc1", "truthfulqa_mc2"}, namesOf(list))
	kinds := []string{results.Generated, results.Choice, results.Code, results.Choice, results.Choice}
	for i, e := range list {
		if e.Name() == "hellaswag" {
			assert.Len(t, e.Requests(), 2)
			continue
		}
		assert.Empty(t, e.Requests(), e.Name())
		_, err := e.Mark(t.Context(), 0, nil)
		require.ErrorContains(t, err, e.Name())
		r, err := e.Result(nil)
		require.NoError(t, err)
		assert.Equal(t, kinds[i], r.Kind)
		assert.Contains(t, r.NotRun, "the data folder has no ")
		assert.Contains(t, r.NotRun, "get it here: ")
		assert.Empty(t, r.Scores)
		assert.Empty(t, r.Notes)
	}
}

// Tasks that were asked for by name must be there, and all that are not are told at once; so are those of a suite
// without any data.
func TestMissingByName(t *testing.T) {
	folder := data(t, "hellaswag_train.jsonl", "hellaswag_val.jsonl")
	for _, items := range [][]suite.Item{
		resolve(t, nil, []string{"hellaswag", "arc_easy", "gsm8k"}),
		resolve(t, []string{"baseline"}, []string{"arc_easy", "gsm8k"}),
	} {
		_, err := exams.Make(items, exams.Options{Data: folder})
		var missing *exams.MissingError
		require.ErrorAs(t, err, &missing)
		assert.Len(t, missing.Tasks, 2)
		assert.ErrorContains(t, err, "task arc_easy: the data folder has no arc_easy_")
		assert.ErrorContains(t, err, "task gsm8k: the data folder has no gsm8k_")
	}
	_, err := exams.Make(resolve(t, []string{"baseline"}, nil), exams.Options{Data: fstest.MapFS{}})
	var missing *exams.MissingError
	require.ErrorAs(t, err, &missing)
	assert.Len(t, missing.Tasks, 5)

	_, err = exams.Make(resolve(t, nil, []string{"mmlu", "arc_easy"}), exams.Options{Data: fstest.MapFS{}})
	require.ErrorAs(t, err, &missing)
	assert.Len(t, missing.Tasks, 58)
	assert.Len(t, strings.Split(err.Error(), "\n"), 2, "a line for each file, not for each subject")
	assert.ErrorContains(t, err, "(other tasks that want it: 56)")
}

// Without data the pack is asked, and every result that rests on it says so. Subjects of mmlu that it has no example
// of are not run.
func TestPack(t *testing.T) {
	made, err := exams.Make(resolve(t, []string{"all"}, nil), exams.Options{Limit: 1, NoSandbox: sandbox.ErrNoPython})
	require.NoError(t, err)
	list := made.List
	ran := map[string]int{}
	for _, e := range list {
		var examples []results.Example
		for i, requests := range e.Requests() {
			x, err := e.Mark(t.Context(), i, make([]tasks.Answer, len(requests)))
			require.NoError(t, err)
			examples = append(examples, x)
		}
		r, err := e.Result(examples)
		require.NoError(t, err, e.Name())
		if r.NotRun != "" {
			if e.Name() == "humaneval" {
				assert.Contains(t, r.NotRun, "no python3 found")
			}
			continue
		}
		ran[r.Group+r.Kind]++
		if len(r.Data) > 0 {
			assert.Contains(t, r.Notes, exams.Invented, e.Name())
		} else {
			assert.NotContains(t, r.Notes, exams.Invented, e.Name())
		}
	}
	assert.Equal(t, 3, ran["mmlu"+results.Choice])
	assert.Equal(t, 3, ran[results.Generated], "gsm8k, gsm8k_cot and the probe samples")
	assert.Zero(t, ran[results.Code])
	assert.Positive(t, ran[results.Behaviour])
}

func TestLimit(t *testing.T) {
	shots := 0
	made, err := exams.Make(resolve(t, []string{"quick"}, []string{"gsm8k_cot"}), exams.Options{Limit: 1, Shots: &shots})
	require.NoError(t, err)
	list := made.List
	for _, e := range list {
		assert.Len(t, e.Requests(), 1, e.Name())
	}
	requests := list[len(list)-1].Requests()[0]
	assert.Equal(t, 1, len(requests))
	assert.Regexp(t, `^Q: .*\nA:$`, requests[0].Context, "no worked examples")
}

// A task of one's own finds its data beside its file.
func TestOwnTask(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	write("mine.yaml", `task: mine
dataset_path: json
dataset_kwargs: {data_files: {test: mine.jsonl}}
output_type: multiple_choice
test_split: test
doc_to_text: "{{q}}"
doc_to_target: "{{y}}"
doc_to_choice: ["no", "yes"]
metric_list:
  - {metric: acc}
metadata: {version: "1"}
`)
	write("mine.jsonl", `{"q":"Is slag heavy?","y":1}`+"\n")
	made, err := exams.Make(resolve(t, nil, []string{filepath.Join(dir, "mine.yaml")}), exams.Options{})
	require.NoError(t, err)
	list := made.List
	require.Len(t, list, 1)
	require.Len(t, list[0].Requests(), 1)
	assert.Equal(t, "Is slag heavy?", list[0].Requests()[0][0].Context)
	x, err := list[0].Mark(t.Context(), 0, []tasks.Answer{{LogProb: -1}, {LogProb: -2}})
	require.NoError(t, err)
	r, err := list[0].Result([]results.Example{x})
	require.NoError(t, err)
	assert.Empty(t, r.Notes, "its data is not invented")

	write("other.yaml", `task: other
dataset_path: json
dataset_kwargs: {data_files: {test: gsm8k_test.jsonl}}
output_type: generate_until
test_split: test
doc_to_text: question
doc_to_target: answer
metric_list:
  - {metric: exact_match}
`)
	other := resolve(t, nil, []string{filepath.Join(dir, "other.yaml")})
	var missing *exams.MissingError
	_, err = exams.Make(other, exams.Options{})
	require.ErrorAs(t, err, &missing, "invented examples stand in for no data of one's own")
	assert.ErrorContains(t, err, "other.yaml: task other: the data folder has no gsm8k_test.jsonl")
	assert.ErrorContains(t, err, "beside the task's file")
	_, err = exams.Make(other, exams.Options{Data: tasks.Pack()})
	require.NoError(t, err)
	write("mine.jsonl", `{"q":"Is slag heavy?","y":5}`+"\n")
	_, err = exams.Make(resolve(t, nil, []string{filepath.Join(dir, "mine.yaml")}), exams.Options{})
	require.ErrorContains(t, err, "mine.yaml: task mine: mine.jsonl, example 0: doc_to_target: 5 is none of the 2 choices")
}

func TestFolders(t *testing.T) {
	a := fstest.MapFS{"x.txt": {Data: []byte("a")}, "sub/one": {Data: []byte("1")}}
	b := fstest.MapFS{"x.txt": {Data: []byte("b")}, "y.txt": {Data: []byte("b")}, "sub/two": {Data: []byte("2")}}
	all := exams.Folders(a, b)
	for name, want := range map[string]string{"x.txt": "a", "y.txt": "b", "sub/one": "1", "sub/two": "2"} {
		text, err := fs.ReadFile(all, name)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
	names, err := fs.Glob(all, "*.txt")
	require.NoError(t, err)
	assert.Equal(t, []string{"x.txt", "y.txt"}, names)
	names, err = fs.Glob(all, "sub/*")
	require.NoError(t, err)
	assert.Equal(t, []string{"sub/one", "sub/two"}, names)
	_, err = all.Open("z.txt")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = fs.ReadDir(all, "none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Probes that ask the examples of a task are looked for in training data as the task is: by the places of its examples.
func TestSetsOfProbes(t *testing.T) {
	made, err := exams.Make(resolve(t, []string{"reasoning", "behaviour"}, nil), exams.Options{})
	require.NoError(t, err)
	checked := 0
	for _, e := range made.List {
		set := made.Sets[e.Name()]
		if e.Name() != "samples" && e.Name() != "edge_robustness" {
			continue
		}
		require.NotNil(t, set, e.Name())
		questions := map[int]string{}
		for i := range set.Docs {
			questions[set.Docs[i].ID] = set.Docs[i].Question
		}
		for i, requests := range e.Requests() {
			example, err := e.Mark(t.Context(), i, make([]tasks.Answer, len(requests)))
			require.NoError(t, err)
			require.NotEmpty(t, example.Question)
			assert.Equal(t, questions[example.ID], example.Question, e.Name())
			checked++
		}
	}
	assert.Greater(t, checked, 2)
}
