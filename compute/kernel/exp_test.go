package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// expError is the largest error of Exp, as its comment states it, in ulp.
func expError() float64 {
	if vectorised() {
		return 0.9
	}
	return 1.2
}

func TestExpError(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const step = 16411 // of 2^32 bit patterns: about 260,000 numbers
		src, dst := make([]float32, 0, 1024), make([]float32, 1024)
		worst, at := 0.0, float32(0)
		for b := uint64(0); b < 1<<32; {
			for src = src[:0]; len(src) < cap(src) && b < 1<<32; b += step {
				src = append(src, math.Float32frombits(uint32(b)))
			}
			Exp(dst[:len(src)], src)
			for i, x := range src {
				want := math.Exp(float64(x))
				switch got := float64(dst[i]); {
				case x != x:
					require.True(t, got != got, "of NaN")
				case math.IsInf(float64(float32(want)), 1):
					require.Equal(t, float32(want), dst[i], "of %g", x)
				default:
					if off := math.Abs(got-want) / ulp(want); off > worst {
						worst, at = off, x
					}
				}
			}
		}
		assert.LessOrEqual(t, worst, expError(), "at %g", at)
		t.Logf("%.3f ulp at %g", worst, at)
	})
}

func TestExpOfSpecialValues(t *testing.T) {
	infinity := float32(math.Inf(1))
	vectorTiers(t, func(t *testing.T) {
		for _, c := range []struct{ x, want float32 }{
			{0, 1}, {float32(math.Copysign(0, -1)), 1}, {-1e30, 0}, {-infinity, 0}, {-104, 0}, {-math.MaxFloat32, 0},
			{infinity, infinity}, {1e30, infinity}, {88.722847, infinity}, {smallest, 1}, {-smallest, 1},
			{-103.5, smallest},
		} {
			for _, n := range []int{1, 40} {
				src, dst := make([]float32, n), make([]float32, n)
				for i := range src {
					src[i] = c.x
				}
				Exp(dst, src)
				for _, y := range dst {
					require.Equal(t, c.want, y, "e^%g", c.x)
				}
			}
		}
		x := []float32{88.72283}
		Exp(x, x)
		assert.Less(t, x[0], infinity, "the largest argument with a finite result")
		x[0] = float32(math.NaN())
		Exp(x, x)
		assert.True(t, x[0] != x[0])
	})
}
