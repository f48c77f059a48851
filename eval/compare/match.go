package compare

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"smelt/eval/results"
)

// matched is a task with the examples that both have, in the order of A's.
type matched struct {
	Task
	pairs  []pair
	scores []results.Score // of both
	looked bool            // for the examples, in a training sample
}

type pair struct{ a, b *results.Example }

// match finds the tasks that can be compared, and notes the others.
func (c *Comparison) match(a, b *results.Results, only []string) ([]*matched, error) {
	for _, name := range only {
		if !slices.Contains(names(a, b), name) {
			return nil, fmt.Errorf("compare: neither result has a task %q; they have %s", name, strings.Join(names(a, b), ", "))
		}
	}
	wanted := func(t *results.Task) bool {
		return len(only) == 0 || slices.Contains(only, t.Name) || t.Group != "" && slices.Contains(only, t.Group)
	}
	skip := func(t *results.Task, why string) { c.Skipped = append(c.Skipped, Skipped{t.Name, why}) }

	var list []*matched
	groups := map[string]*matched{}
	for i := range a.Tasks {
		ta := &a.Tasks[i]
		if !wanted(ta) {
			continue
		}
		tb := b.Task(ta.Name)
		if tb == nil {
			skip(ta, "only the first has it")
			continue
		}
		if why := differ(ta, tb); why != "" {
			skip(ta, why)
			continue
		}
		m := &matched{Task: Task{Name: ta.Name, Group: ta.Group, Kind: ta.Kind, Shots: ta.Shots}, scores: shared(ta, tb), looked: ta.Contaminated != nil || tb.Contaminated != nil}
		m.join(ta.Examples, tb.Examples)
		switch {
		case len(m.pairs) == 0:
			skip(ta, fmt.Sprintf("no example has the same prompts and right answers among %d and %d", len(ta.Examples), len(tb.Examples)))
			continue
		case len(m.scores) == 0:
			skip(ta, "no metric has scores by example in both")
			continue
		}
		if len(only) > 0 && !slices.Contains(only, ta.Group) {
			m.Group = "" // asked for by itself
		}
		if m.Group != "" {
			g := groups[ta.Group]
			if g == nil {
				g = &matched{Task: Task{Name: ta.Group, Kind: ta.Kind, Shots: ta.Shots}, scores: m.scores, looked: true}
				groups[ta.Group] = g
				list = append(list, g)
			}
			g.add(m)
		}
		list = append(list, m)
	}
	for i := range b.Tasks {
		if tb := &b.Tasks[i]; wanted(tb) && a.Task(tb.Name) == nil {
			skip(tb, "only the second has it")
		}
	}
	return list, nil
}

// add puts a part into a group. The group keeps the metrics that all parts have.
func (m *matched) add(part *matched) {
	m.Parts = append(m.Parts, part.Name)
	m.Pairs += part.Pairs
	m.OnlyA += part.OnlyA
	m.OnlyB += part.OnlyB
	m.pairs = append(m.pairs, part.pairs...)
	m.looked = m.looked && part.looked
	m.scores = slices.DeleteFunc(slices.Clone(m.scores), func(s results.Score) bool {
		return !slices.ContainsFunc(part.scores, func(p results.Score) bool { return p.Metric == s.Metric })
	})
}

// differ says why two tasks of one name cannot be compared, or "".
func differ(a, b *results.Task) string {
	switch {
	case a.NotRun != "":
		return "not run for the first: " + a.NotRun
	case b.NotRun != "":
		return "not run for the second: " + b.NotRun
	case a.Version != b.Version:
		return fmt.Sprintf("versions %s and %s of the task", a.Version, b.Version)
	case a.Shots != b.Shots:
		return fmt.Sprintf("%d and %d worked examples before the question", a.Shots, b.Shots)
	case a.Kind != b.Kind:
		return fmt.Sprintf("a task of %s and one of %s", a.Kind, b.Kind)
	}
	return ""
}

// join pairs the examples that ask the same and have the same right answers: files of data are corrected at times. Of
// several that are the same, the first is paired with the first.
func (m *matched) join(a, b []results.Example) {
	key := func(e *results.Example) string { return fmt.Sprintf("%s %v %q", e.Prompt, e.Gold, e.Targets) }
	known := map[string][]*results.Example{}
	for i := range b {
		k := key(&b[i])
		known[k] = append(known[k], &b[i])
	}
	for i := range a {
		k := key(&a[i])
		same := known[k]
		if len(same) == 0 {
			m.OnlyA++
			continue
		}
		m.pairs = append(m.pairs, pair{&a[i], same[0]})
		known[k] = same[1:]
	}
	m.Pairs = len(m.pairs)
	m.OnlyB = len(b) - len(m.pairs)
}

// shared are the metrics that both tasks have, with scores by example, the primary one first.
func shared(a, b *results.Task) []results.Score {
	known := func(t *results.Task, metric string) bool {
		return slices.ContainsFunc(t.Scores, func(s results.Score) bool { return s.Metric == metric }) &&
			slices.ContainsFunc(t.Examples, func(e results.Example) bool { _, ok := e.Scores[metric]; return ok })
	}
	var list []results.Score
	for _, s := range a.Scores {
		if known(a, s.Metric) && known(b, s.Metric) {
			list = append(list, s)
		}
	}
	if i := Primary(list); i > 0 && a.Kind != results.Behaviour {
		first := list[i]
		list = slices.Insert(slices.Delete(list, i, i+1), 0, first)
	}
	return list
}

// Primary is the place of the metric that stands for a task among its scores, or -1 if there are none.
func Primary(list []results.Score) int {
	for _, metric := range []string{"acc_norm,none", "exact_match,flexible-extract"} {
		if i := slices.IndexFunc(list, func(s results.Score) bool { return s.Metric == metric }); i >= 0 {
			return i
		}
	}
	return min(0, len(list)-1)
}

// names are those of the tasks and their groups.
func names(list ...*results.Results) []string {
	set := map[string]bool{}
	for _, r := range list {
		for _, t := range r.Tasks {
			set[t.Name] = true
			set[cmp.Or(t.Group, t.Name)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
