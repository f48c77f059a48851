package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/query/ast"
)

// fence finds the fenced blocks of a page that are transcripts.
var fence = regexp.MustCompile("(?ms)^```\n([>$] .*?)^```$")

// The examples of docs/query.md are played one after the other on the store of
// smelt demo, and must give what the page shows.
func TestQueryPage(t *testing.T) {
	path, page := readPage(t)
	blocks := fence.FindAllStringSubmatch(page, -1)
	assert.Greater(t, len(blocks), 25, "the page lost its examples")

	t.Chdir(t.TempDir())
	code, _, stderr := smelt("", "demo", "--dir", ".")
	require.Equal(t, 0, code, stderr)
	p := &player{t: t, preview: 1}
	defer p.close()
	var played []string
	for _, block := range blocks {
		script, err := parseTranscript(block[1])
		require.NoError(t, err)
		got := p.play(script)
		if !*rewrite {
			assertPlayed(t, script, got)
		}
		played = append(played, got.String())
	}
	if *rewrite {
		page = fence.ReplaceAllStringFunc(page, func(string) string {
			block := "```\n" + played[0] + "```"
			played = played[1:]
			return block
		})
		require.NoError(t, os.WriteFile(path, []byte(page), 0o644))
	}
}

// The grammar of the page is that of query/ast, word for word.
func TestQueryPageGrammar(t *testing.T) {
	_, page := readPage(t)
	_, grammar, found := strings.Cut(page, "```ebnf\n")
	require.True(t, found)
	grammar, _, _ = strings.Cut(grammar, "```")

	source, err := os.ReadFile("../../query/ast/doc.go")
	require.NoError(t, err)
	var want strings.Builder
	for line := range strings.Lines(string(source)) {
		if line == "//\n" || strings.HasPrefix(line, "//\t") {
			line = strings.TrimPrefix(strings.TrimPrefix(line, "//"), "\t")
			want.WriteString(line)
		} else if strings.HasPrefix(line, "// White space") {
			break
		} else {
			want.Reset() // prose
		}
	}
	assert.Equal(t, strings.TrimSpace(want.String()), strings.TrimSpace(grammar))
}

// The statements that the README shows are words of the language.
func TestReadmeStatements(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(data), "\n## The language\n\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n\n")
	for line := range strings.SplitSeq(section, "\n") {
		_, err := ast.Parse(strings.TrimSpace(line))
		assert.NoError(t, err, line)
	}
}

// readPage returns docs/query.md and its path, from wherever the test goes.
func readPage(t *testing.T) (path, text string) {
	path, err := filepath.Abs("../../docs/query.md")
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, string(data)
}
