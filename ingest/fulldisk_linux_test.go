package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"smelt/db"
)

// An ingest that fills the disk stops with a clear error before the disk is
// full; what was committed is whole, and the same ingest on a larger disk
// stores every row once.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=176m"); err != nil {
		t.Skipf("a small disk cannot be made here (%v): that takes the right to mount", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(disk, unix.MNT_DETACH) })

	const rows = 400
	var content strings.Builder
	for i := range rows {
		var text strings.Builder // 128 KiB that hardly compress
		sum := sha256.Sum256(fmt.Append(nil, i))
		for range 2048 {
			text.WriteString(hex.EncodeToString(sum[:]))
			sum = sha256.Sum256(sum[:])
		}
		fmt.Fprintf(&content, "{\"instruction\":\"%d\",\"output\":\"%s\",\"_bucket\":\"code\"}\n", i, text.String())
	}
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	require.NoError(t, os.WriteFile(path, []byte(content.String()), 0o600))
	ingest := func() (*Summary, error) {
		d, err := db.Open(filepath.Join(disk, "store"), db.Options{Create: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, d.Close()) }()
		in, err := FileInput(path)
		require.NoError(t, err)
		sum, err := Run(context.Background(), d, []Input{in}, Options{CommitBytes: 4 << 20})
		report, errCheck := d.Check(context.Background(), db.CheckOptions{Rehash: RowHash})
		require.NoError(t, errCheck)
		assert.Empty(t, report.Problems)
		return sum, err
	}
	sum, err := ingest()
	require.ErrorIs(t, err, db.ErrNoSpace)
	assert.Positive(t, sum.Rows)
	assert.Less(t, sum.Rows, int64(rows))

	require.NoError(t, unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=1g"))
	rest, err := ingest()
	require.NoError(t, err)
	assert.EqualValues(t, rows, sum.Rows+rest.Rows)
	assert.Zero(t, rest.Duplicates)
	assert.True(t, rest.Files[0].Resumed)
}
