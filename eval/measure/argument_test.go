package measure

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCountConnectives(t *testing.T) {
	for text, want := range map[string]Connectives{
		"":                {},
		"The fox sleeps.": {Words: 3},
		"However, it rained; therefore we stayed. If not, we go. For example: home.": {Words: 13, Contrast: 1, Cause: 1, Condition: 1, Expansion: 1},
		"In spite of rain":             {Words: 4, Contrast: 1},
		"Because of rain, even though": {Words: 5, Contrast: 1, Cause: 1}, // the longest alone
		"as a":                         {Words: 2},
		"AS A RESULT":                  {Words: 3, Cause: 1},
		"rain and sun, or snow":        {Words: 5},
	} {
		assert.Equal(t, want, CountConnectives(text), "%q", text)
	}
	assert.InDelta(t, 25, CountConnectives("it rained but briefly").Density(), 1e-12)
	assert.True(t, math.IsNaN(Connectives{}.Density()))
}

func TestBothSides(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                false,
		"Its main advantage is speed.":    false,
		"Its main drawback is the price.": false,
		"Its advantage is speed; its drawback is the price.":  true,
		"On the one hand it is fast, on the other hand dear.": true,
		"Pros: fast. Cons: dear.":                             true,
		"Supporters like it. Critics do not.":                 true,
		"Its disadvantage is the price.":                      false, // no advantage in it
		"There is an argument against it and one against us":  false,
	} {
		assert.Equal(t, want, BothSides(text), "%q", text)
	}
}

func TestConcludes(t *testing.T) {
	const body = "It is fast. It is small. It is cheap. It works well here. "
	for text, want := range map[string]bool{
		"":                              false,
		body:                            false,
		body + "In conclusion, buy it.": true,
		body + "OVERALL a good one.":    true,
		body + "## Summary\nBuy.":       true,
		body + "It is thus good.":       false, // not the start of a sentence
		"In conclusion, " + body:        false, // not at the end
		"Therefore":                     true,
	} {
		assert.Equal(t, want, Concludes(text), "%q", text)
	}
}

func TestVote(t *testing.T) {
	for _, c := range []struct {
		answers   []string
		want      string
		agreement Ratio
	}{
		{nil, "", Ratio{}},
		{[]string{"", ""}, "", Ratio{0, 2}},
		{[]string{"7", "8", "8", ""}, "8", Ratio{2, 4}},
		{[]string{"", "", "", "7"}, "7", Ratio{1, 4}},
		{[]string{"9", "7", "7", "9"}, "9", Ratio{2, 4}}, // first given
		{[]string{"9", "7", "7", "9", "7"}, "7", Ratio{3, 5}},
	} {
		answer, agreement := Vote(c.answers)
		assert.Equal(t, c.want, answer, "%v", c.answers)
		assert.Equal(t, c.agreement, agreement, "%v", c.answers)
	}
}

func TestThinksAloud(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                    false,
		"Hello! How can I help?":              false,
		"The capital of France is Paris.":     false,
		"It is Paris, because it says so.":    false,
		"Take step 1 with care.":              false,
		"<think>Hm.</think>Hello":             true,
		"Let's think about it.":               true,
		"Step-by-step, it goes so.":           true,
		"Step 1: greet. Step 2: smile.":       true,
		"First step, look. Next step, leap.":  true,
		"That is 3 + 4 = 7.":                  true,
		"It is so because it is; thus, done.": true,
	} {
		assert.Equal(t, want, ThinksAloud(text), "%q", text)
	}
}
