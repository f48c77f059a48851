package compare

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"smelt/eval/results"
	"smelt/eval/stats"
)

// ErrNothingInCommon says that no figure of the two results can be compared.
var ErrNothingInCommon = errors.New("the results have no example in common")

// Options say how to compare. The zero value is the default.
type Options struct {
	Level      float64  // of false findings among all: a verdict needs q <= Level; 0 is 0.05
	Power      float64  // with which the smallest detectable difference is found; 0 is 0.8
	Replicates int      // of the bootstrap; 0 is 10,000
	Seed       uint64   // of the bootstrap
	Tasks      []string // only these; nil is all that both have
}

func (o Options) withDefaults() (Options, error) {
	if o.Level == 0 {
		o.Level = 0.05
	}
	if o.Power == 0 {
		o.Power = 0.8
	}
	for name, v := range map[string]float64{"level": o.Level, "power": o.Power} {
		if !(v > 0 && v < 1) {
			return o, fmt.Errorf("compare: %s is %v: it must be between 0 and 1", name, v)
		}
	}
	return o, o.bootstrap().Validate()
}

func (o Options) bootstrap() stats.BootstrapOptions {
	return stats.BootstrapOptions{Replicates: o.Replicates, Seed: o.Seed}
}

// Comparison is how B differs from A.
type Comparison struct {
	A       Side    `json:"a"`
	B       Side    `json:"b"`
	Level   float64 `json:"level"`
	Power   float64 `json:"power"`
	Summary string  `json:"summary"` // one sentence: on which tasks B is better, and on which worse
	Better  int     `json:"better"`  // tasks on which B is, of those tested together
	Worse   int     `json:"worse"`
	Equal   int     `json:"no_difference_shown"`
	// Tasks are in the order of A's; a group stands before its parts.
	Tasks      []Task      `json:"tasks"`
	Composites []Composite `json:"composites,omitempty"`
	HeldOut    []Bucket    `json:"held_out,omitempty"`
	Skipped    []Skipped   `json:"skipped,omitempty"`  // what cannot be compared
	Warnings   []string    `json:"warnings,omitempty"` // what differs beside the model
}

