package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/train/finetune"
)

// reacting is a standard error that calls do, once, when a text was written to it.
type reacting struct {
	text bytes.Buffer
	at   string
	do   func()
}

func (w *reacting) Write(text []byte) (int, error) {
	n, err := w.text.Write(text)
	if w.do != nil && strings.Contains(w.text.String(), w.at) {
		w.do()
		w.do = nil
	}
	return n, err
}

// trainArgs are a run of 8 steps.
func trainArgs(model, rows, dir string, more ...string) []string {
	return append([]string{"train", "--model", model, "--data", rows, "--work-dir", dir, "--context", "64", "--max-steps", "8", "--gguf", "q8_0"}, more...)
}

func adapterOf(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "adapter", "adapter_model.safetensors"))
	require.NoError(t, err)
	return string(text)
}

// Whenever a run is interrupted it says how to go on; the same command does, and comes to
// the same.
func TestInterruptedTraining(t *testing.T) {
	model, rows, dir := nano(t), rowsFile(t, 200), t.TempDir()
	whole := filepath.Join(dir, "whole")
	code, _, stderr := smelt("", trainArgs(model, rows, whole)...)
	require.Equal(t, 0, code, stderr)
	const last = `{"event":"checkpoint","step":8,`
	for name, test := range map[string]struct{ at, said string }{
		"reading": {"", "interrupted"},
		"steps":   {`"event":"step","step":3,`, "smelt: training: stopped after step 3 of 8: interrupted\nthe same command goes on from there"},
		"writing": {last, "interrupted\nthe trained parameters are in "},
	} {
		run1 := filepath.Join(dir, name)
		ctx, cancel := context.WithCancel(t.Context())
		talk := &reacting{at: test.at, do: cancel}
		if test.at == "" {
			cancel()
		}
		var out bytes.Buffer
		assert.Equal(t, 1, run(ctx, trainArgs(model, rows, run1), nil, &out, talk), name)
		assert.Contains(t, talk.text.String(), test.said, name)
		assert.NotContains(t, talk.text.String(), "context canceled", name)
		assert.Empty(t, out.String(), name)
		if test.at == "" {
			assert.NoDirExists(t, run1)
		}
		cancel()
		code, _, stderr := smelt("", trainArgs(model, rows, run1, "--threads", "1")...)
		require.Equal(t, 0, code, stderr)
		assert.Equal(t, test.at == "", strings.Contains(stderr, `"event":"step","step":1,`), "no step is made twice")
		assert.True(t, adapterOf(t, whole) == adapterOf(t, run1), name)
		left, err := filepath.Glob(filepath.Join(run1, ".*"))
		require.NoError(t, err)
		assert.Empty(t, left)
	}

	// With --force the same command would begin anew again.
	ctx, cancel := context.WithCancel(t.Context())
	talk := &reacting{at: `"event":"step","step":2,`, do: cancel}
	assert.Equal(t, 1, run(ctx, trainArgs(model, rows, whole, "--force", "--rank", "4"), nil, io.Discard, talk))
	assert.Contains(t, talk.text.String(), "\nthe same command without --force goes on from there")
	assert.NoDirExists(t, filepath.Join(whole, "adapter"), "of the run before")
	code, _, stderr = smelt("", trainArgs(model, rows, whole, "--rank", "4")...)
	require.Equal(t, 0, code, stderr)
}

// A run goes on with the rows it began with, and its folder is one process's.
func TestTrainingRefusesToGoOn(t *testing.T) {
	model, rows, dir := nano(t), rowsFile(t, 200), filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	talk := &reacting{at: `"event":"step","step":3,`, do: cancel}
	require.Equal(t, 1, run(ctx, trainArgs(model, rows, dir), nil, io.Discard, talk))
	cancel()

	text, err := os.ReadFile(rows)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(rows, append(text, `{"instruction":"One more.","output":"Yes."}`+"\n"...), 0o666))
	code, _, stderr := smelt("", trainArgs(model, rows, dir)...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "training data")
	assert.Contains(t, stderr, "\ngive another --work-dir than "+dir+", or --force to begin anew")
	require.NoError(t, os.WriteFile(rows, text, 0o666))

	j, err := finetune.Open(dir, model, finetune.Options{}, time.Now())
	require.NoError(t, err)
	code, _, stderr = smelt("", trainArgs(model, rows, dir)...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "another process trains in this folder\nwait for it to end, or give another --work-dir")
	require.NoError(t, j.Close())

	state := filepath.Join(dir, finetune.StateName)
	text, err = os.ReadFile(state)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(state, text[:100], 0o666))
	code, _, stderr = smelt("", trainArgs(model, rows, dir)...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "run.json: unexpected end of JSON input\n--force begins anew")
	require.NoError(t, os.WriteFile(state, text, 0o666))

	code, _, stderr = smelt("", trainArgs(model, rows, dir)...)
	assert.Equal(t, 0, code, stderr)
}

// What train.yaml says is what the command line said.
func TestDifferences(t *testing.T) {
	for _, test := range []struct{ was, is, want string }{
		{"rank: 16\nthreads: 2\n", "rank: 16\nthreads: 4\nmemory: 900\ngguf: q8_0\n", ""},
		{"rank: 16\nepochs: 2\n", "rank: 8\n", "  --epochs: was 2, is not given\n  --rank: was 16, is 8\n"},
		{"data:\n- a\n- b\n", "data:\n- a\n", "  --data: was [a b], is [a]\n"},
		{"query: |-\n  SAMPLE 1\n  FROM buckets\n", "query: |-\n  SAMPLE 1\n  FROM buckets\n", ""},
	} {
		got, err := differences([]byte(test.was), []byte(test.is))
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
	_, err := differences([]byte("rank: ["), nil)
	require.Error(t, err)
}

// A narrow terminal gets what matters most.
func TestFitting(t *testing.T) {
	words := []string{"ETA 3 s", "loss 1.250", "900 tokens/s", "code 1.20 größe 1.30", "9% of peak"}
	for columns, want := range map[int]string{
		200: "ETA 3 s, loss 1.250, 900 tokens/s, code 1.20 größe 1.30, 9% of peak",
		55:  "ETA 3 s, loss 1.250, 900 tokens/s, code 1.20 größe 1.30",
		54:  "ETA 3 s, loss 1.250, 900 tokens/s, 9% of peak",
		20:  "ETA 3 s, loss 1.250",
		-5:  "ETA 3 s",
	} {
		assert.Equal(t, want, fitting(columns, words), columns)
	}
}
