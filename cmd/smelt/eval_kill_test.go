package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/journal"
	"smelt/eval/results"
)

// evalArgs are an evaluation of some hundred questions, of both kinds.
func evalArgs(model, dir string, more ...string) []string {
	return append([]string{"eval", "--json", "--model", model, "--suite", "quick", "--task", "style", "--task", "mmlu", "--python", "nosuchpython", "--out", dir}, more...)
}

// answersOf is what --json says of the answers of a run that ended.
func answersOf(t *testing.T, stdout string) summaryAnswers {
	t.Helper()
	var s struct{ Answers summaryAnswers }
	require.NoError(t, json.Unmarshal([]byte(stdout), &s))
	return s.Answers
}

func resultsOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, results.FileName))
	require.NoError(t, err)
	return string(text)
}

// lines counts the answers of a journal, of which there may be none yet.
func lines(dir string) int {
	text, _ := os.ReadFile(filepath.Join(dir, journal.FileName))
	return max(0, bytes.Count(text, []byte("\n"))-1)
}

// Killed at any time, an evaluation goes on where it was and comes to the same results, byte for byte; only what is
// missing is asked.
func TestKilledEvaluation(t *testing.T) {
	model, dir, rows := nano(t), t.TempDir(), rowsFile(t, 200)
	args := func(dir string, more ...string) []string {
		return evalArgs(model, dir, append(more, "--rows", rows)...)
	}
	whole := filepath.Join(dir, "whole")
	code, stdout, stderr := smelt("", args(whole)...)
	require.Equal(t, 0, code, stderr)
	all := answersOf(t, stdout)
	require.Greater(t, all.Questions, 100)
	require.Equal(t, 400, all.RowsRun)
	assert.Equal(t, summaryAnswers{Questions: all.Questions, Asked: all.Questions, RowsRun: all.RowsRun}, all)

	killed := filepath.Join(dir, "killed")
	lineCount := all.RowsRun + all.Questions
	for _, at := range []int{0, 1, all.RowsRun / 2, all.RowsRun + 20, all.RowsRun + all.Questions/2, lineCount - 20} {
		p := start(t, args(killed)...)
		ended := make(chan error, 1)
		go func() { ended <- p.Wait() }()
		done := false
		for !done && lines(killed) < at {
			select {
			case err := <-ended:
				require.NoError(t, err, p.stderr.String())
				done = true
			default:
			}
		}
		if _ = p.Process.Kill(); !done {
			<-ended // until then the journal is its
		}
	}
	had := lines(killed)
	assert.GreaterOrEqual(t, had, lineCount-20)
	code, stdout, stderr = smelt("", args(killed, "--threads", "1")...)
	require.Equal(t, 0, code, stderr)
	got := answersOf(t, stdout)
	assert.Equal(t, all.RowsRun, got.RowsKnown)
	assert.Equal(t, all.Questions, got.Known+got.Asked)
	assert.LessOrEqual(t, got.Asked, 20)
	assert.True(t, resultsOf(t, whole) == resultsOf(t, killed), "the same bytes")

	code, stdout, stderr = smelt("", args(killed)...)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, summaryAnswers{Questions: all.Questions, Known: all.Questions, RowsKnown: all.RowsRun}, answersOf(t, stdout))
}

// Ctrl-C ends it in order, says how to go on, and leaves no results.
func TestInterruptedEvaluation(t *testing.T) {
	model, dir := nano(t), filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	talk := &reacting{at: " questions\n", do: cancel}
	assert.Equal(t, 1, run(ctx, evalArgs(model, dir), nil, io.Discard, talk))
	cancel()
	assert.Contains(t, talk.text.String(), "smelt: evaluation: stopped after ")
	assert.Contains(t, talk.text.String(), "answers: interrupted\nthe same command goes on from there; the answers are in "+filepath.Join(dir, journal.FileName))
	assert.NotContains(t, talk.text.String(), "context canceled")
	assert.NoFileExists(t, filepath.Join(dir, results.FileName))
	code, _, stderr := smelt("", evalArgs(model, dir)...)
	require.Equal(t, 0, code, stderr)
	assert.FileExists(t, filepath.Join(dir, results.FileName))
}
