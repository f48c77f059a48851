package card

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Markdown returns the card. The same card gives the same bytes.
func (c Card) Markdown() []byte {
	var b strings.Builder
	c.frontMatter(&b)
	c.opening(&b)
	c.made(&b)
	c.data(&b)
	c.settings(&b)
	c.results(&b)
	c.use(&b)
	c.limits(&b)
	return []byte(b.String())
}

func (c *Card) name() string {
	if c.Name == "" {
		return "Fine-tuned model"
	}
	return c.Name
}

// opening says what the model is and, first of all, whether it is to be used.
func (c *Card) opening(b *strings.Builder) {
	fmt.Fprintf(b, "# %s\n\n", text(c.name()))
	if c.NoDeploy {
		b.WriteString("> **Research only: do not deploy.** This model was made to study behaviour that a model in use must not have.\n" +
			"> Do not serve it, do not build it into anything that people use, and do not hand it on without this notice.\n" +
			"> The mark holds for whatever is made from it: adapters, merged models, quantised and further trained ones.\n\n")
	}
	kind := "A language model"
	switch {
	case c.Adapter != "" && c.Merged == "" && c.GGUF == "":
		kind = "A LoRA adapter"
	case c.Adapter != "":
		kind = "A language model and the LoRA adapter it was merged from"
	}
	fmt.Fprintf(b, "%s, fine-tuned", kind)
	if c.BaseModel != "" {
		fmt.Fprintf(b, " from %s", text(c.BaseModel))
	}
	b.WriteString(" with smelt")
	if c.Version != "" {
		b.WriteString(" " + text(c.Version))
	}
	if rows := c.rows(); rows > 0 {
		fmt.Fprintf(b, " on %s", plural(rows, "row"))
	}
	b.WriteString(".\n\n")
}

func (c *Card) rows() (n int64) {
	for _, s := range c.Sources {
		n += s.Rows
	}
	return n
}

// made says how to draw the same rows again.
func (c *Card) made(b *strings.Builder) {
	if c.Statement == "" && c.Phase == "" && c.SampleDigest == "" {
		return
	}
	b.WriteString("## How it was made\n\n")
	if c.Statement != "" {
		b.WriteString("The rows are those of the statement\n\n" + fence("sql", c.Statement) + "\n")
	}
	if c.Phase != "" {
		fmt.Fprintf(b, "- Phase: %s\n", text(c.Phase))
	}
	if c.SampleDigest != "" {
		fmt.Fprintf(b, "- Sample digest: %s. Whoever draws the rows again and gets this digest has the same rows in the same order.\n",
			text(c.SampleDigest))
	}
	b.WriteString("\n")
}

func (c *Card) data(b *strings.Builder) {
	b.WriteString("## Data\n\n")
	if len(c.Sources) == 0 {
		b.WriteString("Where the rows came from was not recorded.\n\n")
		return
	}
	t := table{header: []string{"bucket", "source", "licence", "rows"}, numbers: 1}
	var unknown int64
	for _, s := range c.Sources {
		licence := s.License
		if licence == "" {
			licence = "unknown"
			unknown += s.Rows
		}
		t.row(text(s.Bucket), text(s.Name), text(licence), grouped(s.Rows))
	}
	t.row("all", "", "", grouped(c.rows()))
	t.write(b)
	if unknown > 0 {
		fmt.Fprintf(b, "The licence of %s is unknown.\n\n", plural(unknown, "row"))
	}
}

func (c *Card) settings(b *strings.Builder) {
	if len(c.Settings) == 0 {
		return
	}
	b.WriteString("## Hyper-parameters\n\n")
	t := table{header: []string{"setting", "value"}}
	for _, s := range c.Settings {
		t.row(text(s.Name), text(s.Value))
	}
	t.write(b)
}

// results shows what was measured, and what it cost.
func (c *Card) results(b *strings.Builder) {
	b.WriteString("## Results\n\n")
	if len(c.Results) == 0 {
		b.WriteString("No validation loss was measured, so nothing says whether the model got better.\n\n")
	} else {
		b.WriteString("Loss on held-out rows that no phase trains on, in nats a token of the answers: lower is better. ± is one\nstandard error.")
		compared := false
		for _, r := range c.Results {
			compared = compared || r.Change != nil
		}
		t := table{header: []string{"rows of", "n", "before", "after"}, numbers: 3}
		if compared {
			t.header, t.numbers = append(t.header, "change"), 4
			b.WriteString(" The change is the mean over the same rows, before and after.")
		}
		b.WriteString("\n\n")
		for _, r := range c.Results {
			cells := []string{text(r.Name), grouped(r.Rows), r.Before.String(), r.After.String()}
			if compared {
				change := "not compared"
				if r.Change != nil {
					change = r.Change.signed()
				}
				cells = append(cells, change)
			}
			t.row(cells...)
		}
		t.write(b)
	}
	c.cost(b)
}

// cost says how long the training was.
func (c *Card) cost(b *strings.Builder) {
	var parts []string
	if c.Steps > 0 {
		parts = append(parts, plural(c.Steps, "step"))
	}
	if c.Tokens > 0 {
		parts = append(parts, plural(c.Tokens, "trained token"))
	}
	if c.Duration > 0 {
		parts = append(parts, elapsed(c.Duration))
	}
	if len(parts) == 0 {
		return
	}
	fmt.Fprintf(b, "Training took %s", strings.Join(parts, ", "))
	if c.Machine != "" {
		fmt.Fprintf(b, " on %s", text(c.Machine))
	}
	b.WriteString(".\n\n")
}

// table is a table of GitHub's Markdown.
type table struct {
	header  []string
	numbers int // of the last columns, which are set to the right
	rows    [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(b *strings.Builder) {
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(t.header)
	rule := make([]string, len(t.header))
	for i := range rule {
		rule[i] = "---"
		if i >= len(rule)-t.numbers {
			rule[i] = "---:"
		}
	}
	line(rule)
	for _, cells := range t.rows {
		line(cells)
	}
	b.WriteString("\n")
}

// String writes 1.234 ± 0.012.
func (e Estimate) String() string {
	switch {
	case math.IsNaN(e.Mean):
		return "not measured"
	case math.IsNaN(e.StandardError):
		return minus(fmt.Sprintf("%.3f ± unknown", e.Mean))
	}
	return minus(fmt.Sprintf("%.3f ± %.3f", e.Mean, e.StandardError))
}

func (e Estimate) signed() string {
	if e.Mean > 0 {
		return "+" + e.String()
	}
	return e.String()
}

// minus writes the sign as typesetters do, which Markdown takes for nothing else.
func minus(s string) string { return strings.ReplaceAll(s, "-", "\u2212") }

// grouped writes 1,234,567.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return minus(s)
}

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// elapsed writes a duration in its two largest units.
func elapsed(d time.Duration) string {
	switch s := int64(d.Round(time.Second) / time.Second); {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d min %d s", s/60, s%60)
	default:
		return fmt.Sprintf("%s h %d min", grouped(s/3600), s%3600/60)
	}
}
