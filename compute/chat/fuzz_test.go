package chat

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// FuzzLearn holds that no conversation makes a template panic, and that spans
// lie in the text, in order and apart.
func FuzzLearn(f *testing.F) {
	f.Add("question", "answer", "{}", "[]")
	f.Add("<|im_end|>\n", "<think>\nx\n</think>\n\ny ", `{"tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}`, `[{"type": "function", "function": {"name": "f"}}]`)
	f.Add(" ", "\n", `{"content": null, "reasoning_content": "r", "x": [1e999, 123456789012345678901]}`, `[{"function": {"parameters": {"type": "object", "properties": {"a": {"enum": [1]}}}}}]`)
	f.Add("", "", `{"content": [{"type": "text", "text": "t"}]}`, `null`)
	var templates []*Template
	for _, name := range []string{"builtin/chatml", "testdata/templates/tools", "testdata/templates/alternating", "testdata/templates/typed", "testdata/templates/marked"} {
		templates = append(templates, file(f, name+".jinja"))
	}
	f.Fuzz(func(t *testing.T, question, answer, extra, tools string) {
		c := turns("user", question, "assistant", answer, "user", answer, "assistant", question)
		c.Turns[1].Extra, c.Tools = []byte(extra), []byte(tools)
		for i, template := range templates {
			got, err := template.Learn(c, Options{Variables: tokens}, i%2 == 1)
			if err != nil {
				continue
			}
			for _, spans := range [][]Span{got.Learn, got.Content} {
				at := -1
				for _, s := range spans {
					assert.Less(t, at, s.From)
					assert.Less(t, s.From, s.To)
					at = s.To
				}
				assert.LessOrEqual(t, at, len(got.Text))
			}
		}
	})
}
