package train

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
)

// What stops a build in the middle leaves the file that there was, and none that is
// half.
func TestInterruptedBuild(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, buildStream(t, dir, "old", 50, DatasetOptions{}).Close())
	still := func() {
		t.Helper()
		assert.Equal(t, []string{fileName}, listing(t, dir))
		d, err := Open(dir, "old")
		require.NoError(t, err)
		require.NoError(t, d.Close())
	}
	e := chatml(t, EncoderOptions{Context: 150})
	torn := errors.New("torn")
	for _, at := range []int{0, 1, 100, 1999} {
		fails := func(yield func(chat.Example, error) bool) {
			n := 0
			for x, err := range stream(2000) {
				if n == at {
					yield(chat.Example{}, torn)
					return
				}
				if n++; !yield(x, err) {
					return
				}
			}
		}
		_, err := Build(t.Context(), dir, "new", e, fails, DatasetOptions{BlockTokens: 150})
		require.ErrorIs(t, err, torn)
		still()

		why := errors.New("Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancels := func(yield func(chat.Example, error) bool) {
			n := 0
			for x, err := range stream(2000) {
				if n == at {
					cancel(why)
				}
				if n++; !yield(x, err) {
					return
				}
			}
		}
		_, err = Build(ctx, dir, "new", e, cancels, DatasetOptions{BlockTokens: 150})
		require.ErrorIs(t, err, why)
		still()
	}
}

// A build that was killed leaves a file that Open does not look at and the next
// build replaces.
func TestKilledBuild(t *testing.T) {
	if dir := os.Getenv("SMELT_TRAIN_KILLED_BUILD"); dir != "" {
		killed := func(yield func(chat.Example, error) bool) {
			n := 0
			for x, err := range stream(60000) {
				if n++; n == 50000 {
					self, _ := os.FindProcess(os.Getpid())
					_ = self.Kill()
					select {}
				}
				if !yield(x, err) {
					return
				}
			}
		}
		_, err := Build(t.Context(), dir, "new", chatml(t, EncoderOptions{Context: 150}), killed, DatasetOptions{BlockTokens: 150})
		t.Fatal("not killed", err)
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledBuild$")
	child.Env = append(os.Environ(), "SMELT_TRAIN_KILLED_BUILD="+dir)
	var exit *exec.ExitError
	require.ErrorAs(t, child.Run(), &exit)
	require.Equal(t, []string{tempName}, listing(t, dir))
	info, err := os.Stat(filepath.Join(dir, tempName))
	require.NoError(t, err)
	assert.Positive(t, info.Size(), "it was in the midst of writing")
	_, err = Open(dir, "new")
	require.ErrorIs(t, err, ErrRebuild)
	RemoveAbandoned(dir)
	assert.Empty(t, listing(t, dir))
	RemoveAbandoned(dir)
	require.NoError(t, buildStream(t, dir, "new", 50, DatasetOptions{}).Close())
	assert.Equal(t, []string{fileName}, listing(t, dir))
}

// A full disk: /dev/full stands in the place of the file.
func TestFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is a /dev/full on Linux alone")
	}
	for _, rows := range []int{50, 20000} { // seen at the end, or in the midst
		dir := t.TempDir()
		require.NoError(t, os.Symlink("/dev/full", filepath.Join(dir, tempName)))
		_, err := Build(t.Context(), dir, "k", chatml(t, EncoderOptions{Context: 150}), stream(rows), DatasetOptions{BlockTokens: 150})
		require.ErrorContains(t, err, "no space left on device")
		assert.ErrorContains(t, err, filepath.Join(dir, tempName))
		assert.Empty(t, listing(t, dir))
	}
}
