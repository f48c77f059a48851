package report

import (
	"cmp"
	"slices"

	"smelt/eval/compare"
	"smelt/eval/results"
)

// How many are shown of a task: right and wrong examples, flips of each direction, right answers and replies of an example.
const (
	mostExamples = 2
	mostFlips    = 15
	mostOfPart   = 2 // flips, for a part of a group: there are many parts
	mostWanted   = 5
	mostReplies  = 20
)

// taskPart is what the page shows of single examples of a task.
type taskPart struct {
	Name     string
	Metric   string
	Examples []example
	Total    int // that the task has
	Flips    *flips
}

// example is one that is shown.
type example struct {
	ID       int
	Mark     string // "right", "wrong", or the value of the metric
	Question string
	Wanted   []string
	Unwanted int // more right answers that are not shown
	Said     compare.Said
}

// flips are the examples that two models were right on by turns.
type flips struct {
	A, B           string // names
	Gained, Lost   int
	ShownG, ShownL []compare.Flip // B alone was right, A alone
}

// flipPair is a flip with the names of both models.
type flipPair struct {
	A, B string
	Flip compare.Flip
}

func taskParts(r *results.Results, c *compare.Comparison) []taskPart {
	var list []taskPart
	for i := range r.Tasks {
		t := &r.Tasks[i]
		part := taskPart{Name: t.Name, Total: len(t.Examples), Flips: flipsOf(t, c)}
		part.Metric, part.Examples = sampled(t)
		if len(part.Examples) > 0 || part.Flips != nil {
			list = append(list, part)
		}
	}
	return list
}

// sampled chooses examples to be shown: of those that were right in the primary metric, and of those that were
// wrong, those with the smallest hash of their prompts, which is as good as chance and the same for every model. Where
// a metric is more than right or wrong, above one half is right. Examples of behaviour, and of a task that was not run, are
// shown without a mark.
func sampled(t *results.Task) (metric string, list []example) {
	i := compare.Primary(t.Scores)
	marked := i >= 0 && t.Kind != results.Behaviour
	if i >= 0 {
		metric = t.Scores[i].Metric
	}
	sorted := make([]*results.Example, len(t.Examples))
	for i := range t.Examples {
		sorted[i] = &t.Examples[i]
	}
	slices.SortFunc(sorted, func(a, b *results.Example) int {
		return cmp.Or(cmp.Compare(a.Prompt, b.Prompt), cmp.Compare(a.ID, b.ID))
	})
	taken := map[string]int{}
	binary := marked && t.Counted(metric)
	for _, e := range sorted {
		kind, mark := "", ""
		if v, ok := e.Scores[metric]; marked && ok {
			kind = "wrong"
			if v > 0.5 {
				kind = "right"
			}
			mark = kind
			if !binary {
				mark = nats(v)
			}
		}
		if taken[kind]++; taken[kind] <= mostExamples {
			list = append(list, exampleOf(e, metric, mark))
		}
	}
	return metric, list
}

func exampleOf(e *results.Example, metric, mark string) example {
	wanted, more := few(compare.Wanted(e))
	return example{ID: e.ID, Mark: mark, Question: e.Question, Wanted: wanted, Unwanted: more, Said: compare.Answered(e, metric)}
}

func few(list []string) (first []string, more int) {
	n := min(len(list), mostWanted)
	return list[:n], len(list) - n
}

func flipsOf(task *results.Task, c *compare.Comparison) *flips {
	if c == nil {
		return nil
	}
	for _, t := range c.Tasks {
		if t.Name != task.Name || len(t.Flips) == 0 {
			continue
		}
		most := mostFlips
		if task.Group != "" {
			most = mostOfPart
		}
		f := &flips{A: c.A.Label, B: c.B.Label}
		for _, x := range t.Flips {
			x.Wanted, _ = few(x.Wanted)
			if x.Right == "b" {
				if f.Gained++; f.Gained <= most {
					f.ShownG = append(f.ShownG, x)
				}
			} else if f.Lost++; f.Lost <= most {
				f.ShownL = append(f.ShownL, x)
			}
		}
		return f
	}
	return nil
}
