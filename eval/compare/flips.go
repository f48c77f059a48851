package compare

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"smelt/eval/results"
)

// Flip is an example that one was right on and the other was not.
type Flip struct {
	ID       int      `json:"id"`    // its place in the data
	Right    string   `json:"right"` // "a" or "b"
	Question string   `json:"question"`
	Wanted   []string `json:"wanted,omitempty"` // right answers
	A        Said     `json:"said_a"`
	B        Said     `json:"said_b"`
}

// Said is what one answered.
type Said struct {
	Answer  string  `json:"answer"`            // the choice it took, or what was found in its reply
	Replies []Reply `json:"replies,omitempty"` // the whole of generated ones
	Cut     bool    `json:"cut,omitempty"`     // a prompt was longer than the model takes, and lost its beginning
}

// Reply is a generated text.
type Reply struct {
	Text string `json:"text"`
	End  string `json:"end,omitempty"` // why it ended
}

func (m *matched) flips(metric *Metric) {
	for _, p := range m.pairs {
		a, inA := value(p.a, metric.Name)
		b, inB := value(p.b, metric.Name)
		if !inA || !inB || a == b {
			continue
		}
		f := Flip{
			ID: p.a.ID, Right: "a", Question: p.a.Question, Wanted: Wanted(p.a),
			A: Answered(p.a, metric.Name), B: Answered(p.b, metric.Name),
		}
		if (b > a) == metric.HigherIsBetter {
			f.Right = "b"
		}
		m.Flips = append(m.Flips, f)
	}
}

// Wanted are an example's right answers.
func Wanted(e *results.Example) []string {
	var list []string
	for _, g := range e.Gold {
		if g >= 0 && g < len(e.Choices) {
			list = append(list, e.Choices[g])
		}
	}
	return append(list, e.Targets...)
}

// Answered is what an example was answered, as the metric sees it: of choices the most probable one, for acc_norm
// and acc_bytes over its length; of replies what the metric's filter, or the metric itself, found in them; of programs
// how many ran to their end.
func Answered(e *results.Example, metric string) Said {
	var s Said
	programs, passed := 0, 0
	for _, a := range e.Answers {
		s.Cut = s.Cut || a.Cut
		if a.Text != nil {
			s.Replies = append(s.Replies, Reply{*a.Text, a.End})
		}
		if a.Passed != nil {
			programs++
			if *a.Passed {
				passed++
			}
		}
	}
	name, filter, _ := strings.Cut(metric, ",")
	switch {
	case len(e.Choices) > 0:
		if best := chosen(e, name); best >= 0 {
			s.Answer = e.Choices[best]
		}
	case programs > 1:
		s.Answer = fmt.Sprintf("%d of %d programs ran to their end", passed, programs)
	case passed == 1:
		s.Answer = "the program ran to its end"
	case programs == 1:
		s.Answer = "the program failed"
	default:
		found, ok := e.Found[filter]
		if !ok {
			found = e.Found[metric]
		}
		s.Answer = found
	}
	return s
}

// chosen is the place of the choice that the metric takes, or -1.
func chosen(e *results.Example, metric string) int {
	best, most := -1, math.Inf(-1)
	for i, a := range e.Answers {
		if i >= len(e.Choices) || a.LogProb == nil {
			return best
		}
		v := float64(*a.LogProb)
		switch metric {
		case "acc_norm":
			v /= float64(utf8.RuneCountInString(e.Choices[i]))
		case "acc_bytes":
			v /= float64(len(e.Choices[i]))
		}
		if math.IsNaN(v) { // as the metric has it
			return i
		}
		if v > most || best < 0 {
			best, most = i, v
		}
	}
	return best
}
