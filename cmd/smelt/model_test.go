package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nano makes a model and returns its folder.
func nano(t *testing.T) string {
	dir := t.TempDir()
	text, model := filepath.Join(dir, "text"), filepath.Join(dir, "nano")
	require.NoError(t, os.WriteFile(text, []byte(verifyText), 0o600))
	code, _, stderr := smelt("", "model", "new", "--preset", "nano", model, "--text", text, "--vocabulary", "300")
	require.Equal(t, 0, code, stderr)
	return model
}

// An interrupted conversion leaves nothing behind, neither under the final name nor under
// a temporary one; and so does a model that was to be made.
func TestInterruptedModel(t *testing.T) {
	model := nano(t)
	text := filepath.Join(filepath.Dir(model), "text")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"model", "convert", model, filepath.Join(dir, "x.gguf"), "--to", "q8_0"},
		{"model", "convert", model, filepath.Join(dir, "x")},
		{"model", "new", "--preset", "nano", filepath.Join(dir, "x"), "--text", text},
		{"model", "verify", model, model},
	} {
		var out, talk bytes.Buffer
		assert.Equal(t, 1, run(ctx, args, nil, &out, &talk), args)
		assert.Contains(t, talk.String(), "interrupted", args)
		assert.Empty(t, out.String(), args)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries, args)
	}
}

// interrupting is a standard output at which the user interrupts once there is some text.
type interrupting struct {
	text   bytes.Buffer
	cancel context.CancelFunc
}

func (w *interrupting) Write(text []byte) (int, error) {
	w.cancel()
	return w.text.Write(text)
}

// An interrupted text ends with what there is, and says so.
func TestInterruptedText(t *testing.T) {
	model := nano(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &interrupting{cancel: cancel}
	var talk bytes.Buffer
	code := run(ctx, []string{"generate", "--model", model, "--prompt", "The", "--max-tokens", "0", "--temperature", "1"}, nil, out, &talk)
	assert.Equal(t, 1, code)
	assert.NotEmpty(t, strings.TrimSpace(out.text.String()))
	assert.True(t, strings.HasSuffix(out.text.String(), "\n"))
	assert.Contains(t, talk.String(), "ended by interrupted")
}

// A reader that stops early (| head) is no failure of generating either.
func TestClosedPipeText(t *testing.T) {
	model := nano(t)
	for _, args := range [][]string{
		{"generate", "--model", model, "--prompt", "The", "--max-tokens", "3"},
		{"--json", "generate", "--model", model, "--prompt", "The", "--max-tokens", "3"},
		{"model", "info", model},
	} {
		var talk bytes.Buffer
		code := run(t.Context(), args, nil, failingWriter{syscall.EPIPE}, &talk)
		assert.Equal(t, 0, code, args)
		assert.NotContains(t, talk.String(), "smelt:", args)
	}
}

// What a model says cannot act on a terminal, which is where it is shown as it is not.
func TestTypedOnATerminal(t *testing.T) {
	var b strings.Builder
	w := &typed{w: &b, terminal: true}
	for _, text := range []string{"a\tb\n", "\x1b[2J", "größe"} {
		require.NoError(t, w.write(text))
	}
	require.NoError(t, w.end())
	assert.Equal(t, "a\tb\n"+`\x1b[2J`+"größe\n", b.String())

	b.Reset()
	w = &typed{w: &b}
	require.NoError(t, w.write("\x1b[2J\n"))
	require.NoError(t, w.end())
	assert.Equal(t, "\x1b[2J\n", b.String(), "a file has what was said")
}
