package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"smelt/eval/exams"
	"smelt/eval/results"
	"smelt/query/ast"
)

// writeResults prints the figures of an evaluation.
func writeResults(w io.Writer, r *results.Results, l look) error {
	g := &grid{columns: []column{{"task", false}, {"metric", false}, {"n", true}, {"score", true}, {"± SE", true}, {"chance", true}}}
	alike := false
	row := func(name string, s *results.Score, share bool) {
		alike = alike || bounded(s.StdErr, s.Interval)
		chance := ""
		if s.Chance != nil {
			chance = figure(*s.Chance, share)
		}
		g.cells = append(g.cells, []painted{{text: visible(name)}, {text: metricName(s.Metric)}, {text: thousands(int64(s.N))},
			{text: figure(s.Value, share), ink: bold}, {text: spreadOf(s.Value, s.StdErr, s.Interval, share)}, {text: chance}})
	}
	var later notes
	for i := range r.Groups {
		later.addGroup(&r.Groups[i])
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		later.add(t, grouped(r, t.Group))
		if t.Group != "" && (grouped(r, t.Group) || t.NotRun != "") {
			continue // the group stands for its parts, which the report has
		}
		if t.NotRun != "" {
			g.cells = append(g.cells, []painted{{text: visible(t.Name)}, {}, {}, {"not run", yellow}, {}, {}})
		}
		for j := range t.Scores {
			row(t.Name, &t.Scores[j], t.Share(t.Scores[j].Metric))
		}
	}
	for i := range r.Groups {
		for j := range r.Groups[i].Scores {
			row(fmt.Sprintf("%s (%s)", r.Groups[i].Name, counted(int64(len(r.Groups[i].Tasks)), "task")), &r.Groups[i].Scores[j], true)
		}
	}
	if len(g.cells) > 0 {
		_, _ = fmt.Fprintln(w)
		if err := g.write(w, l); err != nil {
			return err
		}
	}
	for i := range r.Composites {
		c := &r.Composites[i]
		for _, p := range c.Parts {
			alike = alike || bounded(p.StdErr, p.Interval)
		}
		if err := writeComposite(w, c, l); err != nil {
			return err
		}
	}
	if r.HeldOut != nil {
		if err := writeHeldOut(w, r.HeldOut, l); err != nil {
			return err
		}
	}
	lines := later.lines()
	if alike {
		lines = append(lines, "< and >: none or all are right, where a standard error says nothing; the bound of the 95% interval (Wilson)")
	}
	if len(lines) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(w, "%s        %s\n", l.paint("note", yellow), visible(line)); err != nil {
			return err
		}
	}
	return nil
}

// grouped tells whether the results have the scores of a group.
func grouped(r *results.Results, name string) bool {
	return slices.ContainsFunc(r.Groups, func(g results.Group) bool { return g.Name == name })
}

// note is what a reader of scores must know, of all tasks that it is true of.
type note struct {
	text  string
	tasks []string
}

type notes []note

// add adds what is to be known of a task; of contamination nothing if it is part of a group, which says it of all.
func (n *notes) add(t *results.Task, part bool) {
	if t.NotRun != "" {
		n.put(t.Name, "not run: "+t.NotRun)
	}
	for _, text := range t.Notes {
		if text != exams.Invented { // which is said of all, once
			n.put(t.Name, text)
		}
	}
	if t.Contaminated != nil && !part {
		n.held(t.Name, *t.Contaminated, t.N, t.Clean, t.Share)
	}
}

func (n *notes) addGroup(g *results.Group) {
	if g.Contaminated != nil && len(g.Scores) > 0 {
		n.held(g.Name, *g.Contaminated, g.Scores[0].N, g.Clean, func(string) bool { return true })
	}
}

// held says how many examples the training sample holds, and the scores without them.
func (n *notes) held(name string, held, of int, clean []results.Score, share func(metric string) bool) {
	text := fmt.Sprintf("the training sample holds %s", countedOf(held, of, "example"))
	for i := range clean {
		if s := &clean[i]; held > 0 {
			text += fmt.Sprintf("; without them %s is %s (n %s)", metricName(s.Metric), measured(s.Value, s.StdErr, s.Interval, share(s.Metric)), thousands(int64(s.N)))
		}
	}
	n.put(name, text)
}

func (n *notes) put(task, text string) {
	at := slices.IndexFunc(*n, func(known note) bool { return known.text == text })
	if at < 0 {
		*n, at = append(*n, note{text: text}), len(*n)
	}
	(*n)[at].tasks = append((*n)[at].tasks, task)
}

// manyTasks is how many tasks a note names.
const manyTasks = 5

func (n notes) lines() []string {
	var lines []string
	for _, one := range n {
		names := one.tasks
		more := ""
		if len(names) > manyTasks {
			names, more = names[:manyTasks-1], fmt.Sprintf(" and %d more", len(names)-manyTasks+1)
		}
		lines = append(lines, strings.Join(names, ", ")+more+": "+one.text)
	}
	return lines
}

