package mix_test

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/query/mix"
)

func interleaved(quotas []int64, strata []mix.Stratum) string {
	var order strings.Builder
	for i := range mix.Interleave(quotas, strata) {
		order.WriteString(strata[i].Name)
	}
	return order.String()
}

func TestInterleave(t *testing.T) {
	tests := []struct {
		name   string
		quotas []int64
		strata []mix.Stratum
		want   string
	}{
		{"nothing", []int64{0, 0}, strataOf("a", 1, 0, "b", 1, 0), ""},
		{"alone", []int64{3}, strataOf("a", 1, 0), "aaa"},
		{"equal", []int64{3, 3}, strataOf("b", 1, 0, "a", 1, 0), "ababab"},
		{"one without", []int64{2, 0, 2}, strataOf("a", 1, 0, "b", 1, 0, "c", 1, 0), "acac"},
		{"two to one", []int64{4, 2}, strataOf("a", 1, 0, "b", 1, 0), "aabaab"},
		// At t=3 a has 2 rows and 2*8 >= 3*5: it waits, and b comes first by name. So again at t=6. At t=7 a ties with d.
		{"a large one waits", []int64{5, 1, 1, 1}, strataOf("a", 1, 0, "b", 1, 0, "c", 1, 0, "d", 1, 0), "aabaacad"},
		{"equal names in the order given", []int64{1, 2}, strataOf("a", 1, 0, "a", 1, 0), "aaa"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, interleaved(tt.quotas, tt.strata))
		})
	}
	for i := range mix.Interleave([]int64{2, 2}, strataOf("a", 1, 0, "b", 1, 0)) {
		assert.Zero(t, i)
		break // a consumer may have enough
	}
}

// naiveInterleave looks at every stratum for every position, in rationals, as the definition words it.
func naiveInterleave(quotas []int64, strata []mix.Stratum) (order []int) {
	var n int64
	for _, q := range quotas {
		n += q
	}
	emitted := make([]int64, len(quotas))
	for t := int64(1); t <= n; t++ {
		best, most := -1, new(big.Rat)
		for i, q := range quotas {
			if emitted[i]*n >= t*q {
				continue
			}
			claim := big.NewRat(q, emitted[i]+1)
			if c := claim.Cmp(most); best < 0 || c > 0 || c == 0 && strata[i].Name < strata[best].Name {
				best, most = i, claim
			}
		}
		emitted[best]++
		order = append(order, best)
	}
	return order
}

func drawQuotas(t *rapid.T, most int64) ([]int64, []mix.Stratum) {
	strata := drawStrata(t, rapid.Just(int64(0)))
	quotas := make([]int64, len(strata))
	for i := range quotas {
		quotas[i] = rapid.Int64Range(0, most).Draw(t, "quota")
	}
	return quotas, strata
}

func TestInterleaveAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quotas, strata := drawQuotas(t, 40)
		require.Equal(t, naiveInterleave(quotas, strata), slices.Collect(mix.Interleave(quotas, strata)))
	})
}

// Every prefix keeps every stratum within one row of its share.
func TestInterleavePrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quotas, strata := drawQuotas(t, rapid.SampledFrom([]int64{1, 10, 300, 3000}).Draw(t, "most"))
		var n, at int64
		for _, q := range quotas {
			n += q
		}
		emitted := make([]int64, len(quotas))
		for i := range mix.Interleave(quotas, strata) {
			at++
			emitted[i]++
			for j, q := range quotas {
				// |emitted - at*q/n| < 1, multiplied by n.
				off := emitted[j]*n - at*q
				require.True(t, -n < off && off < n, "%d of %d rows hold %d of %d", at, n, emitted[j], q)
			}
		}
		require.Equal(t, n, at)
		require.Equal(t, quotas, emitted)
	})
}

func BenchmarkInterleave(b *testing.B) {
	quotas := mix.Apportion(1_000_000, production())
	for b.Loop() {
		for range mix.Interleave(quotas, production()) {
			continue
		}
	}
}
