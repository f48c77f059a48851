package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/eval/journal"
	"smelt/eval/results"
)

// The loss on held-out rows is the one that training validates with, on the same rows, bucket by bucket.
func TestHeldOutLossIsThatOfTraining(t *testing.T) {
	model, rows, dir := nano(t), rowsFile(t, 300), t.TempDir()
	code, stdout, stderr := smelt("", "--json", "train", "--model", model, "--data", rows, "--work-dir", filepath.Join(dir, "run"),
		"--max-steps", "1", "--precision", "fp32", "--context", "512")
	require.Equal(t, 0, code, stderr)
	type loss struct {
		Bucket string
		Loss   float64
		StdErr float64 `json:"std_err"`
	}
	var trained struct {
		Result struct {
			Before struct {
				loss
				Targets int
				Buckets []loss
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &trained))
	before := trained.Result.Before
	require.Len(t, before.Buckets, 2)

	args := []string{"--json", "eval", "--model", model, "--rows", rows, "--query", "SAMPLE 256 FROM buckets WHERE holdout(2) ON SHORTFALL SHRINK",
		"--precision", "fp32", "--out", filepath.Join(dir, "eval")}
	code, stdout, stderr = smelt("", args...)
	require.Equal(t, 0, code, stderr)
	var s summary
	require.NoError(t, json.Unmarshal([]byte(stdout), &s))
	held := s.HeldOut
	assert.EqualValues(t, before.Targets, held.All.Tokens)
	assert.InDelta(t, before.Loss, float64(held.All.Loss), 1e-5)
	assert.InDelta(t, before.StdErr, float64(held.All.LossStdErr), 1e-5)
	require.Len(t, held.Buckets, 2)
	for i, b := range before.Buckets {
		assert.Equal(t, b.Bucket, held.Buckets[i].Name)
		assert.InDelta(t, b.Loss, float64(held.Buckets[i].Loss), 1e-5, b.Bucket)
	}

	// Results have the rows one by one, what is printed has not.
	kept, err := results.Read(filepath.Join(dir, "eval"))
	require.NoError(t, err)
	for i, b := range kept.HeldOut.Buckets {
		assert.Len(t, b.ByRow, b.Rows)
		assert.Empty(t, held.Buckets[i].ByRow)
	}

	// What was measured is kept, until the rows or the model change.
	assert.Equal(t, [2]int{0, held.All.Rows}, [2]int{s.Answers.RowsKnown, s.Answers.RowsRun})
	code, again, stderr := smelt("", args...)
	require.Equal(t, 0, code, stderr)
	var known, other summary
	require.NoError(t, json.Unmarshal([]byte(again), &known))
	assert.Equal(t, held, known.HeldOut)
	assert.Equal(t, [2]int{held.All.Rows, 0}, [2]int{known.Answers.RowsKnown, known.Answers.RowsRun})
	code, stdout, stderr = smelt("", append(args[:len(args):len(args)], "--precision", "stored", "--cpu", "generic")...)
	require.Equal(t, 0, code, stderr)
	require.NoError(t, json.Unmarshal([]byte(stdout), &other))
	assert.NotEqual(t, held, other.HeldOut)
	assert.Zero(t, other.Answers.RowsKnown)
}

// A folder in which another process evaluates is refused before anything is measured.
func TestFolderInUse(t *testing.T) {
	dir := t.TempDir()
	j, err := journal.Open(filepath.Join(dir, journal.FileName), "another")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, j.Close()) })
	code, stdout, stderr := smelt("", "eval", "--model", nano(t), "--rows", rowsFile(t, 4), "--task", "hellaswag", "--out", dir)
	assert.Equal(t, 1, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "another process evaluates with this journal: wait for it to finish, or end it, or give another --out")
}
