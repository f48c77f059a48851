package minhash

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSortByKey(t *testing.T) {
	for _, n := range []int{1, 100, 2047, 2048, 50_000} {
		for _, keys := range []uint32{1, 1000, 1<<32 - 1} {
			rng := rand.New(rand.NewPCG(uint64(n), uint64(keys)))
			pairs := make([]uint64, n)
			for id := range pairs {
				pairs[id] = uint64(rng.Uint32N(keys))<<32 | uint64(id)
			}
			want := slices.Sorted(slices.Values(pairs))
			sortByKey(pairs, make([]uint64, n))
			require.Equal(t, want, pairs, "%d pairs, %d keys", n, keys)
		}
	}
}

// Sets joined by several goroutines at once are those that one after the other would make.
func TestForest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "ids")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		joins := make([][2]uint32, rapid.IntRange(0, 400).Draw(t, "joins"))
		label := make([]int, n) // of each id, the least id of its set
		for i := range label {
			label[i] = i
		}
		for i := range joins {
			a, b := rng.IntN(n), rng.IntN(n)
			joins[i] = [2]uint32{uint32(a), uint32(b)}
			from, to := max(label[a], label[b]), min(label[a], label[b])
			for k := range label {
				if label[k] == from {
					label[k] = to
				}
			}
		}
		f := newForest(n)
		var wg sync.WaitGroup
		for part := range 4 {
			wg.Go(func() {
				for i := part; i < len(joins); i += 4 {
					f.join(joins[i][0], joins[i][1])
				}
			})
		}
		wg.Wait()
		members := make([][]uint32, n)
		for id, least := range label {
			require.Equal(t, uint32(least), f.root(uint32(id)))
			members[least] = append(members[least], uint32(id))
		}
		members = slices.DeleteFunc(members, func(m []uint32) bool { return len(m) < 2 })
		require.Equal(t, members, f.groups())
	})
}
