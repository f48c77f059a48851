package db

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/db/row"
)

func TestRecordSizes(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 700)
	store(t, d, 700, 705)
	s := d.Snapshot()
	var addrs []uint32
	for i, addr := range s.All().ToArray() {
		if i%3 != 1 {
			addrs = append(addrs, addr)
		}
	}
	sizes := []int{}
	require.NoError(t, s.RecordSizes(context.Background(), addrs, func(i, bytes int) {
		require.Equal(t, len(sizes), i)
		sizes = append(sizes, bytes)
	}))
	require.Len(t, sizes, len(addrs))
	require.NoError(t, s.Records(context.Background(), addrs, func(i int, record []byte) error {
		assert.Equal(t, len(record), sizes[i])
		return nil
	}))
	none := func(int, int) { t.Error("called") }
	require.ErrorContains(t, s.RecordSizes(context.Background(), []uint32{705}, none), "in no segment")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, s.RecordSizes(ctx, addrs, none), context.Canceled)
}

// TestCallersErrors: what the caller's function returns is not said to be the
// segment's fault.
func TestCallersErrors(t *testing.T) {
	d := open(t, t.TempDir())
	store(t, d, 0, 100)
	s := d.Snapshot()
	enough := errors.New("enough")
	calls := 0
	stop := func(i int) error {
		if calls++; i == 5 {
			return enough
		}
		return nil
	}
	addrs := s.All().ToArray()
	assert.Equal(t, enough, s.Records(context.Background(), addrs, func(i int, _ []byte) error { return stop(i) }))
	assert.Equal(t, enough, s.Hashes(context.Background(), addrs, func(i int, _ row.Hash) error { return stop(i) }))
	assert.Equal(t, 12, calls)
}
