package suite

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/probe"
	"smelt/eval/tasks"
)

const ownTask = `
task: own
dataset_path: json
dataset_kwargs: {data_files: {test: own.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: q
doc_to_target: a
metric_list: [{metric: exact_match}]
`

// reader reads from files, whose paths have slashes.
func reader(files map[string]string) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		if text, ok := files[filepath.ToSlash(path)]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
}

// show writes items down, one a line.
func show(items []Item) string {
	var b strings.Builder
	for _, item := range items {
		b.WriteString(item.Name)
		if item.Probe != "" {
			b.WriteString(" probe")
		}
		o := item.Options
		if o.Limit > 0 {
			fmt.Fprintf(&b, " limit %d", o.Limit)
		}
		if o.Spread {
			b.WriteString(" spread")
		}
		if o.By != "" {
			b.WriteString(" by " + o.By)
		}
		if o.Shots != nil {
			fmt.Fprintf(&b, " shots %d", *o.Shots)
		}
		if item.File != "" {
			b.WriteString(" in " + filepath.ToSlash(item.File))
		}
		if item.Named {
			b.WriteString(" named")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func TestResolve(t *testing.T) {
	files := map[string]string{
		"dir/own.yaml": ownTask,
		"dir/mine.yaml": `
name: mine
tasks:
  - hellaswag
  - {task: gsm8k, limit: 100, shots: 3}
  - {task: arc, limit: 50, by: id}
  - own.yaml
probes: [plain, edge]
`,
		"nest.yaml": "name: nest\ntasks:\n  - {task: behaviour, limit: 3}\n",
	}
	for _, test := range []struct{ suites, names, want string }{
		{"baseline", "", "gsm8k\nhellaswag\nhumaneval\ntruthfulqa_mc1\ntruthfulqa_mc2\n"},
		{"reasoning", "", "gsm8k_cot\narc_challenge\nsamples probe\nplain probe\n"},
		{"behaviour", "", "style probe\ncreative probe\nanalytical probe\nedge probe\n"},
		{"quick", "", `hellaswag limit 200 spread by activity_label
arc_easy limit 200 spread by id
arc_challenge limit 200 spread by id
truthfulqa_mc1 limit 200 spread
truthfulqa_mc2 limit 200 spread
gsm8k limit 50 spread
humaneval limit 32 spread
`},
		{"", "truthfulqa style arc_easy", "truthfulqa_mc1 named\ntruthfulqa_mc2 named\nstyle probe named\narc_easy named\n"},
		{"reasoning", "arc plain", "gsm8k_cot\narc_challenge named\nsamples probe\nplain probe named\narc_easy named\n"},
		{"", "dir/own.yaml", "own in dir/own.yaml named\n"},
		{"dir/mine.yaml", "", `hellaswag
gsm8k limit 100 shots 3
arc_easy limit 50 spread by id
arc_challenge limit 50 spread by id
own in dir/own.yaml
plain probe
edge probe
`},
		{"nest.yaml", "", "style probe limit 3\ncreative probe limit 3\nanalytical probe limit 3\nedge probe limit 3\n"},
		// The larger part holds, whichever comes first.
		{"quick baseline", "", "hellaswag\narc_easy limit 200 spread by id\narc_challenge limit 200 spread by id\ntruthfulqa_mc1\ntruthfulqa_mc2\ngsm8k\nhumaneval\n"},
	} {
		items, err := Resolve(strings.Fields(test.suites), strings.Fields(test.names), reader(files))
		require.NoError(t, err, "%s %s", test.suites, test.names)
		assert.Equal(t, test.want, show(items), "%s %s", test.suites, test.names)
		for _, item := range items {
			assert.Equal(t, item.Probe == "", item.Task != nil)
		}
	}
	items, err := Resolve([]string{"all"}, nil, nil)
	require.NoError(t, err)
	assert.Len(t, items, len(tasks.Names())+len(probe.Kinds()))
	items, err = Resolve(nil, []string{"mmlu"}, nil)
	require.NoError(t, err)
	assert.Len(t, items, 57)
}

func TestResolveErrors(t *testing.T) {
	files := map[string]string{
		"own.yaml":     ownTask,
		"sub/own.yaml": ownTask,
		"gsm8k.yaml":   strings.Replace(ownTask, "task: own", "task: gsm8k", 1),
		"key.yaml":     "name: a\ntasks:\n  - hellaswag\n  - {task: gsm8k, limits: 3}\n",
		"top.yaml":     "name: a\ntask: [hellaswag]\n",
		"empty.yaml":   "name: a\n",
		"twice.yaml":   "name: a\ntasks: [{task: gsm8k, shots: 3}, gsm8k]\n",
		"spread.yaml":  "name: a\ntasks: [{task: gsm8k, spread: true}]\n",
		"limit.yaml":   "name: a\ntasks: [{task: gsm8k, limit: 0}]\n",
		"many.yaml":    "name: a\ntasks:\n  - {task: gsm8k, limit: many}\n",
		"void.yaml":    "",
		"other.yaml":   ownTask, // another file of the same folder
		"shots.yaml":   "name: a\ntasks: [{task: behaviour, shots: 3}]\n",
		"probe.yaml":   "name: a\nprobes: [stile]\n",
		"nobody.yaml":  "name: a\ntasks: [{limit: 3}]\n",
		"lost.yaml":    "name: a\ntasks: [away.yaml]\n",
	}
	for _, test := range []struct {
		suites, names, want string
		unknown             bool
	}{
		{"baselin", "", `there is no suite "baselin"; did you mean baseline?`, true},
		{"xyzzy", "", `there is no suite "xyzzy"; there are baseline, reasoning, quick, behaviour, all`, true},
		{"", "hellaswga", `there is no task "hellaswga"; did you mean hellaswag?`, true},
		{"", "ARC_EASY", "did you mean arc_easy?", true},
		{"arc", "", "arc is no suite: ask it with --task", true},
		{"style", "", "style is no suite: ask it with --task", true},
		{"", "quick", "quick is a suite: ask it with --suite", true},
		{"", "xyzzyplugh", "mmlu_SUBJECT", true},
		{"probe.yaml", "", "did you mean style?", true},
		{"key.yaml", "", `limits`, false},
		{"top.yaml", "", `unknown field "task"`, false},
		{"empty.yaml", "", "no tasks", false},
		{"twice.yaml", "", "different numbers of worked examples", false},
		{"spread.yaml", "", "give a limit", false},
		{"limit.yaml", "", "limit is 0: give 1 or more", false},
		{"many.yaml", "", "[3:26] here is a text where a whole number is due", false},
		{"own.yaml", "", "it is no suite but a task: ask it with --task", false},
		{"", "twice.yaml", "it is no task but a suite: ask it with --suite", false},
		{"", "void.yaml", "task: it has no name", false},
		{"", "own.yaml other.yaml", "two tasks are named own", false},
		{"shots.yaml", "", "no worked examples", false},
		{"nobody.yaml", "", "key task", false},
		{"lost.yaml", "", "away.yaml", false},
		{"away.yaml", "", "away.yaml", false},
		{"", "gsm8k.yaml", "another name", false},
		{"", "own.yaml sub/own.yaml", "two tasks are named own", false},
	} {
		_, err := Resolve(strings.Fields(test.suites), strings.Fields(test.names), reader(files))
		require.ErrorContains(t, err, test.want, "%s %s", test.suites, test.names)
		assert.Equal(t, test.unknown, errors.Is(err, ErrUnknown), "%v", err)
	}
	_, err := Resolve([]string{"key.yaml"}, nil, reader(files))
	assert.ErrorContains(t, err, "[4:", "the line of the unknown key")
}
