package dedup

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/text/minhash"
	"smelt/db"
	"smelt/ingest"
)

func openRows(t *testing.T, lines []string, segmentRows int) *db.DB {
	t.Helper()
	d, err := db.Open(t.TempDir()+"/store", db.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	in := ingest.StreamInput("rows.jsonl", strings.NewReader(strings.Join(lines, "\n")))
	_, err = ingest.Run(context.Background(), d, []ingest.Input{in}, ingest.Options{SegmentRows: segmentRows})
	require.NoError(t, err)
	return d
}

func line(bucket, text string) string {
	return fmt.Sprintf(`{"instruction":"Tell me.","output":%q,"_bucket":%q}`, text, bucket)
}

// words makes a text of n random words.
func words(rng *rand.Rand, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("w%d", rng.IntN(5000))
	}
	return out
}

func remaining(t *testing.T, d *db.DB) (out []string) {
	t.Helper()
	s := d.Snapshot()
	require.NoError(t, s.Records(context.Background(), s.All().ToArray(), func(_ int, r []byte) error {
		out = append(out, string(r))
		return nil
	}))
	return out
}

func TestFindAndApply(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var lines, stay []string
	for i := range 60 {
		text := words(rng, 120)
		best := line("code", strings.Join(text, " ")+" and a longer end")
		stay = append(stay, best)
		switch i % 3 {
		case 0: // a near-duplicate before it: one word changed, and shorter
			near := append([]string(nil), text...)
			near[60] = "changed"
			lines = append(lines, line("creative", strings.Join(near, " ")), best)
		case 1: // an equal row after it, in another bucket
			lines = append(lines, best, line("factual", strings.Join(text, " ")+" and a longer end"))
		default: // half the words shared: not similar enough
			half := append(append([]string(nil), text[:60]...), words(rng, 60)...)
			other := line("code", strings.Join(half, " "))
			lines = append(lines, best, other)
			stay = append(stay, other)
		}
	}
	var first []string
	for _, threads := range []int{1, 8} {
		for _, segmentRows := range []int{7, 1000} {
			d := openRows(t, lines, segmentRows)
			before := remaining(t, d)
			r, err := Find(context.Background(), d, Options{Near: 0.8, Threads: threads})
			require.NoError(t, err)
			assert.Equal(t, before, remaining(t, d), "finding changes nothing")
			assert.EqualValues(t, 120, r.Report.Rows)
			assert.EqualValues(t, 20, r.Report.Equal)
			assert.EqualValues(t, 20, r.Report.Similar)
			assert.EqualValues(t, 20, r.Report.Clusters)
			assert.Equal(t, map[string]int64{"creative": 20, "factual": 20}, r.Report.ByBucket)
			assert.Len(t, r.Report.Largest, largest)

			require.NoError(t, r.Apply(d, time.Unix(9, 0)))
			left := remaining(t, d)
			assert.ElementsMatch(t, stay, left)
			if first == nil {
				first = left
			}
			assert.Equal(t, first, left)
			events := 0
			require.NoError(t, d.Events(func(e db.Event) error { events++; assert.Equal(t, "dedup", e.Kind); return nil }))
			assert.Equal(t, 1, events)
			again, err := Find(context.Background(), d, Options{Near: 0.8})
			require.NoError(t, err)
			assert.Zero(t, again.Report.Equal+again.Report.Similar, "nothing is left to drop")
		}
	}
}

func TestEqualOnly(t *testing.T) {
	d := openRows(t, []string{line("code", "a b c"), line("code", "a b c"), line("code", "a b d")}, 10)
	r, err := Find(context.Background(), d, Options{})
	require.NoError(t, err)
	assert.EqualValues(t, 1, r.Report.Equal)
	assert.Zero(t, r.Report.Similar)
}

func TestKeepFirst(t *testing.T) {
	text := strings.Join(words(rand.New(rand.NewPCG(2, 2)), 100), " ")
	short, long := line("code", text), line("code", text+" end")
	for _, c := range []struct {
		rule minhash.Rule
		want string
	}{{minhash.KeepFirst, short}, {minhash.KeepLongest, long}} {
		d := openRows(t, []string{short, long}, 10)
		r, err := Find(context.Background(), d, Options{Near: 0.8, Rule: c.rule})
		require.NoError(t, err)
		require.NoError(t, r.Apply(d, time.Now()))
		assert.Equal(t, []string{c.want}, remaining(t, d))
	}
}

func TestCancelled(t *testing.T) {
	d := openRows(t, []string{line("code", "a"), line("code", "b")}, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := Find(ctx, d, Options{Near: 0.8})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Find(context.Background(), d, Options{Near: 7})
	require.Error(t, err)
}
