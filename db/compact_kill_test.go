package db

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// childCompacts, when set, makes the test binary compact the store it names,
// again and again.
const childCompacts = "SMELT_DB_COMPACT_CHILD"

// compactAloud tells the parent of every compaction it begins.
func compactAloud(dir string) error {
	for {
		fmt.Println("compact")
		if _, err := Compact(context.Background(), dir, CompactOptions{Force: true, Threads: 2}); err != nil {
			return err
		}
	}
}

// Killed at random moments of a compaction, the store is the old one or the new
// one, whole, and nothing is left beside it once it has been opened.
func TestCompactKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts and kills processes")
	}
	const kills = 15
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	dir := filepath.Join(t.TempDir(), "store")
	d := changed(t, dir, 4, []uint32{1, 5, 399}, []uint32{0, 5, 120, 300})
	want := seeRows(t, d.Snapshot(), d.Snapshot().All().ToArray())
	require.NoError(t, d.Close())
	cutShort, swapping := 0, 0
	for range kills {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childCompacts+"="+dir)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		lines := bufio.NewScanner(out)
		for range 1 + rng.IntN(3) {
			require.True(t, lines.Scan())
		}
		time.Sleep(time.Duration(rng.IntN(60_000_000))) // a moment to be killed in, not to wait for anything
		require.NoError(t, c.Process.Kill())
		_ = c.Wait()
		switch left := names(t, dir); {
		case len(left) == 2: // before it wrote, or after it was done
		case IsStore(compactingPath(dir)):
			swapping++
		default:
			cutShort++
		}

		d, err = Open(dir, Options{})
		require.NoError(t, err)
		mustBeWhole(t, d)
		s := d.Snapshot()
		require.Equal(t, want, seeRows(t, s, s.All().ToArray()))
		rows, err := d.SampleRows("k")
		require.NoError(t, err)
		missing, err := d.SampleMissing("k")
		require.NoError(t, err)
		rows.AndNot(s.Deleted())
		require.EqualValues(t, 2, rows.GetCardinality())
		if s.Deleted().IsEmpty() {
			require.Len(t, missing, 1)
		}
		require.NoError(t, d.Close())
		require.Equal(t, []string{dataDir, formatFile}, names(t, dir))
	}
	t.Logf("%d children killed, %d while they wrote, %d between writing and the end", kills, cutShort, swapping)
	assert.Positive(t, cutShort)
}

// Every state that a swap goes through opens, as the old store or the new one.
func TestOpenBetweenTheStepsOfASwap(t *testing.T) {
	for _, c := range []struct {
		name  string
		cut   func(t *testing.T, dir string) // what was done before the kill
		isNew bool
	}{
		{"half written", func(t *testing.T, dir string) {
			require.NoError(t, os.Remove(filepath.Join(compactingPath(dir), formatFile)))
		}, false},
		{"whole", func(*testing.T, string) {}, false},
		{"old data moved away", func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dataPath(dir), filepath.Join(dir, replacedDir)))
		}, true},
		{"new data in its place", func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dataPath(dir), filepath.Join(dir, replacedDir)))
			require.NoError(t, os.Rename(dataPath(compactingPath(dir)), dataPath(dir)))
		}, true},
		{"half removed", func(t *testing.T, dir string) {
			require.NoError(t, os.Rename(dataPath(dir), filepath.Join(dir, replacedDir)))
			require.NoError(t, os.Rename(dataPath(compactingPath(dir)), dataPath(dir)))
			require.NoError(t, os.Remove(filepath.Join(dir, replacedDir, "MANIFEST")))
			require.NoError(t, os.RemoveAll(compactingPath(dir)))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			d := changed(t, dir, 2, nil, []uint32{0})
			compacting := &compactor{old: d, snap: d.Snapshot(), report: &CompactReport{}}
			compacting.countBefore()
			require.NoError(t, compacting.rewrite(context.Background()))
			require.NoError(t, d.Close())
			c.cut(t, dir)

			d = open(t, dir)
			assert.Equal(t, c.isNew, d.Snapshot().Deleted().IsEmpty())
			assert.EqualValues(t, 199, d.Snapshot().Rows())
			mustBeWhole(t, d)
			assert.Equal(t, []string{dataDir, formatFile}, names(t, dir))
		})
	}
}
