package chart

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func labels(list []tick) (s []string) {
	for _, t := range list {
		s = append(s, t.label)
	}
	return s
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		most   int
		whole  bool
		want   string
	}{
		{0, 1, 6, false, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{0, 1, 6, true, "0 1"},
		{0, 1000, 8, true, "0 200 400 600 800 1,000"},
		{0, 100_000, 8, true, "0 20,000 40,000 60,000 80,000 100,000"},
		{0, 2e7, 6, true, "0 5e6 1e7 1.5e7 2e7"},
		{-0.3, 0.3, 8, false, "−0.3 −0.2 −0.1 0.0 0.1 0.2 0.3"},
		{1.23, 1.27, 5, false, "1.23 1.24 1.25 1.26 1.27"},
		{0, 3e-4, 4, false, "0 1e−4 2e−4 3e−4"},
		{1e6, 1e6 + 4, 5, true, "1,000,000 1,000,001 1,000,002 1,000,003 1,000,004"},
	} {
		assert.Equal(t, c.want, strings.Join(labels(ticks(c.lo, c.hi, c.most, c.whole)), " "))
	}
}

// Ticks are the multiples, in the bounds, of 1, 2 or 5 times a power of ten, at most as many as asked; no
// finer step would do; their names are different and read as their values.
func TestTicksAreRound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		magnitude := math.Pow(10, rapid.Float64Range(-290, 290).Draw(t, "magnitude"))
		a := rapid.Float64Range(-1, 1).Draw(t, "a") * magnitude
		b := rapid.Float64Range(-1, 1).Draw(t, "b") * magnitude
		most := rapid.IntRange(2, 20).Draw(t, "most")
		whole := magnitude > 10 && rapid.Bool().Draw(t, "whole")
		lo, hi := domain(min(a, b), max(a, b), false)
		if whole && hi-lo < 2 {
			return
		}
		list := ticks(lo, hi, most, whole)
		require.LessOrEqual(t, len(list), most)
		if !whole {
			require.GreaterOrEqual(t, len(list), most/3, "%v", list)
		}
		for i, tick := range list {
			require.True(t, tick.value >= lo && tick.value <= hi)
			if whole {
				require.Equal(t, math.Trunc(tick.value), tick.value)
			}
			read, err := strconv.ParseFloat(strings.NewReplacer(",", "", minus, "-").Replace(tick.label), 64)
			require.NoError(t, err)
			require.Equal(t, tick.value, read+0, tick.label)
			if i > 0 {
				require.Greater(t, tick.value, list[i-1].value)
			}
		}
		by := step(lo, hi, most, whole)
		require.Contains(t, []int64{1, 2, 5}, by.n)
		finer := map[int64]round{1: {5, by.e - 1}, 2: {1, by.e}, 5: {2, by.e}}[by.n]
		if !whole || finer.e >= 0 {
			n := 0
			for k := int64(math.Floor(lo/finer.value())) - 1; k <= int64(math.Ceil(hi/finer.value()))+1; k++ {
				if v := (round{k * finer.n, finer.e}).value(); v >= lo && v <= hi {
					n++
				}
			}
			require.Greater(t, n, most, "%v %v %g %g", by, finer, lo, hi)
		}
		for i := 1; i < len(list); i++ {
			require.InEpsilon(t, by.value(), list[i].value-list[i-1].value, 1e-3)
		}
	})
}

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		lo, hi float64
		want   string
	}{
		{0.9, 110, "1 2 5 10 20 50 100"},
		{0.05, 2e5, "0.1 1 10 100 1,000 10,000 100,000"},
		{1e-300, 1e300, "1e−300 1e−200 1e−100 1e0 1e100 1e200 1e300"},
		{2, 4, "2.0 2.5 3.0 3.5 4.0"},
	} {
		assert.Equal(t, c.want, strings.Join(labels(logTicks(c.lo, c.hi, 8)), " "))
	}
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(-300, 299).Draw(t, "from")
		to := rapid.Float64Range(from+1e-3, 300).Draw(t, "to")
		most := rapid.IntRange(4, 12).Draw(t, "most")
		lo, hi := math.Pow(10, from), math.Pow(10, to)
		list := logTicks(lo, hi, most)
		require.NotEmpty(t, list)
		require.LessOrEqual(t, len(list), most)
		for i, tick := range list {
			require.True(t, tick.value >= lo && tick.value <= hi)
			require.True(t, i == 0 || tick.value > list[i-1].value && tick.label != list[i-1].label)
		}
	})
}

