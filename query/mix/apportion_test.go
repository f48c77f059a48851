package mix_test

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

func TestApportion(t *testing.T) {
	tests := []struct {
		name   string
		n      int64
		strata []mix.Stratum
		want   []int64
	}{
		{"production_balanced", 500_000, production(), []int64{125_000, 100_000, 75_000, 75_000, 50_000, 35_000, 25_000, 15_000}},
		{"none", 0, production(), make([]int64, 8)},
		{"alone", 7, strataOf("a", 3, 0), []int64{7}},
		{"ties by name, not place", 4, strataOf("c", 1, 0, "a", 1, 0, "b", 1, 0), []int64{1, 2, 1}},
		{"two over", 5, strataOf("c", 1, 0, "a", 1, 0, "b", 1, 0), []int64{1, 2, 2}},
		{"ties by bytes: capitals first", 1, strataOf("a", 1, 0, "B", 1, 0), []int64{0, 1}},
		{"ties by bytes: a prefix first", 1, strataOf("ab", 1, 0, "a", 1, 0), []int64{0, 1}},
		{"ties by bytes: UTF-8 last", 1, strataOf("é", 1, 0, "z", 1, 0), []int64{0, 1}},
		{"equal names in the order given", 1, strataOf("a", 1, 0, "a", 1, 0), []int64{1, 0}},
		{"remainder before name", 1, strataOf("a", 1, 0, "b", 2, 0), []int64{0, 1}},
		{"weight 0", 3, strataOf("a", 0, 9, "b", 1, 0, "c", 1, 0), []int64{0, 2, 1}},
		{"1/3 in 10 rows", 10, strataOf("a", 1, 0, "b", 2, 0), []int64{3, 7}},
		{"no strata", 5, nil, []int64{}},
		{"no weight", 5, strataOf("a", 0, 9), []int64{0}},
		{"negative", -5, strataOf("a", 1, 9), []int64{0}},
		{"sum too large", 5, []mix.Stratum{{Name: "a", Weight: math.MaxUint64}, {Name: "b", Weight: 1}}, []int64{0, 0}},
		{"largest of all", math.MaxInt64, []mix.Stratum{{Name: "a", Weight: 1<<62 - 2}, {Name: "b", Weight: 1}},
			[]int64{math.MaxInt64 - 2, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, mix.Apportion(tt.n, tt.strata))
		})
	}
}

// The definition, in rationals: the quotas sum to n, each is the floor of the exact share or one more, and no stratum
// that went without the extra row has a better claim (fraction, then name) than one that got it.
func TestApportionIsLargestRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Just(int64(0)))
		n := anyN().Draw(t, "n")
		quotas := mix.Apportion(n, strata)
		require.Equal(t, naiveQuotas(n, strata), quotas)

		total := new(big.Int)
		for _, s := range strata {
			total.Add(total, new(big.Int).SetUint64(s.Weight))
		}
		var sum int64
		fractions := make([]*big.Rat, len(strata))
		extra := make([]bool, len(strata))
		for i, s := range strata {
			sum += quotas[i]
			product := new(big.Int).Mul(big.NewInt(n), new(big.Int).SetUint64(s.Weight))
			floor, remainder := new(big.Int).QuoRem(product, total, new(big.Int))
			fractions[i] = new(big.Rat).SetFrac(remainder, total)
			over := quotas[i] - floor.Int64()
			require.Contains(t, []int64{0, 1}, over, s.Name)
			extra[i] = over == 1
		}
		require.Equal(t, n, sum)
		for i := range strata {
			for j := range strata {
				if extra[i] && !extra[j] {
					c := fractions[i].Cmp(fractions[j])
					require.True(t, c > 0 || c == 0 && strata[i].Name < strata[j].Name, "%s before %s", strata[i].Name, strata[j].Name)
				}
			}
		}
	})
}

func TestApportionFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Just(int64(0)))
		n := rapid.Int64Range(0, mix.MaxRows).Draw(t, "n")
		quotas := mix.Apportion(n, strata)

		// Who weighs more never gets less.
		var total, most uint64
		for i := range strata {
			total += strata[i].Weight
			most = max(most, strata[i].Weight)
			for j := range strata {
				if strata[i].Weight > strata[j].Weight {
					require.GreaterOrEqual(t, quotas[i], quotas[j])
				}
			}
		}
		// Only proportions count.
		if factor := uint64(12); total < 1<<58 {
			scaled := append([]mix.Stratum(nil), strata...)
			for i := range scaled {
				scaled[i].Weight *= factor
			}
			require.Equal(t, quotas, mix.Apportion(n, scaled))
		}
		// One whole round of weights more gives each its weight more.
		if total < 1<<32 {
			for i, q := range mix.Apportion(n+int64(total), strata) {
				require.Equal(t, quotas[i]+int64(strata[i].Weight), q)
			}
		}
		// One row more never moves a quota by more than one.
		for i, q := range mix.Apportion(n+1, strata) {
			require.InDelta(t, quotas[i], q, 1)
		}
	})
}

