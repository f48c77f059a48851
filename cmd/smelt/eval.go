package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"smelt/eval/lm"
	"smelt/eval/results"
	"smelt/eval/suite"
)

type evalCmd struct {
	Model string   `placeholder:"PATH" help:"A GGUF file, or a folder with a Hugging Face model."`
	Suite []string `sep:"none" placeholder:"NAME|FILE" group:"What is asked:" help:"baseline, reasoning, quick, behaviour, all, or a suite of your own in YAML. Repeatable (default quick, unless tasks or rows are named)."`
	Task  []string `sep:"none" placeholder:"NAME|FILE" group:"What is asked:" help:"A task, a group of tasks (truthfulqa, arc, mmlu), a probe, or a task of your own in YAML. Repeatable."`
	Limit *int     `placeholder:"N" group:"What is asked:" help:"Ask N examples of each task at most: the first ones, or, where the suite or the probe does so, some from all over the data (default: all that the suite asks)."`
	Shots *int     `placeholder:"N" group:"What is asked:" help:"Worked examples before each question (default: the task's own number)."`
	Data  []string `sep:"none" placeholder:"DIR" group:"What is asked:" help:"A folder with the tasks' data. Repeatable. Without it a few invented examples show what happens."`
	List  bool     `group:"What is asked:" help:"List suites, tasks and probes, and whether their data is there; ask nothing."`

	heldOutFlags `group:"Held-out rows:"`

	Chat         bool    `group:"How:" help:"Put the prompts of tasks into the model's chat template (those of probes always are)."`
	Template     string  `placeholder:"NAME|FILE" group:"How:" help:"The chat template in place of the model's own."`
	Precision    string  `enum:"stored,fp32,as-stored" default:"stored" group:"How:" help:"stored multiplies bf16 weights in bf16 and quantised ones in int8; fp32 keeps activations in fp32, as lm-evaluation-harness with dtype=float32 (default stored)."`
	Seed         uint64  `default:"0" placeholder:"N" group:"How:" help:"Other draws where replies are sampled (default 0)."`
	LeadingSpace string  `enum:"harness,keep" default:"harness" group:"How:" help:"What becomes of the space that texts of SentencePiece tokenizers begin with: harness leaves it out, as lm-evaluation-harness does, to the harm of humaneval; keep is right (default harness)."`
	Python       string  `placeholder:"PATH" group:"How:" help:"The Python 3 that runs generated programs (default python3)."`
	UnsafeCode   bool    `group:"How:" help:"Run generated programs even where this machine cannot contain them."`
	Against      *string `name:"against-sample" placeholder:"NAME|DIGEST" group:"How:" help:"A kept sample the model was trained on: mark the examples it holds, and give the scores without them, too."`
	memoryFlag   `group:"How:"`

	Out    string `placeholder:"DIR" group:"Results:" help:"Where results go (default ./evals/NAME-HASH of the model)."`
	Report string `placeholder:"FILE" group:"Results:" help:"Where the HTML report goes (default report.html in the folder)."`
	Fresh  bool   `group:"Results:" help:"Ask everything anew: forget the answers in the folder."`
}

// Help is shown by: smelt eval --help.
func (*evalCmd) Help() string {
	return `Asks a model what lm-evaluation-harness asks, with the same prompts and the same scoring, and says how sure the
figures are. Every answer is kept as it comes: Ctrl-C and even kill -9 lose nothing, the same command goes on, and
a second run asks nothing. A model that cannot be loaded, and a program that cannot be run, score nothing, never 0.

  smelt eval --model ./phase1/merged_model --suite baseline --suite reasoning --data ./eval-data
  smelt eval --model ./SmolLM2 --suite quick --data ./eval-data --precision fp32
  smelt eval --model ./SmolLM2 --task hellaswag --task gsm8k --limit 200 --data ./eval-data --out before
  smelt eval --model ./SmolLM2 --query 'SAMPLE 500 FROM buckets WHERE holdout(2)'
  smelt eval --model ./SmolLM2 --suite mine.yaml --data ./eval-data --against-sample phase1
  smelt eval --list --data ./eval-data

The folder gets results.json (figures, settings and every example), report.html (stands alone) and answers.journal.
smelt compare says whether one model is better than another. Scores are percent with their standard error;
loss is nats a token; 1 MB is 1,000,000 bytes. docs/eval.md says what each figure means. Exit codes: 0 evaluated,
whatever came of it; 1 it failed or was stopped; 2 the words were wrong.`
}

