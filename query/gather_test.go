package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func collect(t require.TestingT, s *Sample, limit int) (out []string) {
	for record, err := range s.rows(context.Background(), reading{n: len(s.addrs), window: limit}) {
		require.NoError(t, err)
		out = append(out, string(record))
	}
	return out
}

func noSpillIn(t *testing.T, dir string) {
	for _, name := range filesIn(t, dir) {
		assert.NotContains(t, name, "spill")
	}
}

func TestSpillingChangesNothing(t *testing.T) {
	d := openRecords(t, append(mixed(3000, 5), mixedLengths(200)...), 256)
	s := mustSample(t, d, "SAMPLE 4000 FROM buckets ON SHORTFALL REPEAT")
	inMemory := collect(t, s, windowBytes)
	require.Len(t, inMemory, 4000)
	for _, limit := range []int{1, 10_000, 300_000} {
		assert.Equal(t, inMemory, collect(t, s, limit), "windows of %d bytes", limit)
	}
	noSpillIn(t, d.Dir())
	var preview []string
	for record, err := range s.Preview(context.Background(), 5) {
		require.NoError(t, err)
		preview = append(preview, string(record))
	}
	assert.Equal(t, inMemory[:5], preview)
}

// mixedLengths makes n records, most of them short and one in fifty of 40 KB.
func mixedLengths(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(`{"instruction":"length %d","_bucket":"code","output":%q}`, i, strings.Repeat("long ", map[bool]int{true: 8000, false: i % 3}[i%50 == 7]))
	}
	return out
}

// prepared returns the gathering of a sample, cut into windows, and its places.
func prepared(t require.TestingT, s *Sample, limit int64) (*gathering, []place) {
	places := make([]place, len(s.addrs))
	for i, addr := range s.addrs {
		places[i] = place{addr, uint32(i)}
	}
	slices.SortFunc(places, func(x, y place) int { return cmp.Or(cmp.Compare(x.addr, y.addr), cmp.Compare(x.pos, y.pos)) })
	g := &gathering{reading: reading{fields: s.fields}, sample: s, addrs: addressSet(slices.Values(s.addrs)).ToArray()}
	require.NoError(t, g.cut(context.Background(), places, limit))
	return g, places
}

// TestWindows: windows follow one another, and none has more than its limit but
// one of a single row, by the sizes of the rows as they are written.
func TestWindows(t *testing.T) {
	d := openRecords(t, append(mixedLengths(400), `{"instruction":"bare"}`), 64)
	s := mustSample(t, d, "SAMPLE 900 FROM buckets ON SHORTFALL REPEAT")
	rows := collect(t, s, windowBytes)
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.Int64Range(1, 400_000).Draw(t, "limit")
		g, _ := prepared(t, s, limit)
		next := 0
		for i, w := range g.windows {
			require.EqualValues(t, next, w.first)
			require.Positive(t, w.rows)
			size := int64(0)
			for _, row := range rows[next : next+w.rows] {
				size += entryHeader + int64(len(row))
			}
			require.LessOrEqual(t, size, w.size, "window %d", i)
			require.True(t, w.size <= limit || w.rows == 1, "window %d holds %d bytes in %d rows", i, w.size, w.rows)
			next += w.rows
		}
		require.Equal(t, len(rows), next)
	})
}

// TestSpillHoldsLittleBack: while rows are gathered each window holds no more
// than its room, however long or frequent a row is.
func TestSpillHoldsLittleBack(t *testing.T) {
	d := openRecords(t, mixedLengths(100), 64)
	s := mustSample(t, d, "SAMPLE 1000 FROM buckets ON SHORTFALL REPEAT")
	g, places := prepared(t, s, 100_000)
	file, err := newSpillFile(d.Dir())
	require.NoError(t, err)
	for i := range g.windows {
		g.windows[i].file, g.windows[i].room = file, 4<<10
	}
	require.NoError(t, g.gather(context.Background(), places))
	for _, w := range g.windows {
		assert.LessOrEqual(t, cap(w.buf), 4<<10)
	}
	require.NoError(t, file.Close())
}

// TestSpillErrors: what goes wrong with the temporary file is said of it, and
// not of the part of the store that was being read.
func TestSpillErrors(t *testing.T) {
	d := openRecords(t, mixedLengths(100), 64)
	s := mustSample(t, d, "SAMPLE ALL FROM buckets")
	g, places := prepared(t, s, 20_000)
	require.Greater(t, len(g.windows), 1)
	file, err := newSpillFile(d.Dir())
	require.NoError(t, err)
	require.NoError(t, file.f.Close())
	for i := range g.windows {
		g.windows[i].file, g.windows[i].room = file, 4<<10
	}
	file.w.Reset(file.f)
	err = g.gather(context.Background(), places)
	for i := 0; err == nil && i < len(g.windows); i++ {
		_, _, err = g.windows[i].load(nil, nil)
	}
	require.ErrorIs(t, err, os.ErrClosed)
	assert.Equal(t, "temporary file in the store: file already closed", err.Error())

	full := spillError(&os.PathError{Op: "write", Path: filepath.Join(d.Dir(), ".spill-1"), Err: syscall.ENOSPC})
	assert.Equal(t, "temporary file in the store: no space left on device", full.Error())
	assert.True(t, errors.Is(full, syscall.ENOSPC))
}

// TestStoppingEarly: a consumer that has enough leaves nothing behind.
func TestStoppingEarly(t *testing.T) {
	d := openRecords(t, mixedLengths(300), 64)
	s := mustSample(t, d, "SAMPLE ALL FROM buckets")
	for range s.rows(context.Background(), reading{n: len(s.addrs), window: 1000}) {
		break
	}
	noSpillIn(t, d.Dir())
}
