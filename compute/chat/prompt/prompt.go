// Package prompt makes text of records by Jinja templates.
//
// Where package chat writes conversations the way a model knows, prompt writes one
// record's fields the way somebody asks about them: the questions, choices and
// answers of evaluation tasks.
//
//	record    {"question": "2+2?", "options": ["3", "4"], "answer": 1}
//	template  Question: {{question}}\nAnswer:     Text  ▶ Question: 2+2?␤Answer:
//	          {{options}}                         Value ▶ ["3","4"]
//
// The language is that of chat templates with the settings of
// lm-evaluation-harness: white space stays as written, the last newline too, and a
// name that the record has no field for is an error. The harness's own filter,
// regex_replace, is absent.
package prompt

import (
	"encoding/json"
	"strings"

	"smelt/compute/chat/internal/jinja"
	"smelt/compute/jsontext"
)

// Error is a fault in a template, with its line and column.
type Error = jinja.Error

// Template is a compiled template, safe for concurrent use.
type Template struct {
	text  *jinja.Template
	value *jinja.Template // prints the value as JSON; nil unless the template is one {{ expression }}
}

// Compile parses a template. Its errors are *Error.
func Compile(source string) (*Template, error) {
	text, err := jinja.CompileStrict(source)
	if err != nil {
		return nil, err
	}
	t := &Template{text: text}
	if inner, ok := strings.CutPrefix(strings.TrimSpace(source), "{{"); ok {
		if inner, ok = strings.CutSuffix(inner, "}}"); ok && !strings.Contains(inner, "}}") && !strings.Contains(inner, "{{") {
			inner = strings.TrimSuffix(strings.TrimPrefix(inner, "-"), "-")
			if t.value, err = jinja.CompileStrict("{{ (" + inner + ") | tojson }}"); err != nil {
				t.value = nil // a brace in a string: there is the text still
			}
		}
	}
	return t, nil
}

// Record is a JSON object whose members templates see as variables.
type Record struct {
	variables []jinja.Member
	size      int
}

// NewRecord reads a JSON object.
func NewRecord(object []byte) (Record, error) {
	fields, err := jsontext.Object(object, nil)
	if err != nil {
		return Record{}, err
	}
	r := Record{size: len(object)}
	for _, f := range fields {
		v, err := jinja.FromJSON(f.Value, 0)
		if err != nil {
			return Record{}, err
		}
		r.variables = append(r.variables, jinja.Member{Name: string(f.Key), Value: v})
	}
	return r, nil
}

// Text is what the template makes of r. Its errors are *Error.
func (t *Template) Text(r Record) (string, error) {
	out, err := t.text.Render(jinja.Input{Variables: r.variables, Size: r.size})
	return out.Text, err
}

// Value is the value of a template that is a single {{ expression }}, as JSON, and
// the text as a JSON string for any other.
func (t *Template) Value(r Record) (json.RawMessage, error) {
	if t.value == nil {
		text, err := t.Text(r)
		return jsontext.AppendQuoted(nil, text), err
	}
	out, err := t.value.Render(jinja.Input{Variables: r.variables, Size: r.size})
	return json.RawMessage(out.Text), err
}
