package stats

import (
	"fmt"
	"math"
)

// Pairs counts the examples two runs, A and B, were both scored on, by who was right.
type Pairs struct {
	Both, OnlyA, OnlyB, Neither int
}

// CountPairs counts pairs from what A and B scored on each example: above one half is right.
func CountPairs(a, b []float64) (Pairs, error) {
	if len(a) != len(b) {
		return Pairs{}, unpaired(a, b)
	}
	var p Pairs
	for i := range a {
		switch rightA, rightB := a[i] > 0.5, b[i] > 0.5; {
		case rightA && rightB:
			p.Both++
		case rightA:
			p.OnlyA++
		case rightB:
			p.OnlyB++
		default:
			p.Neither++
		}
	}
	return p, nil
}

func unpaired(a, b []float64) error {
	return fmt.Errorf("paired comparison: %d scores against %d: both runs must be scored on the same examples", len(a), len(b))
}

// N is the number of examples.
func (p Pairs) N() int { return p.Both + p.OnlyA + p.OnlyB + p.Neither }

// Interval returns the interval that covers the true difference, the share B gets right less the share A does, with
// about the probability level (0.95, say): with one example more that A alone gets right, one more that B alone does,
// and so N+2,
//
//	a = (OnlyA+1)/(N+2)    b = (OnlyB+1)/(N+2)    b - a ± z sqrt( (a + b - (b-a)²)/(N+2) ), within -1..1
//
// (Bonett & Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired
// Data", Journal of Educational and Behavioral Statistics 37). It is not empty where A and B never differ, or always do
// and to one side, as a bootstrap's is. NaN if there are no examples.
func (p Pairs) Interval(level float64) (low, high float64) {
	if p.N() == 0 {
		return math.NaN(), math.NaN()
	}
	n := float64(p.N() + 2)
	a, b := float64(p.OnlyA+1)/n, float64(p.OnlyB+1)/n
	half := twoSided(1-level) * math.Sqrt((a+b-(b-a)*(b-a))/n)
	return max(-1, b-a-half), min(1, b-a+half)
}

// P is the p value of McNemar's exact test of "A and B are right equally often": of the examples on which they
// differ, each is A's with probability one half, so with m = min(OnlyA, OnlyB) of d = OnlyA + OnlyB
//
//	min(1, 2 * sum for i = 0 .. m of C(d, i) / 2^d)
//
// (McNemar 1947; the two-sided binomial form, as statsmodels' mcnemar with exact=True). It is 1 if they never
// differ. Fewer than six differences cannot give less than 0.05. Time is linear in m at worst.
func (p Pairs) P() float64 {
	below, _ := p.tail()
	return min(1, 2*below)
}

// MidP is P less the probability of exactly what was seen. P is held below alpha more often than it need be
// where d is small; this one is not, and almost never exceeds alpha (Fagerland, Lydersen & Laake 2013, "The
// McNemar test for binary matched-pairs data", BMC Medical Research Methodology 13:91).
func (p Pairs) MidP() float64 {
	below, here := p.tail()
	return min(1, 2*below-here)
}

// tail returns the probability of m or fewer, and of m, heads out of d throws of a fair coin.
func (p Pairs) tail() (below, here float64) {
	m, d := float64(min(p.OnlyA, p.OnlyB)), float64(p.OnlyA+p.OnlyB)
	all, _ := math.Lgamma(d + 1)
	heads, _ := math.Lgamma(m + 1)
	tails, _ := math.Lgamma(d - m + 1)
	here = math.Exp(all - heads - tails - d*math.Ln2)
	for term, i := here, m; term > below*0x1p-54; i-- { // C(d, i-1) = C(d, i) i/(d-i+1): ever smaller, and 0 below 0
		below += term
		term *= i / (d - i + 1)
	}
	return below, here
}

// Detectable is the smallest difference between the shares A and B get right that a test at level alpha (two
// sided) finds with probability power, for as many examples and as many differences as were seen. With n
// examples, of which the share s = (OnlyA + OnlyB)/n differ, it is the delta of
//
//	delta sqrt(n) = z(alpha/2) sqrt(s) + z(1-power) sqrt(s - delta²)
//
// (Miettinen 1968, as in Connor 1987, "Sample size for testing differences in proportions for the paired-sample
// design", Biometrics 43), which a square root solves. It is for the test by the normal distribution: the exact
// one needs a little more. ok is false where no difference could have been shown: delta is at most s, so A and B
// must differ on enough examples.
func (p Pairs) Detectable(alpha, power float64) (delta float64, ok bool) {
	n, s := float64(p.N()), float64(p.OnlyA+p.OnlyB)/float64(p.N())
	za, zb := twoSided(alpha), upper(1-power)
	root := n + zb*zb - za*za
	if p.N() == 0 || root < 0 {
		return 0, false
	}
	delta = math.Sqrt(s) * (za*math.Sqrt(n) + zb*math.Sqrt(root)) / (n + zb*zb)
	return delta, delta > 0 && delta <= s
}

// Detectable is the smallest difference that a two-sided test at level alpha finds with probability power, from
// the standard error of the difference: (z(alpha/2) + z(1-power)) stdErr, in its unit; 2.8 standard errors for
// 0.05 and 0.8 (Miller 2024, section 5; Bloom 1995, "Minimum Detectable Effects"). For any score; for right
// and wrong, Pairs.Detectable knows more.
func Detectable(stdErr, alpha, power float64) float64 {
	return (twoSided(alpha) + upper(1-power)) * stdErr
}
