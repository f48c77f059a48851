package results

import (
	"errors"
	"fmt"
	"math"
)

// Check returns what is wrong with r, or nil: names that are missing or given twice, counts
// below 0, standard errors below 0, shares that are none, right choices that are not there, and
// answers that are not one a choice. Who reads results need not look for these again.
func (r *Results) Check() error {
	if r.Format != Format {
		return fmt.Errorf("%w: %d, where this program knows %d", ErrFormat, r.Format, Format)
	}
	seen := map[string]bool{}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		if t.Name == "" || seen[t.Name] {
			return fmt.Errorf("task %d: its name is %q, which is empty or another's", i, t.Name)
		}
		seen[t.Name] = true
		if err := t.check(); err != nil {
			return fmt.Errorf("task %s: %w", t.Name, err)
		}
	}
	for _, g := range r.Groups {
		if g.Contaminated != nil && *g.Contaminated < 0 {
			return fmt.Errorf("group %s: a count is below 0", g.Name)
		}
		if err := errors.Join(checkScores(g.Scores, false), checkScores(g.Clean, false)); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
		}
	}
	for i := range r.Composites {
		c := &r.Composites[i]
		if err := errors.Join(c.check(), c.Clean.check()); err != nil {
			return fmt.Errorf("composite %s: %w", c.Name, err)
		}
	}
	if h := r.HeldOut; h != nil {
		for _, b := range append([]Bucket{h.All}, h.Buckets...) {
			if b.Rows < 0 || b.Tokens < 0 || b.Bytes < 0 || b.CutRows < 0 || b.LossStdErr < 0 || b.BitsByteStdErr < 0 {
				return fmt.Errorf("held-out bucket %q: a count or standard error is below 0", b.Name)
			}
		}
	}
	return nil
}

func (t *Task) check() error {
	switch t.Kind {
	case Choice, Generated, Code, Behaviour:
	default:
		return fmt.Errorf("its kind is %q: it can be %s, %s, %s or %s", t.Kind, Choice, Generated, Code, Behaviour)
	}
	if t.N < 0 || t.Of < 0 || t.Shots < 0 || t.Contaminated != nil && *t.Contaminated < 0 {
		return errors.New("a count is below 0")
	}
	if err := errors.Join(checkScores(t.Scores, t.Kind != Behaviour), checkScores(t.Clean, t.Kind != Behaviour)); err != nil {
		return err
	}
	for i := range t.Examples {
		if err := t.Examples[i].check(t.Kind); err != nil {
			return fmt.Errorf("example %d: %w", t.Examples[i].ID, err)
		}
	}
	return nil
}

func (e *Example) check(kind string) error {
	if e.ID < 0 {
		return errors.New("its place is below 0")
	}
	for _, g := range e.Gold {
		if g < 0 || g >= len(e.Choices) {
			return fmt.Errorf("choice %d is right, of %d", g, len(e.Choices))
		}
	}
	for metric, v := range e.Scores {
		if kind != Behaviour && !isShare(v) {
			return fmt.Errorf("score %q is not within 0 and 1", metric)
		}
	}
	if kind != Choice {
		return nil
	}
	if len(e.Answers) != len(e.Choices) {
		return fmt.Errorf("%d answers to %d choices", len(e.Answers), len(e.Choices))
	}
	for i, a := range e.Answers {
		if a.LogProb == nil || !(*a.LogProb <= 0) {
			return fmt.Errorf("choice %d has no log-probability", i)
		}
	}
	return nil
}

func (c *Composite) check() error {
	if c == nil {
		return nil
	}
	odd := func(v Float) bool { return math.IsInf(float64(v), 0) }
	if c.StdErr < 0 || odd(c.StdErr) || odd(c.Value) {
		return fmt.Errorf("it is %v with standard error %v", c.Value, c.StdErr)
	}
	for _, p := range c.Parts {
		if p.N < 0 || p.StdErr < 0 || odd(p.StdErr) || odd(p.Value) {
			return fmt.Errorf("%s is %v with n %d and standard error %v", p.Name, p.Value, p.N, p.StdErr)
		}
	}
	return nil
}

// checkScores returns what is wrong with scores, which are shares or in units of their own.
func checkScores(scores []Score, shares bool) error {
	for _, s := range scores {
		if s.Metric == "" || s.N < 0 || s.StdErr < 0 || math.IsInf(float64(s.StdErr), 0) {
			return fmt.Errorf("score %q: n is %d, the standard error %v", s.Metric, s.N, s.StdErr)
		}
		if shares && !isShare(s.Value) || s.Chance != nil && !isShare(*s.Chance) {
			return fmt.Errorf("score %q: it or its chance is not within 0 and 1", s.Metric)
		}
	}
	return nil
}

func isShare(v Float) bool { return math.IsNaN(float64(v)) || v >= 0 && v <= 1 }
