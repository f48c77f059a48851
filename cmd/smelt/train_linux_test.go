package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk without room for a run is said before the first step. One that fills up in the
// midst of it keeps the last checkpoint, and with room the same command ends the run.
func TestFullDiskTraining(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	model, rows := nano(t), manyRows(300)
	store := storeOf(t, rows)
	args := []string{"train", "--db", store, "--model", model, "--query", "SAMPLE 16 FROM buckets", "--blocks-per-step", "2", "--work-dir", filepath.Join(disk, "run"),
		"--context", "256", "--max-steps", "8", "--checkpoint-minutes", "0.000001"}
	ballast := filepath.Join(disk, "ballast")
	fill := func(free int) {
		var s unix.Statfs_t
		require.NoError(t, unix.Statfs(disk, &s))
		require.NoError(t, os.WriteFile(ballast, make([]byte, max(0, int(s.Bavail)*int(s.Bsize)-free)), 0o600))
	}
	fill(4 << 20)
	code, _, stderr := smelt("", args...)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "MB are needed for checkpoints and results\n--keep-checkpoints 1 takes less")
	assert.NotContains(t, stderr, `"event"`)

	require.NoError(t, os.Remove(ballast))
	talk := &reacting{at: `{"event":"checkpoint","step":3,`, do: func() { fill(0) }}
	assert.Equal(t, 1, run(t.Context(), args, nil, io.Discard, talk))
	assert.Contains(t, talk.text.String(), `{"event":"warning",`)
	assert.Contains(t, talk.text.String(), "no space left on device")
	require.NoError(t, os.Remove(ballast))
	code, _, stderr = smelt("", args...)
	assert.Equal(t, 0, code, stderr)
	assert.NotContains(t, stderr, `"event":"step","step":3,`)
	assert.FileExists(t, filepath.Join(disk, "run", "merged_model", "model.safetensors"))
}
