package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMeanProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1, 1), 2, 40).Draw(t, "x")
		e := Mean(x)
		if e.Mean < slices.Min(x)-1e-12 || e.Mean > slices.Max(x)+1e-12 || !(e.StdErr >= 0) {
			t.Fatalf("%+v of %v", e, x)
		}
		// Groups of one are no groups, whatever their names.
		groups := make([]int, len(x))
		for i := range groups {
			groups[i] = -7 * i
		}
		single, err := Clustered(x, groups)
		if err != nil || math.Abs(single.StdErr-e.StdErr) > 1e-12 {
			t.Fatalf("groups of one: %v, want %v", single, e)
		}
		// Each example twice, in a group of its own: nothing was learned.
		twice, err := Clustered(append(slices.Clone(x), x...), append(slices.Clone(groups), groups...))
		if err != nil || math.Abs(twice.StdErr-e.StdErr) > 1e-12 {
			t.Fatalf("copies: %v, want %v", twice, e)
		}
		one, _ := Clustered(x, make([]int, len(x)))
		if !math.IsNaN(one.StdErr) {
			t.Fatalf("one group: %v", one)
		}
	})
	assert.True(t, math.IsNaN(Mean(nil).Mean))
	assert.True(t, math.IsNaN(Mean([]float64{1}).StdErr))
	assert.Equal(t, 1.0, Mean([]float64{1}).Mean)
}

func TestWilsonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		level := rapid.Float64Range(0.01, 0.999).Draw(t, "level")
		low, high := Wilson(k, n, level)
		p := float64(k) / float64(n)
		if !(0 <= low && low <= p && p <= high && high <= 1 && low < high) {
			t.Fatalf("%v..%v around %v", low, high, p)
		}
		mirrorLow, mirrorHigh := Wilson(n-k, n, level)
		if math.Abs(1-low-mirrorHigh) > 1e-12 || math.Abs(1-high-mirrorLow) > 1e-12 {
			t.Fatalf("%v..%v, and of the others %v..%v", low, high, mirrorLow, mirrorHigh)
		}
		if k < n {
			nextLow, nextHigh := Wilson(k+1, n, level)
			if nextLow <= low && nextLow > 0 || nextHigh < high {
				t.Fatalf("one more: %v..%v, then %v..%v", low, high, nextLow, nextHigh)
			}
		}
		wideLow, wideHigh := Wilson(k, n, level+(1-level)/2)
		if wideLow > low || wideHigh < high {
			t.Fatalf("surer, but narrower: %v..%v", wideLow, wideHigh)
		}
	})
}

func TestPairsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), 2, 120).Draw(t, "a")
		b := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), len(a), len(a)).Draw(t, "b")
		p, err := CountPairs(a, b)
		if err != nil || p.N() != len(a) {
			t.Fatalf("%+v of %d: %v", p, len(a), err)
		}
		back, _ := CountPairs(b, a)
		if p.P() != back.P() || p.MidP() != back.MidP() {
			t.Fatalf("not symmetric: %+v", p)
		}
		if v := p.P(); !(v > 0 && v <= 1 && p.MidP() > 0 && p.MidP() <= v+1e-12) {
			t.Fatalf("p %v, mid-p %v", v, p.MidP())
		}
		if p.OnlyA <= p.OnlyB { // one more on the side that leads
			more := p
			more.OnlyB++
			more.OnlyA = max(0, more.OnlyA-1)
			if more.P() > p.P()+1e-12 {
				t.Fatalf("%+v: %v, then %v", p, p.P(), more.P())
			}
		}
	})
}

// TestExactTestKeepsItsLevel adds up the probability of every outcome the test calls significant, for examples
// on which neither run is better: it must not exceed alpha.
func TestExactTestKeepsItsLevel(t *testing.T) {
	for d := range 60 {
		total := 0.0
		for a := 0; a <= d; a++ {
			if (Pairs{OnlyA: a, OnlyB: d - a}).P() <= 0.05 {
				total += binomial(d, a, 0.5)
			}
		}
		assert.LessOrEqual(t, total, 0.05+1e-12, "%d differences", d)
	}
}

