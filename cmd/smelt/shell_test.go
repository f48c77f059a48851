package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/cmd/smelt/internal/shell"
	"smelt/db"
)

// newSession is a session on a store with a bucket of two rows.
func newSession(t *testing.T) (s *session, dir string, stdout, stderr *bytes.Buffer) {
	dir = t.TempDir()
	store := filepath.Join(dir, "store")
	rows := `{"instruction":"a","output":"b","_bucket":"code"}` + "\n" + `{"instruction":"c","output":"d","_bucket":"code"}`
	code, _, talk := smelt(rows, "ingest", "-", "--db", store)
	require.Equal(t, 0, code, talk)
	d, err := db.Open(store, db.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.Close()) })
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	a := &app{cli: &cli{DB: store}, ctx: t.Context(), stdin: strings.NewReader(""), stdout: stdout, stderr: stderr}
	return &session{app: a, db: d}, dir, stdout, stderr
}

// An interrupted statement leaves no file, and the next one works.
func TestSessionInterrupted(t *testing.T) {
	s, dir, stdout, stderr := newSession(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	into := "SAMPLE ALL FROM buckets INTO '" + filepath.ToSlash(filepath.Join(dir, "out.jsonl")) + "'"
	err := s.Run(ctx, shell.Script{Line: 7, Text: into})
	require.ErrorIs(t, err, context.Canceled)
	s.Fail(err)
	assert.Contains(t, stderr.String(), "interrupted")
	assert.Contains(t, stderr.String(), "stdin:7:1: ")
	assert.Equal(t, exitCode(1), s.code)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "only the store")

	require.NoError(t, s.Run(t.Context(), shell.Script{Line: 8, Text: into}))
	assert.Contains(t, stdout.String(), "2 rows of 2 asked")
}

// endingContext is a context that ends after it was asked so many times.
type endingContext struct {
	context.Context
	left int
}

func (c *endingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// What a statement wrote to a file before it was interrupted, wherever that was,
// is cut off again; the file has its name only when it is whole.
func TestRedirectTakesBack(t *testing.T) {
	s, dir, stdout, stderr := newSession(t)
	path := filepath.Join(dir, "out.jsonl")
	require.NoError(t, s.Redirect(path))
	run := func(ctx context.Context, text string) error { return s.Run(ctx, shell.Script{Line: 1, Text: text}) }
	require.NoError(t, run(t.Context(), "SELECT count(*) FROM buckets"))
	interrupted := 0
	for err := error(context.Canceled); err != nil; interrupted++ {
		err = run(&endingContext{t.Context(), interrupted}, "SAMPLE ALL FROM buckets AS everything")
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	assert.Greater(t, interrupted, 2)
	require.Error(t, run(t.Context(), "SELECT nothing FROM buckets"))
	assert.NoFileExists(t, path)
	require.NoError(t, s.Redirect(""))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	assert.Equal(t, `{"count":2}`, lines[0])
	assert.Len(t, lines, 3, "and the sample once")
	assert.Empty(t, stdout.String())
	assert.Contains(t, stderr.String(), "wrote")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 2, "the store and the file")
}

// Completion knows what the store has names for.
func TestSessionNames(t *testing.T) {
	s, _, _, _ := newSession(t)
	require.NoError(t, s.Run(t.Context(), shell.Script{Line: 1, Text: "CREATE BUCKET legal; CREATE PHASE mine (legal 1, code 1); SHOW BUCKETS"}))
	names := s.names()
	assert.Contains(t, names.Buckets, "legal")
	assert.Contains(t, names.Phases, "mine")
	assert.Subset(t, names.Fields, []string{"_bucket", "output"})
	assert.Empty(t, names.Samples)
}

// History goes where the system keeps a user's state.
func TestHistoryPath(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	assert.Equal(t, filepath.Join(state, "smelt", "history"), historyPath())
	t.Setenv("XDG_STATE_HOME", "relative") // to be ignored, by the specification
	assert.True(t, filepath.IsAbs(historyPath()), historyPath())
}
