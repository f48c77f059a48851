package results

import (
	"math"

	"smelt/eval/stats"
)

// Level is the probability with which intervals cover the true figure.
const Level = 0.95

// Interval is the lower and the upper bound of what a figure may truly be.
type Interval [2]Float

// IntervalOf is the interval of a figure, or nil where none is known. That of a counted one, the share of n examples that
// are right, is Wilson's, which says something where none or all are. Any other reaches 1.96 standard errors to both
// sides, that of a share not beyond 0 and 1; of examples that are all alike none is known.
func IntervalOf(value, stdErr Float, n int, share, counted bool) *Interval {
	v := float64(value)
	low, high := stats.Estimate{N: n, Mean: v, StdErr: float64(stdErr)}.Interval(Level)
	switch part := math.Round(v * float64(n)); {
	case counted && n > 0 && part >= 0 && part <= float64(n):
		low, high = stats.Wilson(int(part), n, Level)
	case share && v >= 0 && v <= 1:
		low, high = math.Max(0, low), math.Min(1, high)
	}
	if !counted && Alike(stdErr) || math.IsNaN(low) || math.IsNaN(high) || math.IsInf(low, 0) || math.IsInf(high, 0) {
		return nil
	}
	return &Interval{Float(low), Float(high)}
}

// Alike reports whether a standard error is that of examples which are all the same, but for rounding: it says nothing.
func Alike(stdErr Float) bool { return stdErr < 1e-12 }

// Counted reports whether every example is right or wrong in a metric, 1 or 0, and there is one.
func (t *Task) Counted(metric string) bool {
	some := false
	for i := range t.Examples {
		v, ok := t.Examples[i].Scores[metric]
		if ok && v != 0 && v != 1 {
			return false
		}
		some = some || ok
	}
	return some
}

// Share reports whether a figure of the task is a share, 0 to 1: those of behaviour are if they are counted.
func (t *Task) Share(metric string) bool { return t.Kind != Behaviour || t.Counted(metric) }

// SetIntervals gives every score, composite and part of one its interval, by the examples.
func (r *Results) SetIntervals() {
	set := func(list []Score, tasks []*Task) {
		for i := range list {
			s := &list[i]
			share, counted := true, len(tasks) > 0
			for _, t := range tasks {
				share, counted = share && t.Share(s.Metric), counted && t.Counted(s.Metric)
			}
			s.Interval = IntervalOf(s.Value, s.StdErr, s.N, share, counted)
		}
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		set(t.Scores, []*Task{t})
		set(t.Clean, []*Task{t})
	}
	for i := range r.Groups {
		g := &r.Groups[i]
		var members []*Task
		for _, name := range g.Tasks {
			if t := r.Task(name); t != nil {
				members = append(members, t)
			}
		}
		set(g.Scores, members)
		set(g.Clean, members)
	}
	for i := range r.Composites {
		r.Composites[i].setIntervals()
	}
}

// setIntervals gives a composite and its parts, which are shares, their intervals. A part of exactly 0 or 1 has no spread
// that its standard error could tell: it has Wilson's interval, and what that leaves open widens the composite's, by the
// squares of the distances, as the standard errors of parts that are independent do (Zou & Donner 2008, "Construction of
// confidence limits about effect measures"). Where a part has no interval, the composite has none.
func (c *Composite) setIntervals() {
	z := 1.959963984540054 // of Level
	below := math.Pow(z*float64(c.StdErr), 2)
	above, known := below, true
	for i := range c.Parts {
		p := &c.Parts[i]
		alike := p.Value == 0 || p.Value == 1
		p.Interval = IntervalOf(p.Value, p.StdErr, p.N, true, alike)
		known = known && p.Interval != nil
		if alike && known {
			below += math.Pow(p.Weight*float64(p.Value-p.Interval[0]), 2)
			above += math.Pow(p.Weight*float64(p.Interval[1]-p.Value), 2)
		}
	}
	low, high := float64(c.Value)-math.Sqrt(below), float64(c.Value)+math.Sqrt(above)
	if c.Interval = nil; known && !math.IsNaN(low) && !math.IsNaN(high) {
		c.Interval = &Interval{Float(math.Max(0, low)), Float(math.Min(1, high))}
	}
	if c.Clean != nil {
		c.Clean.setIntervals()
	}
}