// TestDifferenceIntervalCovers computes, outcome by outcome, how often the interval holds the true difference, at shares
// near the ends too. It is given as about 0.95.
func TestDifferenceIntervalCovers(t *testing.T) {
	for _, c := range []struct {
		n    int
		a, b float64 // shares that A alone, and B alone, gets right
	}{{60, 0, 0}, {60, 0.005, 0}, {60, 0.02, 0.02}, {40, 0.05, 0.2}, {60, 0.3, 0.3}, {60, 0, 0.4}, {30, 0.01, 0.9}} {
		covered := 0.0
		for d := 0; d <= c.n; d++ {
			weight := binomial(c.n, d, min(c.a+c.b, 1))
			if c.a+c.b == 0 {
				weight = float64(max(0, 1-d))
			}
			for b := 0; b <= d && weight > 0; b++ {
				part := binomial(d, b, c.b/(c.a+c.b))
				switch {
				case c.a+c.b == 0:
					part = 1
				case c.a == 0:
					part = float64(max(0, b-d+1))
				case c.b == 0:
					part = float64(max(0, 1-b))
				}
				low, high := Pairs{OnlyA: d - b, OnlyB: b, Both: c.n - d}.Interval(0.95)
				if low <= c.b-c.a && c.b-c.a <= high {
					covered += weight * part
				}
			}
		}
		assert.GreaterOrEqual(t, covered, 0.935, "%+v", c)
	}
	low, high := Pairs{Neither: 200}.Interval(0.95)
	assert.InDelta(t, -0.01372, low, 1e-5)
	assert.InDelta(t, 0.01372, high, 1e-5)
	low, high = Pairs{OnlyB: 20}.Interval(0.95)
	assert.InDelta(t, 0.73501, low, 1e-5)
	assert.Equal(t, 1.0, high)
	low, high = Pairs{}.Interval(0.95)
	assert.True(t, math.IsNaN(low) && math.IsNaN(high))
}

// TestDetectableHasItsPower computes, outcome by outcome, how often the mid-p test finds a difference of the size
// said to be found with probability 0.8. Outcomes are the number of differences, binomial, and B's share of
// them, binomial.
func TestDetectableHasItsPower(t *testing.T) {
	for _, p := range []Pairs{{Both: 140, OnlyA: 20, OnlyB: 30, Neither: 10}, {Both: 200, OnlyA: 60, OnlyB: 70, Neither: 100}} {
		delta, ok := p.Detectable(0.05, 0.8)
		require.True(t, ok)
		share := float64(p.OnlyA+p.OnlyB) / float64(p.N())
		forB := (share + delta) / 2 / share
		power := 0.0
		for d := 0; d <= p.N(); d++ {
			weight := binomial(p.N(), d, share)
			if weight < 1e-9 {
				continue
			}
			for a := 0; a <= d; a++ {
				if (Pairs{OnlyA: a, OnlyB: d - a}).MidP() <= 0.05 {
					power += weight * binomial(d, d-a, forB)
				}
			}
		}
		assert.InDelta(t, 0.8, power, 0.03, "%+v: difference %v", p, delta)
	}
}

func binomial(n, k int, p float64) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func TestDetectableProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Pairs{
			Both: rapid.IntRange(0, 500).Draw(t, "both"), OnlyA: rapid.IntRange(0, 100).Draw(t, "a"), OnlyB: rapid.IntRange(0, 100).Draw(t, "b"),
		}
		delta, ok := p.Detectable(0.05, 0.8)
		if !ok {
			return
		}
		if !(delta > 0 && delta <= 1) {
			t.Fatalf("%+v: %v", p, delta)
		}
		more := Pairs{Both: 4 * p.Both, OnlyA: 4 * p.OnlyA, OnlyB: 4 * p.OnlyB}
		if finer, ok := more.Detectable(0.05, 0.8); !ok || finer >= delta {
			t.Fatalf("four times the examples: %v, then %v", delta, finer)
		}
		if surer, ok := p.Detectable(0.05, 0.9); ok && surer <= delta {
			t.Fatalf("more power: %v, then %v", delta, surer)
		}
		if _, ok := (Pairs{}).Detectable(0.05, 0.8); ok {
			t.Fatal("no examples")
		}
	})
}

func TestBenjaminiHochbergProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOf(rapid.Float64Range(0, 1)).Draw(t, "p")
		q, err := BenjaminiHochberg(p)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p {
			if q[i] < p[i] || q[i] > 1 {
				t.Fatalf("%v became %v", p[i], q[i])
			}
			for j := range p {
				if p[i] < p[j] && q[i] > q[j] {
					t.Fatalf("order changed: %v %v became %v %v", p[i], p[j], q[i], q[j])
				}
			}
			// The definition: the largest rank k with p(k) <= k/m * level; all to it are called true.
			if level := 0.1; (q[i] <= level) != byDefinition(p, level, p[i]) && math.Abs(q[i]-level) > 1e-12 {
				t.Fatalf("%v of %v: adjusted %v", p[i], p, q[i])
			}
		}
	})
}

func byDefinition(p []float64, level, of float64) bool {
	sorted := slices.Sorted(slices.Values(p))
	for k := len(sorted); k >= 1; k-- {
		if sorted[k-1] <= float64(k)/float64(len(sorted))*level {
			return of <= sorted[k-1]
		}
	}
	return false
}

func TestPassAtKProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		c, k := rapid.IntRange(0, n).Draw(t, "c"), rapid.IntRange(1, n).Draw(t, "k")
		v := PassAtK(n, c, k)
		if !(v >= 0 && v <= 1) || c == 0 && v != 0 {
			t.Fatal(v)
		}
		if math.Abs(PassAtK(n, c, 1)-float64(c)/float64(n)) > 1e-12 {
			t.Fatal("of one program: the share that passed")
		}
		if k < n && PassAtK(n, c, k+1) < v-1e-12 || c < n && PassAtK(n, c+1, k) < v-1e-12 {
			t.Fatal("not monotone")
		}
	})
}

func TestBootstrapProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 30).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Float64Range(0, 1), len(a), len(a)).Draw(t, "b")
		o := BootstrapOptions{Replicates: 200, Seed: rapid.Uint64().Draw(t, "seed")}
		there, _ := PairedBootstrap(a, b, o)
		back, _ := PairedBootstrap(b, a, o)
		again, _ := PairedBootstrap(a, b, o)
		if there != again {
			t.Fatalf("%+v, then %+v", there, again)
		}
		if there.Value != -back.Value || there.P != back.P || math.Abs(there.StdErr-back.StdErr) > 1e-12 ||
			math.Abs(there.Low+back.High) > 1e-12 || math.Abs(there.High+back.Low) > 1e-12 {
			t.Fatalf("not symmetric: %+v, %+v", there, back)
		}
		if !(there.Low <= there.High && there.Low >= -1 && there.High <= 1 && there.P > 0 && there.P <= 1 && there.StdErr >= 0) {
			t.Fatalf("%+v", there)
		}
	})
}

// TestBootstrapAgreesWithFormula checks the standard error of a mean and of a difference against the formulas, which
// the bootstrap undershoots by sqrt((n-1)/n).
func TestBootstrapAgreesWithFormula(t *testing.T) {
	var a, b []float64
	for i := range 100 {
		a = append(a, float64(i*i%7)/7)
		b = append(b, float64(i*i%5)/4)
	}
	got, err := PairedBootstrap(a, b, BootstrapOptions{})
	require.NoError(t, err)
	difference := make([]float64, len(a))
	for i := range a {
		difference[i] = b[i] - a[i]
	}
	want := Mean(difference)
	assert.InDelta(t, want.Mean, got.Value, 1e-12)
	assert.InEpsilon(t, want.StdErr*math.Sqrt(0.99), got.StdErr, 0.03)
	low, high := want.Interval(0.95)
	assert.InDelta(t, low, got.Low, 0.1*want.StdErr)
	assert.InDelta(t, high, got.High, 0.1*want.StdErr)

	none, err := Bootstrap(nil, average, BootstrapOptions{})
	require.NoError(t, err)
	assert.True(t, math.IsNaN(none.Value) && math.IsNaN(none.P))
	same, err := PairedBootstrap(a, a, BootstrapOptions{Replicates: 50})
	require.NoError(t, err)
	assert.Equal(t, Resampled{N: 100, P: 1}, same)
}

