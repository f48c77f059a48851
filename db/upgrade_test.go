package db

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/dgraph-io/badger/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// format1 restores testdata/format1.smelt, which is a backup that the last smelt of
// format 1 made, and does not open it. Row i is makeRow(i), in segments of 7, 13,
// 300 and 5 rows. Since then, in this order: sample "kept" was kept, rows 3 and 7
// were deleted, three rows got another bucket and one lost its _id, the last
// segment came, row 319 was deleted, sample "later" was kept.
func format1(t *testing.T) (dir string) {
	t.Helper()
	backup, err := os.ReadFile(filepath.Join("testdata", "format1.smelt"))
	require.NoError(t, err)
	dir = filepath.Join(t.TempDir(), "store")
	require.NoError(t, Restore(context.Background(), dir, bytes.NewReader(backup), nil))
	return dir
}

func setMarker(t *testing.T, dir string, version int) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, formatFile), fmt.Appendf(nil, "%s%d\n", formatPrefix, version), 0o600))
}

// checkUpgraded verifies that a store holds what format1 says.
func checkUpgraded(t *testing.T, d *DB) {
	t.Helper()
	report, err := d.Check(context.Background(), CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	s := d.Snapshot()
	assert.Equal(t, []uint32{3, 7, 319}, s.Deleted().ToArray())
	wantRecords, wantBucket, wantID := []string{}, map[uint32]string{}, map[uint32]string{}
	for i := range 325 {
		if s.Deleted().Contains(uint32(i)) {
			continue
		}
		r := makeRow(i)
		wantRecords = append(wantRecords, r.record)
		wantBucket[uint32(i)], wantID[uint32(i)] = r.fields["_bucket"].Text, r.fields["_id"].Text
	}
	wantBucket[6], wantBucket[19], wantBucket[120], wantID[27] = "legal", "legal", "legal", ""
	assert.Equal(t, wantRecords, allRecords(t, s))
	assert.Equal(t, wantBucket, values(t, s, "_bucket"))
	assert.Equal(t, wantID, values(t, s, "_id"))
	_, ok := s.Catalog().Bucket("legal")
	assert.True(t, ok)
	for name, want := range map[string][]uint32{"kept": {2, 7, 19, 23, 319}, "later": {0, 324}} {
		rows, err := d.SampleRows(name)
		require.NoError(t, err)
		assert.Equal(t, want, rows.ToArray(), name)
	}
	var kinds []string
	require.NoError(t, d.Events(func(e Event) error { kinds = append(kinds, e.Kind); return nil }))
	assert.Equal(t, []string{"create bucket", "keep sample", "dedup", "dedup", "keep sample", "upgrade"}, kinds, "upgraded once")
}

func TestUpgrade(t *testing.T) {
	// What a kill leaves, and a marker that a power cut took back: markers of both
	// formats on values of both.
	for _, before := range []int{1, 2} {
		for _, after := range []int{1, 2} {
			t.Run(fmt.Sprintf("marker %d, then %d", before, after), func(t *testing.T) {
				dir := format1(t)
				for _, version := range []int{before, after, after} {
					setMarker(t, dir, version)
					d := open(t, dir)
					checkUpgraded(t, d)
					require.NoError(t, d.Close())
					version, err := checkDir(dir)
					require.NoError(t, err)
					assert.Equal(t, FormatVersion, version)
				}
			})
		}
	}
}

// An upgraded store takes rows, and its backup is one of this format.
func TestUpgradedStoreGoesOn(t *testing.T) {
	d := open(t, format1(t))
	store(t, d, 325, 400)
	assert.EqualValues(t, 397, d.Snapshot().Rows())
	var backup bytes.Buffer
	_, err := d.Backup(context.Background(), &backup, nil)
	require.NoError(t, err)
	assert.Equal(t, backupMagic, backup.String()[:len(backupMagic)])
	dir := filepath.Join(t.TempDir(), "store")
	require.NoError(t, Restore(context.Background(), dir, &backup, nil))
	assert.Equal(t, allRecords(t, d.Snapshot()), allRecords(t, open(t, dir).Snapshot()))
}

// A store whose bitmaps name rows that no segment has is damaged, and stays as
// it is.
func TestUpgradeRefusesDamage(t *testing.T) {
	dir := format1(t)
	d := &DB{dir: dir}
	require.NoError(t, d.openFiles(true, badgerOptions(filepath.Join(dir, dataDir), nil)))
	var value []byte
	require.NoError(t, d.get(sampleRowsKey("kept"), func(v []byte) error { value = bytes.Clone(v); return nil }))
	bits, err := sealBitmap(roaring.BitmapOf(7))
	require.NoError(t, err)
	require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return txn.Set(sampleRowsKey("kept"), bits) }))
	require.NoError(t, d.badger.Close())
	for range 2 {
		_, err = Open(dir, Options{})
		require.ErrorIs(t, err, ErrCorrupt)
		require.ErrorContains(t, err, "no row 7 in segment 0")
	}
	require.NoError(t, d.openFiles(true, badgerOptions(filepath.Join(dir, dataDir), nil)))
	require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return txn.Set(sampleRowsKey("kept"), value) }))
	require.NoError(t, d.badger.Close())
	checkUpgraded(t, open(t, dir))
}

func TestNewerManifestIsRefused(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	m := d.m.clone()
	m.Format = FormatVersion + 1
	require.NoError(t, d.badger.Update(func(txn *badger.Txn) error { return putJSON(badgerSet(txn), keyManifest, m) }))
	require.NoError(t, d.Close())
	_, err := Open(dir, Options{})
	require.ErrorIs(t, err, ErrFormat)
	require.ErrorContains(t, err, "newer smelt")
}

// Killed at any moment of its upgrade, a store opens and is upgraded.
func TestKilledUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts and kills processes")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	left := map[string]int{}
	for range 15 {
		dir := format1(t)
		setMarker(t, dir, 1)
		c := startChild(t, dir)
		require.True(t, c.out.Scan()) // it is about to open
		timer := time.AfterFunc(time.Duration(rng.IntN(20_000_000)), func() { _ = c.Process.Kill() })
		c.out.Scan() // it has, or is killed
		timer.Stop()
		_ = c.Process.Kill()
		_ = c.Wait()
		version, err := checkDir(dir)
		require.NoError(t, err)
		left[fmt.Sprint("marker ", version)]++
		d := open(t, dir)
		checkUpgraded(t, d)
		require.NoError(t, d.Close())
	}
	t.Log(left)
}
