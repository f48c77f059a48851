package mix

import "iter"

// Interleave yields the order ORDER BY MIX gives n rows of which strata[i] has quotas[i]: for each position the index of
// the stratum whose next row stands there. Every prefix of t rows holds of each stratum its share t*quota/n, rounded up
// or down, so a run cut short anywhere has trained on the mixture.
//
// This is the quota method of Balinski and Young (The Quota Method of Apportionment, Amer. Math. Monthly 82, 1975):
// position t, from 1, goes to the largest quota/(emitted+1), ties to the smaller name, among the strata of which
// emitted*n < t*quota. The condition keeps a stratum below the upper rounding of its share; that none falls below the
// lower one is their theorem.
//
// Quotas are 0 or more and sum to at most MaxRows, which keeps all products in 63 bits. Only the names of strata are looked at. It
// takes O(log k) a row for k strata: a stratum that has had its row waits in one heap until the position at which it
// may have the next, and then stands in another by its claim.
func Interleave(quotas []int64, strata []Stratum) iter.Seq[int] {
	return func(yield func(int) bool) {
		var n int64
		for _, q := range quotas {
			n += q
		}
		emitted := make([]int64, len(quotas))
		due := make([]int64, len(quotas)) // the first t at which a stratum may have its next row
		waiting := &heap{before: func(i, j int) bool {
			if due[i] != due[j] {
				return due[i] < due[j]
			}
			return i < j
		}}
		ready := &heap{before: func(i, j int) bool {
			if a, b := quotas[i]*(emitted[j]+1), quotas[j]*(emitted[i]+1); a != b {
				return a > b
			}
			return nameBefore(strata, i, j)
		}}
		for i, q := range quotas {
			if q > 0 {
				due[i] = 1
				ready.items = append(ready.items, i)
			}
		}
		ready.init()
		for t := int64(1); t <= n; t++ {
			for len(waiting.items) > 0 && due[waiting.items[0]] <= t {
				ready.push(waiting.pop())
			}
			// Never empty: the shares sum to t and what was emitted to t-1.
			i := ready.pop()
			if !yield(i) {
				return
			}
			if emitted[i]++; emitted[i] < quotas[i] {
				due[i] = emitted[i]*n/quotas[i] + 1
				waiting.push(i)
			}
		}
	}
}
