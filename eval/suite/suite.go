package suite

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"smelt/eval/probe"
	"smelt/eval/tasks"
)

// ErrUnknown says that a name stands for nothing.
var ErrUnknown = errors.New("unknown name")

// Item is a task or a probe to be run.
type Item struct {
	Name    string        // of the task or probe
	Task    *tasks.Task   // nil for a probe
	Probe   probe.Kind    // "" for a task
	Options tasks.Options // Shots and which examples; of a probe, Limit alone
	File    string        // that a task of one's own is in; its data may be beside it. "" for a built-in one
	Named   bool          // asked for by its own name or its group's, and not as part of a suite
}

// Names are the built-in suites, in a fixed order.
func Names() []string { return []string{"baseline", "reasoning", "quick", "behaviour", "all"} }

// Groups are the names of groups of tasks, in a fixed order.
func Groups() []string { return []string{"truthfulqa", "arc", "mmlu"} }

// Resolve is what suites and then names (of tasks, groups and probes) stand for, each task and probe once, in the
// order they are first named. Where two ask for a different number of examples of a task, the larger one holds, the
// first of two equal ones; to ask for a task with different shots is an error. A name that stands for nothing is
// an ErrUnknown with the nearest one. read reads a file; without any file it is not called.
func Resolve(suites, names []string, read func(path string) ([]byte, error)) ([]Item, error) {
	r := resolver{read: read, at: map[string]int{}}
	for _, name := range suites {
		items, err := r.suite(name)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			if err := r.add(item); err != nil {
				return nil, fmt.Errorf("suite %s: %w", name, err)
			}
		}
	}
	for _, name := range names {
		items, err := r.name(name, "")
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			item.Named = true
			if err := r.add(item); err != nil {
				return nil, err
			}
		}
	}
	return r.items, nil
}

// resolver gathers items.
type resolver struct {
	read  func(path string) ([]byte, error)
	items []Item
	at    map[string]int // of items, by name
}

func (r *resolver) add(item Item) error {
	i, known := r.at[item.Name]
	if !known {
		r.at[item.Name] = len(r.items)
		r.items = append(r.items, item)
		return nil
	}
	have := &r.items[i]
	if have.File != item.File {
		return fmt.Errorf("two tasks are named %s: rename one", item.Name)
	}
	if a, b := have.Options.Shots, item.Options.Shots; (a == nil) != (b == nil) || a != nil && *a != *b {
		return fmt.Errorf("task %s is asked with different numbers of worked examples: ask twice, in runs of their own", item.Name)
	}
	named := have.Named || item.Named
	if more(item.Options.Limit, have.Options.Limit) {
		*have = item
	}
	have.Named = named
	return nil
}

// more says whether the limit a lets through more than b; 0 is no limit.
func more(a, b int) bool { return b != 0 && (a == 0 || a > b) }

// suite is what a suite's name or path stands for.
func (r *resolver) suite(name string) ([]Item, error) {
	if isFile(name) {
		return r.file(filepath.Clean(name))
	}
	items, ok, err := builtin(name)
	if err != nil || ok {
		return items, err
	}
	if _, err := r.name(name, ""); err == nil {
		return nil, fmt.Errorf("%w: %s is no suite: ask it with --task", ErrUnknown, name)
	}
	return nil, unknown("suite", name, Names())
}

// name is what the name or path of a task, group or probe stands for. Paths start at folder.
func (r *resolver) name(name, folder string) ([]Item, error) {
	if isFile(name) {
		item, err := r.taskFile(join(folder, name))
		return []Item{item}, err
	}
	switch name {
	case "truthfulqa":
		return builtins("truthfulqa_mc1", "truthfulqa_mc2")
	case "arc":
		return builtins("arc_easy", "arc_challenge")
	case "mmlu":
		return builtins(withPrefix(tasks.Names(), "mmlu_")...)
	}
	for _, kind := range probe.Kinds() {
		if name == string(kind) {
			return []Item{{Name: name, Probe: kind}}, nil
		}
	}
	for _, task := range tasks.Names() {
		if name == task {
			return builtins(name)
		}
	}
	if slices.Contains(Names(), name) {
		return nil, fmt.Errorf("%w: %s is a suite: ask it with --suite", ErrUnknown, name)
	}
	known := append(tasks.Names(), Groups()...)
	for _, kind := range probe.Kinds() {
		known = append(known, string(kind))
	}
	return nil, unknown("task", name, known)
}

// builtin is a built-in suite.
func builtin(name string) (items []Item, ok bool, err error) {
	var parts []string
	var probes []probe.Kind
	switch name {
	case "baseline":
		parts = []string{"gsm8k", "hellaswag", "humaneval", "truthfulqa_mc1", "truthfulqa_mc2"}
	case "reasoning":
		parts, probes = []string{"gsm8k_cot", "arc_challenge"}, []probe.Kind{probe.Samples, probe.Plain}
	case "behaviour":
		probes = []probe.Kind{probe.Style, probe.Creative, probe.Analytical, probe.Edge}
	case "all":
		parts, probes = tasks.Names(), probe.Kinds()
	case "quick":
		items, err = quick()
		return items, true, err
	default:
		return nil, false, nil
	}
	if items, err = builtins(parts...); err != nil {
		return nil, true, err
	}
	for _, kind := range probes {
		items = append(items, Item{Name: string(kind), Probe: kind})
	}
	return items, true, nil
}

// quick is a part of the baseline and of arc: see the package's doc.
func quick() ([]Item, error) {
	var items []Item
	for _, part := range []struct {
		task  string
		limit int
		by    string
	}{
		{"hellaswag", 200, "activity_label"},
		{"arc_easy", 200, "id"},
		{"arc_challenge", 200, "id"},
		{"truthfulqa_mc1", 200, ""},
		{"truthfulqa_mc2", 200, ""},
		{"gsm8k", 50, ""},
		{"humaneval", 32, ""},
	} {
		task, err := tasks.Builtin(part.task)
		if err != nil {
			return nil, err
		}
		items = append(items, Item{Name: part.task, Task: task, Options: tasks.Options{Limit: part.limit, Spread: true, By: part.by}})
	}
	return items, nil
}

func builtins(names ...string) ([]Item, error) {
	var items []Item
	for _, name := range names {
		task, err := tasks.Builtin(name)
		if err != nil {
			return nil, err
		}
		items = append(items, Item{Name: name, Task: task})
	}
	return items, nil
}

func withPrefix(names []string, prefix string) (found []string) {
	for _, name := range names {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	return found
}

// isFile says whether a name is the path of a file.
func isFile(name string) bool {
	return strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml") || strings.ContainsAny(name, `/\`)
}

// join is path as seen from folder.
func join(folder, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(folder, path)
}
