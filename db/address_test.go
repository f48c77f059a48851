package db

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever the sizes of the segments, addresses are those of a plain list of
// rows.
func TestAddresses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &manifest{}
		var segmentOf []int // by address
		for i, rows := range rapid.SliceOfN(rapid.IntRange(1, 9), 0, 12).Draw(t, "rows") {
			m.Segments = append(m.Segments, segmentMeta{Rows: rows})
			segmentOf = append(segmentOf, slices.Repeat([]int{i}, rows)...)
		}
		s := &Snapshot{m: m, starts: m.starts()}
		assert.EqualValues(t, len(segmentOf), s.Addresses())
		var addrs []uint32
		for addr, segment := range segmentOf {
			assert.Equal(t, segment, s.SegmentOf(uint32(addr)))
			first, last := s.SegmentRange(segment)
			assert.LessOrEqual(t, int(first), addr)
			assert.Less(t, addr, int(last))
			if rapid.Bool().Draw(t, "wanted") {
				addrs = append(addrs, uint32(addr))
			}
		}
		assert.Equal(t, len(m.Segments), s.SegmentOf(uint32(len(segmentOf))))
		assert.Equal(t, len(m.Segments), s.SegmentOf(1<<32-1))

		var again []uint32
		before := -1
		for segment, part := range s.BySegment(addrs) {
			require.NotEmpty(t, part)
			assert.Greater(t, segment, before)
			before = segment
			for _, addr := range part {
				assert.Equal(t, segmentOf[addr], segment)
			}
			again = append(again, part...)
		}
		assert.Equal(t, addrs, again)
	})
}

// The last address is a row's like any other, and there is none beyond.
func TestFullStore(t *testing.T) {
	d := open(t, t.TempDir())
	w := d.NewWriter()
	defer w.Close()
	full := &EncodedSegment{rows: MaxSegmentRows}
	for range MaxRows / MaxSegmentRows {
		require.NoError(t, w.Add(full))
	}
	require.ErrorContains(t, w.Add(&EncodedSegment{rows: 1}), "the store is full")

	s := &Snapshot{m: w.next, starts: w.next.starts()}
	assert.EqualValues(t, MaxRows, s.Addresses())
	assert.Equal(t, MaxRows/MaxSegmentRows-1, s.SegmentOf(1<<32-1))
	for segment, part := range s.BySegment([]uint32{5, 1<<32 - 1}) {
		assert.Equal(t, int(part[0]>>16), segment)
	}
}
