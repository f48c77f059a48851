// Package reasoning makes the reasoning score of what the suite reasoning measured.
//
//	part              weight  of
//	accuracy             0.5  gsm8k_cot: answers that are right, wherever in the reply they stand
//	self-consistency     0.2  samples: questions that the vote of several sampled replies gets right
//	valid equations      0.2  gsm8k_cot: equations of the replies whose two sides are equal
//	form                0.05  gsm8k_cot: 1 - (flexible accuracy - strict accuracy)
//	plainness           0.05  plain: replies without a chain of thought, where none is due
//
// The weights are frozen: a score of today can be compared with one of any later day. They are a choice, not a
// finding. What counts most is that answers are right; voting is the same ability with less luck in it; valid
// equations are the steps, whether or not the answer came out right (a right answer can come from wrong steps:
// Golovneva et al. 2023, "ROSCOE", arXiv:2212.07919); form and plainness are manners, which training can spoil while
// accuracy grows. Models that reason badly have them too, so they weigh little.
//
// Still the score of a model that gets nothing right is not 0: it loses nothing by the form of right answers, and
// simple equations are easy. SmolLM2-135M-Instruct, on twelve questions of which it got one, had valid equations
// 0.77, form 0.92 and plainness 1. Read the parts; they stand beside the score.
package reasoning

import (
	"fmt"
	"math"
	"strings"

	"smelt/eval/measure"
	"smelt/eval/probe"
	"smelt/eval/results"
)

// What the score needs.
const (
	task     = "gsm8k_cot"
	flexible = "exact_match,flexible-extract"
	strict   = "exact_match,strict-match"
	samples  = string(probe.Samples)
	plain    = string(probe.Plain)
)

// part is a figure with how much each cluster of examples moves it.
type part struct {
	results.Part
	moves map[cluster]float64
}

// cluster is a question: the same in gsm8k_cot and in samples, whose examples are the same file's, and so no
// independent ones.
type cluster struct {
	plain bool
	id    int
}

// Score is the weighted sum of the parts. Each part's standard error, and that of the sum, is that of a sum over
// questions of how much each of them moves the figure (the delta method; linearisation, Liang & Zeger 1986): for the
// mean of n marks x with mean m a question moves it by (x - m)/n, and the share R of valid equations by (valid - R
// all)/(all of all questions). With s[q] the weighted sum over the parts of what question q moves, and G questions
//
//	sqrt( G/(G-1) * sum over q of s[q]^2 )
//
// where the questions of plain, which are others, are added as a second such sum. So what the parts have in common
// (three of them mark the same replies) is in it.
//
// If a part is missing there is no score, and NotRun says what it needs; the parts that are there are listed.
func Score(list []results.Task) results.Composite {
	c := results.Composite{Name: "reasoning", Value: results.Float(math.NaN()), StdErr: results.Float(math.NaN())}
	s := scorer{list: list}
	s.mean("accuracy", 0.5, task, flexible, func(x *results.Example) (float64, bool) { return mark(x, flexible) })
	s.mean("self-consistency", 0.2, samples, probe.SampleVote, func(x *results.Example) (float64, bool) { return mark(x, probe.SampleVote) })
	s.equations(0.2)
	s.mean("form", 0.05, task, "1 - ("+flexible+" - "+strict+")", func(x *results.Example) (float64, bool) {
		f, ok := mark(x, flexible)
		g, ok2 := mark(x, strict)
		return 1 - (f - g), ok && ok2
	})
	s.mean("plainness", 0.05, plain, plain, func(x *results.Example) (float64, bool) { return mark(x, plain) })

	sum, moves := 0.0, map[cluster]float64{}
	for i := range s.parts {
		p := &s.parts[i]
		p.StdErr = results.Float(spread(p.moves))
		sum += p.Weight * float64(p.Value)
		for q, by := range p.moves {
			moves[q] += p.Weight * by
		}
		c.Parts = append(c.Parts, p.Part)
	}
	if len(s.missing) > 0 {
		c.NotRun = "it needs " + strings.Join(s.missing, "; ")
		return c
	}
	c.Value, c.StdErr = results.Float(sum), results.Float(spread(moves))
	return c
}

// scorer gathers parts.
type scorer struct {
	list    []results.Task
	parts   []part
	missing []string
}

// find is the task of that name if it was run, with its examples.
func (s *scorer) find(name, what string) *results.Task {
	for i := range s.list {
		t := &s.list[i]
		if t.Name != name {
			continue
		}
		switch {
		case t.NotRun != "":
			s.missing = append(s.missing, fmt.Sprintf("%s of %s, which was not run", what, name))
			return nil
		case len(t.Examples) == 0:
			s.missing = append(s.missing, fmt.Sprintf("%s of %s, whose examples are not in the results", what, name))
			return nil
		}
		return t
	}
	s.missing = append(s.missing, fmt.Sprintf("%s of %s, which was not asked for (the suite reasoning asks for all it needs)", what, name))
	return nil
}

// mean adds the mean of a mark of a task's examples.
func (s *scorer) mean(name string, weight float64, from, metric string, of func(*results.Example) (float64, bool)) {
	t := s.find(from, name)
	if t == nil {
		return
	}
	n := float64(len(t.Examples))
	values, total := make([]float64, len(t.Examples)), 0.0
	for i := range t.Examples {
		v, ok := of(&t.Examples[i])
		if !ok {
			s.missing = append(s.missing, fmt.Sprintf("%s of %s, whose example %d has no mark for it", name, from, t.Examples[i].ID))
			return
		}
		values[i] = v
		total += v
	}
	p := part{results.Part{Name: name, From: from + " " + metric, Weight: weight, Value: results.Float(total / n), N: len(values)}, map[cluster]float64{}}
	for i, v := range values {
		p.moves[cluster{from == plain, t.Examples[i].ID}] += (v - total/n) / n
	}
	s.parts = append(s.parts, p)
}

// equations adds the share of the equations in the task's replies that are valid.
func (s *scorer) equations(weight float64) {
	const name = "valid equations"
	t := s.find(task, name)
	if t == nil {
		return
	}
	var all measure.Ratio
	ratios := make([]measure.Ratio, len(t.Examples))
	for i := range t.Examples {
		for _, a := range t.Examples[i].Answers {
			if a.Text != nil {
				ratios[i] = ratios[i].Plus(measure.CountEquations(*a.Text).Valid())
			}
		}
		all = all.Plus(ratios[i])
	}
	if all.Whole == 0 {
		s.missing = append(s.missing, fmt.Sprintf("%s of %s, in whose replies there are no equations", name, task))
		return
	}
	p := part{results.Part{Name: name, From: task + " valid equations", Weight: weight, Value: results.Float(all.Value())}, map[cluster]float64{}}
	for i, r := range ratios {
		if r.Whole > 0 {
			p.N++
		}
		p.moves[cluster{id: t.Examples[i].ID}] += (float64(r.Part) - all.Value()*float64(r.Whole)) / float64(all.Whole)
	}
	s.parts = append(s.parts, p)
}

func mark(x *results.Example, metric string) (float64, bool) {
	v, ok := x.Scores[metric]
	return float64(v), ok && !math.IsNaN(float64(v))
}