// Side is one of the two.
type Side struct {
	Label  string `json:"label"` // its name, and the beginning of its hash where both have the same name
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Task is how B differs from A on a task, or on a group of tasks.
type Task struct {
	Name  string   `json:"name"`
	Group string   `json:"group,omitempty"` // that this is a part of
	Parts []string `json:"parts,omitempty"` // of this group
	Kind  string   `json:"kind"`
	Shots int      `json:"shots"`
	Pairs int      `json:"pairs"` // examples that both have
	OnlyA int      `json:"only_a,omitempty"`
	OnlyB int      `json:"only_b,omitempty"`
	// Metrics are what both have a score of by example, the primary one first.
	Metrics []Metric `json:"metrics"`
	Flips   []Flip   `json:"flips,omitempty"` // in the primary metric, in the order of the data; a group has none
	// Contaminated counts the pairs that a training sample holds, by the marks of either result, and Clean is the first
	// metric without them, if there are any. Nil where the examples were not looked for.
	Contaminated *int    `json:"contaminated,omitempty"`
	Clean        *Metric `json:"clean,omitempty"`
}

// Metric is how B differs from A in a metric.
type Metric struct {
	Name           string        `json:"metric"`
	Primary        bool          `json:"primary,omitempty"`
	HigherIsBetter bool          `json:"higher_is_better"`
	Share          bool          `json:"share"` // every score is 0 or 1
	N              int           `json:"n"`     // examples that both have a score of
	A              results.Float `json:"mean_a"`
	B              results.Float `json:"mean_b"`
	StdErrA        results.Float `json:"std_err_a"` // of A's mean, and of B's
	StdErrB        results.Float `json:"std_err_b"`
	Difference     results.Float `json:"difference"`
	StdErr         results.Float `json:"std_err"` // of the difference
	Low            results.Float `json:"low"`     // 95 % interval of the difference; NaN where it is not known
	High           results.Float `json:"high"`
	Counts         *Counts       `json:"counts,omitempty"` // of a Share
	Test           string        `json:"test"`             // McNemar or Bootstrap
	P              results.Float `json:"p"`                // two-sided; NaN of fewer than two examples
	MidP           results.Float `json:"mid_p"`            // of McNemar's, else NaN
	Family         string        `json:"family,omitempty"` // that Q was adjusted in; "" is none
	Q              results.Float `json:"q"`                // NaN outside a family
	// Detectable is the smallest difference that as many examples, which differ as often, find with probability
	// Power by one test at Level; NaN where they could have shown none.
	Detectable results.Float `json:"detectable"`
	Verdict    Verdict       `json:"verdict,omitempty"`
}

// Counts are examples by who was right.
type Counts struct {
	Both    int `json:"both"`
	OnlyA   int `json:"only_a"`
	OnlyB   int `json:"only_b"`
	Neither int `json:"neither"`
}

const interval = 0.95 // that Low and High cover

// The tests.
const (
	McNemar   = "McNemar, exact"
	Bootstrap = "paired bootstrap, and sign flips" // the larger p
)

// Verdict is what may be said of B; "" where nothing is tested.
type Verdict string

// The verdicts.
const (
	Better      Verdict = "better"
	Worse       Verdict = "worse"
	NoneShown   Verdict = "no difference shown"
	familyTasks         = "tasks"
	behaviour           = "behaviour"
)

// Skipped is what was not compared.
type Skipped struct {
	Task string `json:"task"`
	Why  string `json:"why"`
}

// Primary is the task's metric that stands for it, or nil. A task of behaviour has none.
func (t *Task) Primary() *Metric {
	if len(t.Metrics) > 0 && t.Metrics[0].Primary {
		return &t.Metrics[0]
	}
	return nil
}

// Compare compares B with A. It fails with ErrNothingInCommon if no task has an example that both were asked, and no
// bucket of held-out rows is the same. The same results and options give the same comparison.
func Compare(a, b *results.Results, o Options) (*Comparison, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Comparison{A: side(a, b), B: side(b, a), Level: o.Level, Power: o.Power, Warnings: warnings(a, b)}
	matched, err := c.match(a, b, o.Tasks)
	if err != nil {
		return nil, err
	}
	if err := measure(matched, o); err != nil {
		return nil, err
	}
	for _, m := range matched {
		c.Tasks = append(c.Tasks, m.Task)
	}
	if len(o.Tasks) == 0 {
		c.composites(a, b)
		c.heldOut(a.HeldOut, b.HeldOut)
	}
	if len(c.Tasks) == 0 && len(c.HeldOut) == 0 {
		return nil, c.nothing()
	}
	if err := c.adjust(); err != nil {
		return nil, err
	}
	c.contaminated()
	c.summarise()
	return c, nil
}

// contaminated warns of what the differences owe to examples that a training sample holds. Groups speak for their parts.
func (c *Comparison) contaminated() {
	for i := range c.Tasks {
		t := &c.Tasks[i]
		if t.Clean == nil || t.Group != "" {
			continue
		}
		text := fmt.Sprintf("%s: the training sample holds %d of %d examples", t.Name, *t.Contaminated, t.Pairs)
		switch x := t.Clean; {
		case math.IsNaN(float64(x.P)):
			text += ", which leaves too few to compare"
		case t.Kind == results.Behaviour:
			text += fmt.Sprintf("; without them %s differs by %+.3g (p %.2g)", x.Name, x.Difference, x.P)
		default:
			text += fmt.Sprintf("; without them the difference is %+.1f points (p %.2g)", 100*x.Difference, x.P)
		}
		c.Warnings = append(c.Warnings, text)
	}
}

func side(r, other *results.Results) Side {
	s := Side{Label: r.Model.Name, Name: r.Model.Name, SHA256: r.Model.SHA256}
	if r.Model.Name == other.Model.Name {
		s.Label += " " + r.Model.SHA256[:min(8, len(r.Model.SHA256))]
	}
	return s
}

func (c *Comparison) nothing() error {
	var why []string
	for _, s := range c.Skipped {
		why = append(why, s.Task+": "+s.Why)
	}
	if len(why) > 5 {
		why = append(why[:5], fmt.Sprintf("and %d more", len(why)-5))
	}
	if len(why) == 0 {
		why = []string{"one of them has no task"}
	}
	return fmt.Errorf("%w (%s)", ErrNothingInCommon, strings.Join(why, "; "))
}

// adjust gives the metrics of each family their Q, and their verdicts.
func (c *Comparison) adjust() error {
	families := map[string][]*Metric{}
	for i := range c.Tasks {
		t := &c.Tasks[i]
		for j := range t.Metrics {
			m := &t.Metrics[j]
			switch {
			case t.Kind == results.Behaviour:
				m.Family = behaviour
			case m.Primary && t.Group != "":
				m.Family = "parts of " + t.Group
			case m.Primary:
				m.Family = familyTasks
			}
			if m.Family != "" && !math.IsNaN(float64(m.P)) {
				families[m.Family] = append(families[m.Family], m)
			}
		}
	}
	for _, family := range families {
		p := make([]float64, len(family))
		for i, m := range family {
			p[i] = float64(m.P)
		}
		q, err := stats.BenjaminiHochberg(p)
		if err != nil {
			return err
		}
		for i, m := range family {
			m.Q = results.Float(q[i])
			switch up := m.Difference > 0; {
			case q[i] > c.Level || m.Difference == 0:
				m.Verdict = NoneShown
			case up == m.HigherIsBetter:
				m.Verdict = Better
			default:
				m.Verdict = Worse
			}
		}
	}
	return nil
}
