package probe

import (
	"fmt"
	"strings"

	"smelt/eval/measure"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

// someExamples is how many examples of a task are asked several times over, unless Options.Limit says.
const someExamples = 200

// Figures of the probe samples.
const (
	SampleVote      = "vote"      // the answer of most replies is right
	SampleAgreement = "agreement" // share of the replies that gave it
	SampleAccuracy  = "accuracy"  // share of the replies that are right
)

// newSamples asks each question of gsm8k_cot several times and lets the replies vote: self-consistency (Wang et al.
// 2023, arXiv:2203.11171). Temperature 0.7 and the 40 most probable tokens are the paper's for PaLM (section 3.1),
// which draws 40 replies where five are drawn here.
func newSamples(o *Options) (*exam, error) {
	const name, replies, temperature, topK = "samples", 5, 0.7, 40
	task, err := tasks.Builtin("gsm8k_cot")
	if err != nil {
		return nil, err
	}
	set, err := task.Load(o.Data, tasks.Options{Limit: or(o.Limit, someExamples), Spread: true})
	if absent(err) {
		return notRun(name, results.Generated, err.Error()), nil
	}
	if err != nil {
		return nil, err
	}
	e := &exam{task: results.Task{
		Name: name, Version: "1-" + task.Name + "-" + task.Version, Kind: results.Generated, Shots: set.Shots, Of: set.Of, Data: set.Files,
		Notes: []string{fmt.Sprintf("%d replies to each question of %s, sampled at temperature %v from the %d most probable tokens",
			replies, task.Name, temperature, topK)},
	}}
	for i := range set.Docs {
		doc := &set.Docs[i]
		var requests []tasks.Request
		ask := task.Requests
		if o.Chat {
			ask = task.ChatRequests
		}
		for j := range replies {
			r := ask(doc)[0]
			r.Sampling = tasks.Sampling{Sample: true, Temperature: temperature, TopK: topK, Seed: seedOf(o.Seed, j, doc.Context)}
			requests = append(requests, r)
		}
		e.asked = append(e.asked, asked{id: doc.ID, question: doc.Question, requests: requests, targets: doc.Targets})
	}
	e.metrics = []metric{{name: SampleVote}, {name: SampleAgreement}, {name: SampleAccuracy}}
	e.mark = func(i int, answers []tasks.Answer) (map[string]float64, map[string]string, error) {
		return markSamples(task, &set.Docs[i], answers)
	}
	return e, nil
}

// markSamples marks the replies one by one as the task does, and the one whose answer most of them gave.
func markSamples(task *tasks.Task, doc *tasks.Doc, answers []tasks.Answer) (map[string]float64, map[string]string, error) {
	given := make([]string, len(answers))
	right := make([]float64, len(answers))
	sum := 0.0
	for i, a := range answers {
		scores, err := task.Score(doc, []tasks.Answer{a})
		if err != nil {
			return nil, nil, err
		}
		right[i] = scores["exact_match,flexible-extract"]
		sum += right[i]
		given[i] = numeral(task.Filtered([]string{a.Text})["flexible-extract"])
	}
	vote, agreement := measure.Vote(given)
	scores := map[string]float64{SampleVote: 0, SampleAgreement: agreement.Value(), SampleAccuracy: sum / float64(len(answers))}
	for i := range given {
		if vote != "" && given[i] == vote {
			scores[SampleVote] = right[i]
			break
		}
	}
	return scores, map[string]string{SampleVote: vote}, nil
}

// numeral brings an answer to the form in which gsm8k compares it, and one without a digit to "".
func numeral(answer string) string {
	if !strings.ContainsAny(answer, "0123456789") {
		return ""
	}
	return strings.TrimSuffix(strings.NewReplacer(",", "", "$", "").Replace(answer), ".")
}
