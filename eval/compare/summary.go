package compare

import (
	"fmt"
	"math"
	"strings"

	"smelt/eval/results"
)

// summarise counts the verdicts of the tasks and puts them into a sentence.
func (c *Comparison) summarise() {
	defer func() {
		n := len(c.HeldOut)
		if n == 0 {
			return
		}
		known := func(v results.Float) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }
		if h := &c.HeldOut[n-1]; known(h.BitsPerByte) && known(h.BitsPerByteError) { // all rows
			c.Summary += fmt.Sprintf(" On %d held-out rows bits per byte went from %.4f to %.4f (%+.4f ± %.4f).", h.Rows, h.BitsA, h.BitsB, h.BitsPerByte, h.BitsPerByteError)
		}
	}()
	named := map[Verdict][]string{}
	blind := 0 // tasks on which so few examples could have shown nothing
	least, most := math.Inf(1), 0.0
	for i := range c.Tasks {
		m := c.Tasks[i].Primary()
		if m == nil || m.Family != familyTasks || m.Verdict == "" {
			continue
		}
		named[m.Verdict] = append(named[m.Verdict], c.Tasks[i].Name)
		switch d := float64(m.Detectable); {
		case m.Verdict != NoneShown:
		case d > 0:
			least, most = min(least, d), max(most, d)
		default:
			blind++
		}
	}
	c.Better, c.Worse, c.Equal = len(named[Better]), len(named[Worse]), len(named[NoneShown])
	var said []string
	if c.Better > 0 {
		said = append(said, fmt.Sprintf("better on %s (%s)", tasksOf(c.Better), strings.Join(named[Better], ", ")))
	}
	if c.Worse > 0 {
		said = append(said, fmt.Sprintf("worse on %s (%s)", tasksOf(c.Worse), strings.Join(named[Worse], ", ")))
	}
	tested := c.Better + c.Worse + c.Equal
	switch {
	case tested == 0:
		c.Summary = "No task was tested."
		return
	case len(said) == 0:
		c.Summary = fmt.Sprintf("No difference between %s and %s was shown on %s", c.B.Label, c.A.Label, tasksOf(tested))
	default:
		c.Summary = fmt.Sprintf("%s is %s than %s", c.B.Label, strings.Join(said, " and "), c.A.Label)
		if c.Equal > 0 {
			c.Summary += fmt.Sprintf("; on %s no difference was shown", tasksOf(c.Equal))
		}
	}
	found := fmt.Sprintf("a difference of %.1f points would have been found with probability %.2g", 100*most, c.Power)
	if math.Round(least*1000) != math.Round(most*1000) {
		found = fmt.Sprintf("a difference of %.1f to %.1f points would have been found with probability %.2g", 100*least, 100*most, c.Power)
	}
	switch blind {
	case c.Equal:
		if c.Equal > 0 {
			c.Summary += ": too few examples differ to show any"
		}
	case 0:
		c.Summary += ", where " + found
	default:
		c.Summary += fmt.Sprintf(": on %d of these too few examples differ to show any, and on the others %s", blind, found)
	}
	c.Summary += "."
}

func tasksOf(n int) string {
	if n == 1 {
		return "1 task"
	}
	return fmt.Sprintf("%d tasks", n)
}