// A quota can fall when n grows (the Alabama paradox). NESTED exists because of it, and it is why what fits is not
// monotone: here 11 rows fit and 10 do not.
func TestApportionParadox(t *testing.T) {
	strata := strataOf("a", 6, 9, "b", 6, 9, "c", 2, 1)
	assert.Equal(t, []int64{4, 4, 2}, mix.Apportion(10, strata))
	assert.Equal(t, []int64{5, 5, 1}, mix.Apportion(11, strata))
	assert.False(t, quotasFit(strata, 10))
	assert.True(t, quotasFit(strata, 11))
	assert.Equal(t, int64(11), mix.LargestFit(strata, 100))
	assert.Equal(t, int64(9), mix.LargestFit(strata, 10))
}

func TestLargestFit(t *testing.T) {
	tests := []struct {
		name   string
		strata []mix.Stratum
		limit  int64
		want   int64
	}{
		{"all fits", strataOf("a", 1, 50, "b", 1, 50), 100, 100},
		{"the scarcest decides", strataOf("a", 1, 10, "b", 1, 50), 100, 20}, // 21 is 10.5 each, and a comes first
		{"its name helps", strataOf("z", 1, 10, "b", 1, 50), 100, 21},
		{"production", production(), 500_000, 2_011},
		{"empty bucket", strataOf("a", 9, 100, "b", 1, 0), 100, 5},
		{"everything empty", strataOf("a", 1, 0, "b", 1, 0), 100, 0},
		{"weight 0 does not count", strataOf("a", 1, 10, "b", 0, 0), 100, 10},
		{"no weight at all", strataOf("a", 0, 10), 100, 0},
		{"no strata", nil, 100, 0},
		{"limit 0", strataOf("a", 1, 10), 0, 0},
		{"limit negative", strataOf("a", 1, 10), -1, 0},
		{"available negative", strataOf("a", 1, -10), 5, 0},
		{"limit without end", strataOf("a", 1, math.MaxInt64, "b", 1, math.MaxInt64), math.MaxInt64, math.MaxInt64},
		{"limit below what is there", strataOf("a", 1, math.MaxInt64, "b", 2, math.MaxInt64), 10, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, mix.LargestFit(tt.strata, tt.limit))
		})
	}
}

// Walking down from the limit one n at a time, with the quotas in rationals.
func TestLargestFitBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Int64Range(0, 25))
		limit := rapid.Int64Range(0, 80).Draw(t, "limit")
		for _, m := range []mix.Method{mix.LargestRemainder, mix.Webster} {
			require.Equal(t, naiveLargestFit(m, strata, limit), m.LargestFit(strata, limit))
		}
	})
}

// Larger sizes, where the rational walk would take too long: the same walk with Apportion.
func TestLargestFitWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 3000)))
		limit := rapid.Int64Range(0, 3000).Draw(t, "limit")
		want := limit
		for want > 0 && !quotasFit(strata, want) {
			want--
		}
		require.Equal(t, want, mix.LargestFit(strata, limit))
	})
}

func TestLargestFitFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Int64Range(0, 1e6))
		// A weight of a billionth makes the walk long; that case has a test of its own.
		var total, least uint64 = 0, math.MaxUint64
		for _, s := range strata {
			if total += s.Weight; s.Weight > 0 {
				least = min(least, s.Weight)
			}
		}
		if total/least > 1e5 {
			t.Skip("long walk")
		}
		limit := rapid.Int64Range(0, 1e7).Draw(t, "limit")
		n := mix.LargestFit(strata, limit)
		require.LessOrEqual(t, n, limit)
		require.True(t, quotasFit(strata, n))
		for more := n + 1; more <= min(limit, n+200); more++ {
			require.False(t, quotasFit(strata, more), "%d fits as well", more)
		}
		// A higher limit, or one row more somewhere, never makes it smaller.
		require.GreaterOrEqual(t, mix.LargestFit(strata, limit+1), n)
		i := rapid.IntRange(0, len(strata)-1).Draw(t, "which")
		strata[i].Available++
		require.GreaterOrEqual(t, mix.LargestFit(strata, limit), n)
	})
}

// Weights a billion times smaller than the rest change the verdict only every few hundred million rows. The bound has to
// skip those: a plain walk from the limit would take minutes here.
func TestLargestFitTinyWeights(t *testing.T) {
	tests := []struct {
		name   string
		strata []mix.Stratum
	}{
		{"one against one", strataOf("big", 1_000_000_000, mix.MaxRows, "tiny", 1, 0)},
		{"one against two", strataOf("a", 300_000_000, mix.MaxRows, "b", 300_000_000, mix.MaxRows, "tiny", 1, 0)},
		{"two against one", strataOf("big", 1_000_000_000, mix.MaxRows, "tiny", 1, 0, "wee", 1, 0)},
		{"two against two", strataOf("a", 300_000_000, mix.MaxRows, "b", 300_000_000, mix.MaxRows, "tiny", 1, 0, "wee", 1, 0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := mix.LargestFit(tt.strata, mix.MaxRows)
			require.Positive(t, n)
			require.Less(t, n, int64(mix.MaxRows))
			assert.True(t, quotasFit(tt.strata, n))
			for more := n + 1; more <= mix.MaxRows; more += 1 + (more-n)/50 {
				require.False(t, quotasFit(tt.strata, more), "%d fits as well", more)
			}
		})
	}
}
