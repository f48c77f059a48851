package mix

import (
	"math/big"
	"slices"
	"strings"
)

// LargestFit is the largest n in 1..limit whose quotas (see Apportion) are all at most what their strata have, or 0 when
// there is none. Whether n fits is not monotone: the quotas of n+1 may fit where those of n do not, because a stratum
// can lose a row when n grows.
//
// The search starts at an upper bound found by bisection (see fitter.bound) and walks down from there, O(k) a step for k
// strata. Usually that is a handful of steps; it is never more than about W/w, for the sum W and the smallest weight w.
func LargestFit(strata []Stratum, limit int64) int64 {
	total, err := sumWeights(strata)
	if err != nil || limit <= 0 {
		return 0
	}
	f := newFitter(strata, total, limit)
	n := f.bound(limit)
	for f.start(n); n > 0 && !f.fits(); n-- {
		f.stepDown()
	}
	return n
}

// A fitter walks n downwards and knows, at every n, whether the quotas fit. Strata of weight 0 are left out and the rest
// stand in name order, so that an index breaks ties.
type fitter struct {
	total      uint64
	weights    []uint64
	available  []int64
	floors     []int64  // floor(n*w/W)
	remainders []uint64 // n*w mod W
	left       int64    // n less the floors: how many strata get one row more
}

func newFitter(strata []Stratum, total uint64, limit int64) *fitter {
	sorted := slices.DeleteFunc(slices.Clone(strata), func(s Stratum) bool { return s.Weight == 0 })
	slices.SortStableFunc(sorted, func(a, b Stratum) int { return strings.Compare(a.Name, b.Name) })
	f := &fitter{
		total:      total,
		floors:     make([]int64, len(sorted)),
		remainders: make([]uint64, len(sorted)),
	}
	for _, s := range sorted {
		f.weights = append(f.weights, s.Weight)
		f.available = append(f.available, min(max(s.Available, 0), limit)) // no quota exceeds limit
	}
	return f
}

// start puts the walk at n.
func (f *fitter) start(n int64) {
	f.left = n
	for j, w := range f.weights {
		f.floors[j], f.remainders[j] = share(n, w, f.total)
		f.left -= f.floors[j]
	}
}

// stepDown goes from n to n-1 without dividing.
func (f *fitter) stepDown() {
	f.left--
	for j, w := range f.weights {
		if f.remainders[j] < w {
			f.remainders[j] += f.total
			f.floors[j]--
			f.left++
		}
		f.remainders[j] -= w
	}
}

// fits tells whether all quotas of the current n fit, for n at most bound: there no floor exceeds what is available
// (M < 1, in the words of bound). Where a floor equals it the stratum is full and must not get a row more. Of the full
// strata only the one with the first claim matters: none gets a row more if at least `left` others come before that one.
func (f *fitter) fits() bool {
	first := -1
	for j, floor := range f.floors {
		if floor == f.available[j] && (first < 0 || f.remainders[j] > f.remainders[first]) {
			first = j
		}
	}
	if first < 0 {
		return true
	}
	var ahead int64
	for j, r := range f.remainders {
		if r > f.remainders[first] || (r == f.remainders[first] && j < first) {
			ahead++
		}
	}
	return ahead >= f.left
}

// bound returns an n in 0..limit above which nothing fits.
//
// Let x_j = n*w_j/W - A_j, how far the exact share of j exceeds what j has, and M the largest of them. If the quotas q_j
// of n fit, then q_j <= A_j gives q_j - share_j <= -x_j. Also q_j - share_j <= 1 - M when M > 0: the stratum i of that
// excess was rounded down by at least M, so whoever was rounded up has a remainder of at least M; and when M <= 0 the
// claim is weaker than that a quota is less than one above its share. Both hold for every j and the left sides sum to
// zero, hence
//
//	sum over j of max(x_j, M - 1) <= 0.
//
// Every x_j grows with n, so does this sum, and bisection finds the last n at which it is not positive.
func (f *fitter) bound(limit int64) int64 {
	low, high := int64(0), limit // at 0 every x_j <= 0 and the condition holds
	for low < high {
		middle := low + (high-low)/2 + 1 // low < middle <= high
		if f.ruledOut(middle) {
			high = middle - 1
		} else {
			low = middle
		}
	}
	return low
}

// ruledOut tells whether the sum above is positive at n. It works on W*x_j, which needs more than 64 bits.
func (f *fitter) ruledOut(n int64) bool {
	excess := make([]*big.Int, len(f.weights))
	total := new(big.Int).SetUint64(f.total)
	var top *big.Int
	for j, w := range f.weights {
		x := new(big.Int).SetUint64(w)
		x.Mul(x, big.NewInt(n))
		x.Sub(x, new(big.Int).Mul(total, big.NewInt(f.available[j])))
		excess[j] = x
		if top == nil || x.Cmp(top) > 0 {
			top = x
		}
	}
	least := new(big.Int).Sub(top, total)
	sum := new(big.Int)
	for _, x := range excess {
		if x.Cmp(least) < 0 {
			x = least
		}
		sum.Add(sum, x)
	}
	return sum.Sign() > 0
}
