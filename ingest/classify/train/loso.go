package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"smelt/ingest/classify"
	"smelt/ingest/classify/internal/linear"
	"smelt/ingest/classify/measure"
)

// leaveOneOut classifies every data set by weights learned from the other
// sources, and prints how well.
func leaveOneOut(w io.Writer, sources []*source, prior *groups, wrong int) error {
	names := classify.Buckets()
	all, even, keyword := measure.NewConfusion(names), measure.NewConfusion(names), measure.NewConfusion(names)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "held out\tbucket\trows\tright\t%s\tkeyword rules\t\n", strings.Join(names, "\t"))
	var shown strings.Builder
	for i, s := range sources {
		if !s.public {
			continue
		}
		m, err := learn(slices.Delete(slices.Clone(sources), i, i+1), prior)
		if err != nil {
			return err
		}
		called, right, old := make([]int, len(names)), 0, 0
		left := wrong
		for j := range s.rows {
			e := &s.rows[j]
			evidence, _ := m.Evidence(&e.content)
			best, share := linear.Choose(evidence)
			called[best]++
			all.Add(names[e.bucket], names[best], 1)
			rule := measure.Keywords(&e.content)
			keyword.Add(names[e.bucket], rule, 1)
			if rule == names[e.bucket] {
				old++
			}
			if best == e.bucket {
				right++
			} else if left > 0 && j%7 == 0 {
				left--
				fmt.Fprintf(&shown, "%s called %s (%.2f): %s\n", s.name, names[best], share, oneLine(e))
			}
		}
		cells := make([]string, len(names))
		for k, n := range called {
			cells[k] = fmt.Sprint(n)
			// As if every source had a million rows.
			even.Add(names[s.rows[0].bucket], names[k], int64(n*1_000_000/len(s.rows)))
		}
		percent := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(len(s.rows))) }
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t\n", s.name, names[s.rows[0].bucket], len(s.rows), percent(right),
			strings.Join(cells, "\t"), percent(old))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n")
	fmt.Fprintf(t, "bucket\trows\tprecision\trecall\tF1\tF1, sources even\tF1 of keyword rules\t\n")
	byEven, byRule := even.Scores(), keyword.Scores()
	for k, s := range all.Scores() {
		if s.Rows == 0 {
			fmt.Fprintf(t, "%s\t0\tno data set; called so: %d\t\t\t\t\t\n", s.Bucket, s.Called)
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", s.Bucket, s.Rows, s.Precision, s.Recall, s.F1, byEven[k].F1, byRule[k].F1)
	}
	fmt.Fprintf(t, "macro\t\t\t\t%.3f\t%.3f\t%.3f\t\n", all.MacroF1(), even.MacroF1(), keyword.MacroF1())
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n"+shown.String())
	return err
}

func oneLine(e *example) string {
	c := &e.content
	asked, _ := c.FirstUser()
	answered, _ := c.LastAssistant()
	text := []rune(asked + " => " + answered)
	return fmt.Sprintf("%q", string(text[:min(len(text), 200)]))
}
