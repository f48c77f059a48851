package measure

import (
	"strings"

	"smelt/db/row"
)

// rule puts a row into a bucket if its text has one of the words.
type rule struct {
	bucket string
	words  []string
}

// rules in the order in which they are tried.
func rules() []rule {
	return []rule{
		{"code", []string{"```", "def ", "function", "class ", "import ", "code", "python", "javascript"}},
		{"cot_math", []string{"step by step", "solve", "calculate", "equation", "math"}},
		{"tool_use", []string{"tool_call", "api call"}},
		{"analytical", []string{"analyze", "analyse", "compare", "evaluate", "explain why"}},
		{"creative", []string{"story", "poem", "creative", "imagine", "fiction"}},
		{"factual", []string{"fact", "according to", "wikipedia", "citation"}},
		{"red_team", []string{"jailbreak", "harmful", "illegal", "i cannot help", "i can't help"}},
	}
}

// Keywords is the baseline: a list of words for each bucket, looked for in the
// lower-cased text of the whole row, the first bucket that has one winning, and
// instruction where there is none. The scripts that smelt succeeds worked like
// this. Their list is not preserved, so this is the obvious one, with code
// first: they called nearly half of their rows code and next to no tool call a
// tool call, as a list does in which "function" is a word for code.
func Keywords(c *row.Content) string {
	var text strings.Builder
	for _, t := range []string{c.Instruction, c.Input, c.Output} {
		text.WriteString(t)
		text.WriteByte('\n')
	}
	for i := range c.Turns {
		text.WriteString(c.Turns[i].Content)
		text.WriteByte('\n')
	}
	lower := strings.ToLower(text.String())
	for _, r := range rules() {
		for _, w := range r.words {
			if strings.Contains(lower, w) {
				return r.bucket
			}
		}
	}
	return "instruction"
}
