package mix

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
)

// MaxRows is the largest n a sample may ask for.
const MaxRows = 1_000_000_000

// weightLimit is the first sum of weights that is too large: below it, a remainder plus the sum still fits 63 bits.
const weightLimit = 1 << 62

// A Stratum is one part of a mixture: a bucket, or a value of the field the sample is weighted by.
type Stratum struct {
	Name      string // breaks ties, by its bytes; distinct within a mixture (equal names fall back to the order given)
	Weight    uint64 // relative; 0 takes no part and gets quota 0
	Available int64  // rows it can give, 0 or more
}

// Apportion divides n rows over the strata in proportion to their weights. Each gets the floor of its exact share
// n*Weight/W, W being the sum of the weights; the rows then left go one each to the largest remainders, ties to the
// smaller name. The quotas sum to n, stand in the order of strata, and do not look at Available.
//
// It is defined for every n >= 0 and for weights that sum to 1..2^62-1. There are no quotas outside that: all are 0
// (Resolve reports such requests as errors). Time is O(k log k) for k strata.
func Apportion(n int64, strata []Stratum) []int64 {
	quotas := make([]int64, len(strata))
	total, err := sumWeights(strata)
	if err != nil || n <= 0 {
		return quotas
	}
	remainders := make([]uint64, len(strata))
	order := make([]int, len(strata))
	left := n
	for i, s := range strata {
		quotas[i], remainders[i] = share(n, s.Weight, total)
		left -= quotas[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if c := cmp.Compare(remainders[b], remainders[a]); c != 0 {
			return c
		}
		return strings.Compare(strata[a].Name, strata[b].Name)
	})
	// left is the sum of the remainders over W, each below 1: fewer rows than there are non-zero remainders.
	for _, i := range order[:left] {
		quotas[i]++
	}
	return quotas
}

// share is n*weight/total as quotient and remainder, for n >= 0, weight <= total and total > 0: the quotient is at most
// n, so the 128-by-64-bit division cannot overflow.
func share(n int64, weight, total uint64) (quotient int64, remainder uint64) {
	hi, lo := bits.Mul64(uint64(n), weight)
	q, r := bits.Div64(hi, lo, total)
	return int64(q), r
}

// sumWeights returns the sum of the weights, or a *WeightError when it is zero or does not stay below weightLimit.
func sumWeights(strata []Stratum) (uint64, error) {
	var total uint64
	for _, s := range strata {
		if s.Weight >= weightLimit-total {
			return 0, &WeightError{-1, reasonBigSum}
		}
		total += s.Weight
	}
	if total == 0 {
		return 0, &WeightError{-1, reasonZeroSum}
	}
	return total, nil
}
