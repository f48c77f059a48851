package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"smelt/compute/chart"
	"smelt/eval/results"
	"smelt/eval/tasks"
)

// fact is a line of how the results were made.
type fact struct{ Name, Value string }

func facts(r *results.Results) []fact {
	s := &r.Settings
	limit, shots, prompts := "all", "each task's own number", "as they are"
	if s.Limit > 0 {
		limit = fmt.Sprintf("at most %s a task, from the first", chart.Fixed(float64(s.Limit), 0))
	}
	if s.Shots != nil {
		shots = fmt.Sprint(*s.Shots)
	}
	if s.Chat {
		prompts = "in the model's chat template"
	}
	list := []fact{
		{"Model", r.Model.Name},
		{"SHA-256 of the model", r.Model.SHA256},
		{"Parameters", chart.Count(r.Model.Parameters)},
		{"Weights", r.Model.Weights},
		{"Program", r.Program},
		{"Prompts and marks of", "lm-evaluation-harness " + r.Harness},
		{"Suites", strings.Join(s.Suites, ", ")},
		{"Examples", limit},
		{"Worked examples", shots},
		{"Prompts", prompts},
		{"Chat template", s.Template},
		{"Space that a text begins with", s.LeadingSpace},
		{"Products", cmp.Or(s.Precision, "not said")},
		{"Kernels", s.Tier},
		{"Seed", fmt.Sprint(s.Seed)},
		{"Sandbox of generated programs", s.Sandbox},
		{"Training sample looked for", s.Against},
	}
	return slices.DeleteFunc(list, func(f fact) bool { return f.Value == "" })
}

// dataFile is a file that tasks were read from.
type dataFile struct {
	tasks.File
	Tasks []string
}

func dataFiles(r *results.Results) []dataFile {
	var list []dataFile
	for _, t := range r.Tasks {
		for _, f := range t.Data {
			i := slices.IndexFunc(list, func(d dataFile) bool { return d.File == f })
			if i < 0 {
				i = len(list)
				list = append(list, dataFile{File: f})
			}
			list[i].Tasks = append(list[i].Tasks, cmp.Or(t.Group, t.Name))
		}
	}
	for i := range list {
		list[i].Tasks = slices.Compact(list[i].Tasks)
	}
	return list
}

// clean is the primary score of a task or a group with all examples, and less those that the training sample holds.
type clean struct {
	Name         string
	Contaminated int
	N            int
	All, Clean   *figure // nil where there is none
}

// cleaned are those of all groups and tasks that were looked for; of the parts of a group that has its own, only those
// that something was found of.
func cleaned(r *results.Results) []clean {
	var list []clean
	add := func(name string, held *int, n int, all, less []figure) {
		x := clean{Name: name, Contaminated: *held, N: n}
		if i := slices.IndexFunc(all, func(f figure) bool { return f.Primary }); i >= 0 {
			x.All = &all[i]
		} else if len(all) > 0 {
			x.All = &all[0]
		}
		if x.All != nil {
			if i := slices.IndexFunc(less, func(f figure) bool { return f.Metric == x.All.Metric }); i >= 0 {
				x.Clean = &less[i]
			}
		}
		list = append(list, x)
	}
	grouped := map[string]bool{}
	for i := range r.Groups {
		if g := &r.Groups[i]; g.Contaminated != nil {
			grouped[g.Name] = true
			add(g.Name, g.Contaminated, groupRow(r, g.Name).N, groupFigures(r, g, g.Scores), groupFigures(r, g, g.Clean))
		}
	}
	for i := range r.Tasks {
		t := &r.Tasks[i]
		if t.Contaminated != nil && t.NotRun == "" && (*t.Contaminated > 0 || !grouped[t.Group]) {
			add(t.Name, t.Contaminated, t.N, figures(t, t.Scores), figures(t, t.Clean))
		}
	}
	return list
}
