package tasks

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/eval/stats"
)

// What Python's re finds is recorded by testdata/record_re.py. A pattern that is
// refused is not compared, but few may be.
func TestPatternsFindWhatPythonFinds(t *testing.T) {
	raw, err := os.ReadFile("testdata/re.json")
	require.NoError(t, err)
	var recorded struct{ Cases []json.RawMessage }
	require.NoError(t, json.Unmarshal(raw, &recorded))
	refused := map[string]bool{}
	for _, c := range recorded.Cases {
		var source, text, removed string
		var found [][]string
		require.NoError(t, json.Unmarshal(c, &[]any{&source, &text, &found, &removed}))
		p, err := compilePattern(source)
		if err != nil {
			refused[source] = true
			continue
		}
		got := p.findAll(text)
		if got == nil {
			got = [][]string{}
		}
		assert.Equal(t, found, got, "%q in %q", source, text)
		assert.Equal(t, removed, p.remove(text), "%q in %q", source, text)
	}
	assert.Equal(t, map[string]bool{"a$|b$": true}, refused)
}

func TestPatternsRefused(t *testing.T) {
	for _, source := range []string{`(?=a)`, `(a)\1`, `$a`, `[\D]`, `\bword`, `(`, `[`, `\`} {
		_, err := compilePattern(source)
		assert.Error(t, err, source)
	}
}

func TestFilters(t *testing.T) {
	assert.Equal(t, []string{"b"}, majority([]string{"a", "b", "c", "b"}))
	assert.Equal(t, []string{"a"}, majority([]string{"a", "b"}), "the first of equals")
	assert.Empty(t, majority(nil))
	assert.Equal(t, "ab", CutAtStop("abcbc", []string{"", "x", "cb"}))
	assert.Equal(t, "", CutAtStop("abc", []string{"c", "a"}))
	assert.Equal(t, "x\u200b", strip(" \x1c\u3000x\u200b\n"))
	assert.Equal(t, "Öl", capitalize("öL"))
	assert.Equal(t, "", capitalize(""))
}

func TestPassAt(t *testing.T) {
	for _, c := range []struct {
		n, c, k int
		want    float64
	}{{1, 1, 1, 1}, {1, 0, 1, 0}, {10, 3, 1, 0.3}, {5, 2, 3, 0.9}, {4, 2, 3, 1}, {200, 0, 100, 0}} {
		assert.InDelta(t, c.want, stats.PassAtK(c.n, c.c, c.k), 1e-15, "%v", c)
	}
}

// The log-probabilities are such that the three metrics choose differently: per
// character -1.5 and -1.33, per byte -0.75 and -1.33. lm_eval 0.4.13 gives the same.
func TestLengthIsOfCharactersOrBytes(t *testing.T) {
	task, err := Read(strings.NewReader(strings.NewReplacer(`["a", "b"]`, `["éé", "abc"]`,
		"[{metric: acc}]", "[{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]").Replace(small)))
	require.NoError(t, err)
	set, err := task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(`{"q": "?", "y": 1}`)}}, Options{})
	require.NoError(t, err)
	scores, err := task.Score(&set.Docs[0], []Answer{{LogProb: -3}, {LogProb: -4}})
	require.NoError(t, err)
	assert.Equal(t, map[string]float64{"acc,none": 0, "acc_norm,none": 1, "acc_bytes,none": 0}, scores)
}

func TestTrueMassDoesNotUnderflow(t *testing.T) {
	doc := &Doc{Choices: []string{"a", "b", "c"}, Gold: []int{0, 2}}
	at := func(ll ...float64) float64 {
		return trueMass(doc, []Answer{{LogProb: ll[0]}, {LogProb: ll[1]}, {LogProb: ll[2]}})
	}
	assert.InDelta(t, 2.0/3, at(-5000, -5000, -5000), 1e-15)
	assert.InDelta(t, at(-1, -2, -3), at(-2001, -2002, -2003), 1e-12)
	assert.Equal(t, 0.0, at(math.Inf(-1), -1, math.Inf(-1)))
	assert.Equal(t, 0.0, at(math.Inf(-1), math.Inf(-1), math.Inf(-1)))
}

func TestScoresLieInTheirRange(t *testing.T) {
	task, err := Builtin("truthfulqa_mc2")
	require.NoError(t, err)
	set, err := task.Load(Pack(), Options{})
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		doc := &set.Docs[rapid.IntRange(0, len(set.Docs)-1).Draw(t, "doc")]
		answers := make([]Answer, len(doc.Choices))
		for i := range answers {
			answers[i].LogProb = rapid.Float64Range(-math.MaxFloat64, 0).Draw(t, "log-probability")
		}
		scores, err := task.Score(doc, answers)
		if err != nil || !(scores["acc,none"] >= 0 && scores["acc,none"] <= 1) {
			t.Fatal(scores, err)
		}
	})
	doc := &set.Docs[0]
	for _, bad := range []float64{math.NaN(), 0.5} {
		answers := make([]Answer, len(doc.Choices))
		answers[1].LogProb = bad
		_, err = task.Score(doc, answers)
		assert.ErrorContains(t, err, "no log-probability")
	}
	_, err = task.Score(doc, nil)
	assert.ErrorContains(t, err, "0 answers where")
}

func TestProgramAndPass(t *testing.T) {
	task, err := Builtin("humaneval")
	require.NoError(t, err)
	require.True(t, task.Code)
	set, err := task.Load(Pack(), Options{Limit: 1})
	require.NoError(t, err)
	require.Len(t, set.Docs, 1)
	program, err := task.Program(&set.Docs[0], "    pass\n")
	require.NoError(t, err)
	assert.True(t, strings.HasSuffix(program, "\ncheck(double_all)"))
	for passed, want := range map[bool]float64{true: 1, false: 0} {
		scores, err := task.Score(&set.Docs[0], []Answer{{Passed: passed}})
		require.NoError(t, err)
		assert.Equal(t, map[string]float64{"pass@1,create_test": want}, scores)
	}
	assert.Equal(t, "pass@1,create_test", task.Metrics[0].Key())
}

const small = `
task: t
dataset_path: json
dataset_kwargs: {data_files: {test: "t*.jsonl"}}
output_type: multiple_choice
test_split: test
doc_to_text: q
doc_to_choice: ["a", "b"]
doc_to_target: y
metric_list: [{metric: acc}]
`

// Tokens are drawn where the harness's model hf draws, from as many as transformers does.
func TestSampling(t *testing.T) {
	for kwargs, want := range map[string]Sampling{
		"{}":                                   {},
		"{temperature: 0.0}":                   {},
		"{do_sample: false, temperature: 0.7}": {},
		"{do_sample: false, top_k: 5}":         {},
		"{temperature: 0.7}":                   {Sample: true, Temperature: 0.7, TopK: 50},
		"{do_sample: true, temperature: 0.7, top_p: 0.9}":  {Sample: true, Temperature: 0.7, TopP: 0.9, TopK: 50},
		"{do_sample: true, temperature: 0.7, top_k: 0}":    {Sample: true, Temperature: 0.7},
		"{do_sample: true, temperature: 0.7, top_k: 1000}": {Sample: true, Temperature: 0.7, TopK: 1000},
		"{do_sample: true}": {Sample: true, TopK: 50}, // which the harness refuses
	} {
		task, err := Read(strings.NewReader(strings.NewReplacer("multiple_choice", "generate_until", "metric: acc", "metric: exact_match").Replace(small) +
			"generation_kwargs: " + kwargs))
		require.NoError(t, err, kwargs)
		assert.Equal(t, want, task.Requests(&Doc{})[0].Sampling, kwargs)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{"task: t", "", "no name"},
		{"dataset_path: json", "dataset_path: openai/gsm8k", "only json"},
		{"test_split: test", "", "test_split is missing"},
		{"multiple_choice", "loglikelihood_rolling", "output_type"},
		{"doc_to_text: q", "", "doc_to_text"},
		{"doc_to_text: q", "doc_to_txt: q", "doc_to_txt"},
		{"doc_to_text: q", `doc_to_text: "{{ q"`, "doc_to_text"},
		{"doc_to_target: y", "doc_to_target: !function utils.f", "Python"},
		{"doc_to_target: y", "", "doc_to_target"},
		{"metric: acc", "metric: bleu", "bleu"},
		{"metric: acc", "metric: acc, aggregation: median", "median"},
		{"[{metric: acc}]", "[]", "metric_list"},
		{"task: t", "task: t\nprocess_docs: mine", "process_docs"},
		{"task: t", "task: t\nprocess_results: mine", "process_results"},
		{"task: t", "task: t\nfilter_list: [{name: x, filter: [{function: take_first}]}]", "filter_list"},
		{"task: t", "task: t\nfewshot_config: {sampler: balanced}", "sampler"},
		{"task: t", "task: t\nnum_fewshot: -1", "num_fewshot"},
		{"multiple_choice", "generate_until\ngeneration_kwargs: {temperature: -1}", "temperature"},
		{"multiple_choice", "generate_until\ngeneration_kwargs: {temperature: .nan}", "temperature"},
		{"multiple_choice", "generate_until\ngeneration_kwargs: {top_p: 1.5}", "top_p"},
		{"multiple_choice", "generate_until\ngeneration_kwargs: {top_k: -1}", "top_k"},
		{"multiple_choice", "generate_until\ngeneration_kwargs: {max_gen_toks: -1}", "max_gen_toks"},
		{"task: t", "task: [t", ""},
		{"multiple_choice", "multi_choice", "task t, line 5: output_type"},
		{"doc_to_text: q", "doc_to_txt: q", "did you mean doc_to_text?"},
		{"task: t", "task: t\nname: t", "unknown field \"name\"\n"},
		{"task: t", "task: t\nnum_fewshot: many", "here is a text where a whole number is due"},
		{"task: t", "task: t\na: 1", "unknown field \"a\"\n"},
		{"t*.jsonl", "../t.jsonl", "the file ../t.jsonl is not below a data folder"},
		{"t*.jsonl", "/t.jsonl", "the file /t.jsonl is not below a data folder"},
		{"task: t", "task: t\nrepeats: -1", "repeats is -1"},
		{"task: t", "task: t\nrepeats: 100000000", "repeats is 100000000: it can be from 1 to 1000"},
		{"[{metric: acc}]", "[{metric: acc}, {metric: acc}]", "acc is there twice"},
		{"multiple_choice", "generate_until\nfilter_list: [{name: a}, {name: a}]", "filter_list, 2: there are two named a"},
		{"task: t", "task: [t, u]", "here is a list where a text is due"},
		{"task: t", "task: t\x00", "no text"},
		{"test_split: test", "test_split: tst", "task t, line 4: dataset_kwargs: no file for the split \"tst\""},
	} {
		_, err := Read(strings.NewReader(strings.Replace(small, c.old, c.new, 1)))
		if assert.Error(t, err, c.new) {
			assert.ErrorContains(t, err, c.want)
		}
	}
}

// What a text is compared with is asked for before a model is asked anything.
func TestGenerationNeedsATarget(t *testing.T) {
	generate := strings.NewReplacer("multiple_choice", "generate_until", `doc_to_choice: ["a", "b"]`, "", "metric: acc", "metric: exact_match").Replace(small)
	_, err := Read(strings.NewReader(strings.Replace(generate, "doc_to_target: y", "", 1)))
	require.ErrorContains(t, err, "exact_match needs doc_to_target")
	task, err := Read(strings.NewReader(generate))
	require.NoError(t, err)
	for _, y := range []string{`[]`, `null`} {
		_, err = task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(`{"q": "?", "y": ` + y + `}`)}}, Options{})
		assert.ErrorContains(t, err, "example 0: doc_to_target: it is empty", y)
	}
}

// A program needs what it begins with.
func TestCodeNeedsAPrompt(t *testing.T) {
	task, err := Read(strings.NewReader(strings.NewReplacer("multiple_choice", "generate_until\nunsafe_code: true", `doc_to_choice: ["a", "b"]`, "",
		"metric: acc", "metric: pass_at_k, k: [1]", "t*.jsonl", "./t.jsonl").Replace(small)))
	require.NoError(t, err)
	load := func(row string) error {
		_, err := task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(row)}}, Options{})
		return err
	}
	require.NoError(t, load(`{"q": "?", "y": "assert f()", "prompt": "def f():"}`))
	assert.ErrorContains(t, load(`{"q": "?", "y": "assert f()"}`), "t.jsonl, example 0: it has no text in a field prompt")
}

func TestLoadRefuses(t *testing.T) {
	task, err := Read(strings.NewReader(small))
	require.NoError(t, err)
	load := func(files fstest.MapFS) error {
		_, err := task.Load(files, Options{})
		return err
	}
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

	var missing *MissingError
	require.ErrorAs(t, load(fstest.MapFS{}), &missing)
	assert.Equal(t, "t*.jsonl", missing.File)
	row := `{"q": "?", "y": 1}`
	assert.ErrorContains(t, load(fstest.MapFS{"t1.jsonl": file(row), "t2.jsonl.gz": file(row)}), "several files")
	for text, want := range map[string]string{
		"":                               "task t: t*.jsonl: no example",
		"\n\n" + row + "\n{":             "line 4",
		row + "\n{":                      "line 2",
		row + "\n[1]":                    "line 2",
		"[1]":                            "row 1",
		`{"q": "?", "y": 2}`:             "t*.jsonl, example 0: doc_to_target: 2 is none of the 2 choices",
		`{"q": "?", "y": -1}`:            "none of the 2 choices",
		`{"q": "?", "y": "c"}`:           "none of the 2 choices",
		`{"q": "?", "y": []}`:            "empty list",
		`{"q": 1, "y": 0}`:               "no string",
		row + "\n" + `{"q": "\ud800"}`:   "line 2",
		row + "\n" + `{"q":1,"q":2}`:     "line 2",
		row + "\n" + "{\"q\": \"\xff\"}": "line 2",
	} {
		assert.ErrorContains(t, load(fstest.MapFS{"t.jsonl": file(text)}), want, text)
	}
}

func TestCompressedAndArray(t *testing.T) {
	task, err := Read(strings.NewReader(small))
	require.NoError(t, err)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, err = w.Write([]byte("\ufeff[{\"q\": \"?\", \"y\": 1},\n {\"q\": \"!\", \"y\": \"a\"}]"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	set, err := task.Load(fstest.MapFS{"t.jsonl.gz": {Data: z.Bytes()}}, Options{})
	require.NoError(t, err)
	require.Len(t, set.Docs, 2)
	assert.Equal(t, []int{1}, set.Docs[0].Gold)
	assert.Equal(t, []int{0}, set.Docs[1].Gold)
	assert.Equal(t, "t.jsonl.gz", set.Files[0].Name)
	assert.Len(t, set.Files[0].SHA256, 64)
	assert.Equal(t, Request{Kind: LogLikelihood, Context: "!", Continuation: " b"}, task.Requests(&set.Docs[1])[1])
}

func TestWhereAndPrepare(t *testing.T) {
	text := strings.Replace(small, "doc_to_text: q", "doc_to_text: query\nprocess_docs: hellaswag\nwhere: {split: val, n: 2}", 1)
	task, err := Read(strings.NewReader(text))
	require.NoError(t, err)
	rows := `{"activity_label": "A", "ctx_a": "b", "ctx_b": "cD", "endings": [], "split": "val", "n": 2, "y": 0}
		{"activity_label": "B", "ctx_a": "b", "ctx_b": "c", "endings": [], "split": "train", "n": 2, "y": 0}
		{"activity_label": "C", "ctx_a": "b", "ctx_b": "c", "endings": [], "n": 2, "y": 0}`
	set, err := task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(rows)}}, Options{})
	require.NoError(t, err)
	require.Len(t, set.Docs, 1)
	assert.Equal(t, "A: b Cd", set.Docs[0].Context)
}

// In a chat worked examples are turns, and requests that differ in them have different keys.
func TestShotsInAChat(t *testing.T) {
	task, err := Read(strings.NewReader(small + "description: d\nfewshot_split: train\nnum_fewshot: 2\nfewshot_config: {sampler: first_n}\n" +
		"gen_prefix: '{{p}}'\ndataset_name: x"))
	require.NoError(t, err)
	task.spec.DatasetKwargs.Files["train"] = texts{"s.jsonl"}
	set, err := task.Load(fstest.MapFS{
		"t.jsonl": {Data: []byte(`{"q": "A", "y": 0, "p": ""}`)},
		"s.jsonl": {Data: []byte(`{"q": "B", "y": 1, "p": ""}` + "\n" + `{"q": "C", "y": 0, "p": "So:"}`)},
	}, Options{})
	require.NoError(t, err)
	doc := &set.Docs[0]
	assert.Equal(t, "dB b\n\nC So: a\n\nA", doc.Context)
	r := task.ChatRequests(doc)[1]
	assert.Equal(t, Request{Kind: LogLikelihood, Chat: true, System: "d", Shots: []Shot{{"B", "b"}, {"C", "So: a"}}, Context: "A", Continuation: "b"}, r)

	seen := map[[32]byte]bool{}
	for _, shots := range [][]Shot{nil, {{"B", "b"}}, {{"Bb", ""}}, {{"", "Bb"}}, {{"B", ""}, {"", "b"}}, {{"B", "b"}, {"B", "b"}}} {
		for _, system := range []string{"", "d", "B"} {
			other := r
			other.Shots, other.System = shots, system
			assert.False(t, seen[other.Key()], "%q %q", system, shots)
			seen[other.Key()] = true
		}
	}
}

// With equal rows in the pool, the question itself never stands before it.
func TestShotsLeaveOutTheQuestion(t *testing.T) {
	task, err := Read(strings.NewReader(small + "fewshot_split: test\nnum_fewshot: 2\n"))
	require.NoError(t, err)
	rows := `{"q": "A", "y": 0}` + "\n" + `{"y": 0, "q": "A"}` + "\n" + `{"q": "B", "y": 1}` + "\n" + `{"q": "C", "y": 1}`
	set, err := task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(rows)}}, Options{})
	require.NoError(t, err)
	for _, doc := range set.Docs[:2] {
		assert.ElementsMatch(t, []int{2, 3}, doc.Shots)
		assert.Equal(t, 1, strings.Count(doc.Context, "A"))
	}
	three := 4
	_, err = task.Load(fstest.MapFS{"t.jsonl": {Data: []byte(rows)}}, Options{Shots: &three})
	assert.ErrorContains(t, err, "too few worked examples")
}

func FuzzRead(f *testing.F) {
	f.Add(small, `{"q": "?", "y": 1}`)
	f.Add(strings.Replace(small, "doc_to_text: q", `doc_to_text: "{{q}}"`, 1)+"fewshot_split: test\nnum_fewshot: 1", "[{\"q\": \"?\", \"y\": \"b\"}]")
	for _, name := range []string{"gsm8k", "humaneval", "hellaswag"} {
		text, err := builtin.ReadFile("builtin/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), `{"question": "?", "answer": "#### 1"}`)
	}
	f.Fuzz(func(t *testing.T, text, rows string) {
		if len(text) > 4000 || len(rows) > 4000 {
			return
		}
		task, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		files := fstest.MapFS{}
		for _, names := range task.spec.DatasetKwargs.Files {
			for _, name := range names {
				files[name] = &fstest.MapFile{Data: []byte(rows)}
			}
		}
		shots := min(task.Shots, 3)
		set, err := task.Load(files, Options{Shots: &shots})
		if err != nil {
			return
		}
		for i := range set.Docs {
			requests := task.Requests(&set.Docs[i])
			answers := make([]Answer, len(requests))
			if task.Kind() == Generate {
				if task.Repeats > 100 {
					return
				}
				answers = make([]Answer, task.Repeats)
			}
			if _, err := task.Score(&set.Docs[i], answers); err == nil && task.Kind() == LogLikelihood && len(answers) != len(set.Docs[i].Choices) {
				t.Fatal("scored without an answer to each choice")
			}
		}
	})
}

// Of the ready-made requests for an example, those with the question are one example, and those
// that ask how probable the choices are without it are none.
func TestReadyMadeRequestsAreExamplesOnce(t *testing.T) {
	var rows strings.Builder
	for _, asked := range []bool{true, false} {
		for i, query := range []string{"Question: Is ice cold?\nAnswer:", "Question: Is it?\nAnswer:"} {
			for idx, choice := range []string{"yes", "no"} {
				context := "Question: Do fish swim?\nAnswer: yes\n\n" + query
				if !asked {
					context = "Answer:"
				}
				row, err := json.Marshal(map[string]any{
					"idx": idx, "request": map[string]any{"context": context, "continuation": " " + choice},
					"doc": map[string]any{"id": fmt.Sprint(i), "query": query, "choices": []string{"yes", "no"}, "gold": i},
				})
				require.NoError(t, err)
				rows.Write(append(row, '\n'))
			}
		}
	}
	task, err := Builtin("arc_easy")
	require.NoError(t, err)
	set, err := task.Load(fstest.MapFS{"arc_easy_requests.jsonl": {Data: []byte(rows.String())}}, Options{})
	require.NoError(t, err)
	require.Len(t, set.Docs, 2)
	assert.Equal(t, 2, set.Of)
	assert.Equal(t, []int{1}, set.Docs[1].Gold)
	assert.Equal(t, "Question: Is it?\nAnswer:", set.Docs[1].Question)
}

func FuzzPattern(f *testing.F) {
	f.Add(`(-?[$0-9.,]{2,})|(-?[0-9]+)`, "$1,000 and 3")
	f.Add(`\.$`, "x.\n")
	f.Add(`[]\w-]+`, "a]b")
	f.Fuzz(func(t *testing.T, source, text string) {
		if len(source) > 100 || len(text) > 1000 {
			return
		}
		p, err := compilePattern(source)
		if err != nil {
			return
		}
		if len(p.remove(text)) > len(text) {
			t.Fatal("to remove made it longer")
		}
		extract(p, text, -1, "")
	})
}
