package mix

import (
	"math/bits"
	"sort"
	"strings"
)

// Method says how n rows become quotas.
type Method uint8

// The methods. LargestRemainder is the zero value and the default of the language; Webster is its NESTED.
const (
	LargestRemainder Method = iota // Apportion: each quota is its exact share rounded up or down
	Webster                        // WebsterApportion: no quota falls when n grows
)

// String is the method in words.
func (m Method) String() string {
	if m == Webster {
		return "Webster's divisor sequence"
	}
	return "largest remainder"
}

// Apportion divides n rows over the strata by the method.
func (m Method) Apportion(n int64, strata []Stratum) []int64 {
	if m == Webster {
		return WebsterApportion(n, strata)
	}
	return Apportion(n, strata)
}

// LargestFit is the largest n in 1..limit whose quotas by the method are all at most what their strata have, or 0 when
// there is none.
func (m Method) LargestFit(strata []Stratum, limit int64) int64 {
	if m == LargestRemainder {
		return LargestFit(strata, limit)
	}
	if _, err := sumWeights(strata); err != nil || limit <= 0 {
		return 0
	}
	// Webster's quotas never fall, so what fits has an end and bisection finds it.
	return int64(sort.Search(int(limit), func(below int) bool {
		for i, quota := range WebsterApportion(int64(below)+1, strata) {
			if quota > strata[i].Available {
				return true
			}
		}
		return false
	}))
}

// maxWebster is the largest n of WebsterApportion: below it, 2n stays in 63 bits.
const maxWebster = 1<<62 - 1

// WebsterApportion divides n rows over the strata by Webster's divisor sequence (also Sainte-Laguë's; Balinski and Young,
// Fair Representation, 1982): rows go one at a time to the largest Weight/(2s+1), s being the rows the stratum has so
// far, ties to the smaller name. The quotas of n+1 are therefore those of n and one row more, which largest remainder
// does not promise; in return a quota may, rarely, be a row away from both roundings of its exact share.
//
// It is defined for n in 0..2^62-1 and for weights as in Apportion, and is all 0 outside that. Time is O(k log k) for k
// strata, whatever n is: the walk starts within k rows of its end.
//
// The start: a stratum of weight w has s rows once all quotients of W/2x and more are dealt, where s = floor(x*w/W + 1/2).
// These sum to at most x + k/2 and to more than x - k/2, so x = n - k/2 leaves fewer than k rows to deal. They are
// exactly the first rows of the sequence, because it deals larger quotients first.
func WebsterApportion(n int64, strata []Stratum) []int64 {
	quotas := make([]int64, len(strata))
	total, err := sumWeights(strata)
	if err != nil || n <= 0 || n > maxWebster {
		return quotas
	}
	next := &heap{before: func(i, j int) bool {
		// w_i/(2s_i+1) > w_j/(2s_j+1), multiplied out.
		iHi, iLo := bits.Mul64(strata[i].Weight, 2*uint64(quotas[j])+1)
		jHi, jLo := bits.Mul64(strata[j].Weight, 2*uint64(quotas[i])+1)
		switch {
		case iHi != jHi:
			return iHi > jHi
		case iLo != jLo:
			return iLo > jLo
		}
		return nameBefore(strata, i, j)
	}}
	for i, s := range strata {
		if s.Weight > 0 {
			next.items = append(next.items, i)
		}
	}
	left := n
	if twice := 2*n - int64(len(next.items)); twice > 0 { // 2x
		for _, i := range next.items {
			hi, lo := bits.Mul64(uint64(twice), strata[i].Weight)
			lo, carry := bits.Add64(lo, total, 0)
			q, _ := bits.Div64(hi+carry, lo, 2*total)
			quotas[i] = int64(q)
			left -= quotas[i]
		}
	}
	next.init()
	for ; left > 0; left-- {
		quotas[next.items[0]]++
		next.fixFirst()
	}
	return quotas
}

// nameBefore breaks a tie between two strata: by name bytes, then by the order given.
func nameBefore(strata []Stratum, i, j int) bool {
	if c := strings.Compare(strata[i].Name, strata[j].Name); c != 0 {
		return c < 0
	}
	return i < j
}
