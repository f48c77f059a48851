package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The files of testdata/language are the specification of the language, by
// example. Each is played twice, on stores of their own: as it is typed, with one
// thread, and as the trees of its statements print them, with four. Both must
// give the answers in the file. EXPLAIN of every SAMPLE and SELECT must work, too.
func TestLanguage(t *testing.T) {
	paths, err := filepath.Glob("testdata/language/*.txt")
	require.NoError(t, err)
	statements := 0
	for _, path := range paths {
		path, err := filepath.Abs(path)
		require.NoError(t, err)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		script, err := parseTranscript(string(data))
		require.NoError(t, err, path)
		for _, e := range script {
			if _, ok := e.statement(); ok {
				statements++
			}
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			typed := (&player{t: t, threads: 1, preview: 2}).play(script)
			if *rewrite {
				require.NoError(t, os.WriteFile(path, []byte(typed.String()), 0o644))
			} else {
				assertPlayed(t, script, typed)
				assert.Equal(t, string(data), typed.String(), "the layout of the file")
			}
			t.Chdir(t.TempDir())
			canonical := (&player{t: t, threads: 4, canonical: true, preview: 2}).play(script)
			assertPlayed(t, typed, canonical)
		})
	}
	assert.GreaterOrEqual(t, statements, 350, "the specification lost statements")
}

// assertPlayed compares two plays of a script.
func assertPlayed(t *testing.T, want, got transcript) {
	t.Helper()
	for i := range want {
		assert.Equal(t, want[i].answer, got[i].answer, "%s", want[i].typed)
	}
}
