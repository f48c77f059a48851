package tasks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// filter finds the answer in what a model said, step by step. A step goes from the
// answers to one request to answers.
type filter struct {
	name  string
	steps []func([]string) []string
}

func (f *filter) apply(texts []string) []string {
	for _, step := range f.steps {
		texts = step(texts)
	}
	return texts
}

func (t *Task) compileFilters() error {
	if t.kind == LogLikelihood {
		if len(t.spec.Filters) > 0 {
			return errors.New("filter_list is for generate_until: the answers to multiple choice are numbers")
		}
		t.filters = []filter{{name: "none"}}
		return nil
	}
	for i, fs := range t.spec.Filters {
		f := filter{name: fs.Name}
		if f.name == "" {
			return fmt.Errorf("filter_list, %d: it has no name", i+1)
		}
		if slices.ContainsFunc(t.filters, func(other filter) bool { return other.name == f.name }) {
			return fmt.Errorf("filter_list, %d: there are two named %s: rename one", i+1, f.name)
		}
		for _, s := range fs.Steps {
			apply, err := s.compile()
			if err != nil {
				return fmt.Errorf("filter_list, %s: %w", f.name, err)
			}
			f.steps = append(f.steps, apply)
		}
		t.filters = append(t.filters, f)
	}
	if len(t.filters) == 0 {
		t.filters = []filter{{"none", []func([]string) []string{first(1)}}}
	}
	return nil
}

func (s *step) compile() (func([]string) []string, error) {
	switch s.Function {
	case "take_first":
		return first(1), nil
	case "take_first_k":
		if s.K < 1 {
			return nil, fmt.Errorf("take_first_k: k is %d", s.K)
		}
		return first(s.K), nil
	case "majority_vote":
		return majority, nil
	case "regex":
		p, err := compilePattern(s.Pattern)
		if err != nil {
			return nil, err
		}
		return each(func(text string) string { return extract(p, text, s.Group, orText(s.Fallback, "[invalid]")) }), nil
	case "remove_whitespace":
		return each(strip), nil
	case "lowercase":
		return each(strings.ToLower), nil
	case "uppercase":
		return each(strings.ToUpper), nil
	case "map":
		return each(func(text string) string {
			if to, ok := s.Mapping[text]; ok {
				return to
			}
			return s.Default
		}), nil
	case "program":
		return each(func(text string) string { return text }), nil // what is run is Task.Program's to make
	}
	return nil, fmt.Errorf("there is no filter %q: there are regex, take_first, take_first_k, majority_vote, remove_whitespace, lowercase, uppercase, map, program", s.Function)
}

func first(k int) func([]string) []string {
	return func(texts []string) []string { return texts[:min(k, len(texts))] }
}

func each(f func(string) string) func([]string) []string {
	return func(texts []string) []string {
		out := make([]string, len(texts))
		for i, text := range texts {
			out[i] = f(text)
		}
		return out
	}
}

// majority is the most frequent text; of several, the one that came first.
func majority(texts []string) []string {
	if len(texts) == 0 {
		return nil
	}
	votes := map[string]int{}
	for _, text := range texts {
		votes[text]++
	}
	best := texts[0]
	for _, text := range texts {
		if votes[text] > votes[best] {
			best = text
		}
	}
	return []string{best}
}

// extract is the harness's RegexFilter: the group-th match (from the end if negative),
// of several groups the first that is not empty, stripped; fallback if there is none.
// A match that is not there by number, on which the harness fails, is no match either.
func extract(p *pattern, text string, group int, fallback string) string {
	matches := p.findAll(text)
	if group < 0 {
		group += len(matches)
	}
	if group < 0 || group >= len(matches) {
		return fallback
	}
	match := matches[group]
	if len(match) == 1 {
		return strip(match[0])
	}
	for _, m := range match {
		if m != "" {
			return strip(m)
		}
	}
	return strip(fallback)
}

// strip is Python's str.strip.
func strip(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

// CutAtStop is text up to where the first of until begins. Empty stops do not count.
func CutAtStop(text string, until []string) string {
	for _, stop := range until {
		if stop != "" {
			text, _, _ = strings.Cut(text, stop)
		}
	}
	return text
}
