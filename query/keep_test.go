package query

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db"
	"smelt/db/row"
)

func keptNames(t *testing.T, d *db.DB) []string {
	kept, err := d.Samples()
	require.NoError(t, err)
	names := []string{}
	for _, s := range kept {
		names = append(names, s.Name)
	}
	return names
}

// TestKeptAfterOutput: AS names a sample only when its rows have come out, so
// that after a failure the same statement can be tried again.
func TestKeptAfterOutput(t *testing.T) {
	ctx := context.Background()
	d := openRecords(t, mixed(2000, 41), 256)
	draw := func() *Sample {
		q, err := Prepare(d, "SAMPLE 1200 FROM buckets AS mine DUPLICATES", Options{})
		require.NoError(t, err)
		r, err := q.Run(ctx)
		require.NoError(t, err)
		assert.Empty(t, keptNames(t, d), "a draw keeps nothing")
		return r.Sample
	}
	path := filepath.Join(t.TempDir(), "out.jsonl")

	s := draw()
	cancelled, cancel := context.WithCancel(ctx)
	_, err := s.WriteFile(cancelled, path, WriteOptions{Progress: func(done, _ int64) {
		if done == 2000 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, s.Keep(cancelled), context.Canceled)

	s = draw()
	_, err = s.WriteFile(ctx, path, WriteOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"mine"}, keptNames(t, d))
	require.NoError(t, s.Keep(ctx), "it is kept already")
	_, err = s.WriteFile(ctx, path, WriteOptions{Force: true})
	require.NoError(t, err)
	_, err = Prepare(d, "SAMPLE 5 FROM buckets AS mine", Options{})
	require.ErrorContains(t, err, "already a sample named mine")

	r, err := run(d, "SHOW SAMPLES", 0)
	require.NoError(t, err)
	assert.Equal(t, s.Report.Digest, r.Table.Rows[0][4].Text)
	require.NoError(t, mustSample(t, d, "SAMPLE 5 FROM buckets").Keep(ctx))
	assert.Equal(t, []string{"mine"}, keptNames(t, d), "without AS there is nothing to keep")
}

// TestNameTakenMeanwhile: the rows are written, and the error says so.
func TestNameTakenMeanwhile(t *testing.T) {
	d := openRecords(t, mixed(100, 42), 256)
	q, err := Prepare(d, "SAMPLE 10 FROM buckets AS mine", Options{})
	require.NoError(t, err)
	r, err := q.Run(context.Background())
	require.NoError(t, err)
	mustSample(t, d, "SAMPLE 1 FROM buckets AS mine")
	path := filepath.Join(t.TempDir(), "out.jsonl")
	_, err = r.Sample.WriteFile(context.Background(), path, WriteOptions{})
	require.ErrorIs(t, err, db.ErrExists)
	assert.ErrorContains(t, err, "is written, but the sample is not kept")
	assert.FileExists(t, path)
}

// TestSharedRows compares the counts with those of sets of row_hashes, for
// samples and kept samples with duplicates.
func TestSharedRows(t *testing.T) {
	records := mixed(400, 43)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "shared-*")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		d := storeRecords(t, dir, records, rapid.SampledFrom([]int{50, 1000}).Draw(t, "segment rows"))
		defer func() { require.NoError(t, d.Close()) }()
		snap := d.Snapshot()
		hashes := map[uint32]row.Hash{}
		all := snap.All().ToArray()
		require.NoError(t, snap.Hashes(context.Background(), all, func(i int, h row.Hash) error {
			hashes[all[i]] = h
			return nil
		}))
		kept := map[string]map[row.Hash]bool{}
		names := []string{"a", "b b", "c"}
		for _, name := range names {
			kept[name] = map[row.Hash]bool{}
			rows := roaring.New()
			for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(all)-1), 0, 60).Draw(t, name) {
				rows.Add(all[i])
				kept[name][hashes[all[i]]] = true
			}
			require.NoError(t, d.KeepSample(db.Sample{Name: name}, rows))
		}
		s := mustSample(t, d, rapid.SampledFrom([]string{
			"SAMPLE 40 FROM buckets", "SAMPLE 40 FROM buckets DUPLICATES", "SAMPLE 0 FROM buckets",
			"SAMPLE 900 FROM buckets ON SHORTFALL REPEAT", `SAMPLE 40 FROM buckets EXCLUDE "b b"`,
		}).Draw(t, "statement"))
		var want []SharedRows
		for _, name := range names {
			shared := map[row.Hash]bool{}
			for _, addr := range s.addrs {
				if h := hashes[addr]; kept[name][h] {
					shared[h] = true
				}
			}
			if len(shared) > 0 {
				want = append(want, SharedRows{name, int64(len(shared))})
			}
		}
		require.Equal(t, want, s.Report.Shared)
	})
}

// TestNotesParse: the way out that a note names can be typed as it stands.
func TestNotesParse(t *testing.T) {
	d := openRecords(t, mixed(100, 44), 64)
	mustSample(t, d, `SAMPLE 10 FROM buckets AS "b b"`)
	note := mustSample(t, d, "SAMPLE 10 FROM buckets").Report.Notes[0]
	require.Contains(t, note, `sample "b b": 10;`)
	require.Contains(t, note, `EXCLUDE "b b"`)
	mustSample(t, d, `SAMPLE 10 FROM buckets EXCLUDE "b b"`)
}
