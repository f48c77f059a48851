package stats

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reference is what scipy, statsmodels and lm_eval say; testdata/record.py made it.
type reference struct {
	Means []struct {
		X                       []float64
		Groups                  []int
		Mean, StdErr, Clustered float64
	}
	Pooled []struct {
		Sizes   []int
		StdErrs []float64
		Pooled  float64
	}
	Wilson []struct {
		Part, Whole      int
		Level, Low, High float64
	}
	McNemar []struct {
		A, B int
		P    float64
	}
	Adjusted []struct{ P, Q []float64 }
	Normal   []struct{ P, Z float64 }
	Pass     []struct {
		N, C, K int
		Value   float64
	}
}

func recorded(t *testing.T) (r reference) {
	data, err := os.ReadFile("testdata/reference.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &r))
	return r
}

func near(t *testing.T, want, got, relative float64, of string, about ...any) {
	t.Helper()
	if math.Abs(want-got) > relative*math.Abs(want)+1e-300 || math.IsNaN(got) {
		t.Errorf(of+": %v, want %v", append(about, got, want)...)
	}
}

func TestMeanAsRecorded(t *testing.T) {
	cases := recorded(t).Means
	require.Len(t, cases, 10)
	for i, c := range cases {
		got := Mean(c.X)
		assert.Equal(t, len(c.X), got.N)
		assert.Equal(t, c.Mean, got.Mean, "mean %d: the same sum in the same order", i)
		near(t, c.StdErr, got.StdErr, 1e-13, "standard error of %d", i)
		clustered, err := Clustered(c.X, c.Groups)
		require.NoError(t, err)
		near(t, c.Clustered, clustered.StdErr, 1e-11, "clustered error of %d", i)
	}
}

func TestPoolAsRecorded(t *testing.T) {
	cases := recorded(t).Pooled
	require.NotEmpty(t, cases)
	for i, c := range cases {
		var parts []Estimate
		for j := range c.Sizes {
			parts = append(parts, Estimate{c.Sizes[j], 0.25 * float64(j), c.StdErrs[j]})
		}
		near(t, c.Pooled, Pool(parts).StdErr, 1e-13, "pooled error of %d", i)
	}
	joined := Pool([]Estimate{{10, 0.5, 0.1}, {30, 0.9, 0.1}, {0, math.NaN(), math.NaN()}})
	assert.Equal(t, 40, joined.N)
	near(t, 0.8, joined.Mean, 1e-15, "weighted mean")
	assert.False(t, math.IsNaN(Pool([]Estimate{{10, 0.5, 0.1}, {1, 1, math.NaN()}}).StdErr), "one example adds to the mean alone")
	assert.True(t, math.IsNaN(Pool(nil).Mean))
	assert.True(t, math.IsNaN(Pool([]Estimate{{1, 1, math.NaN()}}).StdErr))
}

func TestWilsonAsRecorded(t *testing.T) {
	cases := recorded(t).Wilson
	require.Len(t, cases, 32)
	for _, c := range cases {
		low, high := Wilson(c.Part, c.Whole, c.Level)
		assert.InDelta(t, c.Low, low, 1e-12, "%d of %d at %v", c.Part, c.Whole, c.Level)
		assert.InDelta(t, c.High, high, 1e-12, "%d of %d at %v", c.Part, c.Whole, c.Level)
	}
	low, high := Wilson(0, 0, 0.95)
	assert.Equal(t, [2]float64{0, 1}, [2]float64{low, high})
	for _, bad := range [][2]int{{-1, 3}, {4, 3}, {0, -1}} {
		low, high := Wilson(bad[0], bad[1], 0.95)
		assert.True(t, math.IsNaN(low) && math.IsNaN(high), "%v", bad)
	}
}

func TestMcNemarAsRecorded(t *testing.T) {
	cases := recorded(t).McNemar
	require.Len(t, cases, 13)
	for _, c := range cases {
		near(t, c.P, Pairs{OnlyA: c.A, OnlyB: c.B, Both: 50}.P(), 1e-9, "%d against %d", c.A, c.B)
	}
}

func TestMcNemarByHand(t *testing.T) {
	p := Pairs{OnlyA: 1, OnlyB: 4}
	assert.InDelta(t, 2*(1+5)/32.0, p.P(), 1e-15)
	assert.InDelta(t, (2*1+5)/32.0, p.MidP(), 1e-15)
	assert.Equal(t, 1.0, Pairs{}.MidP())
	assert.InDelta(t, 1.0, Pairs{OnlyA: 5, OnlyB: 5}.MidP(), 1e-14)
	assert.Less(t, Pairs{OnlyB: 6}.P(), 0.05)
	assert.Greater(t, Pairs{OnlyB: 5}.P(), 0.05)
}

func TestBenjaminiHochbergAsRecorded(t *testing.T) {
	cases := recorded(t).Adjusted
	require.Len(t, cases, 6)
	for _, c := range cases {
		got, err := BenjaminiHochberg(c.P)
		require.NoError(t, err)
		require.Len(t, got, len(c.Q))
		for i := range got {
			assert.InDelta(t, c.Q[i], got[i], 1e-14, "%v", c.P)
		}
	}
	for _, bad := range []float64{-0.1, 1.1, math.NaN()} {
		_, err := BenjaminiHochberg([]float64{0.5, bad})
		assert.ErrorContains(t, err, "p value 1 is")
	}
}

func TestNormalAsRecorded(t *testing.T) {
	for _, c := range recorded(t).Normal {
		allowed := 1e-13 + 1e-16/c.P // math.Erfcinv(x) goes through 1-x, and so loses digits far out
		assert.InDelta(t, c.Z, upper(c.P), allowed, "beyond %v", c.P)
		assert.InDelta(t, c.Z, twoSided(2*c.P), allowed, "beyond ±%v", c.P)
	}
	low, high := Estimate{N: 100, Mean: 0.5, StdErr: 0.1}.Interval(0.95)
	assert.InDelta(t, 0.5-0.195996398454, low, 1e-12)
	assert.InDelta(t, 0.5+0.195996398454, high, 1e-12)
}

func TestPassAtKAsRecorded(t *testing.T) {
	cases := recorded(t).Pass
	require.Len(t, cases, 8)
	for _, c := range cases {
		assert.InDelta(t, c.Value, PassAtK(c.N, c.C, c.K), 1e-12, "%+v", c)
	}
	for _, bad := range [][3]int{{5, 6, 1}, {5, -1, 1}, {5, 2, 0}, {5, 2, 6}} {
		assert.True(t, math.IsNaN(PassAtK(bad[0], bad[1], bad[2])), "%v", bad)
	}
}

func TestDetectable(t *testing.T) {
	near(t, 2.801585218, Detectable(1, 0.05, 0.8), 1e-9, "2.8 standard errors")

	// Connor 1987's sample size, from the difference, gives the number of examples back.
	p := Pairs{Both: 300, OnlyA: 40, OnlyB: 60, Neither: 600}
	delta, ok := p.Detectable(0.05, 0.8)
	require.True(t, ok)
	s := 0.1
	n := math.Pow(1.9599639845400545*math.Sqrt(s)+0.8416212335729143*math.Sqrt(s-delta*delta), 2) / (delta * delta)
	assert.InDelta(t, 1000, n, 1e-6)

	for _, none := range []Pairs{{}, {Both: 100}, {Both: 200, OnlyA: 1}, {OnlyA: 1, OnlyB: 1}} {
		_, ok := none.Detectable(0.05, 0.8)
		assert.False(t, ok, "%+v", none)
	}
}

func TestErrors(t *testing.T) {
	_, err := CountPairs([]float64{1}, nil)
	assert.ErrorContains(t, err, "1 scores against 0")
	_, err = PairedBootstrap([]float64{1}, nil, BootstrapOptions{})
	assert.ErrorContains(t, err, "1 scores against 0")
	_, err = Clustered([]float64{1}, nil)
	assert.ErrorContains(t, err, "1 scores and 0 groups")
	for _, o := range []BootstrapOptions{{Replicates: 1}, {Replicates: -5}, {Level: 1}, {Level: -1}, {Level: math.NaN()}} {
		_, err = Bootstrap(nil, average, o)
		assert.ErrorContains(t, err, "bootstrap", "%+v", o)
	}
}
