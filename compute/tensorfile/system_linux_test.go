package tensorfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// On a full disk the old model stays whole, and nothing of the other is left.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	small := []Source{give("a", 1<<20, 1<<16)}
	large := []Source{give("a", 2<<20, 1<<16), give("b", 2<<20, 1<<16)}
	for name, write := range map[string]func([]Source) error{
		"m.gguf":            func(tensors []Source) error { return WriteGGUF(filepath.Join(dir, "m.gguf"), nil, tensors) },
		"model.safetensors": func(tensors []Source) error { return WriteModel(dir, nil, tensors, 3<<20) },
	} {
		require.NoError(t, write(small))
		before, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.ErrorIs(t, write(large), unix.ENOSPC)
		assert.Equal(t, []string{name}, names(t, dir))
		after, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, before, after)
		require.NoError(t, os.Remove(filepath.Join(dir, name)))
	}
}

// A pipe would be waited for; a device has no size.
func TestOnlyRegularFiles(t *testing.T) {
	for _, name := range []string{"pipe", "pipe.json"} {
		pipe := filepath.Join(t.TempDir(), name)
		require.NoError(t, unix.Mkfifo(pipe, 0o600))
		_, err := Open(pipe)
		require.ErrorContains(t, err, "not a regular file")
	}
	_, err := Open("/dev/zero")
	require.ErrorContains(t, err, "not a regular file")
}
