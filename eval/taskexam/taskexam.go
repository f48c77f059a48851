// Package taskexam makes exams of tasks: it asks a task's requests, runs the programs of
// those that are about code, marks as the task says, and sums up.
//
//	tasks.Task ─┐
//	tasks.Set  ─┼─▶ New ─▶ Exam: Requests ─▶ ... ─▶ Mark ─▶ results.Example ─▶ Result ─▶ results.Task
//	Options    ─┘                                    │
//	                               completions ─▶ sandbox.Sandbox ─▶ passed or not
//
// A task about code without a sandbox has examples and no scores: the completions are in
// them, and the reason in NotRun. To run the programs later, evaluate again where they can be
// run; behind a journal (package journal) the model is asked nothing then.
package taskexam

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"smelt/eval/results"
	"smelt/eval/sandbox"
	"smelt/eval/tasks"
)

// Options say how a task is asked and marked. The zero value asks as the task says, and runs
// no program.
type Options struct {
	// Sandbox runs the programs of a task about code. If it is nil, such a task is not run,
	// and NoSandbox says why: what sandbox.New answered.
	Sandbox   *sandbox.Sandbox
	NoSandbox error
	Limits    sandbox.Limits // of each program

	// Chat puts each prompt into the model's chat template: see tasks.Task.ChatRequests.
	Chat bool

	// Seed is what the draws of sampled answers come from, if not 0; each example and repeat
	// draws differently.
	Seed uint64
}

// Exam asks and marks one task. It is safe for concurrent use.
type Exam struct {
	task    *tasks.Task
	set     *tasks.Set
	options Options
}

// New makes an exam of a task and its examples. A task that asks for a prefix to the answer
// cannot be asked in a chat template.
func New(task *tasks.Task, set *tasks.Set, o Options) (*Exam, error) {
	if o.Chat {
		for i := range set.Docs {
			if doc := &set.Docs[i]; doc.Prefix != "" {
				return nil, fmt.Errorf("task %s: it begins the model's answer (gen_prefix), which cannot be said in a chat template here: ask it without", task.Name)
			}
		}
	}
	if task.Code && o.Sandbox == nil && o.NoSandbox == nil {
		o.NoSandbox = errors.New("no sandbox was given to run programs in")
	}
	return &Exam{task, set, o}, nil
}

// Name is the task's.
func (e *Exam) Name() string { return e.task.Name }

// Requests are what each example asks: one request a choice, or one a repeat.
func (e *Exam) Requests() [][]tasks.Request {
	all := make([][]tasks.Request, len(e.set.Docs))
	for i := range e.set.Docs {
		all[i] = e.requests(&e.set.Docs[i])
	}
	return all
}

func (e *Exam) requests(doc *tasks.Doc) []tasks.Request {
	requests := e.task.Requests(doc)
	if e.options.Chat {
		requests = e.task.ChatRequests(doc)
	}
	if e.task.Kind() != tasks.Generate {
		return requests
	}
	repeated := make([]tasks.Request, e.task.Repeats)
	for i := range repeated {
		repeated[i] = requests[0]
		if r := &repeated[i]; r.Sampling.Sample {
			r.Sampling.Seed = draw(e.options.Seed, &requests[0], i)
		}
	}
	return repeated
}

// draw is the seed of a repeat of r: the first 8 bytes of SHA-256 over "smelt repeat 1", the
// run's seed and the repeat's number from 0 (uint64, little-endian), and r's key.
func draw(seed uint64, r *tasks.Request, repeat int) uint64 {
	b := binary.LittleEndian.AppendUint64([]byte("smelt repeat 1"), seed)
	b = binary.LittleEndian.AppendUint64(b, uint64(repeat))
	key := r.Key()
	sum := sha256.Sum256(append(b, key[:]...))
	return binary.LittleEndian.Uint64(sum[:])
}

// Mark marks the answers to example i. It runs the programs of a task about code, one after
// the other.
func (e *Exam) Mark(ctx context.Context, i int, answers []tasks.Answer) (results.Example, error) {
	doc := &e.set.Docs[i]
	x := results.Example{
		ID: doc.ID, Prompt: results.PromptHash(e.requests(doc)), Question: doc.Question,
		Choices: doc.Choices, Gold: doc.Gold, Targets: doc.Targets, Scores: map[string]results.Float{},
	}
	if e.task.Code && e.options.Sandbox != nil {
		var err error
		if answers, err = e.run(ctx, doc, answers); err != nil {
			return x, fmt.Errorf("%s, example %d: %w", e.task.Name, doc.ID, err)
		}
	}
	var texts []string
	for _, a := range answers {
		x.Answers = append(x.Answers, e.record(a))
		texts = append(texts, a.Text)
	}
	if e.task.Kind() == tasks.Generate && !e.task.Code {
		x.Found = e.task.Filtered(texts)
	}
	if e.notRun() != "" {
		return x, nil
	}
	scores, err := e.task.Score(doc, answers)
	if err != nil {
		return x, err
	}
	for metric, v := range scores {
		x.Scores[metric] = results.Float(v)
	}
	return x, nil
}

// run says of each completion whether its program ran to its end.
func (e *Exam) run(ctx context.Context, doc *tasks.Doc, answers []tasks.Answer) ([]tasks.Answer, error) {
	judged := append([]tasks.Answer(nil), answers...)
	for j := range judged {
		program, err := e.task.Program(doc, judged[j].Text)
		if err != nil {
			return nil, err
		}
		r, err := e.options.Sandbox.Run(ctx, sandbox.Program{Source: program}, e.options.Limits)
		if err != nil {
			return nil, err
		}
		judged[j].Passed = r.Completed
	}
	return judged, nil
}

// record is an answer as results have it.
func (e *Exam) record(a tasks.Answer) results.Answer {
	r := results.Answer{Cut: a.Cut}
	if e.task.Kind() == tasks.LogLikelihood {
		p := results.Float(a.LogProb)
		r.LogProb, r.Greedy = &p, &a.Greedy
		return r
	}
	r.Text, r.End = &a.Text, string(a.End)
	if e.task.Code && e.options.Sandbox != nil {
		r.Passed = &a.Passed
	}
	return r
}
