package measure

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"smelt/db/row"
)

func TestScores(t *testing.T) {
	c := NewConfusion([]string{"a", "b", "c"})
	c.Add("a", "a", 9)
	c.Add("a", "b", 1)
	c.Add("b", "b", 7)
	c.Add("b", "new", 3) // a bucket not known before
	s := c.Scores()
	assert.Equal(t, Score{Bucket: "a", Rows: 10, Called: 9, Precision: 1, Recall: 0.9, F1: 18.0 / 19}, s[0])
	assert.Equal(t, Score{Bucket: "b", Rows: 10, Called: 8, Precision: 7.0 / 8, Recall: 0.7, F1: 14.0 / 18}, s[1])
	assert.Equal(t, Score{Bucket: "c"}, s[2])
	assert.Equal(t, Score{Bucket: "new", Called: 3}, s[3])
	assert.InDelta(t, (18.0/19+14.0/18)/2, c.MacroF1(), 1e-15, "buckets without rows are left out")
	assert.Equal(t, 0.8, c.Accuracy())
	assert.Zero(t, NewConfusion([]string{"a"}).MacroF1())
	assert.Zero(t, NewConfusion(nil).Accuracy())
}

// F1 is the harmonic mean, and lies between precision and recall.
func TestF1(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := NewConfusion([]string{"a", "b", "c"})
		for _, truth := range c.Buckets {
			for _, called := range c.Buckets {
				c.Add(truth, called, rapid.Int64Range(0, 50).Draw(t, truth+called))
			}
		}
		for _, s := range c.Scores() {
			assert.GreaterOrEqual(t, s.F1, min(s.Precision, s.Recall)-1e-12)
			assert.LessOrEqual(t, s.F1, max(s.Precision, s.Recall)+1e-12)
			if s.Precision > 0 {
				assert.InDelta(t, 2/(1/s.Precision+1/s.Recall), s.F1, 1e-12)
			}
		}
	})
}

func TestKeywords(t *testing.T) {
	for want, text := range map[string]string{
		"code": "Write a Python script.", "cot_math": "Let us go step by step.", "tool_use": "a tool_call",
		"analytical": "COMPARE the two.", "creative": "Tell me a story.", "factual": "According to whom?",
		"red_team": "Is it illegal?", "instruction": "Name a fruit.",
	} {
		assert.Equal(t, want, Keywords(&row.Content{Instruction: text}))
		assert.Equal(t, want, Keywords(&row.Content{Output: text}))
		assert.Equal(t, want, Keywords(&row.Content{Turns: []row.Turn{{Role: row.User, Content: text}}}))
	}
	assert.Equal(t, "code", Keywords(&row.Content{Instruction: "Solve the equation of this function."}), "the first rule wins")
}
