package results

import (
	"fmt"
	"slices"

	"smelt/eval/stats"
)

// Means are scores of the metrics that like names: the mean over the examples of each, with its
// standard error (stats.Mean) as the harness has it. Of like, names and HigherIsBetter alone
// are used. An example without a score is an error.
func Means(like []Score, examples []Example) ([]Score, error) {
	scores := make([]Score, len(like))
	values := make([]float64, len(examples))
	for i, s := range like {
		for j := range examples {
			v, ok := examples[j].Scores[s.Metric]
			if !ok {
				return nil, fmt.Errorf("example %d has no score %q", examples[j].ID, s.Metric)
			}
			values[j] = float64(v)
		}
		e := stats.Mean(values)
		scores[i] = Score{Metric: s.Metric, Value: Float(e.Mean), StdErr: Float(e.StdErr), N: e.N, HigherIsBetter: s.HigherIsBetter}
	}
	return scores, nil
}

// Chance is what guessing gives, in acc and acc_norm as well as in the share of probability of
// truthfulqa_mc2: the mean over the examples of how many of the choices are right. It is nil if
// an example has no choices, or there is none.
func Chance(examples []Example) *Float {
	shares := make([]float64, len(examples))
	for i, e := range examples {
		if len(e.Choices) == 0 {
			return nil
		}
		right := slices.Compact(slices.Sorted(slices.Values(e.Gold)))
		shares[i] = float64(len(right)) / float64(len(e.Choices))
	}
	if len(shares) == 0 {
		return nil
	}
	chance := Float(stats.Mean(shares).Mean)
	return &chance
}

// Pool takes the tasks of each group together, by metric, weighted by examples, as the harness
// does (stats.Pool); and so the scores without contaminated examples, where all of them were
// looked for. A group has the tasks that have scores; one of which none has is left out.
func Pool(tasks []Task) []Group {
	var groups []Group
	members := map[string][]*Task{}
	for i := range tasks {
		t := &tasks[i]
		if t.Group == "" || len(t.Scores) == 0 {
			continue
		}
		if members[t.Group] == nil {
			groups = append(groups, Group{Name: t.Group})
		}
		members[t.Group] = append(members[t.Group], t)
	}
	for i := range groups {
		g := &groups[i]
		var scores, clean [][]Score
		held, looked := 0, true
		for _, t := range members[g.Name] {
			g.Tasks = append(g.Tasks, t.Name)
			scores, clean = append(scores, t.Scores), append(clean, t.Clean)
			if looked = looked && t.Contaminated != nil; looked {
				held += *t.Contaminated
			}
		}
		g.Scores = pool(scores)
		if looked {
			g.Contaminated, g.Clean = &held, pool(clean)
		}
	}
	return groups
}

// pool joins the scores of several tasks in the metrics that all of them have.
func pool(tasks [][]Score) []Score {
	var pooled []Score
	for _, like := range tasks[0] {
		var parts []stats.Estimate
		chance, known := 0.0, true
		for _, scores := range tasks {
			at := slices.IndexFunc(scores, func(s Score) bool { return s.Metric == like.Metric })
			if at < 0 {
				break
			}
			s := &scores[at]
			parts = append(parts, stats.Estimate{N: s.N, Mean: float64(s.Value), StdErr: float64(s.StdErr)})
			if s.N == 0 {
				continue
			}
			if known = known && s.Chance != nil; known {
				chance += float64(*s.Chance) * float64(s.N)
			}
		}
		if len(parts) < len(tasks) {
			continue
		}
		e := stats.Pool(parts)
		s := Score{Metric: like.Metric, Value: Float(e.Mean), StdErr: Float(e.StdErr), N: e.N, HigherIsBetter: like.HigherIsBetter}
		if known && e.N > 0 {
			v := Float(chance / float64(e.N))
			s.Chance = &v
		}
		pooled = append(pooled, s)
	}
	return pooled
}

// Uncontaminated are the tasks with those of their examples that the training sample does not
// hold, for a figure that is made of examples: their scores and counts stay as they are. A task
// of which none is left is not run.
func Uncontaminated(tasks []Task) []Task {
	list := slices.Clone(tasks)
	for i := range list {
		t := &list[i]
		if t.Contaminated == nil || *t.Contaminated == 0 {
			continue
		}
		t.Examples = slices.DeleteFunc(slices.Clone(t.Examples), func(e Example) bool { return e.Contaminated })
		if len(t.Examples) == 0 && t.NotRun == "" {
			t.NotRun = "the training sample holds all of its examples"
		}
	}
	return list
}
