package db

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBackupAndRestore(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 500)
	require.NoError(t, d.CreateBucket(Bucket{Name: "legal"}))
	require.NoError(t, d.KeepSample(Sample{Name: "s"}, roaring.BitmapOf(1, 2)))
	w := d.NewWriter()
	require.NoError(t, w.UpdateField("_bucket", map[Value]*roaring.Bitmap{TextValue("legal"): roaring.BitmapOf(7)}))
	w.Delete(roaring.BitmapOf(3))
	require.NoError(t, w.Commit())
	w.Close()

	var backup bytes.Buffer
	rows, err := d.Backup(context.Background(), &backup, nil)
	require.NoError(t, err)
	assert.EqualValues(t, 500, rows)

	dir := filepath.Join(t.TempDir(), "restored")
	require.NoError(t, Restore(context.Background(), dir, bytes.NewReader(backup.Bytes()), nil))
	r := open(t, dir)
	report, err := r.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, report.Problems)
	assert.Equal(t, allRecords(t, d.Snapshot()), allRecords(t, r.Snapshot()))
	assert.Equal(t, values(t, d.Snapshot(), "_bucket"), values(t, r.Snapshot(), "_bucket"))
	_, ok := r.Catalog().Bucket("legal")
	assert.True(t, ok)

	require.ErrorIs(t, Restore(context.Background(), dir, bytes.NewReader(backup.Bytes()), nil), ErrExists)

	// Over what a killed restore left, into an empty directory, through a link.
	empty := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(empty+restoringSuffix, dataDir), 0o700))
	link := filepath.Join(t.TempDir(), "link")
	require.NoError(t, os.Symlink(empty, link))
	require.NoError(t, Restore(context.Background(), link, bytes.NewReader(backup.Bytes()), nil))
	assert.EqualValues(t, 499, open(t, link).Snapshot().Rows())
	assert.NoDirExists(t, empty+restoringSuffix)
}

// A damaged store gives no backup.
func TestBackupVerifies(t *testing.T) {
	for _, key := range [][]byte{columnKey(1, 0, columnRecord), columnKey(1, 0, columnTail), columnKey(1, 0, columnOrigin), indexKey(1, 0, 0, 1), keyCatalog, fileKey(0)} {
		d := open(t, t.TempDir())
		store(t, d, 0, 50)
		var value []byte
		require.NoError(t, d.get(key, func(v []byte) error { value = bytes.Clone(v); return nil }))
		value[len(value)-5] ^= 1
		require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return txn.Set(key, value) }))
		_, err := d.Backup(context.Background(), io.Discard, nil)
		require.ErrorIs(t, err, ErrCorrupt, "%q", key)
	}
}

// A backup that was cut or changed anywhere restores nothing.
func TestDamagedBackup(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 50)
	var backup bytes.Buffer
	_, err := d.Backup(context.Background(), &backup, nil)
	require.NoError(t, err)
	whole := backup.Bytes()
	dir := filepath.Join(t.TempDir(), "restored")
	try := func(b []byte) {
		t.Helper()
		err := Restore(context.Background(), dir, bytes.NewReader(b), nil)
		require.ErrorIs(t, err, ErrBackup)
		assert.NoDirExists(t, dir)
		assert.NoDirExists(t, dir+restoringSuffix)
	}
	for _, at := range []int{0, 20, len(whole) / 3, len(whole) / 2, len(whole) - 60, len(whole) - 10, len(whole) - 1} {
		try(whole[:at])
		damaged := bytes.Clone(whole)
		damaged[at] ^= 4
		try(damaged)
	}
	try(append(bytes.Clone(whole), "more"...))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, Restore(ctx, dir, bytes.NewReader(whole), nil), context.Canceled)
	assert.NoDirExists(t, dir)
	_, err = os.Stat(filepath.Dir(dir))
	require.NoError(t, err)
}
