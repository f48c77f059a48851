package db

import (
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

// Either way of merging gives the addresses one by one.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var parts []segmentRows
		var want []uint32
		first := uint64(0)
		for range rapid.IntRange(1, 5).Draw(t, "segments") {
			n := rapid.SampledFrom([]int{1, 63, 64, 65, 1000, 8192, MaxSegmentRows}).Draw(t, "rows")
			every := rapid.SampledFrom([]int{1, 2, 3, 50}).Draw(t, "one in") // runs, bits and lists
			rows := roaring.New()
			for i := rapid.IntRange(0, n-1).Draw(t, "from"); i < n; i += every {
				rows.Add(uint32(i))
				want = append(want, uint32(first)+uint32(i))
			}
			rows.RunOptimize()
			parts = append(parts, segmentRows{first, first + uint64(n), rows})
			first += uint64(n)
		}
		m := merger{addresses: first}
		assert.Equal(t, want, m.merge(parts).ToArray())
		assert.Equal(t, want, m.dense(parts).ToArray())
		assert.Equal(t, want, m.merge(parts).ToArray(), "its memory is used again")
	})
}
