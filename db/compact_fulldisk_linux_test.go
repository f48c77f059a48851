package db

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk too full for a second copy is told of before anything is written, and
// one that fills up meanwhile ends the work; the store stays as it was.
func TestCompactOnAFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })
	dir, ballast := filepath.Join(disk, "store"), filepath.Join(disk, "ballast")
	d := changed(t, dir, 3, []uint32{1}, []uint32{0})
	want := seeRows(t, d.Snapshot(), d.Snapshot().All().ToArray())
	require.NoError(t, d.Close())
	fill := func() {
		require.NoError(t, os.WriteFile(ballast, make([]byte, 150<<20), 0o600))
	}
	for name, compact := range map[string]func() error{
		"before": func() error {
			fill()
			_, err := Compact(context.Background(), dir, CompactOptions{Progress: func(int64, int64) { t.Error("it began") }})
			return err
		},
		"meanwhile": func() error {
			began := false
			_, err := Compact(context.Background(), dir, CompactOptions{Progress: func(int64, int64) {
				began = true
				fill()
			}})
			assert.True(t, began)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorIs(t, compact(), ErrNoSpace)
			require.NoError(t, os.Remove(ballast))
			assert.Equal(t, []string{dataDir, formatFile}, names(t, dir))
			d := open(t, dir)
			assert.Equal(t, want, seeRows(t, d.Snapshot(), d.Snapshot().All().ToArray()))
			mustBeWhole(t, d)
			require.NoError(t, d.Close())
		})
	}
}
