package probe

import (
	"encoding/json"
	"fmt"

	"smelt/eval/results"
	"smelt/eval/tasks"
)

// newRobustness asks arc_easy as it is, and with its questions changed in three ways that change no
// meaning, and counts as robust what is right in all four: the worst case over perturbations of HELM (Liang et al.
// 2022, arXiv:2211.09110, section 4.5), whose typos, lower case and extra space these are after.
func newRobustness(o *Options) (*exam, error) {
	const name, field = "edge_robustness", "question"
	task, err := tasks.Builtin("arc_easy")
	if err != nil {
		return nil, err
	}
	ask := task.Requests
	if o.Chat {
		ask = task.ChatRequests
	}
	e := &exam{task: results.Task{
		Name: name, Version: "1-" + task.Name + "-" + task.Version, Kind: results.Behaviour,
		Notes: []string{"the questions of " + task.Name + ", as they are and with " + field + " changed"},
	}}
	sets := make([]*tasks.Set, len(changes))
	for v, c := range changes {
		sets[v], err = task.Load(o.Data, tasks.Options{
			Limit: or(o.Limit, someExamples), Spread: true, By: "id",
			Rewrite: func(id int, row json.RawMessage) (json.RawMessage, error) {
				return rewrite(row, field, func(text string) string { return c.change(text, id) })
			},
		})
		if absent(err) {
			return notRun(name, results.Behaviour, err.Error()), nil
		}
		if err != nil {
			return nil, err
		}
	}
	first := sets[0]
	e.task.Shots, e.task.Of, e.task.Data = first.Shots, first.Of, first.Files
	chance := 0.0
	for i := range first.Docs {
		doc := &first.Docs[i]
		a := asked{id: doc.ID, question: doc.Question, choices: doc.Choices, gold: doc.Gold}
		for _, set := range sets {
			a.requests = append(a.requests, ask(&set.Docs[i])...)
		}
		e.asked = append(e.asked, a)
		chance += float64(len(doc.Gold)) / float64(len(doc.Choices)) / float64(len(first.Docs))
	}
	for _, c := range changes {
		e.metrics = append(e.metrics, metric{name: c.name, chance: chance})
	}
	e.metrics = append(e.metrics, metric{name: "worst_case"})
	e.mark = func(i int, answers []tasks.Answer) (map[string]float64, map[string]string, error) {
		scores, worst := map[string]float64{}, 1.0
		n := len(answers) / len(sets)
		for v, set := range sets {
			marks, err := task.Score(&set.Docs[i], answers[v*n:(v+1)*n])
			if err != nil {
				return nil, nil, err
			}
			scores[changes[v].name] = marks[accuracyKey]
			worst = min(worst, marks[accuracyKey])
		}
		scores["worst_case"] = worst
		return scores, nil, nil
	}
	return e, nil
}

const accuracyKey = "acc,none"

// rewrite changes a field of a row, which must be a string.
func rewrite(row json.RawMessage, field string, change func(string) string) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(row, &fields); err != nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal(fields[field], &text); err != nil {
		return nil, fmt.Errorf("robustness: the field %s is no string", field)
	}
	var err error
	if fields[field], err = json.Marshal(change(text)); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}
