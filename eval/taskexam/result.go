package taskexam

import (
	"fmt"

	"smelt/eval/results"
	"smelt/eval/tasks"
)

// Result sums the marked examples up: each metric's mean over the examples and its standard
// error, as the harness has them, and what guessing gives where there are choices. Examples of a
// task that is not run have no scores, and neither has the task.
func (e *Exam) Result(examples []results.Example) (results.Task, error) {
	t := results.Task{
		Name: e.task.Name, Group: e.task.Group, Version: e.task.Version, Kind: Kind(e.task), Shots: e.set.Shots,
		Of: e.set.Of, Data: e.set.Files, NotRun: e.notRun(), Notes: notes(examples), Examples: examples,
	}
	if t.NotRun != "" {
		return t, nil
	}
	t.N = len(examples)
	var metrics []results.Score
	for _, m := range e.task.Metrics {
		metrics = append(metrics, results.Score{Metric: m.Key(), HigherIsBetter: m.HigherIsBetter})
	}
	var err error
	if t.Scores, err = results.Means(metrics, examples); err != nil {
		return t, err
	}
	if t.Kind == results.Choice {
		for i := range t.Scores {
			t.Scores[i].Chance = results.Chance(examples)
		}
	}
	return t, nil
}

// Kind is the kind of a task, as results have it.
func Kind(t *tasks.Task) string {
	switch {
	case t.Code:
		return results.Code
	case t.Kind() == tasks.Generate:
		return results.Generated
	}
	return results.Choice
}

// notRun is why there are no scores, or "".
func (e *Exam) notRun() string {
	if !e.task.Code || e.options.Sandbox != nil {
		return ""
	}
	return e.options.NoSandbox.Error()
}

// notes say what a reader must know of the answers: prompts that lost their beginning, and
// texts that did not end by themselves.
func notes(examples []results.Example) []string {
	cut, long, texts := 0, 0, 0
	for _, x := range examples {
		lost := false
		for _, a := range x.Answers {
			lost = lost || a.Cut
			if a.Text != nil {
				texts++
			}
			if a.End == string(tasks.TooLong) {
				long++
			}
		}
		if lost {
			cut++
		}
	}
	var notes []string
	if cut > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d prompts were longer than the model's context and lost their beginning", cut, len(examples)))
	}
	if long > 0 {
		notes = append(notes, fmt.Sprintf("%d of %d answers were cut off at their longest", long, texts))
	}
	return notes
}
