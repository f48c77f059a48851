package minhash_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/text/minhash"
)

func TestBands(t *testing.T) {
	for _, c := range []struct {
		threshold float64
		want      string
	}{
		{0.5, "42 bands of 3"}, {0.6, "32 bands of 4"}, {0.7, "25 bands of 5"}, {0.8, "18 bands of 7"},
		{0.9, "10 bands of 12"}, {0.95, "7 bands of 18"}, {1, "1 bands of 128"},
	} {
		bands, err := minhash.BandsFor(c.threshold)
		require.NoError(t, err)
		assert.Equal(t, c.want, bands.String())
		assert.GreaterOrEqual(t, bands.Probability(c.threshold), 0.95)
	}
	bands := minhash.Bands{Count: 18, Rows: 7}
	assert.InDelta(t, 0.98601, bands.Probability(0.8), 0.00001, "1-(1-(0.8+0.2/256)^7)^18")
	assert.InDelta(t, 0.13506, bands.Probability(0.5), 0.00001)
	assert.Equal(t, 1.0, bands.Probability(1))
}

// Of pairs of a known similarity, the share that agree in a band is what Probability says, within four
// standard deviations.
func TestRecallOfBandsIsThatOfTheory(t *testing.T) {
	const pairs = 1500
	for _, threshold := range []float64{0.5, 0.8, 0.9} {
		bands, err := minhash.BandsFor(threshold)
		require.NoError(t, err)
		for _, shared := range []int{40, 60, 75, 85, 90, 95} {
			agree, jaccard := 0, 0.0
			for i := range pairs {
				var a, b []byte
				a, b, jaccard = pair(100, shared, i*1000)
				sa, _ := minhash.Sign(a)
				sb, _ := minhash.Sign(b)
				if agreeInABand(&sa, &sb, bands) {
					agree++
				}
			}
			p := bands.Probability(jaccard)
			assert.InDelta(t, p, float64(agree)/pairs, 4*math.Sqrt(p*(1-p)/pairs)+1e-9, "%v, J = %.3f", bands, jaccard)
		}
	}
}

func agreeInABand(a, b *minhash.Signature, bands minhash.Bands) bool {
	for i := range bands.Count {
		from, to := i*bands.Rows, (i+1)*bands.Rows
		if string(a[from:to]) == string(b[from:to]) {
			return true
		}
	}
	return false
}

// families returns n signatures, of which many are others with some bytes changed.
func families(rng *rand.Rand, n int) []minhash.Signature {
	list := make([]minhash.Signature, 0, n)
	for len(list) < n {
		var sig minhash.Signature
		if len(list) > 0 && rng.IntN(4) > 0 {
			sig = list[rng.IntN(len(list))]
			for range rng.IntN(60) {
				sig[rng.IntN(len(sig))] = byte(rng.Uint32())
			}
		} else {
			for i := range sig {
				sig[i] = byte(rng.Uint32())
			}
		}
		list = append(list, sig)
	}
	return list
}

func clusters(t require.TestingT, list []minhash.Signature, opts minhash.Options) [][]uint32 {
	x, err := minhash.NewIndex(len(list), opts)
	require.NoError(t, err)
	for id := range list {
		require.NoError(t, x.Add(uint32(id), &list[id]))
	}
	groups, err := x.Clusters(context.Background())
	require.NoError(t, err)
	return groups
}

// naiveClusters compares all pairs and follows links from each row.
func naiveClusters(list []minhash.Signature, opts minhash.Options) [][]uint32 {
	bands, _ := minhash.BandsFor(opts.Threshold)
	groups := [][]uint32{}
	seen := make([]bool, len(list))
	for i := range list {
		if seen[i] {
			continue
		}
		seen[i] = true
		group := []uint32{uint32(i)}
		for k := 0; k < len(group); k++ {
			a := &list[group[k]]
			for j := range list {
				b := &list[j]
				if !seen[j] && agreeInABand(a, b, bands) && a.Similarity(b) >= opts.Threshold-opts.Margin {
					seen[j] = true
					group = append(group, uint32(j))
				}
			}
		}
		if len(group) > 1 {
			slices.Sort(group)
			groups = append(groups, group)
		}
	}
	return groups
}

func TestClustersNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		list := families(rng, rapid.IntRange(0, 80).Draw(t, "rows"))
		opts := minhash.Options{
			Threshold: rapid.SampledFrom([]float64{0.5, 0.6, 0.75, 0.8, 0.9, 1}).Draw(t, "threshold"),
			Margin:    rapid.SampledFrom([]float64{0, 0.1, 0.25}).Draw(t, "margin"),
			Workers:   rapid.IntRange(1, 8).Draw(t, "workers"),
		}
		require.Equal(t, naiveClusters(list, opts), clusters(t, list, opts))
	})
}

// crowd returns n pairs of signatures that all agree in one of 18 bands, and in the two bytes after the
// last. The two of a pair are similar, but differ in each of the other bands, so that only the crowded
// one can bring them together: in the band after it they differ at the place `at` (0..6), in the others
// anywhere.
func crowd(rng *rand.Rand, n, band int, at func() int) []minhash.Signature {
	var list []minhash.Signature
	for range n {
		sig := families(rng, 1)[0]
		copy(sig[7*band:], "crowded")
		copy(sig[7*18:], "..")
		twin := sig
		for other := range 18 {
			switch other {
			case band:
			case (band + 1) % 18:
				twin[7*other+at()] ^= 0x80
			default:
				twin[7*other+rng.IntN(7)] ^= 0x80
			}
		}
		list = append(list, sig, twin)
	}
	return list
}

