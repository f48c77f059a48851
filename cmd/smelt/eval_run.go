package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"smelt/compute/kernel/cpu"
	"smelt/eval/contamination"
	"smelt/eval/exams"
	"smelt/eval/journal"
	"smelt/eval/probe"
	"smelt/eval/reasoning"
	"smelt/eval/results"
	"smelt/eval/sandbox"
	"smelt/eval/suite"
	"smelt/eval/tasks"
)

func (c *evalCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	items, err := c.items()
	if err != nil {
		return err
	}
	if c.List {
		return c.list(a)
	}
	e := &evaluation{app: a, cmd: c, items: items}
	if err := e.prepare(); err != nil {
		return err
	}
	defer e.model.close()
	return e.run()
}

// evaluation is an evaluation under way.
type evaluation struct {
	*app
	cmd   *evalCmd
	items []suite.Item
	exams *exams.Exams
	box   *sandbox.Sandbox // or nil
	model *evaluated
	seen  *contamination.Index // what the training sample holds; or nil
	in    string               // that sample
	dir   string
	stats journal.Stats
	total int // different requests

	rowsKnown, rowsRun int // held-out rows that were in the journal, and others
}

// prepare finds the data before the model is opened, so that what is missing is said at once.
func (e *evaluation) prepare() (err error) {
	c := e.cmd
	o := exams.Options{Limit: c.limit(), Shots: c.Shots, Chat: c.Chat, Seed: c.Seed}
	if len(c.Data) > 0 {
		o.Data = exams.Folders(folders(c.Data)...)
	}
	if slices.ContainsFunc(e.items, func(i suite.Item) bool { return i.Task != nil && i.Task.Code }) {
		e.box, o.NoSandbox = sandbox.New(e.ctx, sandbox.Options{Python: c.Python, Unsafe: c.UnsafeCode})
		if errors.Is(o.NoSandbox, sandbox.ErrUncontained) {
			o.NoSandbox = fmt.Errorf("%w; --unsafe-code runs it nevertheless", o.NoSandbox)
		}
		if err := e.ctx.Err(); err != nil {
			return err
		}
		o.Sandbox = e.box
	}
	if e.exams, err = exams.Make(e.items, o); err != nil {
		if missing := (*exams.MissingError)(nil); errors.As(err, &missing) && len(c.Data) == 0 {
			return fmt.Errorf("%w\n--data names the folder", err)
		}
		return err
	}
	if c.Against != nil {
		if len(e.exams.Sets) == 0 {
			return usagef("--against-sample looks for the examples of tasks, and none is asked: name one with --task or --suite")
		}
		if err := e.against(*c.Against); err != nil {
			return err
		}
	}
	if e.model, err = openEvaluated(e.app, runFlags{c.Model, c.Precision}, c.memoryFlag, c.Template, c.leading()); err != nil {
		return err
	}
	if e.model.template == nil {
		if c.Chat {
			err = usagef("--chat: the model has no chat template: --template gives it one")
		} else if o.Bare = true; slices.ContainsFunc(e.items, func(i suite.Item) bool { return i.Task == nil }) {
			e.exams, err = exams.Make(e.items, o)
		}
	}
	if err == nil {
		err = e.model.hash(e.ctx, e.app)
	}
	if err != nil {
		e.model.close()
	}
	return err
}

// run asks, and writes what came of it.
func (e *evaluation) run() (err error) {
	dir, undo, err := e.cmd.folder(e.model)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			undo()
		}
	}()
	e.dir = dir
	r := &results.Results{
		Format: results.Format, Program: "smelt " + thisBuild().Version, Harness: tasks.Harness,
		Model: results.Model{Name: e.model.name(), SHA256: e.model.sha256, Parameters: e.model.parameters(), Weights: e.model.weights()}, Settings: e.settings(),
	}
	j, err := e.open() // before there is work to do: it keeps others out of the folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	e.stats = j.Stats()
	if damaged := e.stats.Damaged; damaged > 0 {
		if err := e.say("%s: %s damaged and not used", e.answersPath(), counted(int64(damaged), "line")); err != nil {
			return err
		}
	}
	if e.cmd.asked() {
		if r.HeldOut, err = e.heldOut(j); err != nil {
			return err
		}
	}
	if len(e.exams.List) > 0 {
		if r.Tasks, err = e.ask(j); err != nil {
			return err
		}
	}
	if e.seen != nil {
		if err := e.seen.Mark(r.Tasks); err != nil {
			return err
		}
	}
	r.Groups = results.Pool(r.Tasks)
	if slices.ContainsFunc(e.items, func(i suite.Item) bool { return i.Probe == probe.Samples }) { // only that score needs it
		score := reasoning.Score(r.Tasks)
		if e.seen != nil {
			clean := reasoning.Score(results.Uncontaminated(r.Tasks))
			score.Clean = &clean
		}
		r.Composites = append(r.Composites, score)
	}
	return e.finish(r)
}

// settings are those that change answers.
func (e *evaluation) settings() results.Settings {
	c := e.cmd
	s := results.Settings{Suites: c.suites(e.items), Limit: c.limit(), Shots: c.Shots, Chat: c.Chat, Template: c.Template, Precision: "as stored", Tier: cpu.Active().String(), Seed: c.Seed, Against: e.in}
	if c.Precision == "fp32" {
		s.Precision = "fp32"
	}
	if e.model.tok.Family() == "sentencepiece" {
		s.LeadingSpace = c.LeadingSpace
	}
	if e.box != nil {
		_, version := e.box.Python()
		s.Sandbox = fmt.Sprintf("%s; Python %s", e.box.Level(), version)
	}
	return s
}

func folders(paths []string) (list []fs.FS) {
	for _, path := range paths {
		list = append(list, os.DirFS(path))
	}
	return list
}
