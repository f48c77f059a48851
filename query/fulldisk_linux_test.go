package query

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A full disk ends an export with that error and leaves the disk as it was.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	s := contentSample(t, hardRows(3000), allRows)
	for _, format := range allFormats {
		for _, shard := range []int64{0, 60_000} {
			path := filepath.Join(disk, "a."+format.String())
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
			_, err := s.WriteFile(context.Background(), path, WriteOptions{Format: format, ShardBytes: shard, Force: true})
			require.ErrorIs(t, err, syscall.ENOSPC, format)
			assert.Equal(t, []string{filepath.Base(path)}, filesIn(t, disk))
			assert.Equal(t, "old", readFile(t, path))
			require.NoError(t, os.Remove(path))
		}
	}
}