// writeComposite prints a composite with what it is made of.
func writeComposite(w io.Writer, c *results.Composite, l look) error {
	value := func(c *results.Composite) string {
		switch {
		case c.NotRun != "":
			return "not run: " + c.NotRun
		case c.Interval == nil:
			return measured(c.Value, c.StdErr, nil, true)
		}
		return fmt.Sprintf("%s (95%% interval %s to %s)", measured(c.Value, c.StdErr, nil, true), figure(c.Interval[0], true), figure(c.Interval[1], true))
	}
	_, _ = fmt.Fprintf(w, "\n%s score: %s\n", visible(c.Name), l.paint(visible(value(c)), bold))
	if c.Clean != nil && c.NotRun == "" {
		_, _ = fmt.Fprintf(w, "without the examples that the training sample holds: %s\n", visible(value(c.Clean)))
	}
	if len(c.Parts) == 0 {
		return nil
	}
	g := &grid{columns: []column{{"part", false}, {"from", false}, {"weight", true}, {"n", true}, {"value", true}, {"± SE", true}}}
	for i := range c.Parts {
		p := &c.Parts[i]
		g.cells = append(g.cells, []painted{{text: visible(p.Name)}, {text: visible(p.From)}, {text: fmt.Sprint(p.Weight)}, {text: thousands(int64(p.N))},
			{text: figure(p.Value, true)}, {text: spreadOf(p.Value, p.StdErr, p.Interval, true)}})
	}
	return g.write(w, l)
}

// writeHeldOut prints the loss on held-out rows.
func writeHeldOut(w io.Writer, h *results.HeldOut, l look) error {
	_, _ = fmt.Fprintf(w, "\nheld-out rows: %s\n", visible(h.Statement))
	g := &grid{columns: []column{{"bucket", false}, {"rows", true}, {"tokens", true}, {"bytes", true}, {"nats/token", true}, {"± SE", true}, {"bits/byte", true}, {"± SE", true}, {"cut", true}}}
	cells := func(name string, b *results.Bucket) []painted {
		return []painted{{text: visible(name)}, {text: thousands(int64(b.Rows))}, {text: thousands(b.Tokens)}, {text: thousands(b.Bytes)},
			{text: fixed(b.Loss), ink: bold}, {text: fixed(b.LossStdErr)}, {text: fixed(b.BitsPerByte), ink: bold}, {text: fixed(b.BitsByteStdErr)},
			{text: thousands(int64(b.CutRows))}}
	}
	for i := range h.Buckets {
		g.cells = append(g.cells, cells(h.Buckets[i].Name, &h.Buckets[i]))
	}
	g.footer = cells("all", &h.All)
	return g.orWithout(l, 2, 3).write(w, l) // tokens and bytes
}

// metricName is a metric's name without the filter where that says nothing.
func metricName(metric string) string {
	name, filter, _ := strings.Cut(metric, ",")
	if filter != "" && filter != "none" {
		name += ", " + filter
	}
	return visible(name)
}

// figure is a share in percent, or any other number; a dash is what cannot be known.
func figure(x results.Float, share bool) string {
	switch v := float64(x); {
	case math.IsNaN(v):
		return "-"
	case share:
		return fmt.Sprintf("%.1f%%", 100*v)
	default:
		return fmt.Sprintf("%.4g", v)
	}
}

// fixed is a loss, or what it has risen or sunk by, with as many decimals in each line.
func fixed(x results.Float) string {
	if math.IsNaN(float64(x)) {
		return "-"
	}
	return fmt.Sprintf("%.4f", float64(x))
}

// spread is a standard error.
func spread(x results.Float, share bool) string {
	switch v := float64(x); {
	case math.IsNaN(v):
		return "-"
	case share:
		return fmt.Sprintf("%.1f", 100*v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

// bounded tells whether all examples are alike, so that the standard error is 0 and says nothing, and a bound is known.
func bounded(stdErr results.Float, i *results.Interval) bool {
	return results.Alike(stdErr) && i != nil
}

// spreadOf is the standard error of a figure, or where all examples are alike the bound of its interval.
func spreadOf(v, stdErr results.Float, i *results.Interval, share bool) string {
	switch {
	case !results.Alike(stdErr):
		return spread(stdErr, share)
	case i == nil:
		return "-"
	case v == i[0]:
		return "<" + figure(i[1], share)
	default:
		return ">" + figure(i[0], share)
	}
}

// measured is a figure in words, with spreadOf.
func measured(v, stdErr results.Float, i *results.Interval, share bool) string {
	if bounded(stdErr, i) {
		return fmt.Sprintf("%s (%s)", figure(v, share), spreadOf(v, stdErr, i, share))
	}
	return fmt.Sprintf("%s ± %s", figure(v, share), spreadOf(v, stdErr, i, share))
}

// signed is a difference.
func signed(x results.Float, share bool) string {
	text := figure(x, share)
	if float64(x) > 0 {
		text = "+" + text
	}
	return strings.TrimSuffix(text, "%")
}

// nearestHint offers the entry that a wrong word is most like.
func nearestHint(word string, among []string) string {
	if name, ok := ast.Nearest(word, among); ok {
		return "; did you mean " + name + "?"
	}
	return ""
}
