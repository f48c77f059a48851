package tasks

import (
	"encoding/json"
	"fmt"
	"strings"

	"smelt/compute/chat/prompt"
)

// forms are the texts made of one example.
type forms struct {
	text, prefix   field
	target, choice form
}

func compileForms(text string, target, choice any, prefix string) (f forms, err error) {
	if f.text, err = compileField("doc_to_text", text); err != nil {
		return f, err
	}
	if f.prefix, err = compileField("gen_prefix", prefix); err != nil {
		return f, err
	}
	if f.target, err = compileForm("doc_to_target", target); err != nil {
		return f, err
	}
	f.choice, err = compileForm("doc_to_choice", choice)
	return f, err
}

// field is a template, or the name of a field whose value is taken as it is; which of
// the two, each example decides by having such a field or not.
type field struct {
	key      string // of the YAML
	source   string
	template *prompt.Template
}

func compileField(key, source string) (field, error) {
	t, err := prompt.Compile(source)
	if err != nil {
		return field{}, fmt.Errorf("%s: %w", key, err)
	}
	return field{key, source, t}, nil
}

// example is a row that templates can read.
type example struct {
	values map[string]json.RawMessage
	record prompt.Record
}

func newExample(row json.RawMessage) (*example, error) {
	e := &example{}
	if err := json.Unmarshal(row, &e.values); err != nil {
		return nil, err
	}
	var err error
	e.record, err = prompt.NewRecord(row)
	return e, err
}

func (f *field) text(e *example) (string, error) {
	if f.source == "" {
		return "", nil
	}
	if v, ok := e.values[f.source]; ok {
		var s string
		if err := json.Unmarshal(v, &s); err != nil {
			return "", fmt.Errorf("%s: the field %s is no string", f.key, f.source)
		}
		return s, nil
	}
	s, err := f.template.Text(e.record)
	if err != nil {
		return "", fmt.Errorf("%s: %w", f.key, err)
	}
	return s, nil
}

// form makes a target or the choices: from a field or template, or always the same.
type form struct {
	field
	fixed json.RawMessage // nil unless it is the same for every example
}

func compileForm(key string, v any) (form, error) {
	if s, ok := v.(string); ok {
		f, err := compileField(key, s)
		return form{field: f}, err
	}
	f := form{field: field{key: key}}
	if v == nil {
		return f, nil
	}
	var err error
	if m, ok := v.(map[string]any); ok {
		return f, fmt.Errorf("%s: a mapping of %d keys, where a template or a list is due", key, len(m))
	}
	f.fixed, err = json.Marshal(v)
	return f, err
}

// given says whether the task has this form at all.
func (f *form) given() bool { return f.fixed != nil || f.source != "" }

// choices are a doc's choices.
func (f *form) choices(e *example) ([]string, error) {
	raw := f.fixed
	if raw == nil {
		var ok bool
		if raw, ok = e.values[f.source]; !ok {
			var err error
			if raw, err = f.template.Value(e.record); err != nil {
				return nil, fmt.Errorf("%s: %w", f.key, err)
			}
		}
	}
	var choices []string
	if err := json.Unmarshal(raw, &choices); err != nil || len(choices) == 0 {
		return nil, fmt.Errorf("%s: %.60s is no list of texts", f.key, raw)
	}
	return choices, nil
}

// value is a doc's target as JSON: a field's value as it is, and of a template the
// text it makes, except that with choices a text of digits is a number, and that a
// list is a list.
func (f *form) value(e *example, hasChoices bool) (json.RawMessage, error) {
	if f.fixed != nil {
		return f.fixed, nil
	}
	if v, ok := e.values[f.source]; ok {
		return v, nil
	}
	text, err := f.text(e)
	if err != nil {
		return nil, err
	}
	if hasChoices && text != "" && strings.Trim(text, "0123456789") == "" {
		return json.RawMessage(strings.TrimLeft(text[:len(text)-1], "0") + text[len(text)-1:]), nil
	}
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		if v, err := f.template.Value(e.record); err == nil && v[0] == '[' {
			return v, nil
		}
	}
	return json.Marshal(text)
}

// gold are the choices that target names, by number or by text.
func gold(target json.RawMessage, choices []string) ([]int, error) {
	var list []json.RawMessage
	if json.Unmarshal(target, &list) != nil {
		list = []json.RawMessage{target}
	}
	var found []int
next:
	for _, v := range list {
		var n int
		var s string
		switch {
		case json.Unmarshal(v, &n) == nil && n >= 0 && n < len(choices):
			found = append(found, n)
			continue
		case json.Unmarshal(v, &s) == nil:
			for i, c := range choices {
				if c == s {
					found = append(found, i)
					continue next
				}
			}
		}
		return nil, fmt.Errorf("doc_to_target: %.60s is none of the %d choices: it can be the number of one, from 0, its text, or a field or template of either", v, len(choices))
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("doc_to_target: an empty list")
	}
	return found, nil
}

// targets are the texts of a generation task's target: strings as they are, anything
// else as it was written.
func targets(target json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(target, &list) != nil {
		list = []json.RawMessage{target}
	}
	texts := make([]string, len(list))
	for i, v := range list {
		if json.Unmarshal(v, &texts[i]) != nil {
			texts[i] = string(v)
		}
	}
	return texts
}
