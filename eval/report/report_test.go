package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/compare"
	"smelt/eval/report"
	"smelt/eval/results"
	"smelt/eval/stats"
	"smelt/eval/tasks"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

// noise is a sequence of numbers from 0 to 1, the same each time.
type noise uint64

func (n *noise) next() float64 {
	*n = *n*6364136223846793005 + 1442695040888963407
	return float64(*n>>11) / (1 << 53)
}

func ptr[T any](v T) *T { return &v }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// score is what examples come to in a metric.
func score(t *results.Task, metric string, chance *results.Float) results.Score {
	var x []float64
	for _, e := range t.Examples {
		if v, ok := e.Scores[metric]; ok {
			x = append(x, float64(v))
		}
	}
	m := stats.Mean(x)
	return results.Score{Metric: metric, Value: results.Float(m.Mean), StdErr: results.Float(m.StdErr), N: m.N, HigherIsBetter: true, Chance: chance}
}

// choice is an invented task of four choices. ease is the probability of a right answer; both models find the same
// questions hard.
func choice(name, group string, n int, ease float64, seed noise) results.Task {
	t := results.Task{
		Name: name, Group: group, Version: "1.0", Kind: results.Choice, N: n, Of: n * 3,
		Data: []tasks.File{{Name: name + ".jsonl", SHA256: hash(name)}},
	}
	hard := noise(7)
	for i := range n {
		ruler, own := hard.next(), seed.next()
		right := 0.8*ruler+0.2*own < ease
		e := results.Example{
			ID: i, Prompt: hash(fmt.Sprint(name, i))[:16], Question: fmt.Sprintf("Question: which of these is number %d of %s?\nAnswer:", i, name),
			Choices: []string{"the first", "the second one", "the third", "none of the other three"}, Gold: []int{i % 4},
			Scores: map[string]results.Float{"acc,none": 0, "acc_norm,none": 0},
		}
		for k := range 4 {
			v := -20 - 10*own - float64(k)
			if right == (k == i%4) {
				v = -3 - own
			}
			e.Answers = append(e.Answers, results.Answer{LogProb: ptr(results.Float(v)), Greedy: ptr(false)})
		}
		if right {
			e.Scores["acc,none"], e.Scores["acc_norm,none"] = 1, 1
		}
		if own < 0.07 {
			e.Scores["acc,none"] = 1 - e.Scores["acc,none"]
		}
		t.Examples = append(t.Examples, e)
	}
	t.Scores = []results.Score{score(&t, "acc,none", ptr(results.Float(0.25)))}
	if group == "" {
		t.Scores = append(t.Scores, score(&t, "acc_norm,none", ptr(results.Float(0.25))))
	}
	return t
}

// sums is an invented task of generated answers.
func sums(n int, ease float64, seed noise) results.Task {
	t := results.Task{Name: "gsm8k_cot", Version: "3.0", Kind: results.Generated, Shots: 8, N: n, Of: 1319,
		Notes: []string{"17 replies ended at the limit of 256 tokens"}, Data: []tasks.File{{Name: "gsm8k_test.jsonl", SHA256: hash("gsm8k")}}}
	hard := noise(11)
	for i := range n {
		right := 0.6*hard.next()+0.4*seed.next() < ease
		said := fmt.Sprint(i)
		if !right {
			said = fmt.Sprint(i + 3)
		}
		e := results.Example{
			ID: i, Prompt: hash(fmt.Sprint("sum", i))[:16], Question: fmt.Sprintf("Q: A baker has %d rolls and bakes none. How many are there?\nA:", i),
			Targets: []string{fmt.Sprint(i)}, Found: map[string]string{"flexible-extract": said, "strict-match": said},
			Answers: []results.Answer{{Text: ptr(" There were " + said + " rolls at first, and none came.\nThe answer is " + said + "."), End: "stop"}},
			Scores:  map[string]results.Float{"exact_match,strict-match": 0, "exact_match,flexible-extract": 0},
		}
		if right {
			e.Scores["exact_match,flexible-extract"] = 1
			if i%5 > 0 {
				e.Scores["exact_match,strict-match"] = 1
			}
		}
		t.Examples = append(t.Examples, e)
	}
	t.Scores = []results.Score{score(&t, "exact_match,strict-match", nil), score(&t, "exact_match,flexible-extract", nil)}
	return t
}

// mass is an invented task whose scores are more than right or wrong, as truthfulqa_mc2 is.
func mass(n int, level float64, seed noise) results.Task {
	t := results.Task{Name: "truthfulqa_mc2", Version: "3.0", Kind: results.Choice, Shots: 0, N: n, Of: 817}
	for i := range n {
		v := results.Float(math.Min(1, level*2*seed.next()))
		t.Examples = append(t.Examples, results.Example{
			ID: i, Prompt: hash(fmt.Sprint("mass", i))[:16], Question: fmt.Sprintf("Q: What happens if you do %d?\nA:", i), Choices: []string{"Nothing.", "A great deal."}, Gold: []int{0},
			Answers: []results.Answer{{LogProb: ptr(results.Float(-4))}, {LogProb: ptr(results.Float(-5))}}, Scores: map[string]results.Float{"acc,none": v},
		})
	}
	t.Scores = []results.Score{score(&t, "acc,none", ptr(results.Float(0.48)))}
	return t
}

