package query

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/query/rank"
)

// looks counts how often somebody asks whether to stop.
type looks struct {
	context.Context
	n int
}

func (l *looks) Err() error { l.n++; return nil }

// TestDrawLooksAtContext: the loops over all rows of an output look at the context
// every so many rows, for a sample may have millions of times the rows of its store.
func TestDrawLooksAtContext(t *testing.T) {
	const rows = 1 << 18
	d := &drawing{threads: 1}
	picks := make([]pick, rows)
	for i := range picks {
		picks[i] = pick{head: uint64(i) * 0x9e3779b97f4a7c15}
	}
	for name, loop := range map[string]func(context.Context) error{
		"sort": func(ctx context.Context) error {
			return sortSpread(ctx, 1, picks, func(p pick) byte { return byte(p.head >> 56) }, func(x, y pick) int { return 0 })
		},
		"stopped": func(ctx context.Context) error {
			for i := range picks {
				if err := stopped(ctx, i); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		ctx := &looks{Context: t.Context()}
		require.NoError(t, loop(ctx))
		if name == "stopped" {
			assert.Equal(t, rows>>16, ctx.n)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, loop(cancelled), context.Canceled, name)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, loop := range map[string]func() error{
		"select": func() error {
			d.strata, d.sorted = [][]candidate{make([]candidate, rows)}, make([]sortedRows, 1)
			_, err := d.pick(cancelled, rank.SampleKey(1), []positions{{count: rows}})
			return err
		},
		"places": func() error { return sortPlaces(cancelled, 1, make([]place, rows)) },
		"add":    func() error { return (&output{}).add(cancelled, picks) },
	} {
		assert.ErrorIs(t, loop(), context.Canceled, name)
	}
}

// TestAddressSet: each address once, however far apart.
func TestAddressSet(t *testing.T) {
	for _, addrs := range [][]uint32{{}, {0}, {7, 7, 3}, {1<<16 - 1, 1 << 16, 1 << 22, 5, 1 << 22}} {
		want := map[uint32]bool{}
		for _, a := range addrs {
			want[a] = true
		}
		got := addressSet(slices.Values(addrs))
		assert.Len(t, want, int(got.GetCardinality()), fmt.Sprint(addrs))
		for a := range want {
			assert.True(t, got.Contains(a), a)
		}
	}
}
