package report

import (
	"bytes"
	"html/template"
	"io"
	"math"
	"slices"

	"smelt/compute/chart"
	"smelt/eval/compare"
	"smelt/eval/results"
)

// figure is a score with what a reader needs to judge it.
type figure struct {
	results.Score
	Share    bool // in percent; otherwise as it is
	AtChance bool // the interval holds what guessing gives
	Primary  bool
}

// scoreRow is a task's figures.
type scoreRow struct {
	Name    string
	Shots   int
	N, Of   int
	Figures []figure
	Notes   []string
}

// scoreGroup is the rows of one kind.
type scoreGroup struct {
	Title  string
	Folded bool // parts of a group, which are many
	Rows   []scoreRow
}

func figureOf(s results.Score, share bool) figure {
	f := figure{Score: s, Share: share}
	if s.Chance != nil && s.Interval != nil {
		f.AtChance = s.Interval[0] <= *s.Chance && *s.Chance <= s.Interval[1]
	}
	return f
}

// figures are those of a task, the primary one first.
func figures(t *results.Task, list []results.Score) []figure {
	var out []figure
	for _, s := range list {
		out = append(out, figureOf(s, t.Share(s.Metric)))
	}
	if i := compare.Primary(list); t.Kind != results.Behaviour && i >= 0 {
		out[i].Primary = true
		out = slices.Concat(out[i:i+1], out[:i], out[i+1:])
	}
	return out
}

// groupFigures are those of a group: shares if those of all parts are.
func groupFigures(r *results.Results, g *results.Group, list []results.Score) []figure {
	var out []figure
	for _, s := range list {
		share := true
		for _, name := range g.Tasks {
			if t := r.Task(name); t != nil {
				share = share && t.Share(s.Metric)
			}
		}
		out = append(out, figureOf(s, share))
	}
	if i := compare.Primary(list); i >= 0 {
		out[i].Primary = true
	}
	return out
}

// scores are all figures: of tasks and groups, of the parts of groups, and of behaviour.
func scores(r *results.Results) []scoreGroup {
	tasks, behaviour := scoreGroup{Title: "Tasks"}, scoreGroup{Title: "Behaviour"}
	parts := map[string]*scoreGroup{}
	var order []string
	common := banners(r)
	for i := range r.Groups {
		g := &r.Groups[i]
		parts[g.Name] = &scoreGroup{Title: "Parts of " + g.Name, Folded: true}
		order = append(order, g.Name)
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		if t.NotRun != "" {
			continue
		}
		row := scoreRow{Name: t.Name, Shots: t.Shots, N: t.N, Of: t.Of, Figures: figures(t, t.Scores)}
		for _, n := range t.Notes {
			if !slices.Contains(common, n) {
				row.Notes = append(row.Notes, n)
			}
		}
		switch g := parts[t.Group]; {
		case g != nil:
			if len(g.Rows) == 0 { // the group stands where its first part would
				tasks.Rows = append(tasks.Rows, groupRow(r, t.Group))
			}
			g.Rows = append(g.Rows, row)
		case t.Kind == results.Behaviour:
			behaviour.Rows = append(behaviour.Rows, row)
		default:
			tasks.Rows = append(tasks.Rows, row)
		}
	}
	var list []scoreGroup
	for _, g := range append([]scoreGroup{tasks, behaviour}, inOrder(parts, order)...) {
		if len(g.Rows) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// groupRow is the row of a group, which r has.
func groupRow(r *results.Results, name string) scoreRow {
	g := &r.Groups[slices.IndexFunc(r.Groups, func(g results.Group) bool { return g.Name == name })]
	row := scoreRow{Name: g.Name, Figures: groupFigures(r, g, g.Scores)}
	for _, t := range r.Tasks {
		if slices.Contains(g.Tasks, t.Name) && t.NotRun == "" {
			row.N, row.Of, row.Shots = row.N+t.N, row.Of+t.Of, t.Shots
		}
	}
	return row
}

func inOrder(parts map[string]*scoreGroup, order []string) (list []scoreGroup) {
	for _, name := range order {
		list = append(list, *parts[name])
	}
	return list
}

// bars draws the primary figures; with a comparison, before and after on the examples that both have.
func bars(r *results.Results, c *compare.Comparison) (template.HTML, error) {
	b := chart.Bars{Page: "scores-", Title: "Scores"}
	before := map[string]*compare.Metric{}
	if c != nil {
		b.Before, b.Value = line(c.A.Label), line(c.B.Label)
		for i := range c.Tasks {
			if m := c.Tasks[i].Primary(); m != nil {
				before[c.Tasks[i].Name] = m
			}
		}
	}
	for _, g := range scores(r) {
		if g.Folded || g.Title == "Behaviour" {
			continue
		}
		for _, row := range g.Rows {
			for _, f := range row.Figures {
				if !f.Primary || !f.Share {
					continue
				}
				chance := math.NaN()
				if f.Chance != nil {
					chance = float64(*f.Chance)
				}
				one := chart.Bar{Name: name(row.Name) + ", n " + chart.Fixed(float64(f.N), 0), Note: metric(f.Metric), Chance: chance,
					Value: bar(f.Value, f.Interval)}
				if m := before[row.Name]; m != nil && m.Name == f.Metric {
					one.Value, one.Before = paired(m)
					one.Name = name(row.Name) + ", n " + chart.Fixed(float64(m.N), 0)
				}
				b.Rows = append(b.Rows, one)
			}
		}
	}
	if len(b.Rows) == 0 {
		return "", nil
	}
	return drawn(b.SVG)
}

// paired are the intervals of both sides of a comparison.
func paired(m *compare.Metric) (after chart.Interval, before *chart.Interval) {
	was := bar(m.A, results.IntervalOf(m.A, m.StdErrA, m.N, true, m.Share))
	return bar(m.B, results.IntervalOf(m.B, m.StdErrB, m.N, true, m.Share)), &was
}

// bar is a share with its interval, where it has one.
func bar(v results.Float, i *results.Interval) chart.Interval {
	if i == nil {
		return chart.Interval{Value: float64(v), Low: math.NaN(), High: math.NaN()}
	}
	return chart.Interval{Value: float64(v), Low: float64(i[0]), High: float64(i[1])}
}

func drawn(svg func(w io.Writer) error) (template.HTML, error) {
	var b bytes.Buffer
	err := svg(&b)
	return template.HTML(b.String()), err // package chart escapes every text
}

// banners are the notes that all tasks have.
func banners(r *results.Results) []string {
	var common []string
	first := true
	for _, t := range r.Tasks {
		switch {
		case t.NotRun != "":
		case first:
			common, first = slices.Clone(t.Notes), false
		default:
			common = slices.DeleteFunc(common, func(n string) bool { return !slices.Contains(t.Notes, n) })
		}
	}
	return common
}
