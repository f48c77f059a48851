package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// firstFit is the definition: it looks at the last window blocks one by one.
func firstFit(rooms []int, begun, size, window, n int) ([]int, int) {
	for i := max(begun, len(rooms)-window); i < len(rooms); i++ {
		if rooms[i] >= n {
			rooms[i] -= n
			return rooms, i
		}
	}
	return append(rooms, size-n), len(rooms)
}

func TestPackIsFirstFit(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		size := rapid.IntRange(2, 60).Draw(r, "size")
		window := rapid.IntRange(1, 20).Draw(r, "window")
		lengths := rapid.SliceOfN(rapid.IntRange(1, size), 0, 150).Draw(r, "lengths")
		epochs := rapid.SliceOfN(rapid.IntRange(0, len(lengths)), 0, 3).Draw(r, "epochs")
		slices.Sort(epochs)
		epochs = append(epochs, len(lengths))

		p := newPacker(size, window)
		var order, ends []uint32
		var want [][]uint32
		var rooms []int
		from := 0
		for _, end := range epochs {
			begun := len(rooms)
			for i := from; i < end; i++ {
				var block int
				rooms, block = firstFit(rooms, begun, size, window, lengths[i])
				if block == len(want) {
					want = append(want, nil)
				}
				want[block] = append(want[block], uint32(i))
				order = append(order, uint32(i))
			}
			ends = p.pack(order[from:], func(i uint32) int { return lengths[i] }, from, ends)
			require.Len(r, ends, len(want), "an epoch's blocks end with it")
			from = end
		}
		var got [][]uint32
		at := uint32(0)
		for _, end := range ends {
			require.Greater(r, end, at, "no block is empty")
			got = append(got, order[at:end])
			at = end
		}
		require.Equal(r, want, got)
		require.Equal(r, len(lengths), int(at))

		// What follows from that: each once, in blocks that hold them, in order.
		seen := map[uint32]bool{}
		for i, block := range got {
			sum := 0
			for j, s := range block {
				sum += lengths[s]
				require.False(r, seen[s])
				seen[s] = true
				require.True(r, j == 0 || block[j-1] < s)
			}
			require.LessOrEqual(r, sum, size)
			require.True(r, i == 0 || got[i-1][0] < block[0])
		}
	})
}

// lengths are n lengths as of instruction data: log-normal, with a mean of a good
// 200, and no more than most.
func lengths(n, most int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0))
	out := make([]int, n)
	for i := range out {
		out[i] = min(most, 12+int(math.Exp(rng.NormFloat64()*0.9+4.9)))
	}
	return out
}

func filled(lengths []int, size, window int) float64 {
	p := newPacker(size, window)
	sum := 0
	for _, n := range lengths {
		p.put(n)
		sum += n
	}
	return float64(sum) / float64(p.next*size)
}

// Blocks of lengths as instruction data has are full but for 2%.
func TestFill(t *testing.T) {
	for _, size := range []int{1024, 2048, 4096} {
		got := filled(lengths(20000, size, 1), size, DefaultWindow)
		assert.Greater(t, got, 0.98, "%d tokens", size)
		t.Logf("%d tokens: %.4f", size, got)
	}
	for _, window := range []int{1, 8, 32, 64, 128, 1024} {
		t.Logf("window %d: %.4f", window, filled(lengths(20000, 2048, 1), 2048, window))
	}
}

func BenchmarkPack(b *testing.B) {
	l := lengths(1<<16, 2048, 1)
	p := newPacker(2048, DefaultWindow)
	for i := range b.N {
		p.put(l[i&(1<<16-1)])
	}
}
