package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/llama"
)

// newAdapter writes an adapter of a model, which changes nothing yet, and returns its
// folder.
func newAdapter(t *testing.T, model string, l llama.LoRA) string {
	m, err := llama.Open(model, llama.Options{Threads: 1, Memory: math.MaxInt64})
	require.NoError(t, err)
	defer func() { assert.NoError(t, m.Close()) }()
	a, err := m.NewAdapter(l, 1)
	require.NoError(t, err)
	dir := filepath.Join(t.TempDir(), "adapter")
	require.NoError(t, a.Write(dir, llama.AdapterInfo{Base: "models/nano"}))
	return dir
}

// An adapter that changes nothing makes the model that there was; what it is, and what is in
// the way of merging, is said.
func TestModelMerge(t *testing.T) {
	model := nano(t)
	adapter := newAdapter(t, model, llama.LoRA{Rank: 4, Alpha: 8})
	dir := t.TempDir()
	to, gguf := filepath.Join(dir, "merged"), filepath.Join(dir, "merged.gguf")

	code, out, talk := smelt("", "model", "merge", model, adapter, to, "--to", "f32")
	require.Equal(t, 0, code, talk)
	assert.Equal(t, "merged      "+adapter+", LoRA of rank 4, into "+model+"\nwrote       "+to+", 3.3 MB of weights as f32\n", out)
	for _, name := range []string{"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"} {
		want, err := os.ReadFile(filepath.Join(model, name))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		assert.True(t, bytes.Equal(want, got), name)
	}

	code, out, talk = smelt("", "--json", "model", "merge", model, adapter, gguf, "--to", "q8_0")
	require.Equal(t, 0, code, talk)
	var report mergeReport
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.Equal(t, mergeReport{model, adapter, gguf, "q8_0", "LoRA", 4, report.Bytes, report.Seconds, nil}, report)
	code, _, talk = smelt("", "model", "verify", model, gguf, "--tokens", "50")
	require.Equal(t, 0, code, talk)

	code, out, talk = smelt("", "model", "info", adapter)
	require.Equal(t, 0, code, talk)
	assert.Contains(t, out, ", LoRA of rank 4, scaled by 2\nfor         models/nano\nparameters  ")
	code, out, _ = smelt("", "--json", "model", "info", newAdapter(t, model, llama.LoRA{Rank: 4, Alpha: 8, DoRA: true, RankStabilized: true}))
	require.Equal(t, 0, code)
	assert.Contains(t, out, `"kind": "rank-stabilised DoRA"`)
	assert.Contains(t, out, `"scaling": 4,`)

	bias := filepath.Join(dir, "bias")
	require.NoError(t, os.Mkdir(bias, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(bias, "adapter_config.json"), []byte(`{"peft_type": "LORA", "bias": "all"}`), 0o600))
	for _, test := range []struct {
		code int
		args []string
		want string
	}{
		{2, []string{model, adapter, to}, "give another name, or --force"},
		{2, []string{model, adapter, filepath.Join(dir, "x"), "--to", "q4_k"}, "--to q4_k is for GGUF"},
		{2, []string{filepath.Join(dir, "none"), adapter, filepath.Join(dir, "x")}, "there is no such model"},
		{2, []string{model, filepath.Join(dir, "none"), filepath.Join(dir, "x")}, "there is no such adapter"},
		{1, []string{model, model, filepath.Join(dir, "x")}, "is no adapter: it has no adapter_config.json"},
		{1, []string{model, bias, filepath.Join(dir, "x")}, "bias: \"all\": not supported\nPEFT's merge_and_unload"},
	} {
		code, out, talk := smelt("", append([]string{"model", "merge"}, test.args...)...)
		assert.Equal(t, test.code, code, test.args)
		assert.Empty(t, out)
		assert.Contains(t, talk, test.want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b, e bytes.Buffer
	assert.Equal(t, 1, run(ctx, []string{"model", "merge", model, adapter, filepath.Join(dir, "x")}, nil, &b, &e))
	assert.Contains(t, e.String(), "interrupted")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 3) // merged, merged.gguf, bias
	code, _, talk = smelt("", "model", "merge", model, adapter, to, "--force")
	require.Equal(t, 0, code, talk)
}
