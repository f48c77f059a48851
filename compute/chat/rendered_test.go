package chat

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// wanted is what record.py saw Jinja do with one template and conversation.
type wanted struct {
	Source    string
	Text      *string
	Generated [][2]int
	Raised    *string
	Error     string // the name of Python's exception
}

// check renders and compares.
func (w *wanted) check(t *testing.T, source string, c *recorded) {
	t.Helper()
	conv, o := c.conversation(t)
	template, err := Parse(source)
	if err == nil {
		var in *input
		in, err = newInput(conv, o)
		require.NoError(t, err)
		out, e := in.render(template, len(conv.Turns), o.AddGenerationPrompt)
		if err = e; err == nil && w.Text != nil {
			assert.Equal(t, *w.Text, out.Text)
			assert.Equal(t, w.Generated, out.Generated)
			return
		}
		if err == nil {
			t.Errorf("rendered %q, want %s", out.Text, w.Error)
			return
		}
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	switch {
	case w.Text != nil:
		t.Errorf("%v, want %q", err, *w.Text)
	case w.Raised != nil:
		assert.True(t, e.Raised, "%v", err)
		assert.Equal(t, *w.Raised, e.Msg)
	default:
		assert.False(t, e.Raised, "%v", err)
	}
}

func TestRendered(t *testing.T) {
	var want struct {
		Templates map[string]map[string]*wanted
		Snippets  []*wanted
	}
	readJSON(t, "testdata/rendered.json", &want)
	cases := loadCases(t)
	require.NotEmpty(t, want.Templates)
	for name, results := range want.Templates {
		source, err := os.ReadFile("testdata/templates/" + name)
		if errors.Is(err, os.ErrNotExist) {
			source, err = os.ReadFile("builtin/" + name)
		}
		require.NoError(t, err)
		for i := range cases {
			t.Run(name+"/"+cases[i].Name, func(t *testing.T) {
				results[cases[i].Name].check(t, string(source), &cases[i])
			})
		}
	}
	require.NotEmpty(t, want.Snippets)
	for _, w := range want.Snippets {
		t.Run("snippet "+w.Source, func(t *testing.T) {
			for i := range cases {
				if cases[i].Name == "tools" {
					w.check(t, w.Source, &cases[i])
				}
			}
		})
	}
}
