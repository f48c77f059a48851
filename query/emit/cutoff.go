package emit

import (
	"math/big"
	"slices"
	"strings"

	"smelt/query/rank"
)

// noCutoff is a rank that every row is below.
const noCutoff = rank.P

// cutoff returns a rank below which a stratum of n rows very likely has its k
// smallest: ranks are uniform, so m = n*cutoff/P rows are expected below it, with
// a standard deviation below sqrt(m), and m is chosen such that k lies six of
// these lower:
//
//	m - 6*sqrt(m) = k,  m = k + 18 + 6*sqrt(k + 9)
//
// The chance of fewer than k is below that of six deviations for any k. A
// stratum that gives nothing needs no rows; one that gives most needs all.
func cutoff(k, n int64) uint64 {
	if k == 0 {
		return 0
	}
	root := new(big.Int).Sqrt(new(big.Int).Mul(big.NewInt(36), big.NewInt(k+9)))
	m := root.Add(root, big.NewInt(k+19)) // the root was rounded down
	if m.Cmp(big.NewInt(n)) >= 0 {
		return noCutoff
	}
	m.Mul(m, new(big.Int).SetUint64(rank.P))
	return m.Div(m, big.NewInt(n)).Uint64() + 1
}

// cutoffs returns for each stratum the rank below which its rows are read, given
// the cutoff of each by itself.
//
// DISTINCT asks for more than that: a row decides against
// its duplicates in strata of later buckets, which have the same rank, so it must
// be read wherever they are. Where strata are buckets, a stratum's cutoff is
// therefore the largest among its own and those of later names; else the largest
// of all.
func (q *Query) cutoffs(own []uint64) []uint64 {
	ordered := q.column == "_bucket" && !slices.ContainsFunc(q.strata, func(s stratum) bool { return s.others })
	out := make([]uint64, len(own))
	for i := range own {
		for j, c := range own {
			if !ordered || strings.Compare(q.strata[j].name, q.strata[i].name) >= 0 {
				out[i] = max(out[i], c)
			}
		}
	}
	return out
}
