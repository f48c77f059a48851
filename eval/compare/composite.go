package compare

import (
	"math"
	"slices"
	"strings"

	"smelt/eval/results"
)

// Composite is how B differs from A in a composite, such as the reasoning score. The standard error of the difference is
// that of questions drawn apart, sqrt(seA² + seB²), though both were asked the same. There is no test: what a composite
// is made of are tasks, which are tested.
type Composite struct {
	Name       string        `json:"name"`
	A          results.Float `json:"a"`
	B          results.Float `json:"b"`
	StdErrA    results.Float `json:"std_err_a"`
	StdErrB    results.Float `json:"std_err_b"`
	Difference results.Float `json:"difference"`
	StdErr     results.Float `json:"std_err"`
}

// composites compares those that both have, made of the same parts of the same examples.
func (c *Comparison) composites(a, b *results.Results) {
	for i := range a.Composites {
		x := &a.Composites[i]
		at := slices.IndexFunc(b.Composites, func(y results.Composite) bool { return y.Name == x.Name })
		if at < 0 {
			continue
		}
		y := &b.Composites[at]
		if why := c.unlike(x, y); why != "" {
			c.Skipped = append(c.Skipped, Skipped{x.Name + " score", why})
			continue
		}
		c.Composites = append(c.Composites, Composite{
			Name: x.Name, A: x.Value, B: y.Value, StdErrA: x.StdErr, StdErrB: y.StdErr, Difference: y.Value - x.Value,
			StdErr: results.Float(math.Hypot(float64(x.StdErr), float64(y.StdErr))),
		})
	}
}

// unlike says why two composites cannot be compared, or "". The tasks are compared before.
func (c *Comparison) unlike(a, b *results.Composite) string {
	switch {
	case a.NotRun != "":
		return "not run for the first: " + a.NotRun
	case b.NotRun != "":
		return "not run for the second: " + b.NotRun
	case !slices.EqualFunc(a.Parts, b.Parts, func(x, y results.Part) bool { return x.Name == y.Name && x.From == y.From && x.Weight == y.Weight }):
		return "it is made of other parts"
	}
	for _, p := range a.Parts {
		task, _, _ := strings.Cut(p.From, " ")
		if !slices.ContainsFunc(c.Tasks, func(t Task) bool { return t.Name == task && t.OnlyA == 0 && t.OnlyB == 0 }) {
			return "the examples of " + task + " are not the same"
		}
	}
	return ""
}
