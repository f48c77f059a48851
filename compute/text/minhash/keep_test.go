package minhash_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/text/minhash"
)

func TestRules(t *testing.T) {
	a := minhash.Row{Length: 10, Hash: [32]byte{1}, Place: 7}
	for _, c := range []struct {
		name  string
		other minhash.Row
		want  map[minhash.Rule]int // the sign of Compare(a, other)
	}{
		{"itself", a, map[minhash.Rule]int{minhash.KeepLongest: 0, minhash.KeepFirst: 0}},
		{"longer and later", minhash.Row{Length: 11, Hash: [32]byte{2}, Place: 8}, map[minhash.Rule]int{minhash.KeepLongest: 1, minhash.KeepFirst: -1}},
		{"shorter and earlier", minhash.Row{Length: 9, Hash: [32]byte{0}, Place: 6}, map[minhash.Rule]int{minhash.KeepLongest: -1, minhash.KeepFirst: 1}},
		{"as long, smaller hash, later", minhash.Row{Length: 10, Hash: [32]byte{0, 9}, Place: 9}, map[minhash.Rule]int{minhash.KeepLongest: 1, minhash.KeepFirst: -1}},
		{"the same text, later", minhash.Row{Length: 10, Hash: [32]byte{1}, Place: 9}, map[minhash.Rule]int{minhash.KeepLongest: -1, minhash.KeepFirst: -1}},
		{"one place for two", minhash.Row{Length: 12, Hash: [32]byte{2}, Place: 7}, map[minhash.Rule]int{minhash.KeepLongest: 1, minhash.KeepFirst: -1}},
	} {
		for rule, want := range c.want {
			assert.Equal(t, want, rule.Compare(a, c.other), "%v, %s", rule, c.name)
			assert.Equal(t, -want, rule.Compare(c.other, a), "%v, %s, the other way", rule, c.name)
		}
	}
	for _, rule := range []minhash.Rule{minhash.KeepLongest, minhash.KeepFirst} {
		parsed, err := minhash.ParseRule(rule.String())
		require.NoError(t, err)
		assert.Equal(t, rule, parsed)
	}
	_, err := minhash.ParseRule("best")
	assert.EqualError(t, err, `no rule "best" for what to keep of near-duplicates: there are "longest" and "first"`)
}

func byID(a, b uint32) int { return cmp.Compare(a, b) }

// A chain of similar texts whose ends are strangers: only neighbours are similar.
func TestKeepDropsOnlyWhatIsSimilarToARowThatStays(t *testing.T) {
	neighbours := func(a, b uint32) float64 {
		if max(a, b)-min(a, b) == 1 {
			return 0.8
		}
		return 0.7999
	}
	kept, dropped := minhash.Keep([]uint32{3, 1, 4, 2, 0}, 0.8, byID, neighbours)
	assert.Equal(t, []uint32{0, 2, 4}, kept)
	assert.Equal(t, []minhash.Dropped{{Row: 1, For: 0, Similarity: 0.8}, {Row: 3, For: 2, Similarity: 0.8}}, dropped)

	kept, dropped = minhash.Keep(nil, 0.8, byID, neighbours)
	assert.Empty(t, kept)
	assert.Empty(t, dropped)
}

func TestKeepProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "rows")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		matrix := make([]float64, n*n)
		for i := range n {
			for k := range i {
				matrix[i*n+k] = rng.Float64()
				matrix[k*n+i] = matrix[i*n+k]
			}
		}
		similar := func(a, b uint32) float64 { return matrix[int(a)*n+int(b)] }
		rank := rng.Perm(n)
		prefer := func(a, b uint32) int { return rank[a] - rank[b] }
		cluster := make([]uint32, n)
		for i, id := range rng.Perm(n) {
			cluster[i] = uint32(id)
		}
		before := slices.Clone(cluster)

		kept, dropped := minhash.Keep(cluster, 0.5, prefer, similar)
		require.Equal(t, before, cluster)
		require.Len(t, cluster, len(kept)+len(dropped))
		require.True(t, slices.IsSortedFunc(kept, prefer))
		for i, a := range kept {
			for _, b := range kept[:i] {
				require.Less(t, similar(a, b), 0.5, "two rows that stay")
			}
		}
		for _, d := range dropped {
			require.Contains(t, kept, d.For)
			require.NotContains(t, kept, d.Row)
			require.Equal(t, similar(d.Row, d.For), d.Similarity)
			require.GreaterOrEqual(t, d.Similarity, 0.5)
			for _, k := range kept[:slices.Index(kept, d.For)] {
				require.Less(t, similar(k, d.Row), 0.5, "a better row was reason enough")
			}
		}
		rng.Shuffle(n, func(i, k int) { cluster[i], cluster[k] = cluster[k], cluster[i] })
		again, droppedAgain := minhash.Keep(cluster, 0.5, prefer, similar)
		require.Equal(t, kept, again)
		require.Equal(t, dropped, droppedAgain)
	})
}
