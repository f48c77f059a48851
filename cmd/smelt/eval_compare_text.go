package main

import (
	"fmt"
	"io"
	"math"
	"strings"

	"smelt/eval/compare"
	"smelt/eval/judge"
	"smelt/eval/results"
)

// writeComparison prints how B differs from A: the verdict first, then the figures, then some
// examples.
func writeComparison(w io.Writer, c *comparison, flips int, l look) error {
	_, _ = fmt.Fprintf(w, "A           %s\nB           %s\n\n%s\n\n", visible(sideText(c.A)), visible(sideText(c.B)), l.paint(visible(c.Summary), bold))
	if g := differencesGrid(c.Comparison); len(g.cells) > 0 {
		if err := g.orWithout(l, 7, 10).write(w, l); err != nil { // p and what could show
			return err
		}
	}
	for _, x := range c.Composites {
		_, _ = fmt.Fprintf(w, "\n%s score: A %s ± %s, B %s ± %s, B - A %s ± %s (as of questions drawn apart, and not tested: its parts are)\n", visible(x.Name),
			figure(x.A, true), spread(x.StdErrA, true), figure(x.B, true), spread(x.StdErrB, true), signed(x.Difference, true), spread(x.StdErr, true))
	}
	if err := writeLossDifferences(w, c.HeldOut, l); err != nil {
		return err
	}
	if c.Judge != nil {
		if err := writeJudgement(w, c.Judge, l); err != nil {
			return err
		}
	}
	for i := range c.Tasks {
		if err := writeFlips(w, &c.Tasks[i], flips, l); err != nil {
			return err
		}
	}
	var said notes
	for _, s := range c.Skipped {
		said.put(s.Task, "not compared: "+s.Why)
	}
	for i := range c.Tasks {
		if t := &c.Tasks[i]; (t.OnlyA > 0 || t.OnlyB > 0) && t.Group == "" {
			said.put(t.Name, fmt.Sprintf("left out are %s that A alone was asked and %s that B alone was", counted(int64(t.OnlyA), "example"), thousands(int64(t.OnlyB))))
		}
	}
	lines := append(said.lines(), c.Warnings...)
	if len(lines) > 0 {
		_, _ = fmt.Fprintln(w)
	}
	for _, line := range lines {
		_, _ = fmt.Fprintf(w, "%s        %s\n", l.paint("note", yellow), visible(line))
	}
	_, err := fmt.Fprintf(w, "\n± is the standard error of the difference, or < or > the bound of its 95%% interval where no example differs, or all.\nq is p after Benjamini and Hochberg; a verdict needs q of %g or less.\n", c.Level)
	return err
}

func sideText(s compare.Side) string {
	return s.Label + "  " + s.SHA256[:min(len(s.SHA256), 16)]
}

// differencesGrid has a row a metric, the parts of groups left out.
func differencesGrid(c *compare.Comparison) *grid {
	g := &grid{columns: []column{{"task", false}, {"metric", false}, {"n", true}, {"A", true}, {"B", true}, {"B - A", true}, {"± SE", true}, {"p", true}, {"q", true}, {"verdict", false}, {"could show", true}}}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if t.Group != "" && len(c.Tasks) > 1 {
			continue
		}
		for j := range t.Metrics {
			m := &t.Metrics[j]
			share := t.Kind != results.Behaviour || m.Share
			style := plain
			switch m.Verdict {
			case compare.Better:
				style = green
			case compare.Worse:
				style = yellow
			}
			g.cells = append(g.cells, []painted{{text: visible(t.Name)}, {text: metricName(m.Name)}, {text: thousands(int64(m.N))},
				{text: figure(m.A, share)}, {text: figure(m.B, share)}, {text: signed(m.Difference, share), ink: bold}, {text: differenceSpread(m, share)},
				{text: probability(m.P)}, {text: probability(m.Q)}, {text: string(m.Verdict), ink: style}, {text: spread(m.Detectable, share)}})
		}
	}
	return g
}

// differenceSpread is the standard error of a difference, or where all examples differ alike the bound of its interval.
func differenceSpread(m *compare.Metric, share bool) string {
	bound := "-"
	switch {
	case !results.Alike(m.StdErr):
		return spread(m.StdErr, share)
	case math.IsNaN(float64(m.Low)):
	case m.Difference == 0:
		bound = "<" + figure(m.High, share)
	case m.Difference > 0:
		bound = ">" + figure(m.Low, share)
	default:
		bound = ">" + figure(-m.High, share)
	}
	return strings.TrimSuffix(bound, "%")
}

// probability is a p value; a dash where there is none.
func probability(p results.Float) string {
	switch v := float64(p); {
	case math.IsNaN(v):
		return "-"
	case v < 0.0001:
		return "<0.0001"
	default:
		return fmt.Sprintf("%.4f", v)
	}
}

