package db

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a process leaves that is killed while it makes a store, or while Badger
// starts a new log, does not keep the store from being opened.
func TestOpenAfterAKill(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	put := func(name string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	put("." + formatFile + ".1234.tmp")
	d, err := Open(dir, Options{Create: true})
	require.NoError(t, err)
	require.NoError(t, d.Close())

	put(filepath.Join(dataDir, "000900.vlog"))
	put(filepath.Join(dataDir, "00900.mem"))
	d, err = Open(dir, Options{})
	require.NoError(t, err)
	require.NoError(t, d.Close())
}
