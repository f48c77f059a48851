// Package results is what an evaluation leaves: every figure with how many examples it
// rests on and its standard error, and every example with what was asked, answered and
// scored.
//
//	{
//	  "format": 1,
//	  "model": {...},                                   indented, four levels deep
//	  "tasks": [
//	    {
//	      "name": "hellaswag",
//	      "scores": [
//	        {"metric":"acc,none","value":0.43,...},     what is deeper stands in one line,
//	      "examples": [
//	        {"id":0,"prompt":"9d0c1b...",...},          so that two files can be compared by line
//
// A file of results says nothing of when it was made, how fast, or on how many threads: the
// same model, data and settings give the same bytes, whether the run was interrupted or not.
package results

import (
	"encoding/json"
	"math"

	"smelt/eval/tasks"
)

// Format is the version of the form of a file. Read refuses others.
const Format = 1

// Results are what came of an evaluation.
type Results struct {
	Format     int         `json:"format"`
	Program    string      `json:"program"` // and its version
	Harness    string      `json:"harness"` // tasks.Harness
	Model      Model       `json:"model"`
	Settings   Settings    `json:"settings"`
	Tasks      []Task      `json:"tasks"`
	Groups     []Group     `json:"groups,omitempty"`
	Composites []Composite `json:"composites,omitempty"`
	HeldOut    *HeldOut    `json:"held_out,omitempty"`
}

// Model is what was evaluated.
type Model struct {
	Name       string `json:"name"`   // the last part of its path
	SHA256     string `json:"sha256"` // of all it computes with: weights, shape, tokenizer
	Parameters int64  `json:"parameters"`
	Weights    string `json:"weights"` // the type most of them are stored in: "BF16"
}

// Settings are what changes answers, beside the model and the tasks.
type Settings struct {
	Suites   []string `json:"suites,omitempty"`
	Limit    int      `json:"limit,omitempty"` // examples a task, from the first; 0 is all
	Shots    *int     `json:"shots,omitempty"` // worked examples, where they are not the task's own number
	Chat     bool     `json:"chat,omitempty"`  // prompts stand in the model's chat template
	Template string   `json:"template,omitempty"`
	// LeadingSpace is what becomes of the space that a SentencePiece tokenizer's texts begin with: "harness" leaves it
	// out, "keep" keeps it; "" where the tokenizer is of another kind.
	LeadingSpace string `json:"leading_space,omitempty"`
	Precision    string `json:"precision"`         // of products: "as stored" or "fp32"
	Tier         string `json:"tier"`              // of the CPU's kernels
	Seed         uint64 `json:"seed,omitempty"`    // of what is drawn
	Sandbox      string `json:"sandbox,omitempty"` // what held generated programs, and Python's version
	Against      string `json:"against,omitempty"` // the training sample that examples were looked for in: its name and digest
}

// The kinds of tasks.
const (
	Choice    = "choice"     // the most probable of given continuations
	Generated = "generation" // a text, of which an answer is taken
	Code      = "code"       // a program, which is run
	Behaviour = "behaviour"  // replies, which are measured
)

// Task is what came of a task.
type Task struct {
	Name    string       `json:"name"`
	Group   string       `json:"group,omitempty"`
	Version string       `json:"version"`
	Kind    string       `json:"kind"`
	Shots   int          `json:"shots"`
	N       int          `json:"n"`  // examples that were scored
	Of      int          `json:"of"` // that the data has
	Data    []tasks.File `json:"data,omitempty"`
	// NotRun is why there are no scores, or "".
	NotRun string  `json:"not_run,omitempty"`
	Scores []Score `json:"scores,omitempty"`
	// Contaminated counts the examples that the training sample holds, and Clean are the
	// scores without them; nil if no sample was named.
	Contaminated *int      `json:"contaminated,omitempty"`
	Clean        []Score   `json:"clean_scores,omitempty"`
	Notes        []string  `json:"notes,omitempty"` // what a reader of the scores must know, as prompts cut short
	Examples     []Example `json:"examples,omitempty"`
}

// Score is a figure.
type Score struct {
	Metric         string `json:"metric"` // as the harness prints it: "acc,none"
	Value          Float  `json:"value"`
	StdErr         Float  `json:"std_err"`
	N              int    `json:"n"`
	HigherIsBetter bool   `json:"higher_is_better"`
	Chance         *Float `json:"chance,omitempty"` // what guessing gives
	// Interval covers the true figure with probability Level: see IntervalOf. Nil where it is not known.
	Interval *Interval `json:"interval_95,omitempty"`
}

// Example is one example of a task.
type Example struct {
	ID           int               `json:"id"`       // its place in the data, from 0
	Prompt       string            `json:"prompt"`   // hash of all its requests, 16 hex digits: see PromptHash
	Question     string            `json:"question"` // what is asked, less worked examples
	Choices      []string          `json:"choices,omitempty"`
	Gold         []int             `json:"gold,omitempty"` // which of Choices are right
	Targets      []string          `json:"targets,omitempty"`
	Answers      []Answer          `json:"answers"`
	Found        map[string]string `json:"found,omitempty"` // in a generated answer, by filter
	Scores       map[string]Float  `json:"scores"`          // by metric
	Contaminated bool              `json:"contaminated,omitempty"`
}