// TestBootstrapFrozen: a result someone has published must come out again.
func TestBootstrapFrozen(t *testing.T) {
	x := []float64{0, 0.25, 1, 0.5, -1, 0.75, 0.125}
	got, err := Bootstrap(x, average, BootstrapOptions{Replicates: 100, Level: 0.9, Seed: 42})
	require.NoError(t, err)
	want := []float64{1.625 / 7, 0.2035055176709748, -0.3875 / 7, 0.5535714285714286, 18.0 / 101}
	assert.InDeltaSlice(t, want, []float64{got.Value, got.StdErr, got.Low, got.High, got.P}, 1e-12)
}

func TestQuantile(t *testing.T) {
	x := []float64{1, 2, 4, 8}
	for q, want := range map[float64]float64{0: 1, 0.5: 3, 1: 8, 0.25: 1.75, 1.0 / 3: 2} {
		assert.InDelta(t, want, quantile(x, q), 1e-12, "%v", q)
	}
	assert.Equal(t, 5.0, quantile([]float64{5}, 0.3))
}

// Of two that are alike the test finds a difference in one of twenty comparisons, of few examples as of many, and the
// bootstrap of few in more.
func TestSignFlipKeepsItsLevel(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const trials = 2000
	for _, n := range []int{8, 20} {
		found, bootstrap := 0, 0
		for range trials {
			a, b := make([]float64, n), make([]float64, n)
			for i := range a {
				b[i] = random.NormFloat64()
			}
			p, err := SignFlip(a, b, BootstrapOptions{Replicates: 400})
			require.NoError(t, err)
			if p <= 0.05 {
				found++
			}
			r, err := PairedBootstrap(a, b, BootstrapOptions{Replicates: 400})
			require.NoError(t, err)
			if r.P <= 0.05 {
				bootstrap++
			}
		}
		assert.InDelta(t, 0.05, float64(found)/trials, 0.015, "%d examples", n)
		assert.Greater(t, bootstrap, found, "%d examples", n)
	}
}

func TestSignFlipByHand(t *testing.T) {
	zero := make([]float64, 14)
	p := func(b ...float64) float64 {
		p, err := SignFlip(zero[:len(b)], b, BootstrapOptions{})
		require.NoError(t, err)
		return p
	}
	assert.Equal(t, 1.0, p())
	assert.Equal(t, 1.0, p(0, 0, 0))
	assert.Equal(t, 2/16.0, p(0.1, 0, 0.3, 0.2, 0.7), "four that have one sign")
	assert.Equal(t, 4/8.0, p(0.5, 0.4, -0.1), "0.8, 1.0, and the same less than 0")
	assert.Equal(t, 2/8192.0, p(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3))
	assert.LessOrEqual(t, p(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), 12/10001.0)
	_, err := SignFlip(zero, nil, BootstrapOptions{})
	assert.ErrorContains(t, err, "14 scores against 0")
	_, err = SignFlip(nil, nil, BootstrapOptions{Replicates: 1})
	assert.ErrorContains(t, err, "bootstrap")

	// Of right and wrong it is McNemar's exact test.
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), 1, 13).Draw(t, "a")
		b := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 1}), len(a), len(a)).Draw(t, "b")
		pairs, _ := CountPairs(a, b)
		if got, _ := SignFlip(a, b, BootstrapOptions{}); math.Abs(got-pairs.P()) > 1e-9 {
			t.Fatalf("%+v: %v, exact %v", pairs, got, pairs.P())
		}
	})
}
