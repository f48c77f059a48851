package compare

import (
	"fmt"
	"slices"

	"smelt/eval/results"
	"smelt/eval/tasks"
)

// warnings say what differs between two results beside the model.
func warnings(a, b *results.Results) []string {
	var list []string
	differ := func(what string, a, b any) {
		if a != b {
			list = append(list, fmt.Sprintf("%s: %v for the first, %v for the second", what, a, b))
		}
	}
	if a.Model.SHA256 == b.Model.SHA256 {
		list = append(list, "both are results of the same model")
	}
	differ("the program", a.Program, b.Program)
	differ("lm-evaluation-harness's version", a.Harness, b.Harness)
	x, y := &a.Settings, &b.Settings
	differ("chat template used", yes(x.Chat), yes(y.Chat))
	differ("the chat template given", named(x.Template), named(y.Template))
	differ("the space that a text begins with", named(x.LeadingSpace), named(y.LeadingSpace))
	differ("precision of products", x.Precision, y.Precision)
	differ("kernels", x.Tier, y.Tier)
	differ("examples a task", limit(x.Limit), limit(y.Limit))
	differ("worked examples", shots(x.Shots), shots(y.Shots))
	differ("seed of what is drawn", x.Seed, y.Seed)
	differ("sandbox", named(x.Sandbox), named(y.Sandbox))
	for i := range a.Tasks {
		ta := &a.Tasks[i]
		tb := b.Task(ta.Name)
		if tb == nil || ta.NotRun != "" || tb.NotRun != "" {
			continue
		}
		if !slices.EqualFunc(ta.Data, tb.Data, func(x, y tasks.File) bool { return x.SHA256 == y.SHA256 }) {
			list = append(list, ta.Name+": the data files differ, so only examples with the same prompts and right answers are compared")
		}
	}
	return list
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

func named(s string) string {
	switch {
	case s == "":
		return "none"
	case len(s) > 60:
		return fmt.Sprintf("one of %d bytes", len(s))
	}
	return s
}

func limit(n int) string {
	if n == 0 {
		return "all"
	}
	return fmt.Sprintf("the first %d", n)
}

func shots(n *int) string {
	if n == nil {
		return "each task's own"
	}
	return fmt.Sprint(*n)
}