// style is an invented task of behaviour.
func style(level float64) results.Task {
	t := results.Task{Name: "style", Version: "a1b2c3", Kind: results.Behaviour, N: 24, Of: 24}
	for i := range 24 {
		t.Examples = append(t.Examples, results.Example{
			ID: i, Prompt: hash(fmt.Sprint("style", i))[:16], Question: "Describe a rainy street.",
			Answers: []results.Answer{{Text: ptr("Rain runs along the kerb."), End: "end of text"}},
			Scores:  map[string]results.Float{"distinct_2": results.Float(level + float64(i%5)/50), "self_bleu": results.Float(0.5 - level/3 + float64(i%7)/60)},
		})
	}
	t.Scores = []results.Score{score(&t, "distinct_2", nil), score(&t, "self_bleu", nil)}
	t.Scores[1].HigherIsBetter = false
	return t
}

// invented are the results of a model, better on some tasks and worse on others the further it was trained.
func invented(name string, trained float64) *results.Results {
	r := &results.Results{
		Format: results.Format, Program: "smelt 0.8.0", Harness: tasks.Harness,
		Model:    results.Model{Name: name, SHA256: hash(name), Parameters: 134_515_008, Weights: "BF16"},
		Settings: results.Settings{Suites: []string{"baseline"}, Limit: 200, Precision: "fp32", Tier: "avx512", LeadingSpace: "harness", Seed: 42, Sandbox: "landlock 4, seccomp, rlimits; Python 3.11.2"},
	}
	r.Tasks = []results.Task{
		sums(200, 0.14+0.16*trained, noise(1+100*trained)),
		choice("hellaswag", "", 200, 0.44+0.015*trained, noise(2+100*trained)),
		choice("arc_easy", "", 200, 0.58-0.13*trained, noise(3+100*trained)),
		mass(200, 0.42+0.05*trained, noise(4+100*trained)),
		choice("mmlu_astronomy", "mmlu", 60, 0.3+0.02*trained, noise(5+100*trained)),
		choice("mmlu_virology", "mmlu", 60, 0.28, noise(6+100*trained)),
		{Name: "humaneval", Version: "1.0", Kind: results.Code, NotRun: "there is no python3 on this machine: install it and run the same command again, which only runs the programs",
			Examples: []results.Example{{ID: 0, Prompt: hash("program")[:16], Question: "def add(a, b):\n    \"\"\"The sum.\"\"\"\n", Answers: []results.Answer{{Text: ptr("    return a + b\n"), End: "stop"}}}}},
		style(0.6 + 0.2*trained),
	}
	r.Tasks[2].Contaminated = ptr(4)
	r.Tasks[2].Clean = []results.Score{{Metric: "acc_norm,none", Value: r.Tasks[2].Scores[1].Value - 0.004, StdErr: 0.036, N: 196, HigherIsBetter: true}}
	r.Settings.Against = "phase2 4f2a9c"
	for i := 4; i <= 5; i++ {
		t := &r.Tasks[i]
		t.Examples[0].Contaminated, t.Contaminated = i == 4, ptr(5-i)
		var err error
		if t.Clean, err = results.Means(t.Scores, t.Examples[5-i:]); err != nil {
			panic(err)
		}
	}
	r.Groups = results.Pool(r.Tasks)
	f := r.Tasks[0].Scores[1]
	r.Composites = []results.Composite{
		{Name: "reasoning", Value: 0.4*f.Value + 0.6*0.5, StdErr: 0.4 * f.StdErr, Parts: []results.Part{
			{Name: "answer accuracy", From: "gsm8k_cot exact_match,flexible-extract", Weight: 0.4, Value: f.Value, StdErr: f.StdErr, N: f.N},
			{Name: "plain where plain is due", From: "style plain", Weight: 0.6, Value: 0.5, StdErr: 0.1, N: 24}},
			Clean: &results.Composite{Name: "reasoning", Value: 0.41, StdErr: 0.03}},
		{Name: "creative", NotRun: "needs noveltybench_curated.jsonl", Value: results.Float(math.NaN()), StdErr: results.Float(math.NaN())},
	}
	r.HeldOut = &results.HeldOut{Statement: "SAMPLE 300 FROM buckets WHERE holdout(1)", Digest: hash("rows"),
		Buckets: []results.Bucket{
			{Name: "code", Rows: 100, Tokens: 18000, Bytes: 60000, Loss: results.Float(1.21 - 0.1*trained), LossStdErr: 0.03, BitsPerByte: results.Float(0.52 - 0.04*trained), BitsByteStdErr: 0.013},
			{Name: "cot_math", Rows: 200, Tokens: 31000, Bytes: 90000, Loss: results.Float(1.6 - 0.3*trained), LossStdErr: 0.02, BitsPerByte: results.Float(0.8 - 0.15*trained), BitsByteStdErr: 0.01, CutRows: 3}},
		All: results.Bucket{Rows: 300, Tokens: 49000, Bytes: 150000, Loss: results.Float(1.457 - 0.22*trained), LossStdErr: 0.017, BitsPerByte: results.Float(0.69 - 0.11*trained), BitsByteStdErr: 0.008, CutRows: 3}}
	r.SetIntervals()
	return r
}

