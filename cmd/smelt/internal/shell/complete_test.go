package shell

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/reeflective/readline"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The text before the cursor, and what can follow: the prefix that a candidate
// replaces, and some or all of the candidates.
func TestComplete(t *testing.T) {
	names := Names{
		Buckets: []string{"code", "cot_math", "red team"}, Phases: []string{"phase1", "mine"}, Samples: []string{"first", "Föhn"},
		Fields: []string{"_license", "_severity", "output"}, Tags: []string{"before", "it's"},
	}
	for _, c := range []struct {
		before, prefix string
		has            string // candidates that must be there, of this kind, with | between them
		kind           string
		not            string // and those that must not
		only           bool   // no others
	}{
		{before: "", has: "SAMPLE|SELECT|SHOW|CREATE|UPDATE|EXPLAIN", kind: "keyword", only: false},
		{before: "SA", prefix: "SA", has: "SAMPLE", kind: "keyword", only: true},
		{before: "sa", prefix: "sa", has: "sample", kind: "keyword", only: true},
		{before: "SHOW b", prefix: "b", has: "buckets", kind: "keyword", only: true},
		{before: "SAMPLE 5 FROM ", has: "buckets", kind: "keyword"},
		{before: "SAMPLE 5 FROM ", has: "first", kind: "sample", not: "code|SELECT"},
		{before: "SAMPLE 5 FROM buckets WEIGHTED BY PHASE ", has: "phase1|mine", kind: "phase", only: true},
		{before: "SAMPLE 5 FROM buckets WEIGHTED BY (co", prefix: "co", has: "code|cot_math", kind: "bucket", only: true},
		{before: "SAMPLE 5 FROM buckets WEIGHTED BY (CO", prefix: "CO", has: "code|cot_math", kind: "bucket", only: true},
		{before: `SAMPLE 5 FROM buckets WEIGHTED BY (code 1, "re`, prefix: `"re`, has: `"red team"`, kind: "bucket", only: true},
		{before: "SAMPLE 5 FROM buckets WEIGHTED BY (code 1,\n re", prefix: "re", not: "code|phase1"},
		{before: "SELECT _li", prefix: "_li", has: "_license", kind: "field", only: true},
		{before: "SELECT count(*) FROM buckets WHERE ", has: "_license|_severity|output", kind: "field", not: "code"},
		{before: "SELECT count(*) FROM buckets WHERE con", prefix: "con", has: "contains(", kind: "function", only: true},
		{before: "SELECT qu", prefix: "qu", has: "quantile(", kind: "function", only: true},
		{before: "SHOW BUCKETS; SAMPLE 5 FROM buckets EXCLUDE fi", prefix: "fi", has: "first", kind: "sample", only: true},
		{before: "SELECT count(*) FROM buckets AT TAG ", has: "'before'|'it''s'", kind: "tag", only: true},
		{before: "SELECT count(*) FROM buckets AT TAG 'i", prefix: "'i", has: "'it''s'", kind: "tag", only: true},
		{before: "DIFF first, f", prefix: "f", has: "first", kind: "sample", only: true},
		{before: "SAMPLE 5 FROM buckets INTO '" + "testdata/high", prefix: "'testdata/high", has: "'testdata/highlight.txt", kind: "file", only: true},
		{before: "SHOW BUCKETS -- sa"},
		{before: "SAMPEL 5 "},
		{before: `\ti`, prefix: `\ti`, has: `\timing`, kind: "command", only: true},
		{before: `\timing o`, prefix: "o", has: "on|off", kind: "word", only: true},
		{before: `\h sa`, prefix: "sa", has: "SAMPLE", kind: "word", only: true},
		{before: `\d c`, prefix: "c", has: "code|cot_math", kind: "bucket", only: true},
		{before: `\i testd`, prefix: "testd", has: "testdata/", kind: "file", only: true},
	} {
		got := Complete(c.before, names)
		var candidates, kind []string
		for _, candidate := range got.Candidates {
			candidates = append(candidates, candidate.Text)
			if candidate.Kind == c.kind {
				kind = append(kind, candidate.Text)
			}
		}
		assert.Equal(t, c.prefix, got.Prefix, c.before)
		assert.Subset(t, kind, list(c.has), c.before)
		for _, not := range list(c.not) {
			assert.NotContains(t, candidates, not, c.before)
		}
		if c.only || c.has == "" && c.not == "" {
			assert.ElementsMatch(t, list(c.has), candidates, c.before)
		}
	}
}

func list(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '|' })
}

// The line editor takes all from the last space for the beginning of a
// candidate; each must have it.
func TestCompletionsOfEditor(t *testing.T) {
	names := Names{Buckets: []string{"code"}}
	before := "SAMPLE 5 FROM buckets WEIGHTED BY (co"
	out := completions(before, Complete(before, names))
	assert.Equal(t, "(co", out.PREFIX)
	var values []string
	out.EachValue(func(c readline.Completion) readline.Completion {
		values = append(values, c.Value+" shown as "+c.Display)
		return c
	})
	assert.Equal(t, []string{"(code shown as code"}, values)

	before = "SELECT count(*) FROM buckets WHERE _license='é'AND _l"
	out = completions(before, Complete(before, Names{Fields: []string{"_license"}}))
	assert.Equal(t, "_l", out.PREFIX)
}

// Whatever is typed, colouring adds nothing but colour, and what completes it
// goes on from its end.
func FuzzTyping(f *testing.F) {
	for _, seed := range []string{"", "SAMPLE 5 FROM b", "SELECT count(*) FROM buckets WHERE _a = 'x' -- y", `\\h sa`, "SHOW \x00\xff", `"`, "'", "SAMPLE 1 FROM buckets INTO 'testdata/"} {
		f.Add(seed)
	}
	names := Names{Buckets: []string{"code", "red team"}, Fields: []string{"_a"}, Tags: []string{"t"}}
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.Contains(text, "\x1b") {
			assert.Equal(t, text, escapes.ReplaceAllString(Highlight(text), ""))
		}
		c := Complete(text, names)
		assert.True(t, strings.HasSuffix(text, c.Prefix), "%q is not the end", c.Prefix)
		for _, candidate := range c.Candidates {
			require.GreaterOrEqual(t, len(candidate.Text), len(c.Prefix))
			assert.True(t, strings.EqualFold(candidate.Text[:len(c.Prefix)], c.Prefix))
		}
		completions(text, c)
		Finished(text)
	})
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestHighlightGolden(t *testing.T) {
	const path = "testdata/highlight.txt"
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var file strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		text, want, _ := strings.Cut(block, "\n----\n")
		painted := Highlight(text)
		assert.Equal(t, text, escapes.ReplaceAllString(painted, ""), "nothing but colour is added")
		got := strings.ReplaceAll(painted, "\x1b", `\e`)
		if !*rewrite {
			assert.Equal(t, want, got)
		}
		file.WriteString(text + "\n----\n" + got + "\n\n")
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(filepath.FromSlash(path), []byte(strings.TrimSuffix(file.String(), "\n")), 0o644))
	}
}
