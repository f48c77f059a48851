package exams

import (
	"io/fs"

	"smelt/eval/tasks"
)

// taskOf is the task whose examples an exam of a probe asks, or "".
func taskOf(exam string) string {
	switch exam {
	case "samples":
		return "gsm8k_cot"
	case "edge_robustness":
		return "arc_easy"
	}
	return ""
}

// setsOfProbes keeps the examples of tasks that probes ask, all of them, so that they can be looked for in training data
// as those of the tasks themselves.
func (e *Exams) setsOfProbes(data fs.FS) error {
	if data == nil {
		data = tasks.Pack()
	}
	for _, exam := range e.List {
		name := taskOf(exam.Name())
		if name == "" || len(exam.Requests()) == 0 {
			continue
		}
		task, err := tasks.Builtin(name)
		if err != nil {
			return err
		}
		if e.Sets[exam.Name()], err = task.Load(data, tasks.Options{}); err != nil {
			return err
		}
	}
	return nil
}