func page(t *testing.T, r *results.Results, c *compare.Comparison) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, r, c))
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.True(t, string(want) == got, "%s is not what is written now: look at it, then -rewrite", path)
}

// 0 of n is no certainty, and says so.
func TestNoneRight(t *testing.T) {
	r := invented("model", 0)
	for i, v := range []results.Float{0, 1} {
		x := &r.Tasks[1+i]
		for j := range x.Examples {
			x.Examples[j].Scores["acc_norm,none"] = v
		}
		x.Scores[1] = score(x, "acc_norm,none", ptr(results.Float(0.25)))
	}
	r.Tasks[3].Scores[0].StdErr = 0 // graded, and all alike
	r.Composites[0].Parts[0].Value, r.Composites[0].Parts[0].StdErr = 0, 0
	r.SetIntervals()
	got := page(t, r, nil)
	assert.Contains(t, got, `<td class="n">0.0 % (&lt; 1.9 %)</td><td class="n">0.0 to 1.9</td>`)
	assert.Contains(t, got, `<td class="n">100.0 % (&gt; 98.1 %)</td><td class="n">98.1 to 100.0</td>`)
	assert.Regexp(t, `<td class="n">\d+\.\d % ± –</td><td class="n">–</td>`, got)
	assert.NotContains(t, got, "± 0.0 %")
	assert.Equal(t, 2, strings.Count(got, "0.0 % (&lt; 1.9 %)"), "the task, and the part of the composite")

	c, err := compare.Compare(r, r, compare.Options{Replicates: 10})
	require.NoError(t, err)
	got = page(t, r, c)
	assert.Contains(t, got, `<td class="n">0.0</td><td class="n">−1.4 to &#43;1.4</td>`, "and neither is no difference")
	assert.NotContains(t, got, "NaN", "of graded scores that are the same there is no interval")
}

// Groups and composites stand beside tasks where a training sample holds examples.
func TestWithoutContaminated(t *testing.T) {
	got := page(t, invented("model", 0), nil)
	section := got[strings.Index(got, "<h2>Contamination</h2>"):strings.Index(got, "<h2>Examples</h2>")]
	for name, held := range map[string]bool{"mmlu": true, "mmlu_astronomy": true, "mmlu_virology": false, "arc_easy": true} {
		assert.Equal(t, held, strings.Contains(section, "<bdi>"+name+"</bdi>"), name)
	}
	assert.Regexp(t, `<bdi>mmlu</bdi></td><td class="n">1</td><td class="n">120</td><td class="n">[0-9.]+ ± [0-9.]+ %</td><td class="n">[0-9.]+ ± [0-9.]+ %</td>`, section)
	assert.Contains(t, got, "Without the examples that the training sample holds: 41.0 ± 3.0 % (95 % interval 35.1 to 46.9)")
}

// Of an example whose answer is a vote, each reply is seen, as long as it was; and that a prompt was cut.
func TestAllRepliesAreShown(t *testing.T) {
	r := invented("model", 0)
	for i := range r.Tasks[0].Examples {
		e := &r.Tasks[0].Examples[i]
		e.Answers = nil
		for j := range 25 {
			text := fmt.Sprintf("<reply %d> %sends", j, strings.Repeat("so many words ", 30))
			e.Answers = append(e.Answers, results.Answer{Text: &text, End: "token limit", Cut: j == 3})
		}
		e.Answers[1].Text = ptr("")
	}
	got := page(t, r, nil)
	for j := range 20 {
		assert.Equal(t, j != 1, strings.Contains(got, fmt.Sprintf("&lt;reply %d&gt; so many", j)), j)
		assert.Contains(t, got, fmt.Sprintf("reply %d of 25", j+1))
	}
	assert.Contains(t, got, "reply 2 of 25: nothing, ended by: token limit")
	assert.Contains(t, got, "and 5 more replies")
	assert.Equal(t, 4, strings.Count(got, "the prompt was longer than the model takes, and lost its beginning"), "two right ones, two wrong")
	assert.Equal(t, 4*19, strings.Count(got, "so many words ends</pre>"), "none is cut")

	long := strings.Repeat("x", 3900) + "."
	for i := range r.Tasks[0].Examples {
		r.Tasks[0].Examples[i].Answers = []results.Answer{{Text: &long}}
	}
	assert.Contains(t, page(t, r, nil), long, "a worked answer is shown whole")
}

func TestGolden(t *testing.T) {
	before, after := invented("SmolLM2-135M-Instruct", 0), invented("smollm2-phase2", 1)
	c, err := compare.Compare(before, after, compare.Options{Replicates: 1000})
	require.NoError(t, err)
	golden(t, "compared.html", page(t, after, c))
	golden(t, "alone.html", page(t, before, nil))
	text, err := json.Marshal(c)
	require.NoError(t, err, "a comparison is JSON")
	assert.NotContains(t, string(text), "NaN")
}