// check refuses flags that do not go together.
func (c *evalCmd) check() error {
	switch {
	case c.Model == "" && !c.List:
		return usagef("say what to evaluate: --model PATH")
	case c.Limit != nil && *c.Limit < 1:
		return usagef("--limit %d: give 1 or more; without it all examples are asked", *c.Limit)
	case c.Shots != nil && *c.Shots < 0:
		return usagef("--shots %d: give 0 or more", *c.Shots)
	}
	if c.Precision == "as-stored" { // as results call it
		c.Precision = "stored"
	}
	for _, dir := range c.Data {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return usagef("--data %s: there is no such folder", dir)
		}
	}
	if err := folderFor("--report", c.Report); err != nil {
		return err
	}
	if c.Out != "" {
		if info, err := os.Stat(c.Out); err == nil && !info.IsDir() {
			return usagef("--out %s: this is a file; results need a folder", c.Out)
		}
	}
	if !c.asked() {
		return nil
	}
	return c.heldOutFlags.check()
}

// folderFor refuses a file that a flag names in a folder that is not there, before there is work to lose.
func folderFor(flag, path string) error {
	if path == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return usagef("%s %s: there is no folder %s", flag, path, filepath.Dir(path))
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef("%s %s: this is a folder; name a file in it", flag, path)
	}
	return nil
}

// items are the tasks and probes that the flags name.
func (c *evalCmd) items() ([]suite.Item, error) {
	suites := c.Suite
	if len(suites)+len(c.Task) == 0 && !c.asked() {
		suites = []string{"quick"}
	}
	items, err := suite.Resolve(suites, c.Task, os.ReadFile)
	if errors.Is(err, suite.ErrUnknown) || errors.Is(err, os.ErrNotExist) {
		return nil, usagef("%s\nsmelt eval --list shows what there is", strings.Replace(err.Error(), suite.ErrUnknown.Error()+": ", "", 1))
	}
	return items, err
}

func (c *evalCmd) leading() lm.LeadingSpace {
	if c.LeadingSpace == "keep" {
		return lm.Keep
	}
	return lm.Harness
}

// defaultOut is the folder that has an evaluation's folder, unless --out names one.
const defaultOut = "evals"

// folder is where results go. It is made, and removed again by the function returned if nothing came of it. One with
// results of another model is refused, unless all is to be made anew.
func (c *evalCmd) folder(m *evaluated) (dir string, undo func(), err error) {
	path := []string{c.Out}
	if c.Out == "" {
		path = []string{defaultOut, filepath.Join(defaultOut, m.name()+"-"+m.sha256[:8])}
	}
	dir = path[len(path)-1]
	if known, err := results.Read(dir); err == nil && known.Model.SHA256 != m.sha256 && !c.Fresh {
		return "", nil, usagef("%s has results of another model: %s, %.8s; this is %s, %.8s\ngive another --out, or --fresh to replace them", dir, known.Model.Name, known.Model.SHA256, m.name(), m.sha256)
	}
	made := slices.DeleteFunc(path, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
	undo = func() {
		for _, path := range slices.Backward(made) {
			_ = os.Remove(path) // if it is empty
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("%w\n--out names another folder", err)
	}
	return dir, undo, nil
}

// limit is how many examples of a task are asked at most, or 0 for all.
func (c *evalCmd) limit() int {
	if c.Limit == nil {
		return 0
	}
	return *c.Limit
}

// suites are the names of the suites, for the results.
func (c *evalCmd) suites(items []suite.Item) []string {
	if len(c.Suite) == 0 && len(items) > 0 && !slices.ContainsFunc(items, func(i suite.Item) bool { return i.Named }) {
		return []string{"quick"}
	}
	return c.Suite
}

func countedOf(done, total int, thing string) string {
	return fmt.Sprintf("%s of %s", thousands(int64(done)), counted(int64(total), thing))
}
