package mix_test

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

func TestWebsterApportion(t *testing.T) {
	tests := []struct {
		name   string
		n      int64
		strata []mix.Stratum
		want   []int64
	}{
		{"production_balanced", 500_000, production(), []int64{125_000, 100_000, 75_000, 75_000, 50_000, 35_000, 25_000, 15_000}},
		{"none", 0, production(), make([]int64, 8)},
		{"first row to the heaviest", 1, strataOf("a", 1, 0, "b", 2, 0), []int64{0, 1}},
		{"ties by name", 1, strataOf("b", 1, 0, "a", 1, 0), []int64{0, 1}},
		{"equal names in the order given", 1, strataOf("a", 1, 0, "a", 1, 0), []int64{1, 0}},
		// 5, 5/3, 5/5 and 1 tie at 1 for the third row: a comes first.
		{"a tie of quotients", 3, strataOf("a", 5, 0, "b", 1, 0), []int64{3, 0}},
		{"and the next goes to the other", 4, strataOf("a", 5, 0, "b", 1, 0), []int64{3, 1}},
		{"weight 0", 3, strataOf("a", 0, 9, "b", 1, 0), []int64{0, 3}},
		{"no weight", 3, strataOf("a", 0, 9), []int64{0}},
		{"largest of all", 1<<62 - 1, []mix.Stratum{{Name: "a", Weight: 1<<62 - 2}, {Name: "b", Weight: 1}}, []int64{1<<62 - 2, 1}},
		{"beyond", -1 << 63, strataOf("a", 1, 1), []int64{0}},
		// Exact share 4.6 of 5: Webster gives all five, because the tenth parts have no claim yet.
		{"out of quota", 10, strataOf("a", 91, 0, "b", 3, 0, "c", 3, 0, "d", 3, 0), []int64{10, 0, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, mix.WebsterApportion(tt.n, tt.strata))
		})
	}
}

// The jump to the end of the sequence against the sequence dealt row by row, in rationals.
func TestWebsterAgainstSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Just(int64(0)))
		n := rapid.Int64Range(0, 120).Draw(t, "n")
		require.Equal(t, naiveWebster(n, strata, false), mix.WebsterApportion(n, strata))
	})
}

// For n too large to deal: the quotas are the sequence's if and only if they sum to n, and the last row anyone has got came
// before the next row anyone would get.
func TestWebsterIsTheDivisorSequence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Just(int64(0)))
		n := rapid.OneOf(anyN(), rapid.Int64Range(0, 1<<62-1)).Draw(t, "n")
		quotas := mix.WebsterApportion(n, strata)
		claim := func(i int, s int64) *big.Rat {
			w := new(big.Rat).SetUint64(strata[i].Weight)
			odd := new(big.Int).SetInt64(s)
			return w.Quo(w, new(big.Rat).SetInt(odd.Lsh(odd, 1).Add(odd, big.NewInt(1))))
		}
		var sum int64
		for i, q := range quotas {
			sum += q
			for j := range strata {
				if q == 0 || i == j || strata[j].Weight == 0 {
					continue
				}
				c := claim(i, q-1).Cmp(claim(j, quotas[j]))
				require.True(t, c > 0 || c == 0 && strata[i].Name < strata[j].Name, "%q got a row before %q", strata[i].Name, strata[j].Name)
			}
		}
		require.Equal(t, n, sum)
		// The promise: one row more is one row more for one stratum.
		if n < 1<<62-1 {
			for i, q := range mix.WebsterApportion(n+1, strata) {
				sum -= q
				require.GreaterOrEqual(t, q, quotas[i])
			}
			require.Equal(t, int64(-1), sum)
		}
	})
}

// Under NESTED the samples of every policy that can deliver grow by rows being added, and OFFSET gives those added.
func TestNestedMixtures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		strata := drawStrata(t, rapid.Int64Range(0, 40))
		policy := mix.Policy(rapid.IntRange(int(mix.Error), int(mix.Repeat)).Draw(t, "policy"))
		k, n := rapid.Int64Range(0, 100).Draw(t, "k"), rapid.Int64Range(0, 100).Draw(t, "n")
		request := mix.Request{N: k, Method: mix.Webster, Policy: policy}
		small, _ := mix.Resolve(request, strata)
		request.N = k + n
		large, errLarge := mix.Resolve(request, strata)
		request.N, request.Offset = n, k
		rest, errRest := mix.Resolve(request, strata)
		require.Equal(t, errLarge == nil, errRest == nil)
		if errLarge != nil {
			t.Skip("short")
		}
		require.Equal(t, n, rest.Asked)
		for i := range strata {
			require.Equal(t, small.Shares[i].Asked+rest.Shares[i].Asked, large.Shares[i].Asked)
			require.Equal(t, small.Shares[i].Delivered, rest.Shares[i].Skipped)
			require.Equal(t, large.Shares[i].Delivered, rest.Shares[i].Skipped+rest.Shares[i].Delivered)
			require.GreaterOrEqual(t, rest.Shares[i].Delivered, int64(0))
		}
	})
}

func BenchmarkWebster(b *testing.B) {
	strata := production()
	for b.Loop() {
		mix.WebsterApportion(100_000_000, strata)
	}
}
