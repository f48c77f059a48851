package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

// yamlFlags reads flags from YAML: a mapping of their names.
func yamlFlags(r io.Reader) (kong.Resolver, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	if err := yaml.Unmarshal(text, &values); err != nil {
		return nil, usagef("--config: %s", yaml.FormatError(err, false, true))
	}
	return &yamlResolver{values}, nil
}

type yamlResolver struct{ values map[string]any }

// notConfigured are flags that belong to one call.
func notConfigured(name string) bool {
	return slices.Contains([]string{"help", "config", "work-dir", "dry-run", "show", "force", "json", "verbose", "no-color"}, name)
}

// Validate refuses keys that are no flags of the verb, so that a slip is not ignored.
func (y *yamlResolver) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a flag.
func (y *yamlResolver) Resolve(k *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	known := map[string]bool{}
	for _, group := range k.Selected().AllFlags(false) {
		for _, f := range group {
			known[f.Name] = !notConfigured(f.Name)
		}
	}
	for name := range y.values {
		if !known[name] {
			return nil, fmt.Errorf("--config: %s is no flag that a file can set; see smelt %s --help", name, k.Selected().Name)
		}
	}
	value := y.values[flag.Name]
	if list, ok := value.([]any); ok {
		var texts []string
		for _, v := range list {
			texts = append(texts, fmt.Sprint(v))
		}
		return texts, nil
	}
	return value, nil
}

// configText is the YAML that gives a command's flags the values they have.
func configText(k *kong.Context) ([]byte, error) {
	var text bytes.Buffer
	_, _ = fmt.Fprintf(&text, "# smelt %s --config THIS --work-dir DIR does the same again.\n", k.Selected().Name)
	for _, group := range k.Selected().AllFlags(false) {
		for _, f := range group {
			if notConfigured(f.Name) || f.Target.IsZero() && !f.HasDefault {
				continue
			}
			value, err := yaml.Marshal(map[string]any{f.Name: f.Target.Interface()})
			if err != nil {
				return nil, err
			}
			text.Write(value)
		}
	}
	return text.Bytes(), nil
}

// freeFlags may change while a run goes on: they change how it is made, and none of its numbers;
// or they say what is written in the end.
func freeFlags() []string {
	return []string{"db", "cpu", "threads", "memory", "recompute", "checkpoint-minutes", "keep-checkpoints", "to", "gguf"}
}

// differences lists the flags in which two files differ and that a run has to go on with.
func differences(before, now []byte) (string, error) {
	var was, is map[string]any
	if err := errors.Join(yaml.Unmarshal(before, &was), yaml.Unmarshal(now, &is)); err != nil {
		return "", err
	}
	names := map[string]bool{}
	for _, m := range []map[string]any{was, is} {
		for name := range m {
			names[name] = !slices.Contains(freeFlags(), name)
		}
	}
	said := func(m map[string]any, name string) string {
		if value, ok := m[name]; ok {
			return fmt.Sprint(value)
		}
		return "not given"
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] && !reflect.DeepEqual(was[name], is[name]) {
			_, _ = fmt.Fprintf(&text, "  --%s: was %s, is %s\n", name, said(was, name), said(is, name))
		}
	}
	return text.String(), nil
}