func TestNumbers(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(9999): "9,999", count(999_999): "999,999", count(1_000_000): "1.00M", count(12_345_678): "12.3M",
		count(7_000_000_000): "7.00G", count(-2_000_000): "−2.00M",
		short(1.23456): "1.235", short(0): "0.000", short(0.00123): "1.23e−3", short(886.601): "886.6", short(54.321): "54.32",
		short(1e6): "1e6", short(-2.5): "−2.500",
		power(2e-4): "2e−4", power(0.05): "0.05", power(1.999e-4): "2e−4", power(1): "1", power(-1.5e-7): "−1.5e−7",
	} {
		assert.Equal(t, want, got)
	}
}

// A domain holds the values, has a size, and its ends have different places.
func TestDomain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		log := rapid.Bool().Draw(t, "log")
		value := rapid.Float64()
		if log {
			value = rapid.Float64Range(math.SmallestNonzeroFloat64, math.MaxFloat64)
		}
		a, b := value.Draw(t, "a"), value.Draw(t, "b")
		a, b = min(a, b), max(a, b)
		lo, hi := domain(a, b, log)
		require.True(t, lo < hi && !math.IsInf(hi-lo, 0), "%g %g", lo, hi)
		if math.Abs(a) < limit && math.Abs(b) < limit && a > 1e-300 {
			require.True(t, lo <= a && b <= hi)
		}
		s := scale{lo: lo, hi: hi, from: 10, to: 20, log: log}
		require.InDelta(t, 10, s.at(lo), 1e-9)
		require.InDelta(t, 20, s.at(hi), 1e-9)
		require.NotPanics(t, func() { s.ticks(8, false) })
	})
}

// vertices reads a path back.
func vertices(t require.TestingT, path string) (runs [][]pixel) {
	for run := range strings.SplitSeq(path, "M") {
		if run == "" {
			continue
		}
		var list []pixel
		for pair := range strings.SplitSeq(strings.TrimSuffix(run, "h.01"), "L") {
			var p pixel
			_, err := fmt.Sscan(pair, &p.x, &p.y)
			require.NoError(t, err)
			list = append(list, p)
		}
		runs = append(runs, list)
	}
	return runs
}

// Of every column of pixels a thinned line keeps the first, the last, the lowest and the highest point,
// and it is broken between two columns where the line is.
func TestTraceKeepsWhatIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300).Draw(t, "n")
		perColumn := rapid.SampledFrom([]float64{0.25, 1, 8, 64}).Draw(t, "points a column")
		points := make([]Point, n)
		for i := range points {
			points[i] = Point{int64(i), float64(rapid.IntRange(-9, 9).Draw(t, "v"))}
			if rapid.IntRange(0, 9).Draw(t, "gap") == 0 {
				points[i].Value = math.NaN()
			}
		}
		x := scale{lo: 0, hi: 512, from: 0, to: 512 / perColumn} // exact
		y := scale{lo: -16, hi: 16, from: 128, to: 0}
		strokes, alone := trace(points, x, y)

		type seen struct{ first, last, low, high float64 }
		look := func(s map[float64]seen, p pixel) {
			c := math.Floor(p.x)
			v, ok := s[c]
			if !ok {
				v = seen{p.y, p.y, p.y, p.y}
			}
			v.last, v.low, v.high = p.y, max(v.low, p.y), min(v.high, p.y)
			s[c] = v
		}
		want, got := map[float64]seen{}, map[float64]seen{}
		breaks, last, gap := 0, -1.0, true
		for _, p := range points {
			if math.IsNaN(p.Value) {
				gap = true
				continue
			}
			at := pixel{x.at(float64(p.Step)), y.at(p.Value)}
			look(want, at)
			if gap && math.Floor(at.x) != last {
				breaks++
			}
			gap, last = false, math.Floor(at.x)
		}
		runs := append(vertices(t, string(strokes)), vertices(t, string(alone))...)
		require.Len(t, runs, breaks)
		slices.SortStableFunc(runs, func(a, b []pixel) int { return int(math.Copysign(1, a[0].x-b[0].x)) })
		total := 0
		for _, run := range runs {
			total += len(run)
		}
		require.LessOrEqual(t, total, 4*len(want))
		if perColumn <= 8 { // beyond, rounding to tenths may carry a point into the next column

			for _, run := range runs {
				for _, p := range run {
					look(got, p)
				}
			}
			require.Equal(t, want, got)
		}
	})
}

