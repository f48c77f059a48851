package like

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestCompile(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		exact, folded bool
	}{
		{"", "", true, true},
		{"", "a", false, false},
		{"%", "", true, true},
		{"%%", "anything\nat all", true, true},
		{"_", "", false, false},
		{"_", "é", true, true},
		{"__", "é", false, false},
		{"%smelt%", "to smelt ore", true, true},
		{"%smelt%", "to SMELT ore", false, true},
		{"smelt", "to smelt", false, false},
		{"a%b%c", "a-b-b-c", true, true},
		{"a%b%c", "a-c-b", false, false},
		{"%ab", "aab", true, true},
		{`100\%`, "100%", true, true},
		{`100\%`, "100x", false, false},
		{`a\_`, "ab", false, false},
		{`a\\b`, `a\b`, true, true},
		{`a\`, `a\`, true, true},
		{"É%", "école", false, true},
	} {
		assert.Equal(t, c.exact, Compile(c.pattern, false)(c.text), "%q LIKE %q", c.text, c.pattern)
		assert.Equal(t, c.folded, Compile(c.pattern, true)(c.text), "%q ILIKE %q", c.text, c.pattern)
	}
}

// TestAgainstRegexp compares with the regular expression that a pattern is.
func TestAgainstRegexp(t *testing.T) {
	pattern := rapid.StringOfN(rapid.SampledFrom([]rune("aAbé%%_\\")), 0, 8, -1)
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aAbé%_\\\n")), 0, 12, -1)
	rapid.Check(t, func(t *rapid.T) {
		pattern, text := pattern.Draw(t, "pattern"), text.Draw(t, "text")
		var re strings.Builder
		plain := false
		for _, c := range pattern {
			switch {
			case plain:
				re.WriteString(regexp.QuoteMeta(string(c)))
				plain = false
			case c == '\\':
				plain = true
			case c == '%':
				re.WriteString(".*")
			case c == '_':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		if plain {
			re.WriteString(`\\`)
		}
		exact, folded := regexp.MustCompile(`(?s)\A`+re.String()+`\z`), regexp.MustCompile(`(?si)\A`+re.String()+`\z`)
		assert.Equal(t, exact.MatchString(text), Compile(pattern, false)(text))
		assert.Equal(t, folded.MatchString(text), Compile(pattern, true)(text))
	})
}
