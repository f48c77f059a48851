package jinja

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// FuzzRender holds that any template and content end in a text, whose spans lie
// in it in order, or in an error that has a place; and that twice gives the same.
func FuzzRender(f *testing.F) {
	data, err := os.ReadFile("../../testdata/snippets.json")
	require.NoError(f, err)
	var snippets []string
	require.NoError(f, json.Unmarshal(data, &snippets))
	for _, s := range append(snippets, hostile...) {
		f.Add(s, "a <b>\n")
	}
	files, err := filepath.Glob("../../testdata/templates/*.jinja")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		data, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(data), "ünï")
	}
	f.Fuzz(func(t *testing.T, source, content string) {
		template, err := Compile(source)
		if err != nil {
			return
		}
		template.work = 1 << 17
		messages, err := FromJSON([]byte(`[{"content": "c", "role": "user", "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, null]}}}]}]`), Content)
		require.NoError(t, err)
		in := Input{Variables: []Member{{"messages", messages}, {"u", Text(content, Content)}, {"tools", messages}}}
		out, err := template.Render(in)
		if err != nil {
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Positive(t, e.Line)
			assert.Positive(t, e.Col)
			return
		}
		for _, spans := range [][][2]int{out.Content, out.Generated} {
			at := -1
			for _, s := range spans {
				assert.Less(t, at, s[0])
				assert.Less(t, s[0], s[1])
				at = s[1]
			}
			assert.LessOrEqual(t, at, len(out.Text))
		}
		again, err := template.Render(in)
		require.NoError(t, err)
		assert.Equal(t, out, again)
	})
}
