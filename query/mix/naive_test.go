package mix_test

import (
	"math/big"
	"slices"

	"smelt/query/mix"
)

// A second, deliberately slow evaluator: rationals instead of integers, one row at a time, one policy after the other as
// the definition of a sample words them. It shares no code with the package.

// naiveQuotas gives everyone the floor of n*w/W, then hands out what is left one row at a time: each to the one that has
// not had such a row yet and whose exact share is furthest above what it has, ties to the smaller name.
func naiveQuotas(n int64, strata []mix.Stratum) []int64 {
	total := new(big.Rat)
	for _, s := range strata {
		total.Add(total, new(big.Rat).SetUint64(s.Weight))
	}
	quotas := make([]int64, len(strata))
	if total.Sign() == 0 {
		return quotas
	}
	fractions := make([]*big.Rat, len(strata))
	left := n
	for i, s := range strata {
		exact := new(big.Rat).Mul(new(big.Rat).SetInt64(n), new(big.Rat).SetUint64(s.Weight))
		exact.Quo(exact, total)
		floor := new(big.Int).Quo(exact.Num(), exact.Denom())
		fractions[i] = new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))
		quotas[i] = floor.Int64()
		left -= quotas[i]
	}
	had := make([]bool, len(strata))
	for ; left > 0; left-- {
		best := -1
		for i := range strata {
			if had[i] {
				continue
			}
			if best < 0 || fractions[i].Cmp(fractions[best]) > 0 ||
				fractions[i].Cmp(fractions[best]) == 0 && strata[i].Name < strata[best].Name {
				best = i
			}
		}
		had[best] = true
		quotas[best]++
	}
	return quotas
}

// naiveWebster deals n rows one at a time to the largest w/(2s+1), ties to the smaller name. With skipFull a stratum
// that has no more rows is passed over, and the deal ends when all are.
func naiveWebster(n int64, strata []mix.Stratum, skipFull bool) []int64 {
	quotas := make([]int64, len(strata))
	claim := func(i int) *big.Rat {
		w := new(big.Rat).SetUint64(strata[i].Weight)
		return w.Quo(w, new(big.Rat).SetInt64(2*quotas[i]+1))
	}
	for ; n > 0; n-- {
		best := -1
		for i, s := range strata {
			if s.Weight == 0 || skipFull && quotas[i] == s.Available {
				continue
			}
			if best < 0 || claim(i).Cmp(claim(best)) > 0 || claim(i).Cmp(claim(best)) == 0 && s.Name < strata[best].Name {
				best = i
			}
		}
		if best < 0 {
			break
		}
		quotas[best]++
	}
	return quotas
}

func naiveApportion(m mix.Method, n int64, strata []mix.Stratum) []int64 {
	if m == mix.Webster {
		return naiveWebster(n, strata, false)
	}
	return naiveQuotas(n, strata)
}

func naiveFits(m mix.Method, n int64, strata []mix.Stratum) bool {
	for i, q := range naiveApportion(m, n, strata) {
		if q > strata[i].Available {
			return false
		}
	}
	return true
}

func naiveLargestFit(m mix.Method, strata []mix.Stratum, limit int64) int64 {
	for n := limit; n > 0; n-- {
		if naiveFits(m, n, strata) {
			return n
		}
	}
	return 0
}

// naiveResult is what a policy delivers; ok is false where it is an error.
type naiveResult struct {
	skipped   []int64 // by OFFSET
	delivered []int64
	capped    []bool
	allCapped bool
	ok        bool
}

// naiveResolve is the sample of Offset+N rows less the sample of Offset rows.
func naiveResolve(req mix.Request, strata []mix.Stratum) naiveResult {
	first := req
	first.N, first.Offset = req.Offset, 0
	req.N += req.Offset
	less, res := naiveResolveWhole(first, strata), naiveResolveWhole(req, strata)
	for i := range res.delivered {
		res.delivered[i] -= less.delivered[i]
	}
	res.skipped = less.delivered
	return res
}

func naiveResolveWhole(req mix.Request, strata []mix.Stratum) naiveResult {
	quotas := naiveApportion(req.Method, req.N, strata)
	res := naiveResult{delivered: make([]int64, len(strata)), capped: make([]bool, len(strata)), ok: true}
	switch req.Policy {
	case mix.Error:
		res.ok = naiveFits(req.Method, req.N, strata)
		copy(res.delivered, quotas)
	case mix.Shrink:
		for i, s := range strata {
			res.delivered[i] = quotas[i]
			if quotas[i] > s.Available {
				res.delivered[i] = s.Available
				res.capped[i] = true
			}
		}
	case mix.Scale:
		for _, s := range strata {
			if s.Weight > 0 && s.Available == 0 {
				res.ok = false
			}
		}
		copy(res.delivered, naiveApportion(req.Method, naiveLargestFit(req.Method, strata, req.N), strata))
	case mix.Redistribute:
		if req.Method == mix.Webster {
			naiveSkipFull(req.N, strata, &res)
			break
		}
		naiveRedistribute(req.N, strata, &res)
	case mix.Repeat:
		for i, s := range strata {
			// Deal the rows of the stratum round and round until the quota is met.
			given := make([]int64, s.Available)
			for k := int64(0); k < quotas[i]; k++ {
				if s.Available == 0 {
					res.ok = false
					break
				}
				given[k%s.Available]++
				res.delivered[i]++
			}
			for _, copies := range given {
				if req.MaxCopies > 0 && copies > req.MaxCopies {
					res.ok = false
				}
			}
		}
	}
	return res
}

// naiveSkipFull is REDISTRIBUTE under NESTED. A stratum is capped if it would get one more row than it has, were it not
// skipped.
func naiveSkipFull(n int64, strata []mix.Stratum, res *naiveResult) {
	copy(res.delivered, naiveWebster(n, strata, true))
	res.allCapped = true
	for i, s := range strata {
		more := slices.Clone(strata)
		more[i].Available++
		res.capped[i] = naiveWebster(n, more, true)[i] > s.Available
		res.allCapped = res.allCapped && (res.capped[i] || s.Weight == 0)
	}
}

// naiveRedistribute builds the list of the still uncapped anew in every round.
func naiveRedistribute(n int64, strata []mix.Stratum, res *naiveResult) {
	for {
		var uncapped []int
		var others []mix.Stratum
		rest := n
		for i, s := range strata {
			if res.capped[i] {
				rest -= s.Available
			} else if s.Weight > 0 {
				uncapped = append(uncapped, i)
				others = append(others, s)
			}
		}
		if len(uncapped) == 0 {
			res.allCapped = true
			break
		}
		again := false
		for k, q := range naiveQuotas(rest, others) {
			res.delivered[uncapped[k]] = q
			if q > others[k].Available {
				res.capped[uncapped[k]] = true
				again = true
			}
		}
		if !again {
			break
		}
	}
	for i, s := range strata {
		if res.capped[i] {
			res.delivered[i] = s.Available
		}
	}
}
