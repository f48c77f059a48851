package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"smelt/compute/llama"
	"smelt/eval"
	"smelt/eval/journal"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

// ask asks what the journal does not know.
func (e *evaluation) ask(j *journal.Journal) (list []results.Task, err error) {
	path := e.answersPath()
	requests := eval.Requests(e.exams.List)
	known := 0
	for i := range requests {
		if j.Has(requests[i]) {
			known++
		}
	}
	e.total = len(requests)
	examples := 0
	for _, exam := range e.exams.List {
		examples += len(exam.Requests())
	}
	text := fmt.Sprintf("%s: %s, %s, %s", e.model.name(), counted(int64(len(e.exams.List)), "task"), counted(int64(examples), "example"), counted(int64(e.total), "question"))
	if known > 0 {
		text += fmt.Sprintf("; %s of the answers are in %s", thousands(int64(known)), path)
	}
	if err := e.say("%s", text); err != nil {
		return nil, err
	}
	list, err = e.answered(j, requests)
	if e.stats = j.Stats(); err != nil {
		return nil, e.stopped(err)
	}
	return list, nil
}

// answersPath is the file of the journal.
func (e *evaluation) answersPath() string { return filepath.Join(e.dir, journal.FileName) }

// open opens the journal; with --fresh, an empty one.
func (e *evaluation) open() (*journal.Journal, error) {
	path := e.answersPath()
	j, err := journal.Open(path, e.model.identity())
	switch {
	case errors.Is(err, journal.ErrInUse), errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%w, or give another --out", err)
	case err != nil || !e.cmd.Fresh:
		return j, err
	}
	if err := j.Close(); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // an empty one is gone already
		return nil, err
	}
	return journal.Open(path, e.model.identity())
}

// answered runs the exams and shows how far they are.
func (e *evaluation) answered(j *journal.Journal, requests []tasks.Request) ([]results.Task, error) {
	var open []tasks.Request
	for i := range requests {
		if !j.Has(requests[i]) {
			open = append(open, requests[i])
		}
	}
	cost := costs(open)
	var done, total int64
	for _, c := range cost {
		total += c
	}
	bar := e.newEffort("eval", total, time.Now)
	defer bar.finish()
	model := heard{e.model.answers, func(r *tasks.Request) { done += cost[r.Key()] }}
	return eval.Run(e.ctx, j.Wrap(model), e.exams.List, eval.Options{Progress: func(p eval.Progress) {
		note := ""
		if len(p.Exams) > 0 {
			note = p.Exams[0]
		}
		if len(p.Exams) > 1 {
			note += " ..."
		}
		if p.Marked > 0 {
			note += fmt.Sprintf(", marked %s", countedOf(p.Marked, p.Examples, "example"))
		}
		bar.set(done, countedOf(p.AllAnswered, p.Total, "answer"), note)
	}})
}

// stopped says of an error how to go on.
func (e *evaluation) stopped(err error) error {
	if errors.Is(err, llama.ErrMemory) {
		return fmt.Errorf("%w\n--memory lets it take more; smelt model convert makes a smaller model", err)
	}
	if !errors.Is(err, context.Canceled) && e.ctx.Err() == nil {
		return err
	}
	answers := e.stats.Known + e.stats.Asked
	return fmt.Errorf("evaluation: stopped after %s: %w\n%s", countedOf(answers, e.total, "answer"), context.Canceled, e.goOn())
}

// goOn says how to.
func (e *evaluation) goOn() string {
	same := "the same command"
	if e.cmd.Fresh {
		same += " without --fresh"
	}
	return fmt.Sprintf("%s goes on from there; the answers are in %s", same, e.answersPath())
}
