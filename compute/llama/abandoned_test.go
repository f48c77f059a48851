//go:build linux || darwin

package llama

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What killed processes left of a folder is removed by the next one that writes it, and
// nothing else is.
func TestAbandonedRooms(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "m")
	write := func(path string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(parent, path)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(parent, path), nil, 0o600))
	}
	for _, path := range []string{
		".m.1.tmp/lock", ".m.1.tmp/new/config.json", // abandoned
		".m.2.tmp/lock", ".m.2.tmp/new/config.json", // held
		".m.3.tmp/new", ".m.4.tmp", ".m.a.tmp/lock", ".m.x.5.tmp/lock", ".mm.6.tmp/lock", "m.7.tmp/lock", // of others
	} {
		write(path)
	}
	letGo, err := holdRoom(filepath.Join(parent, ".m.2.tmp"))
	require.NoError(t, err)
	fill := func(temp string) error {
		return os.WriteFile(filepath.Join(temp, "config.json"), []byte("new"), 0o600)
	}
	require.NoError(t, replaceFolder(dir, fill))
	assert.Equal(t, []string{".m.2.tmp", ".m.3.tmp", ".m.4.tmp", ".m.a.tmp", ".m.x.5.tmp", ".mm.6.tmp", "m", "m.7.tmp"}, namesIn(t, parent))
	assert.Equal(t, []string{"config.json"}, namesIn(t, dir))
	letGo()
	require.NoError(t, replaceFolder(dir, fill))
	assert.NotContains(t, namesIn(t, parent), ".m.2.tmp")

	// A room is held while it is written.
	require.NoError(t, replaceFolder(dir, func(temp string) error {
		_, err := holdRoom(filepath.Dir(temp))
		assert.Error(t, err)
		return errors.Join(replaceFolder(dir, fill), fill(temp))
	}))

	// Killed between the two changes of names: what was there is back, and is not replaced
	// before somebody has seen it.
	require.NoError(t, os.Mkdir(filepath.Join(parent, ".m.8.tmp"), 0o700))
	write(".m.8.tmp/lock")
	require.NoError(t, os.Rename(dir, filepath.Join(parent, ".m.8.tmp", "old")))
	err = replaceFolder(dir, func(string) error { return errors.New("must not be called") })
	require.ErrorIs(t, err, fs.ErrExist)
	assert.ErrorContains(t, err, "is back as it was")
	assert.Equal(t, []string{"config.json"}, namesIn(t, dir))
	assert.NotContains(t, namesIn(t, parent), ".m.8.tmp")
	require.NoError(t, replaceFolder(dir, fill))
}

func namesIn(t *testing.T, dir string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