// Answer is what the model said to one request: LogProb and Greedy of a continuation, or
// else Text and End.
type Answer struct {
	LogProb *Float  `json:"log_prob,omitempty"`
	Greedy  *bool   `json:"greedy,omitempty"`
	Text    *string `json:"text,omitempty"`
	End     string  `json:"end,omitempty"`    // why the text ended, as tasks.Answer has it
	Cut     bool    `json:"cut,omitempty"`    // the prompt was longer than the model takes, and lost its beginning
	Passed  *bool   `json:"passed,omitempty"` // the program ran to its end
}

// Group is the scores of several tasks taken together.
type Group struct {
	Name   string   `json:"name"`
	Tasks  []string `json:"tasks"`
	Scores []Score  `json:"scores"`
	// Contaminated and Clean are those of the tasks together; nil if one of them has none.
	Contaminated *int    `json:"contaminated,omitempty"`
	Clean        []Score `json:"clean_scores,omitempty"`
}

// Composite is a weighted sum of figures.
type Composite struct {
	Name     string    `json:"name"`
	Value    Float     `json:"value"`
	StdErr   Float     `json:"std_err"`
	Interval *Interval `json:"interval_95,omitempty"`
	Parts    []Part    `json:"parts"`
	NotRun   string    `json:"not_run,omitempty"` // why there is no value, or ""
	// Clean is the same without the examples that the training sample holds; nil if no sample was named.
	Clean *Composite `json:"clean,omitempty"`
}

// Part is a figure of a composite, from 0 to 1.
type Part struct {
	Name     string    `json:"name"`
	From     string    `json:"from"` // the task, and its metric
	Weight   float64   `json:"weight"`
	Value    Float     `json:"value"`
	StdErr   Float     `json:"std_err"`
	Interval *Interval `json:"interval_95,omitempty"`
	N        int       `json:"n"`
}

// HeldOut is how well the model foresees rows that are answers of no task.
type HeldOut struct {
	Statement string   `json:"statement"`
	Digest    string   `json:"digest"`
	Buckets   []Bucket `json:"buckets"`
	All       Bucket   `json:"all"`
	Useless   int      `json:"useless,omitempty"` // rows without an answer to foresee
}

// Bucket is how well the model foresees the learned tokens of a bucket's rows. Its standard
// errors are over rows, as clusters of tokens.
type Bucket struct {
	Name           string `json:"name,omitempty"`
	Rows           int    `json:"rows"`
	Tokens         int64  `json:"tokens"`
	Bytes          int64  `json:"bytes"`
	Loss           Float  `json:"loss"` // nats a token
	LossStdErr     Float  `json:"loss_std_err"`
	BitsPerByte    Float  `json:"bits_per_byte"`
	BitsByteStdErr Float  `json:"bits_per_byte_std_err"`
	CutRows        int    `json:"cut_rows,omitempty"` // that were longer than the model's context
	// ByRow is what the figures are ratios of, so that two models can be compared row by row; nil for all rows
	// together, and where they are too many to keep.
	ByRow []RowLoss `json:"by_row,omitempty"`
}

// RowLoss is how well the model foresees a row.
type RowLoss struct {
	Row      int   `json:"row"`  // its place in the sample, from 0
	Nats     Float `json:"nats"` // -ln p of its learned tokens, together
	Tokens   int64 `json:"tokens"`
	TextNats Float `json:"text_nats"` // the same less the tokens that end answers
	Bytes    int64 `json:"bytes"`     // of the text of those that are left
}

// Task returns the task of that name, or nil.
func (r *Results) Task(name string) *Task {
	for i := range r.Tasks {
		if r.Tasks[i].Name == name {
			return &r.Tasks[i]
		}
	}
	return nil
}

// Score returns the score of that metric, as "acc,none", or nil.
func (t *Task) Score(metric string) *Score {
	for i := range t.Scores {
		if t.Scores[i].Metric == metric {
			return &t.Scores[i]
		}
	}
	return nil
}

// Float is a number that JSON shows as null where it cannot be known (NaN), and as
// "Infinity" or "-Infinity" where it is that: the log-probability of what cannot be.
type Float float64

// MarshalJSON writes the shortest text that gives the same number.
func (f Float) MarshalJSON() ([]byte, error) {
	switch v := float64(f); {
	case math.IsNaN(v):
		return []byte("null"), nil
	case math.IsInf(v, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(v, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(v)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (f *Float) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "null":
		*f = Float(math.NaN())
		return nil
	case `"Infinity"`:
		*f = Float(math.Inf(1))
		return nil
	case `"-Infinity"`:
		*f = Float(math.Inf(-1))
		return nil
	}
	return json.Unmarshal(text, (*float64)(f))
}
