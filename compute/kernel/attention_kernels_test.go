package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// exp2 of all tiers is that of double precision, but for what is too small.
func TestPowersOfTwo(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		lse, delta := []float32{0}, []float32{0}
		for x := float32(-140); x <= 1; x += 0.0371 {
			var s, dp [tileCols]float32
			for i := range s {
				s[i] = x + float32(i)*0.001
			}
			want := s
			gradientTile(s[:], dp[:], lse, delta, 1)
			for i, got := range s {
				exact := math.Exp2(float64(want[i]))
				if exact < 0x1p-126 {
					require.InDelta(t, exact, got, 0x1p-126)
				} else {
					require.InDelta(t, exact, got, 1.2*ulp(exact), "%v", want[i])
				}
			}
		}
	})
}

// tileKernels runs the kernels of attention on random numbers, special ones among them
// that often in a thousand, in rows placed by room, and calls check with each result.
func tileKernels(random *rand.Rand, special, rows, dim int, room func(n int) []float32, check func(name string, got, want []float32)) {
	draw := func(n int) []float32 {
		x := room(n)
		for i := range x {
			x[i] = float32(random.NormFloat64())
			if random.IntN(1000) < special {
				x[i] = specials[random.IntN(len(specials))]
			}
		}
		return x
	}
	clone := func(x []float32) []float32 { return append([]float32(nil), x...) }
	const c = 0.7
	s, dp, lse, delta := draw(rows*tileCols), draw(rows*tileCols), draw(rows), draw(rows)
	for i := range s { // no score is far above lse
		s[i] = min(s[i], 100)
	}
	for i := range lse {
		lse[i] = max(lse[i], -100)
	}
	s1, dp1 := clone(s), clone(dp)
	gradientTile(s, dp, lse, delta, c)
	gradientTileGeneric(s1, dp1, lse, delta, c)
	check("gradientTile p", s, s1)
	check("gradientTile ds", dp, dp1)

	var largest, sum, factor [tileCols]float32
	for i := range largest {
		largest[i] = float32(math.Inf(-1))
	}
	for range 2 { // the second time with sums to go on with
		largest1, sum1, factor1 := largest, sum, factor
		s = draw(rows * tileCols)
		s1 = clone(s)
		softmaxTile(s, &largest, &sum, &factor, c)
		softmaxTileGeneric(s1, &largest1, &sum1, &factor1, c)
		if rows > 0 {
			check("softmaxTile sum", sum[:], sum1[:])
			for i := range sum1 { // a NaN may hide the largest score, where it comes to nothing
				for j := i; j < len(s) && sum1[i]-sum1[i] != 0; j += tileCols {
					s[j], s1[j], factor[i], factor1[i] = 0, 0, 0, 0
				}
			}
			check("softmaxTile", s, s1)
			check("softmaxTile factor", factor[:], factor1[:])
		}
	}
	s = draw(rows * tileCols)
	s1 = clone(s)
	check("scaleTile", []float32{scaleTile(s, &factor)}, []float32{scaleTileGeneric(s1, &factor)})
	check("scaleTile", s, s1)

	src, dst := draw(dim*tileCols), draw(tileCols*dim)
	cols := 1 + rows%tileCols
	dst1 := clone(dst)
	transposeLines(dst, dim, src, dim, cols)
	transposeLinesGeneric(dst1, dim, src, 0, dim, cols)
	check("transposeLines", dst, dst1)

	ld := rows + 3
	stride := dim + rows%3
	lines := draw(max((rows-1)*stride+dim, 0))
	halves := make([]uint16, len(lines))
	ToBF16(halves, lines)
	decodeKernels(draw, check, "f32", lines, dim, stride, rows, ld)
	decodeKernels(draw, check, "bf16", halves, dim, stride, rows, ld)
}

func decodeKernels[T CacheElement](draw func(n int) []float32, check func(name string, got, want []float32), name string, lines []T, dim, stride, n, ld int) {
	q, s := draw(decodeHeads*dim), draw(decodeHeads*ld)
	s1 := append([]float32(nil), s...)
	keyScores(s, q, lines, dim, stride, n, ld, 0, 0)
	keyScoresGeneric(s1, q, lines, dim, stride, n, ld, 0, 0)
	for h := range decodeHeads {
		check("keyScores "+name, s[h*ld:][:n], s1[h*ld:][:n])
	}
	p, o := draw(decodeHeads*ld), draw(decodeHeads*decodeWidth(dim))
	o1 := append([]float32(nil), o...)
	addValues(o, p, lines, dim, stride, n, ld, 0, 0)
	addValuesGeneric(o1, p, lines, dim, stride, n, ld, 0, 0)
	for h := range decodeHeads {
		check("addValues "+name, o[h*decodeWidth(dim):][:dim], o1[h*decodeWidth(dim):][:dim])
	}
}

// The kernels against the portable form: sums are of up to 140 products of about 1,
// powers of 2 of numbers up to about 10.
func TestAttentionKernels(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(31, 32))
		for _, special := range []int{0, 2, 100} {
			for i, rows := range []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 31, 33} {
				dims := []int{1, 7, 8, 15, 16, 17, 31, 33, 64, 65, 80, 129, 24, 40, 48, 72}
				tileKernels(random, special, rows, dims[i], func(n int) []float32 { return make([]float32, n) },
					func(name string, got, want []float32) {
						for i := range got {
							w, g := float64(want[i]), float64(got[i])
							if math.IsNaN(w) || math.IsInf(w, 0) {
								require.False(t, g-g == 0, "%s: %d rows, %d: %v, want %v", name, rows, i, g, w)
								continue
							}
							require.LessOrEqual(t, math.Abs(g-w), 1e-4*(1+math.Abs(w)), "%s, %s: %d rows, %d: %v, want %v", cpu.Active(), name, rows, i, g, w)
						}
					})
			}
		}
	})
}