// However rows are numbered and however many goroutines look, the same rows are together: also where
// thousands agree in a band, so that not all of them are compared.
func TestClustersDoNotDependOnOrderOrWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	list := families(rng, 3000)
	for _, band := range []int{0, 17} {
		list = append(list, crowd(rng, 2000, band, func() int { return rng.IntN(7) })...)
	}
	list = append(list, slices.Repeat(list[len(list)-10:], 5)...)
	var want [][]uint32
	for _, workers := range []int{1, 1, 2, 8} {
		number := rng.Perm(len(list)) // of each row in this round
		shuffled, row := make([]minhash.Signature, len(list)), make([]uint32, len(list))
		for i, n := range number {
			shuffled[n], row[n] = list[i], uint32(i)
		}
		groups := clusters(t, shuffled, minhash.Options{Workers: workers})
		require.True(t, slices.IsSortedFunc(groups, byFirst))
		for _, group := range groups {
			require.True(t, slices.IsSorted(group))
			for i, id := range group {
				group[i] = row[id]
			}
			slices.Sort(group)
		}
		slices.SortFunc(groups, byFirst)
		if want == nil {
			want = groups
			pairs := 0
			for _, group := range want {
				if group[0] >= 3000 {
					pairs++
				}
			}
			require.Greater(t, len(want)-pairs, 300, "clusters by the ordinary way")
			require.Greater(t, pairs, 3000, "pairs found in crowds")
			require.Less(t, pairs, 3900, "and some passed over, or this shows nothing")
		}
		require.Equal(t, want, groups)
	}
}

func byFirst(a, b []uint32) int { return int(a[0]) - int(b[0]) }

// Up to 1,025 rows of one band are all compared with each other.
func TestSmallCrowdsAreComparedInFull(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	pairs := crowd(rng, 512, 0, func() int { return 0 })
	list := make([]minhash.Signature, 1025)
	for i := range 512 { // the first and the last are a pair
		list[i], list[1024-i] = pairs[2*i], pairs[2*i+1]
	}
	list[512] = pairs[0]
	groups := clusters(t, list, minhash.Options{})
	assert.Len(t, groups, 512)
	assert.Equal(t, naiveClusters(list, minhash.Options{Threshold: 0.8}), groups)
}

// Of more, those are compared that agree for longest after the band, wherever they stand.
func TestLargeCrowdsAreComparedInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, band := range []int{0, 9, 17} {
		list := crowd(rng, 3000, band, func() int { return 6 })
		rng.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] })
		assert.Len(t, clusters(t, list, minhash.Options{}), 3000, "band %d", band)
	}
}

func TestLargeCrowdOfEqualRows(t *testing.T) {
	list := slices.Repeat(families(rand.New(rand.NewPCG(9, 9)), 1), 5000)
	groups := clusters(t, list, minhash.Options{})
	require.Len(t, groups, 1)
	assert.Len(t, groups[0], 5000)
}

func TestTextsEndToEnd(t *testing.T) {
	story := strings.Join(words(0, 60), " ")
	texts := []string{
		story,
		strings.ToUpper(story) + "!",
		story + " and one more",
		strings.Join(words(500, 60), " "),
		"...",
		"",
		strings.Join(words(500, 60), ", "),
		strings.Join(words(900, 60), " "),
	}
	x, err := minhash.NewIndex(len(texts), minhash.Options{})
	require.NoError(t, err)
	for id, s := range texts {
		if sig, ok := minhash.Sign([]byte(s)); ok {
			require.NoError(t, x.Add(uint32(id), &sig))
		}
	}
	groups, err := x.Clusters(context.Background())
	require.NoError(t, err)
	assert.Equal(t, [][]uint32{{0, 1, 2}, {3, 6}}, groups)
	assert.Equal(t, 1.0, x.Similarity(0, 1))
	assert.Equal(t, minhash.Bands{Count: 18, Rows: 7}, x.Bands())
}

func TestClustersStop(t *testing.T) {
	list := families(rand.New(rand.NewPCG(1, 1)), 100)
	x, err := minhash.NewIndex(len(list), minhash.Options{})
	require.NoError(t, err)
	for id := range list {
		require.NoError(t, x.Add(uint32(id), &list[id]))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = x.Clusters(ctx)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		rows int
		opts minhash.Options
		want string
	}{
		{1, minhash.Options{Threshold: 0.49}, "a similarity threshold of 0.49: it must be 0.5 to 1 (0.8 is usual)"},
		{1, minhash.Options{Threshold: 80}, "a similarity threshold of 80: it must be 0.5 to 1 (0.8 is usual)"},
		{1, minhash.Options{Threshold: math.NaN()}, "a similarity threshold of NaN: it must be 0.5 to 1 (0.8 is usual)"},
		{1, minhash.Options{Margin: 0.3}, "a margin of 0.3 below the similarity threshold: it must be 0 to 0.25"},
		{1, minhash.Options{Workers: -1}, "-1 workers: give a positive number, or 0 for one a processor"},
		{-1, minhash.Options{}, "an index of -1 rows: it can hold 0 to 2147483647"},
	} {
		_, err := minhash.NewIndex(c.rows, c.opts)
		assert.EqualError(t, err, c.want)
	}
	x, err := minhash.NewIndex(3, minhash.Options{})
	require.NoError(t, err)
	assert.EqualError(t, x.Add(3, &minhash.Signature{}), "row 3 does not fit an index of 3 rows: make it larger")
}

func BenchmarkClusters(b *testing.B) {
	for _, rows := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("rows=%d", rows), func(b *testing.B) {
			list := families(rand.New(rand.NewPCG(1, 2)), rows)
			x, err := minhash.NewIndex(rows, minhash.Options{Workers: 1})
			require.NoError(b, err)
			for id := range list {
				require.NoError(b, x.Add(uint32(id), &list[id]))
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := x.Clusters(context.Background()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