func TestTraceOfManyPointsInAColumn(t *testing.T) {
	var points []Point
	for i, v := range []float64{5, 3, 9, 1, 4, math.NaN(), 6} {
		points = append(points, Point{int64(i), v})
	}
	strokes, alone := trace(points, scale{lo: 0, hi: 100, from: 0, to: 10}, scale{lo: 0, hi: 10, from: 10, to: 0})
	assert.Equal(t, "M0 5L0.2 1L0.3 9L0.6 4", string(strokes))
	assert.Empty(t, alone)
	strokes, alone = trace(points[5:], scale{lo: 0, hi: 100, from: 0, to: 10}, scale{lo: 0, hi: 10, from: 10, to: 0})
	assert.Empty(t, strokes)
	assert.Equal(t, "M0.6 4h.01", string(alone))
}

func TestSmooth(t *testing.T) {
	nan := math.NaN()
	got := smooth([]Point{{1, nan}, {2, 4}, {3, nan}, {4, 8}, {5, math.Inf(1)}}, 3) // weights halve
	assert.True(t, math.IsNaN(got[0].Value) && math.IsNaN(got[2].Value) && math.IsInf(got[4].Value, 1))
	assert.InDelta(t, 4, got[1].Value, 1e-12)
	assert.InDelta(t, (8*0.5+4*0.25)/0.75, got[3].Value, 1e-12)
	constant := smooth([]Point{{1, 2}, {2, 2}, {3, 2}}, 100)
	for _, p := range constant {
		assert.InDelta(t, 2, p.Value, 1e-12)
	}
}

// Labels keep their order and their distance, stay within the bounds if there is room, and no small
// change brings them nearer to where they want to be.
func TestSpread(t *testing.T) {
	assert.Empty(t, spread(nil, 10, 0, 100))
	assert.Equal(t, []float64{55, 45}, spread([]float64{50.25, 49.75}, 10, 0, 100))
	assert.Equal(t, []float64{0, 10, 90}, spread([]float64{-5, 2, 90}, 10, 0, 100))
	rapid.Check(t, func(t *rapid.T) {
		places := rapid.SliceOfN(rapid.Float64Range(0, 300), 1, 12).Draw(t, "places")
		const gap = 17.0
		hi := rapid.SampledFrom([]float64{300, 1e6}).Draw(t, "hi")
		lo := min(0, 300-hi)
		got := spread(places, gap, lo, hi)
		order := make([]int, len(places))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return int(math.Copysign(1, got[a]-got[b])) })
		cost := func(at []float64) (sum float64) {
			for i := range at {
				sum += (at[i] - places[i]) * (at[i] - places[i])
			}
			return sum
		}
		for k, i := range order {
			require.True(t, got[i] >= lo-1e-9 && got[i] <= hi+1e-9)
			if k > 0 {
				require.GreaterOrEqual(t, got[i]-got[order[k-1]], gap-1e-9)
				require.LessOrEqual(t, places[order[k-1]], places[i])
			}
			for _, by := range []float64{-0.01, 0.01} { // a beginning or an end, moved where that is allowed
				for _, moved := range [][]int{order[:k+1], order[k:]} {
					at := slices.Clone(got)
					for _, j := range moved {
						at[j] += by
					}
					allowed := at[order[0]] >= lo && at[order[len(order)-1]] <= hi
					for q := 1; q < len(order); q++ {
						allowed = allowed && at[order[q]]-at[order[q-1]] >= gap-1e-9
					}
					require.True(t, !allowed || cost(at) >= cost(got)-1e-6)
				}
			}
		}
	})
}

func TestFit(t *testing.T) {
	r := newRuler()
	assert.Equal(t, "short", r.fit("short", 12, 100))
	assert.Equal(t, "…", r.fit("short", 12, 1))
	assert.InDelta(t, 12*1.1*(0.556+0.278), r.width("a ", 12), 1e-9)
	rapid.Check(t, func(t *rapid.T) {
		s, room := rapid.String().Draw(t, "s"), rapid.Float64Range(20, 200).Draw(t, "room")
		cut := r.fit(s, 12, room)
		require.LessOrEqual(t, r.width(cut, 12), room)
		require.True(t, cut == s || strings.HasPrefix(s, strings.TrimSuffix(cut, "…")) || !strings.Contains(s, cut))
	})
}
