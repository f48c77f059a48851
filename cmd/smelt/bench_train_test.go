package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/bench"
)

func TestBenchTrain(t *testing.T) {
	model := nano(t)
	rows := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(rows, []byte(`{"instruction":"What floats?","output":"Slag."}
{"question":"What sinks?","answer":"What is heavy."}
`), 0o600))
	for _, test := range []struct {
		args      []string
		rank      int
		precision string
		sequences int
	}{
		{nil, 16, "bf16", 1},
		{[]string{"--method", "full", "--precision", "fp32", "--batch", "3"}, 0, "fp32", 3},
		{[]string{"--rank", "2", "--recompute", "99"}, 2, "bf16", 1},
		{[]string{"--data", rows, "--tokens", "256"}, 16, "bf16", 2},
	} {
		args := append([]string{"--json", "--threads", "1", "bench", "train", "--model", model, "--tokens", "64", "--runs", "1"}, test.args...)
		code, stdout, stderr := smelt("", args...)
		require.Equal(t, 0, code, stderr)
		var r bench.TrainResult
		require.NoError(t, json.Unmarshal([]byte(stdout), &r))
		assert.Equal(t, []any{test.rank, test.precision, 1}, []any{r.Rank, r.Precision, len(r.Figures)}, test.args)
		assert.Equal(t, test.sequences, r.Figures[0].Sequences, test.args)
		assert.Greater(t, r.Figures[0].Learned, 0)
	}

	code, stdout, stderr := smelt("", "bench", "train", "--model", model, "--tokens", "32", "--runs", "1", "--threads", "2")
	require.Equal(t, 0, code, stderr)
	assert.Regexp(t, `(?m)^32 tokens in 1 step +2 .*\n\nroofline on 2 threads: `, stdout)
	assert.Regexp(t, `(?m)^rows     1 sequence of 32 tokens, 31 of them learned, no padding; loss \d\.\d{3}$`, stdout)
	assert.Contains(t, stdout, "by LoRA of rank 16, products in bf16")
}

func TestBenchTrainRefuses(t *testing.T) {
	model := nano(t)
	for want, args := range map[string][]string{
		"--rank 0: give 1 or more":                   {"--model", model, "--rank", "0"},
		"--runs 0: give 1 or more":                   {"--model", model, "--runs", "0"},
		"a sequence of 1 token has nothing to learn": {"--model", model, "--tokens", "1"},
		"-1 layers computed again: give 0 or more":   {"--model", model, "--recompute=-1"},
		"there is no such model":                     {"--model", model + "x"},
		`--precision must be one of "bf16","fp32"`:   {"--model", model, "--precision", "int8"},
		"sequences of 1000000 tokens":                {"--model", model, "--tokens", "1000000"},
		"no-such-file.jsonl":                         {"--model", model, "--data", "no-such-file.jsonl"},
	} {
		code, stdout, stderr := smelt("", append([]string{"bench", "train"}, args...)...)
		assert.NotEqual(t, 0, code, args)
		assert.Empty(t, stdout, args)
		assert.Contains(t, stderr, want, args)
	}
}
