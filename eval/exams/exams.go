// Package exams makes exams of what a suite names and the data there is.
//
//	suite.Items ─┐
//	data folders ┼─▶ Make ─▶ exams, in the order of the items, to be asked by eval.Run
//	Options     ─┘           └ those whose data is missing ask nothing and say why
package exams

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"smelt/eval"
	"smelt/eval/probe"
	"smelt/eval/results"
	"smelt/eval/sandbox"
	"smelt/eval/suite"
	"smelt/eval/taskexam"
	"smelt/eval/tasks"
)

// Invented is the note on tasks whose data is tasks.Pack.
const Invented = "its examples are a few invented ones that show it at work; the scores say nothing of a model"

// Options say what exams are to ask. The zero value asks as the items say, of tasks.Pack.
type Options struct {
	Data  fs.FS // the user's files; nil is tasks.Pack, which every result says then
	Limit int   // examples of each, at most; 0: as the item says
	Shots *int  // worked examples of each task; nil: as the item says
	Chat  bool  // prompts of tasks stand in the model's chat template
	Bare  bool  // those of probes do not: the model has none
	Seed  uint64

	Sandbox   *sandbox.Sandbox
	NoSandbox error // why there is no Sandbox
}

// Exams are what is to be asked.
type Exams struct {
	List []eval.Exam
	Sets map[string]*tasks.Set // the examples of tasks, by the exam's name
}

// MissingError says which data is not there.
type MissingError struct{ Tasks []error }

// Error has a line for each file that is missing, with the first task that wants it, and for
// each task without examples.
func (e *MissingError) Error() string {
	var lines []string
	at, more := map[tasks.MissingError]int{}, map[int]int{}
	for _, err := range e.Tasks {
		if missing := (*tasks.MissingError)(nil); errors.As(err, &missing) {
			file := tasks.MissingError{File: missing.File, Source: missing.Source}
			if line, ok := at[file]; ok {
				more[line]++
				continue
			}
			at[file] = len(lines)
		}
		lines = append(lines, err.Error())
	}
	for line, n := range more {
		lines[line] += fmt.Sprintf(" (other tasks that want it: %d)", n)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns what is missing of each task: a *tasks.MissingError, or a tasks.ErrEmpty.
func (e *MissingError) Unwrap() []error { return e.Tasks }

// Make makes the exams of items. A file that is missing is an error, *MissingError, of the tasks that were asked for by
// name, all of them at once, and of all tasks if none has any example; another task of a suite asks nothing, and its
// result says where to get the data (results.Task.NotRun).
func Make(items []suite.Item, o Options) (*Exams, error) {
	made := &Exams{Sets: map[string]*tasks.Set{}}
	var named, others MissingError
	have := false
	for _, item := range items {
		if o.Limit > 0 && (item.Options.Limit == 0 || item.Options.Limit > o.Limit) {
			item.Options.Limit = o.Limit
		}
		list, err := made.of(&item, &o)
		missing := (*tasks.MissingError)(nil)
		switch {
		case errors.As(err, &missing) && item.Named:
			named.Tasks = append(named.Tasks, err)
		case missing != nil, errors.Is(err, tasks.ErrEmpty):
			others.Tasks = append(others.Tasks, err)
			made.List = append(made.List, absent{item.Task, err})
		case err != nil:
			return nil, err
		default:
			have = true
		}
		if o.Data == nil && item.File == "" {
			for i := range list {
				list[i] = noted{list[i], Invented}
			}
		}
		made.List = append(made.List, list...)
	}
	switch {
	case len(named.Tasks) > 0:
		return nil, &named
	case !have && len(others.Tasks) > 0:
		return nil, &others
	}
	return made, made.setsOfProbes(o.Data)
}

// of are the exams of one item.
func (e *Exams) of(item *suite.Item, o *Options) ([]eval.Exam, error) {
	data := o.Data
	if data == nil {
		data = tasks.Pack()
	}
	if item.Task == nil {
		return probe.New(item.Probe, probe.Options{Data: data, Limit: item.Options.Limit, Seed: o.Seed, Bare: o.Bare, Chat: o.Chat})
	}
	if item.File != "" { // for which nothing is invented
		data = os.DirFS(filepath.Dir(item.File))
		if o.Data != nil {
			data = Folders(data, o.Data)
		}
	}
	read := item.Options
	if o.Shots != nil {
		read.Shots = o.Shots
	}
	set, err := item.Task.Load(data, read)
	if missing := (*tasks.MissingError)(nil); errors.As(err, &missing) && item.File != "" {
		err = fmt.Errorf("%w; it is looked for beside the task's file, too", err)
	}
	if err != nil && item.File != "" {
		return nil, fmt.Errorf("%s: %w", item.File, err)
	}
	if err != nil {
		return nil, err
	}
	exam, err := taskexam.New(item.Task, set, taskexam.Options{Sandbox: o.Sandbox, NoSandbox: o.NoSandbox, Chat: o.Chat, Seed: o.Seed})
	if err != nil {
		return nil, err
	}
	e.Sets[item.Name] = set
	return []eval.Exam{exam}, nil
}

// absent is the exam of a task without data.
type absent struct {
	task *tasks.Task
	why  error
}

func (a absent) Name() string                { return a.task.Name }
func (a absent) Requests() [][]tasks.Request { return nil }

func (a absent) Mark(_ context.Context, i int, _ []tasks.Answer) (results.Example, error) {
	return results.Example{}, fmt.Errorf("task %s: there is no example %d: its data is missing", a.task.Name, i)
}

func (a absent) Result([]results.Example) (results.Task, error) {
	why := strings.TrimPrefix(a.why.Error(), "task "+a.task.Name+": ")
	return results.Task{Name: a.task.Name, Group: a.task.Group, Version: a.task.Version, Kind: taskexam.Kind(a.task), Shots: a.task.Shots, NotRun: why}, nil
}

// noted is an exam whose result has a note more.
type noted struct {
	eval.Exam
	note string
}

func (n noted) Result(examples []results.Example) (results.Task, error) {
	t, err := n.Exam.Result(examples)
	if t.NotRun == "" && len(t.Data) > 0 {
		t.Notes = append([]string{n.note}, t.Notes...)
	}
	return t, err
}
