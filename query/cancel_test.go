package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db"
	"smelt/db/row"
	"smelt/query/plan"
)

// countdown is a context that is cancelled when it has been asked so many times
// whether it is. Contexts made from it do not ask it; the reading of a record's
// content does.
type countdown struct {
	context.Context
	mu     sync.Mutex
	left   int
	cancel func()
}

func (c *countdown) content(record []byte) (row.Content, error) {
	_ = c.Err()
	return alpaca(record)
}

func (c *countdown) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left--; c.left < 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// atEachMoment runs a statement with contexts that are cancelled later and later,
// until one lasts. Then goes on with a result; check looks at what is left each time
// the two were cancelled. One thread asks the same number of times in every run.
func atEachMoment(t *testing.T, d *db.DB, src string, then func(context.Context, *Result) error, check func(err error)) {
	moments := 0
	for ; ; moments++ {
		require.Less(t, moments, 5000, src)
		inner, cancel := context.WithCancel(t.Context())
		ctx := &countdown{Context: inner, left: moments, cancel: cancel}
		q, err := Prepare(d, src, Options{Threads: 1, Functions: plan.Functions{Content: ctx.content}})
		require.NoError(t, err, src)
		r, err := q.Run(ctx)
		if err == nil {
			err = then(ctx, r)
		}
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled, src)
		check(err)
	}
	assert.Greater(t, moments, 3, "%s: it looks at the context again and again", src)
}

// TestCancelledSampleAtEachMoment: whenever a sample is cancelled, no file is left,
// whole or in part, under any name, and the sample is not kept.
func TestCancelledSampleAtEachMoment(t *testing.T) {
	d := openRecords(t, mixed(120, 51), 32)
	mustSample(t, d, "SAMPLE 30 FROM buckets AS other")
	const src = "SAMPLE 12 FROM buckets WEIGHTED BY (code 1, OTHERS 4) WHERE length(output) > 3 EXCLUDE other EPOCHS 2 REDRAW AS mine"
	for _, opt := range []WriteOptions{
		{}, {ShardBytes: 600}, {Format: CSVGzip}, {Format: Parquet, ShardBytes: 6000}, {Format: Arrow},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a."+opt.Format.String())
		atEachMoment(t, d, src, func(ctx context.Context, r *Result) error {
			_, err := r.Sample.WriteFile(ctx, path, opt)
			return err
		}, func(err error) {
			require.Equal(t, []string{"other"}, keptNames(t, d))
			if strings.Contains(err.Error(), "is written, but the sample is not kept") {
				requireWhole(t, dir)
				for _, name := range filesIn(t, dir) {
					require.NoError(t, os.Remove(filepath.Join(dir, name)))
				}
			}
			require.Empty(t, filesIn(t, dir))
		})
		requireWhole(t, dir)
		assert.Equal(t, []string{"mine", "other"}, keptNames(t, d))
		say(t, d, "DROP SAMPLE mine")
		noSpillIn(t, d.Dir())
	}
}

// requireWhole requires that a directory holds what its one manifest describes, and
// nothing else.
func requireWhole(t *testing.T, dir string) {
	manifests, err := filepath.Glob(filepath.Join(dir, "*.manifest.json"))
	require.NoError(t, err)
	require.Len(t, manifests, 1)
	var m struct{ Output Written }
	require.NoError(t, json.Unmarshal([]byte(readFile(t, manifests[0])), &m))
	files := m.Output.Shards
	if len(files) == 0 {
		files = []Shard{{m.Output.File, m.Output.Rows, m.Output.Bytes, m.Output.SHA256}}
	}
	rows := int64(0)
	want := []string{filepath.Base(manifests[0])}
	for _, f := range files {
		sum := sha256.Sum256([]byte(readFile(t, filepath.Join(dir, f.File))))
		require.Equal(t, f.SHA256, hex.EncodeToString(sum[:]))
		want, rows = append(want, f.File), rows+f.Rows
	}
	require.EqualValues(t, 24, rows, "12 rows in each of 2 epochs")
	require.ElementsMatch(t, want, filesIn(t, dir))
}

// TestCancelledChangeAtEachMoment: an UPDATE or DELETE that is cancelled changes
// nothing, and leaves the store to the next one.
func TestCancelledChangeAtEachMoment(t *testing.T) {
	d := openRecords(t, mixed(120, 52), 8)
	const state = "SELECT _note, count(*) FROM buckets GROUP BY _note"
	for _, src := range []string{
		"UPDATE buckets SET _note = 'new' WHERE contains(output, 'zzz')",
		"DELETE FROM buckets WHERE length(output) > 20 AND _severity < 3",
	} {
		before, commit := cells(t, d, state), d.Snapshot().Commit()
		atEachMoment(t, d, src, func(context.Context, *Result) error { return nil }, func(error) {
			require.Equal(t, commit, d.Snapshot().Commit(), src)
			require.Equal(t, before, cells(t, d, state), src)
		})
		assert.NotEqual(t, before, cells(t, d, state), src)
	}
}

// TestCancelledReadAtEachMoment: SELECT and DIFF give all or nothing.
func TestCancelledReadAtEachMoment(t *testing.T) {
	d := openRecords(t, mixed(120, 53), 8)
	mustSample(t, d, "SAMPLE 30 FROM buckets AS a")
	mustSample(t, d, "SAMPLE 50 FROM buckets AS b")
	say(t, d, "DELETE FROM a WHERE _severity = 1")
	for _, src := range []string{
		"SELECT _note, length(output) FROM buckets WHERE contains(output, 'z') ORDER BY length(output) LIMIT 9",
		"SELECT _bucket, _note, count(*) FROM buckets GROUP BY _bucket, _note",
		"SELECT output, sum(_severity) FROM a GROUP BY output",
		"DIFF a, b", "DESCRIBE a",
	} {
		var last *Table
		atEachMoment(t, d, src, func(_ context.Context, r *Result) error {
			last = r.Table
			return nil
		}, func(error) {})
		whole, err := run(d, src, 3)
		require.NoError(t, err)
		assert.Equal(t, whole.Table, last, src)
	}
}
