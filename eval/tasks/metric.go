package tasks

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"smelt/eval/stats"
)

// metric marks one example.
type metric struct {
	name   string
	choice func(*Doc, []Answer) float64 // of multiple choice; nil otherwise

	// Of generation.
	spec   *metricSpec
	ignore []*pattern
}

func (t *Task) compileMetrics() error {
	specs := t.spec.Metrics
	if len(specs) == 0 {
		return errors.New("metric_list is empty")
	}
	if t.spec.Results != "" && (t.spec.Results != "truthfulqa_mc2" || t.kind != LogLikelihood || len(specs) != 1 || specs[0].Name != "acc") {
		return fmt.Errorf("process_results is %q: it can be truthfulqa_mc2, with the metric acc alone", t.spec.Results)
	}
	for i := range specs {
		s := &specs[i]
		if s.Aggregation != "" && s.Aggregation != "mean" {
			return fmt.Errorf("metric_list, %s: aggregation is %q: it can be mean", s.Name, s.Aggregation)
		}
		if slices.ContainsFunc(t.metrics, func(other metric) bool { return other.name == s.Name }) {
			return fmt.Errorf("metric_list: %s is there twice: leave one out", s.Name)
		}
		m := metric{name: s.Name, spec: s}
		names := []string{s.Name}
		switch {
		case t.kind == LogLikelihood && t.spec.Results != "":
			m.choice = trueMass
		case t.kind == LogLikelihood && s.Name == "acc":
			m.choice = accuracy(func(string) float64 { return 1 })
		case t.kind == LogLikelihood && s.Name == "acc_norm":
			m.choice = accuracy(func(c string) float64 { return float64(utf8.RuneCountInString(c)) })
		case t.kind == LogLikelihood && s.Name == "acc_bytes":
			m.choice = accuracy(func(c string) float64 { return float64(len(c)) })
		case t.kind == Generate && s.Name == "exact_match":
			if !t.forms.target.given() {
				return errors.New("metric_list: exact_match needs doc_to_target to compare with")
			}
			for _, source := range s.Ignore {
				p, err := compilePattern(source)
				if err != nil {
					return fmt.Errorf("metric_list, exact_match: regexes_to_ignore: %w", err)
				}
				m.ignore = append(m.ignore, p)
			}
		case t.kind == Generate && s.Name == "pass_at_k" && t.Code:
			if len(s.K) == 0 || slices.Min(s.K) < 1 || slices.Max(s.K) > t.Repeats {
				return fmt.Errorf("metric_list, pass_at_k: k is %v: give a list of numbers from 1 to repeats, %d", s.K, t.Repeats)
			}
			names = nil
			for _, k := range s.K {
				names = append(names, passName(k))
			}
		default:
			return fmt.Errorf("metric_list: %q does not go with %s; there are acc, acc_norm and acc_bytes for multiple_choice, exact_match and (with unsafe_code) pass_at_k for generate_until",
				s.Name, t.spec.OutputType)
		}
		t.metrics = append(t.metrics, m)
		for _, f := range t.filters {
			for _, name := range names {
				t.Metrics = append(t.Metrics, Metric{name, f.name, s.HigherIsBetter == nil || *s.HigherIsBetter})
			}
		}
	}
	return nil
}

// accuracy is 1 where a right choice has the largest log-probability over its length.
// acc_norm divides by characters and acc_bytes by bytes, of the choice without the
// delimiter before it.
func accuracy(length func(choice string) float64) func(*Doc, []Answer) float64 {
	return func(doc *Doc, answers []Answer) float64 {
		best, most := 0, math.Inf(-1)
		for i, a := range answers {
			v := a.LogProb / length(doc.Choices[i])
			if math.IsNaN(v) { // as numpy.argmax has it
				best = i
				break
			}
			if v > most {
				best, most = i, v
			}
		}
		if slices.Contains(doc.Gold, best) {
			return 1
		}
		return 0
	}
}

// trueMass is MC2 of Lin et al. 2022: the share that the right answers have of the
// probability of all answers given.
func trueMass(doc *Doc, answers []Answer) float64 {
	most := -math.MaxFloat64 // finite, so that -Inf is a probability of 0
	for _, a := range answers {
		most = math.Max(most, a.LogProb)
	}
	right, all := 0.0, 0.0
	for i, a := range answers {
		p := math.Exp(a.LogProb - most)
		all += p
		if slices.Contains(doc.Gold, i) {
			right += p
		}
	}
	if all == 0 {
		return 0
	}
	return right / all
}

// generated marks what filter made of the answers.
func (m *metric) generated(doc *Doc, filter string, got []string, answers []Answer, scores map[string]float64) error {
	if m.name == "pass_at_k" {
		passed := 0
		for _, a := range answers {
			if a.Passed {
				passed++
			}
		}
		for _, k := range m.spec.K {
			scores[passName(k)+","+filter] = stats.PassAtK(len(answers), passed, k)
		}
		return nil
	}
	key := m.name + "," + filter
	scores[key] = 0
	said := m.normal(got[0])
	for _, target := range doc.Targets {
		if m.normal(target) == said {
			scores[key] = 1
		}
	}
	return nil
}

// normal is what exact_match compares of a text.
func (m *metric) normal(text string) string {
	for _, p := range m.ignore {
		text = p.remove(text)
	}
	if m.spec.IgnoreCase {
		text = strings.ToLower(text)
	}
	drop := ""
	if m.spec.IgnorePunctuation {
		drop = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
	}
	if m.spec.IgnoreNumbers {
		drop += "0123456789"
	}
	if drop != "" {
		text = strings.Map(func(r rune) rune {
			if strings.ContainsRune(drop, r) {
				return -1
			}
			return r
		}, text)
	}
	return text
}

func passName(k int) string { return fmt.Sprintf("pass@%d", k) }
