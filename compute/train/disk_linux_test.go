package train

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A disk that fills up: the checkpoint there is stays whole, the run goes on, and when there is room
// again so do checkpoints and metrics. Nothing is lost but the checkpoints in between.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	fill := func() {
		f, err := os.Create(ballast)
		require.NoError(t, err)
		for _, size := range []int{1 << 16, 1 << 12, 1} {
			for err = nil; err == nil; {
				_, err = f.Write(make([]byte, size))
			}
			require.ErrorIs(t, err, unix.ENOSPC)
		}
		require.NoError(t, f.Close())
	}
	const v = 100 // a checkpoint has 120 KB
	o := quick()
	o.CheckpointEvery, o.KeepCheckpoints = 1, 2
	m := newBigram(v)
	var seen events
	result, err := newTestRun(t, m, 2, chain(3, v, 40), nil, o, dir).Train(context.Background(), func(e Event) {
		seen.add(e)
		p, ok := e.(*Progress)
		switch {
		case ok && p.Step == 4:
			fill()
		case ok && p.Step == 12:
			copied := t.TempDir()
			require.NoError(t, os.CopyFS(filepath.Join(copied, CheckpointsName), os.DirFS(filepath.Join(dir, CheckpointsName))))
			again := newTestRun(t, newBigram(v), 1, chain(3, v, 40), nil, o, copied)
			step, err := again.Resume()
			require.NoError(t, err)
			assert.Equal(t, 3, step)
			require.NoError(t, os.Remove(ballast))
		}
	})
	require.NoError(t, err)
	assert.Equal(t, 20, result.Steps)
	list := folders(t, dir)
	assert.Equal(t, []string{"step-00000019", "step-00000020"}, list)
	stepsOnce(t, dir, 20, []int{})
	warnings := of[*Warning](seen)
	require.NotEmpty(t, warnings)
	assert.Contains(t, warnings[0].Text, unix.ENOSPC.Error())

	straight := newBigram(v)
	_, err = newTestRun(t, straight, 1, chain(3, v, 40), nil, o, t.TempDir()).Train(context.Background(), nil)
	require.NoError(t, err)
	assert.Equal(t, straight.digest(), m.digest())
	_, err = os.Stat(ballast)
	assert.True(t, errors.Is(err, fs.ErrNotExist))
}
