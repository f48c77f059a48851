package stats

import "math"

// Wilson returns the interval that covers the true share, of which part out of whole were seen, with about the
// probability level (0.95, say). It stays within 0..1, and is not empty at 0 and 1 as the usual one is (E. B.
// Wilson 1927; recommended by Brown, Cai & DasGupta 2001, "Interval Estimation for a Binomial Proportion"):
//
//	( p + z²/2n ± z sqrt( p(1-p)/n + z²/4n² ) ) / ( 1 + z²/n )
//
// Out of none it is 0 to 1. It is NaN if part is not within 0..whole.
func Wilson(part, whole int, level float64) (low, high float64) {
	if part < 0 || part > whole {
		return math.NaN(), math.NaN()
	}
	if whole == 0 {
		return 0, 1
	}
	z, n := twoSided(1-level), float64(whole)
	p := float64(part) / n
	middle := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	low, high = (middle-half)/(1+z*z/n), (middle+half)/(1+z*z/n)
	if part == 0 { // where rounding would leave a little
		low = 0
	}
	if part == whole {
		high = 1
	}
	return max(low, 0), min(high, 1)
}

// PassAtK estimates the probability that one of k programs passes, from n programs of which c passed, without
// bias (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", arXiv:2107.03374, equation 1):
//
//	1 - C(n-c, k) / C(n, k) = 1 - product for i = n-c+1 .. n of (1 - k/i)
//
// The mean over problems is the score. It is NaN unless 0 <= c <= n and 1 <= k <= n: fewer than k programs
// tell nothing of k.
func PassAtK(n, c, k int) float64 {
	if c < 0 || c > n || k < 1 || k > n {
		return math.NaN()
	}
	if n-c < k {
		return 1
	}
	none := 1.0
	for i := n - c + 1; i <= n; i++ {
		none *= 1 - float64(k)/float64(i)
	}
	return 1 - none
}

// twoSided returns z such that a standard normal number is beyond ±z with probability alpha.
func twoSided(alpha float64) float64 { return math.Sqrt2 * math.Erfcinv(alpha) }

// upper returns z such that a standard normal number is above z with probability alpha.
func upper(alpha float64) float64 { return math.Sqrt2 * math.Erfcinv(2*alpha) }
