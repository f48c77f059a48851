package stats

import (
	"cmp"
	"fmt"
	"slices"
)

// BenjaminiHochberg adjusts the p values of several tests that are read together: call all those true whose
// adjusted value is at most q, and of what is called true the share q is false at most, on average. With the
// values in ascending order
//
//	adjusted[i] = min over j >= i of (m/j) p[j], at most 1
//
// (Benjamini & Hochberg 1995; statsmodels' multipletests, method "fdr_bh"). It holds for independent tests and for
// positively dependent ones (Benjamini & Yekutieli 2001), as several tasks of one model are. The result is in
// the order of p. A value outside 0..1 is an error: leave out tests that were not made.
func BenjaminiHochberg(p []float64) ([]float64, error) {
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("p value %d is %v: give values of 0 to 1, and leave out tests that were not made", i, v)
		}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	adjusted, least := make([]float64, len(p)), 1.0
	for rank := len(p); rank >= 1; rank-- {
		at := order[rank-1]
		least = min(least, p[at]*(float64(len(p))/float64(rank)))
		adjusted[at] = least
	}
	return adjusted, nil
}
