package tasks

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Kind says what a request asks of a model.
type Kind uint8

const (
	// LogLikelihood asks how probable Continuation is after Context.
	LogLikelihood Kind = iota
	// Generate asks for text after Context, up to the first stop.
	Generate
)

func (k Kind) String() string {
	if k == Generate {
		return "generate"
	}
	return "loglikelihood"
}

// Request is one question to a model.
type Request struct {
	Kind         Kind
	Chat         bool   // Context is what a user says, to be put into the model's chat template
	System       string // of Chat: the system turn before; "" is none
	Shots        []Shot // of Chat: worked examples after it, as turns of the user and the assistant
	Context      string
	Continuation string   // of LogLikelihood
	Until        []string // of Generate: the text ends before the first of these
	MaxTokens    int      // of Generate
	Sampling     Sampling // of Generate
}

// Shot is a worked example. An empty answer is none.
type Shot struct{ Question, Answer string }

// Sampling is how tokens are chosen; the zero value takes the most probable.
type Sampling struct {
	Sample      bool    `json:"sample,omitempty"`
	Temperature float64 `json:"temperature,omitempty"` // 0 is the default of the sampler, 1
	TopP        float64 `json:"top_p,omitempty"`       // 0 is all
	TopK        int     `json:"top_k,omitempty"`       // 0 is all
	Seed        uint64  `json:"seed,omitempty"`        // of what is drawn: repeats of a request differ in it
}

// End is why a generated text ended.
type End string

// The reasons.
const (
	EndOfText End = "end of text" // the model ended it
	Stop      End = "stop"        // before one of Until
	TooLong   End = "too long"    // at MaxTokens, or where the model's context was full
)

// Answer is what came of a request.
type Answer struct {
	LogProb float64 // of the continuation's tokens, natural logarithm, summed
	Greedy  bool    // the continuation is what the model would have said
	Text    string  // what was generated, less the stop and what follows it (see CutAtStop)
	End     End     // why the text ended
	Cut     bool    // the context was longer than the model takes, and lost its beginning
	Passed  bool    // the program of a Code task ran to its end (see Task.Program)
}

// Doc is one example of a task.
type Doc struct {
	ID       int             // its place in the data, from 0
	Row      json.RawMessage // the fields, prepared
	Context  string          // the prompt: description, worked examples, question
	About    string          // the description, which Context begins with
	Question string          // the last part of Context: what is asked, less description and worked examples
	Prefix   string          // what begins the answer; Context ends with it
	Choices  []string        // of a multiple-choice task
	Gold     []int           // which of Choices are right
	Targets  []string        // the right answers of a generation task
	Shots    []int           // which examples of the pool stand before the question
	Worked   []Shot          // these examples

	values map[string]json.RawMessage
}

// Metric is one figure of a task. Its value for the set is the mean over the examples
// and its standard error that of a mean: the root of the sample variance over n.
type Metric struct {
	Name           string
	Filter         string // that answers pass first; "none" for multiple choice
	HigherIsBetter bool
}

// Key is the metric's name in scores, as the harness prints it: "acc,none".
func (m Metric) Key() string { return m.Name + "," + m.Filter }

// Task is a way to ask and to mark. It is safe for concurrent use.
type Task struct {
	Name    string
	Group   string // of tasks whose examples are counted together, or ""
	Version string // of the harness's task
	Shots   int    // worked examples before the question, unless Load is told otherwise
	Repeats int    // answers wanted to a Generate request
	Code    bool   // answers are programs to be run: see Program
	Source  string // where the data comes from
	Metrics []Metric

	kind    Kind
	spec    *spec
	forms   forms // of the question
	shot    forms // of the worked examples
	about   field // the description
	filters []filter
	metrics []metric
}

// Kind is the kind of all the task's requests.
func (t *Task) Kind() Kind { return t.kind }

// Requests are the questions doc comes to: one a choice, in order, or a single one to
// be answered Repeats times.
func (t *Task) Requests(doc *Doc) []Request {
	if t.kind == Generate {
		g := &t.spec.Generation
		return []Request{{
			Kind: Generate, Context: doc.Context, Until: t.spec.until(), MaxTokens: g.maxTokens(),
			Sampling: g.sampling(),
		}}
	}
	requests := make([]Request, len(doc.Choices))
	for i, choice := range doc.Choices {
		requests[i] = Request{Kind: LogLikelihood, Context: doc.Context, Continuation: t.spec.targetDelimiter() + choice}
	}
	return requests
}

// ChatRequests are Requests in a model's chat template, as the harness's
// --apply_chat_template asks them: the description is what the system says, worked examples are
// turns of the user and the assistant (--fewshot_as_multiturn, which that flag implies), and
// choices come without the delimiter before them.
func (t *Task) ChatRequests(doc *Doc) []Request {
	requests := t.Requests(doc)
	for i := range requests {
		r := &requests[i]
		r.Chat, r.System, r.Shots, r.Context = true, doc.About, doc.Worked, doc.Question
		if r.Kind == LogLikelihood {
			r.Continuation = doc.Choices[i]
		}
	}
	return requests
}

// Score marks the answers to doc's requests, one a choice or one a repeat, and gives
// the value of each metric by its Key.
func (t *Task) Score(doc *Doc, answers []Answer) (map[string]float64, error) {
	want := len(doc.Choices)
	if t.kind == Generate {
		want = t.Repeats
	}
	if len(answers) != want {
		return nil, fmt.Errorf("%s, example %d: %d answers where %d are due", t.Name, doc.ID, len(answers), want)
	}
	scores := make(map[string]float64, len(t.Metrics))
	if t.kind == LogLikelihood {
		for i, a := range answers {
			if math.IsNaN(a.LogProb) || a.LogProb > 0 {
				return nil, fmt.Errorf("%s, example %d, choice %d: %v is no log-probability", t.Name, doc.ID, i, a.LogProb)
			}
		}
		for _, m := range t.metrics {
			scores[m.name+",none"] = m.choice(doc, answers)
		}
		return scores, nil
	}
	texts := make([]string, len(answers))
	for i, a := range answers {
		texts[i] = a.Text
	}
	for _, f := range t.filters {
		got := f.apply(texts)
		for _, m := range t.metrics {
			if err := m.generated(doc, f.name, got, answers, scores); err != nil {
				return nil, fmt.Errorf("%s, example %d: %w", t.Name, doc.ID, err)
			}
		}
	}
	return scores, nil
}

// Filtered is what Score compares with the targets: the answer in text that each
// filter finds, by the filter's name.
func (t *Task) Filtered(texts []string) map[string]string {
	found := make(map[string]string, len(t.filters))
	for _, f := range t.filters {
		if got := f.apply(texts); len(got) > 0 {
			found[f.name] = got[0]
		}
	}
	return found
}

// Program is the Python program that judges the completion of a Code task: it is right
// if the program ends without an exception, and Answer.Passed says so to Score. The
// program is the prompt, the completion, a newline and the data set's test, as the
// metric code_eval of Hugging Face's evaluate 0.4 puts it together.
func (t *Task) Program(doc *Doc, completion string) (string, error) {
	if !t.Code || len(doc.Targets) != 1 {
		return "", errors.New("its answers are no programs")
	}
	var prompt string
	if json.Unmarshal(doc.values["prompt"], &prompt) != nil {
		return "", errors.New("it has no text in a field prompt, which a program begins with (unsafe_code)")
	}
	return prompt + completion + "\n" + doc.Targets[0], nil
}
