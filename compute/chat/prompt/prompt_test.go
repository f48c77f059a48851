package prompt

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const record = `{"question": " What is it? ", "choices": {"text": ["a \"b\"", "c'd\n"], "label": ["A", "B"]}, "answerKey": "B", "n": 3}`

// The texts are what lm_eval.utils.apply_template gives (lm_eval 0.4.13, jinja2 3.1.6).
func TestText(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"Question: {{question}}\nAnswer:", "Question:  What is it? \nAnswer:"},
		{"{{question.strip()}}\nA. {{choices.text[0]}}\n", "What is it?\nA. a \"b\"\n"},
		{"{{choices.label.index(answerKey)}}", "1"},
		{"{{choices.text}}", `['a "b"', "c'd\n"]`},
		{"{{answer if answer is defined else n}}", "3"},
		{"  {% set x = 'p\nq' %}\n  {{x + '\n\nQ: ' + question}}", "  \n  p\nq\n\nQ:  What is it? "},
		{"plain\n", "plain\n"},
	} {
		template, err := Compile(c.template)
		require.NoError(t, err, c.template)
		r, err := NewRecord([]byte(record))
		require.NoError(t, err)
		got, err := template.Text(r)
		require.NoError(t, err, c.template)

		assert.Equal(t, c.want, got, c.template)
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct{ template, want string }{
		{"{{choices.text}}", `["a \"b\"", "c'd\n"]`},
		{"{{n}}", `3`},
		{"{{answerKey}}", `"B"`},
		{" {{- n -}} ", `3`},
		{"{{n}}{{n}}", `"33"`},
		{"n = {{n}}", `"n = 3"`},
		{"{{ '}}' }}", `"}}"`},
	} {
		template, err := Compile(c.template)
		require.NoError(t, err, c.template)
		r, err := NewRecord([]byte(record))
		require.NoError(t, err)
		got, err := template.Value(r)
		require.NoError(t, err, c.template)
		assert.JSONEq(t, c.want, string(got), c.template)
	}
}

func TestUndefinedIsAnError(t *testing.T) {
	r, err := NewRecord([]byte(record))
	require.NoError(t, err)
	for _, source := range []string{"{{qestion}}", "{{choices.txt}}", "{% if nope %}{% endif %}", "{% for x in nope %}{% endfor %}", "{{ 'a' ~ nope }}"} {
		template, err := Compile(source)
		require.NoError(t, err)
		_, err = template.Text(r)
		var e *Error
		assert.ErrorAs(t, err, &e, source)
	}
	_, err = NewRecord([]byte(`[1]`))
	assert.Error(t, err)
}