func writeLossDifferences(w io.Writer, buckets []compare.Bucket, l look) error {
	if len(buckets) == 0 {
		return nil
	}
	_, _ = fmt.Fprintln(w, "\nheld-out rows (less is better)")
	g := &grid{columns: []column{{"bucket", false}, {"rows", true}, {"nats/token A", true}, {"B", true}, {"B - A", true}, {"± SE", true}, {"bits/byte A", true}, {"B", true}, {"B - A", true}, {"± SE", true}}}
	for i := range buckets {
		b := &buckets[i]
		name := b.Name
		if name == "" {
			name = "all"
		}
		g.cells = append(g.cells, []painted{{text: visible(name)}, {text: thousands(int64(b.Rows))},
			{text: fixed(b.LossA)}, {text: fixed(b.LossB)}, {text: fixed(b.Loss), ink: bold}, {text: fixed(b.LossStdErr)},
			{text: fixed(b.BitsA)}, {text: fixed(b.BitsB)}, {text: fixed(b.BitsPerByte), ink: bold}, {text: fixed(b.BitsPerByteError)}})
	}
	return g.orWithout(l, 2, 3, 4, 5).write(w, l) // nats a token
}

// writeJudgement prints what a judge said, and whether to believe it.
func writeJudgement(w io.Writer, j *judged, l look) error {
	_, _ = fmt.Fprintf(w, "\njudge %s: asked about %s in both orders", visible(j.Model), counted(int64(j.Asked), "pair"))
	if j.Same > 0 {
		_, _ = fmt.Fprintf(w, "; %s of equal replies count as ties", thousands(int64(j.Same)))
	}
	if j.CutPairs > 0 {
		_, _ = fmt.Fprintf(w, "; the replies of %s were cut to fit its context", thousands(int64(j.CutPairs)))
	}
	_, _ = fmt.Fprintf(w, "\n%s of its verdicts are the same in both orders; it prefers the reply shown first in %s\n", figure(j.Agrees, true), figure(j.First, true))
	verdict := fmt.Sprintf("B wins %s ± %s of all pairs (contradictions and ties count half), %s ± %s of the %s it is consistent about",
		figure(j.WinAll.Value, true), spread(j.WinAll.StdErr, true), figure(j.WinSure.Value, true), spread(j.WinSure.StdErr, true), thousands(int64(j.WinSure.N)))
	if !j.Trusted {
		verdict += fmt.Sprintf("\n%s: a judge that contradicts itself so often (less than %g%% the same) says nothing of the models",
			l.paint("not to be trusted", yellow), 100*judge.LeastConsistency)
	}
	_, err := fmt.Fprintln(w, verdict)
	return err
}

// flipText is how much of a question or an answer is shown, in characters.
const flipText = 160

// writeFlips prints examples that one was right on and the other not.
func writeFlips(w io.Writer, t *compare.Task, most int, l look) error {
	if len(t.Flips) == 0 || most == 0 {
		return nil
	}
	better := 0
	for i := range t.Flips {
		if t.Flips[i].Right == "b" {
			better++
		}
	}
	_, _ = fmt.Fprintf(w, "\n%s: right in B alone %s, in A alone %s\n", l.paint(visible(t.Name), bold), thousands(int64(better)), thousands(int64(len(t.Flips)-better)))
	for _, f := range t.Flips[:min(most, len(t.Flips))] {
		_, _ = fmt.Fprintf(w, "  %d  %s\n", f.ID, brief(f.Question))
		if len(f.Wanted) > 0 {
			_, _ = fmt.Fprintf(w, "     wanted  %s\n", brief(strings.Join(f.Wanted, " | ")))
		}
		a, b := plain, green
		if f.Right == "a" {
			a, b = green, plain
		}
		_, err := fmt.Fprintf(w, "     A       %s\n     B       %s\n", l.paint(brief(f.A.Answer), a), l.paint(brief(f.B.Answer), b))
		if err != nil {
			return err
		}
	}
	if rest := len(t.Flips) - most; rest > 0 {
		_, err := fmt.Fprintf(w, "  and %s more: --flips, --json or --report show them\n", thousands(int64(rest)))
		return err
	}
	return nil
}

// brief is a text on one line, of a long one the two ends: questions begin alike after
// worked examples, and worked answers say at their end what they come to.
func brief(text string) string {
	runes := []rune(strings.Join(strings.Fields(text), " "))
	if len(runes) > flipText {
		half := flipText / 2
		return visible(string(runes[:half]) + " … " + string(runes[len(runes)-half:]))
	}
	return visible(string(runes))
}
