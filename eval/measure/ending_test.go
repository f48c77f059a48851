package measure

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestFindLoop(t *testing.T) {
	for _, c := range []struct {
		text string
		want Loop
		ok   bool
	}{
		{"", Loop{}, false},
		{"An ordinary sentence, as most replies are, with a full stop at its end and no loop at all.", Loop{}, false},
		{strings.Repeat("no ", 15), Loop{}, false}, // too short
		{strings.Repeat("no ", 16), Loop{1, 16, false}, true},
		{"Well: " + strings.Repeat("I am happy. ", 6), Loop{3, 18, false}, true},
		{"Well: " + strings.Repeat("I am happy. ", 6) + "I am hap", Loop{3, 20, false}, true},
		{strings.Repeat("I am happy. ", 6) + "And that is all.", Loop{}, false}, // it got out
		{strings.Repeat("one two three four five six. ", 3), Loop{}, false},     // three times only
		{strings.Repeat("one two three four five six. ", 4), Loop{6, 24, false}, true},
		{"Wow" + strings.Repeat("!", 63), Loop{}, false},
		{"Wow" + strings.Repeat("!", 64), Loop{1, 64, true}, true},
		{"It is 0." + strings.Repeat("3", 80), Loop{1, 80, true}, true},
		{strings.Repeat("深い", 8), Loop{2, 16, false}, true},
		{strings.Repeat("🌟", 80) + "\uFFFD", Loop{1, 80, true}, true}, // half a character, as decoded
		{strings.Repeat("🌟", 80) + "\xf0\x9f", Loop{1, 80, true}, true},
	} {
		got, ok := FindLoop(c.text)
		assert.Equal(t, c.ok, ok, "%q", c.text)
		assert.Equal(t, c.want, got, "%q", c.text)
	}
}

func TestRepeatedEndByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SliceOfN(rapid.IntRange(0, 2), 1, 4).Draw(t, "unit")
		x := rapid.SliceOfN(rapid.IntRange(0, 2), 0, 6).Draw(t, "before")
		for range rapid.IntRange(0, 8).Draw(t, "times") {
			x = append(x, unit...)
		}
		x = append(x, rapid.SliceOfN(rapid.IntRange(0, 2), 0, 2).Draw(t, "after")...)
		least := rapid.IntRange(1, 12).Draw(t, "least")

		period, length, found := 0, 0, false
		for l := len(x); l >= least && !found; l-- {
			for p := 1; p*minRepeats <= l && !found; p++ {
				if hasPeriod(x[len(x)-l:], p) {
					period, length, found = p, l, true
				}
			}
		}
		p, l, ok := repeatedEnd(x, least)
		if p != period || l != length || ok != found {
			t.Fatalf("%v: %d %d %v, want %d %d %v", x, p, l, ok, period, length, found)
		}
	})
}

func hasPeriod(x []int, p int) bool {
	for i := p; i < len(x); i++ {
		if x[i] != x[i-p] {
			return false
		}
	}
	return true
}

func TestEndingOf(t *testing.T) {
	for text, want := range map[string]Ending{
		"": Empty, " \n\t ": Empty,
		"Yes.": Closed, "Yes!": Closed, "Is it?": Closed, "And so…": Closed, "And so...": Closed, "はい。": Closed, "हाँ।": Closed,
		"He said \"yes.\"": Closed, "(Yes.)": Closed, "**Yes.**": Closed, "“Yes.”": Closed, "_Yes!_ ": Closed,
		"```go\nx := 1\n```": Closed, "See:\n```\nx\n```\n": Closed,
		"```go\nx := 1": Cut, "```\na\n```\ntext\n```\nb.": Cut,
		"First,": Cut, "These are:": Cut, "x = (": Cut, "well —": Cut, "half a character \xe6\xb7": Cut,
		"He went to the": Cut, "This is true because": Cut, "It was a dark and": Cut,
		"A": Open, "42": Open, "Paris": Open, "the and": Open, "#### 42": Open, "He went to Paris": Open, "OPTION A OR THE": Open,
		"the words the.": Closed,
	} {
		assert.Equal(t, want, EndingOf(text), "%q", text)
	}
}
