package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk that fills up while a sample is written INTO it: an error, no file under
// any name, nothing kept; with room the same statement works.
func TestFullDiskInto(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=512k"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	store := storeOf(t, manyRows(900))
	ballast := filepath.Join(disk, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 300<<10), 0o600))
	for _, name := range []string{"rows.jsonl", "rows.csv"} {
		format := filepath.Ext(name)[1:]
		args := []string{"query", "SAMPLE ALL FROM buckets AS \"" + name + "\" INTO '" + filepath.Join(disk, name) + "'", "--format", format, "--db", store}
		code, stdout, stderr := smelt("", args...)
		assert.Equal(t, 1, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, name)
		assert.Contains(t, stderr, "no space left on device")
		assert.Equal(t, []string{"ballast"}, listing(t, disk))
		_, samples, _ := smelt("", "query", "SHOW SAMPLES", "--db", store)
		assert.NotContains(t, samples, name)

		require.NoError(t, os.Truncate(ballast, 0))
		code, _, stderr = smelt("", args...)
		assert.Equal(t, 0, code, stderr)
		assert.Equal(t, []string{"ballast", name, name + ".manifest.json"}, listing(t, disk))
		require.NoError(t, os.Remove(filepath.Join(disk, name)))
		require.NoError(t, os.Remove(filepath.Join(disk, name+".manifest.json")))
		require.NoError(t, os.WriteFile(ballast, make([]byte, 300<<10), 0o600))
	}

	// A table, and a file that there was, stay as they were.
	path := filepath.Join(disk, "old.csv")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	code, _, stderr := smelt("", "query", "SELECT instruction, output FROM buckets", "-o", path, "--force", "--format", "csv", "--db", store)
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "no space left on device")
	assert.Equal(t, []string{"ballast", "old.csv"}, listing(t, disk))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))
}
