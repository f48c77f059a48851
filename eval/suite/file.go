package suite

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"

	"smelt/eval/probe"
	"smelt/eval/tasks"
)

// file is a suite as its YAML has it.
type file struct {
	Name   string   `yaml:"name"`
	Tasks  []part   `yaml:"tasks"`
	Probes []string `yaml:"probes"`
}

// part is a task in a suite's file: its name or path alone, or with what is to be taken of it.
type part struct {
	Task   string `yaml:"task"`
	Limit  *int   `yaml:"limit"`
	Shots  *int   `yaml:"shots"`
	Spread bool   `yaml:"spread"`
	By     string `yaml:"by"`
}

// UnmarshalYAML reads either form.
func (p *part) UnmarshalYAML(read func(any) error) error {
	if read(&p.Task) == nil {
		return nil
	}
	type plain part // without this method
	return read((*plain)(p))
}

func (p *part) check() error {
	switch {
	case p.Task == "":
		return errors.New("it has no name: give it a key task")
	case p.Limit != nil && *p.Limit < 1:
		return fmt.Errorf("limit is %d: give 1 or more; without it all examples are asked", *p.Limit)
	case p.Shots != nil && *p.Shots < 0:
		return fmt.Errorf("shots is %d: give 0 or more", *p.Shots)
	case (p.Spread || p.By != "") && p.Limit == nil:
		return errors.New("spread and by are for a part of the data: give a limit, too")
	}
	return nil
}

// file reads a suite's file.
func (r *resolver) file(path string) ([]Item, error) {
	raw, err := r.read(path)
	if err != nil {
		return nil, fmt.Errorf("suite %s: %w", path, err)
	}
	var f file
	if err := tasks.Decode(raw, &f); err != nil {
		if _, bad := tasks.Read(bytes.NewReader(raw)); bad == nil {
			err = errors.New("it is no suite but a task: ask it with --task, or name it under tasks of a suite")
		}
		return nil, fmt.Errorf("suite %s: %w", path, err)
	}
	if len(f.Tasks)+len(f.Probes) == 0 {
		return nil, fmt.Errorf("suite %s: it names no tasks and no probes", path)
	}
	var items []Item
	for i := range f.Tasks {
		p := &f.Tasks[i]
		err := p.check()
		var some []Item
		if err == nil {
			some, err = r.part(p, filepath.Dir(path))
		}
		if err != nil {
			return nil, fmt.Errorf("suite %s: tasks, %d: %w", path, i+1, err)
		}
		items = append(items, some...)
	}
	for _, name := range f.Probes {
		kinds := probe.Kinds()
		at := -1
		for i, kind := range kinds {
			if string(kind) == name {
				at = i
			}
		}
		if at < 0 {
			var known []string
			for _, kind := range kinds {
				known = append(known, string(kind))
			}
			return nil, fmt.Errorf("suite %s: probes: %w", path, unknown("probe", name, known))
		}
		items = append(items, Item{Name: name, Probe: kinds[at]})
	}
	return items, nil
}

// part is what a line of a suite's file stands for.
func (r *resolver) part(p *part, folder string) ([]Item, error) {
	items, ok, err := builtin(p.Task)
	if err == nil && !ok {
		items, err = r.name(p.Task, folder)
	}
	if err != nil {
		return nil, err
	}
	for i := range items {
		o := &items[i].Options
		if p.Shots != nil {
			if items[i].Task == nil {
				return nil, fmt.Errorf("%s is a probe, which has no worked examples: leave out shots", items[i].Name)
			}
			o.Shots = p.Shots
		}
		if p.Limit != nil {
			o.Limit, o.Spread, o.By = *p.Limit, p.Spread, p.By
			o.Spread = o.Spread || o.By != ""
		}
	}
	return items, nil
}

// taskFile reads a task's file.
func (r *resolver) taskFile(path string) (Item, error) {
	raw, err := r.read(path)
	if err != nil {
		return Item{}, fmt.Errorf("task %s: %w", path, err)
	}
	task, err := tasks.Read(bytes.NewReader(raw))
	if err != nil {
		if f := (file{}); tasks.Decode(raw, &f) == nil && len(f.Tasks)+len(f.Probes) > 0 {
			err = errors.New("it is no task but a suite: ask it with --suite")
		}
		return Item{}, fmt.Errorf("%s: %w", path, err)
	}
	for _, name := range tasks.Names() {
		if task.Name == name {
			return Item{}, fmt.Errorf("%s: there is a built-in task named %s: give it another name", path, name)
		}
	}
	return Item{Name: task.Name, Task: task, File: path}, nil
}
