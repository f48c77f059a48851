package emit

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
	"smelt/query/rank"
)

// The expected number of rows below the cutoff is six of its deviations above k.
func TestCutoff(t *testing.T) {
	assert.Zero(t, cutoff(0, 100))
	assert.EqualValues(t, noCutoff, cutoff(1, 1))
	assert.EqualValues(t, noCutoff, cutoff(1, 38), "38 of 38 are expected")
	assert.Less(t, cutoff(1, 40), uint64(noCutoff))
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(1, 1<<53).Draw(t, "n")
		k := rapid.Int64Range(1, min(n, mix.MaxRows)).Draw(t, "k")
		c := cutoff(k, n)
		if c == noCutoff {
			require.GreaterOrEqual(t, float64(k)+19+6*math.Sqrt(float64(k+9)), float64(n)*(1-1e-9))
			return
		}
		expect := float64(c) / rank.P * float64(n)
		require.GreaterOrEqual(t, expect-6*math.Sqrt(expect), float64(k)*(1-1e-9)-1e-6, "too low")
		require.LessOrEqual(t, expect, float64(k)+21+6*math.Sqrt(float64(k+9))+float64(n)/rank.P, "too high")
	})
}

// With right counts, 20,000 draws never fall short.
func TestCutoffSuffices(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		n := 40 + rng.Int64N(300)
		k := 1 + rng.Int64N(n)
		c := cutoff(k, n)
		below := int64(0)
		for range n {
			if rng.Uint64N(rank.P) < c {
				below++
			}
		}
		require.GreaterOrEqual(t, below, k, "%d of %d", k, n)
	}
}

type testRow struct {
	bucket  string
	stratum int
	rank    uint64 // stands for row_hash too: equal rows have equal ranks
}

// selected is steps copies and places of the SQL on rows below the cutoffs.
func selected(rows []testRow, cutoffs []uint64, quotas []int64) (chosen []testRow, enough bool) {
	first := map[uint64]testRow{}
	for _, r := range rows {
		have, seen := first[r.rank]
		if r.rank < cutoffs[r.stratum] && (!seen || r.bucket < have.bucket) {
			first[r.rank] = r
		}
	}
	strata := make([][]testRow, len(quotas))
	for _, r := range first {
		strata[r.stratum] = append(strata[r.stratum], r)
	}
	enough = true
	for i, quota := range quotas {
		slices.SortFunc(strata[i], func(x, y testRow) int { return cmp.Compare(x.rank, y.rank) })
		enough = enough && int64(len(strata[i])) >= quota
		chosen = append(chosen, strata[i][:min(quota, int64(len(strata[i])))]...)
	}
	return chosen, enough
}

// Where the cutoffs leave enough rows, they choose as no cutoff does, though
// duplicates stand in several strata, and whatever the cutoffs were made from.
func TestCutoffsKeepDistinct(t *testing.T) {
	pruned := 0
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c", "d"}
		perm := rapid.Permutation(names).Draw(t, "order")
		var items []string
		for _, name := range perm {
			items = append(items, fmt.Sprintf("%s %d", name, rapid.IntRange(0, 5).Draw(t, "weight")))
		}
		others := rapid.Bool().Draw(t, "others")
		if others {
			items[len(items)-1] = "OTHERS 1"
		} else {
			items = append(items, "e 1")
			perm = append(perm, "e")
		}
		q, err := bind(t, "SAMPLE 1 FROM buckets WEIGHTED BY ("+strings.Join(items, ", ")+")", Options{Engine: DuckDB, Table: "rows"})
		require.NoError(t, err)

		rows := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) testRow {
			i := rapid.IntRange(0, len(perm)-1).Draw(t, "stratum")
			r := testRow{bucket: perm[i], stratum: i, rank: rapid.Uint64Range(0, 60).Draw(t, "rank") << 55}
			if others && i == len(perm)-1 {
				r.bucket = rapid.SampledFrom([]string{"", "aa", "bb", "zz"}).Draw(t, "bucket")
			}
			return r
		}), 50, 200).Draw(t, "rows")
		rows = slices.DeleteFunc(rows, func(r testRow) bool { return q.strata[r.stratum].units == 0 })

		own, all, quotas := make([]uint64, len(perm)), make([]uint64, len(perm)), make([]int64, len(perm))
		for i := range perm {
			all[i] = noCutoff
			if q.strata[i].units > 0 {
				own[i] = rapid.SampledFrom([]uint64{3, 10, 61}).Draw(t, "own cutoff") << 55
				quotas[i] = rapid.Int64Range(0, 3).Draw(t, "quota") // few, so that cutoffs often leave enough
			}
		}
		cutoffs := q.cutoffs(own)
		got, enough := selected(rows, cutoffs, quotas)
		if !enough {
			return // then the SQL reads every row
		}
		want, _ := selected(rows, all, quotas)
		require.Equal(t, want, got, "cutoffs %v", cutoffs)
		if slices.ContainsFunc(rows, func(r testRow) bool { return r.rank >= cutoffs[r.stratum] }) {
			pruned++
		}
	})
	assert.Positive(t, pruned, "no case pruned anything")
}

// A row above its own stratum's cutoff still decides against its duplicate in
// another, whose name does not tell where its buckets are.
func TestCutoffsOfNamelessStrata(t *testing.T) {
	for _, weights := range []string{"(a 1, OTHERS 1)", "_license (a 1, B 1)"} {
		q, err := bind(t, "SAMPLE 2 FROM buckets WEIGHTED BY "+weights, Options{Engine: DuckDB, Table: "rows"})
		require.NoError(t, err)
		rows := []testRow{{"a", 0, 1}, {"a", 0, 5}, {"zz", 1, 5}, {"zz", 1, 6}}
		got, enough := selected(rows, q.cutoffs([]uint64{3, 61}), []int64{1, 1})
		require.True(t, enough)
		assert.Equal(t, []testRow{{"a", 0, 1}, {"zz", 1, 6}}, got)
	}
}
