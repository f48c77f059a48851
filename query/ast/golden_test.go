package ast

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write what the parser now says into the golden files")

const divider = "----"

// goldenCase is a statement, and its canonical text or the drawn error. In a file a line of dashes is between the two,
// and a blank line ends the case; lines before the first statement that start with # are comments.
type goldenCase struct{ comment, input, output string }

func readGolden(t testing.TB, path string) []goldenCase {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var cases []goldenCase
	comment := ""
	for _, block := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
		if strings.HasPrefix(block, "#") {
			comment += block + "\n\n"
			continue
		}
		input, output, ok := strings.Cut(block+"\n", "\n"+divider+"\n")
		require.True(t, ok, "%s: no divider after %q", path, block)
		cases = append(cases, goldenCase{comment, input, strings.TrimSuffix(output, "\n")})
		comment = ""
	}
	return cases
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

func parseToText(src string) string {
	s, err := Parse(src)
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Detail()
	case err != nil:
		return "not an *Error: " + err.Error()
	}
	return s.String()
}

func TestGolden(t *testing.T) {
	total := 0
	for _, path := range goldenFiles(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			var file strings.Builder
			for _, c := range readGolden(t, path) {
				got := parseToText(c.input)
				assert.False(t, strings.Contains(got, "\n\n"), "a blank line in the output for %q", c.input)
				if !*rewrite {
					assert.Equal(t, c.output, got, "for %s", c.input)
				}
				file.WriteString(c.comment + c.input + "\n" + divider + "\n" + got + "\n\n")
				total++
			}
			if *rewrite {
				require.NoError(t, os.WriteFile(path, []byte(strings.TrimSuffix(file.String(), "\n")), 0o644))
			}
		})
	}
	assert.Greater(t, total, 80, "the golden files lost their cases")
}
