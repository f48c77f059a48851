//go:build !noasm

package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// vectorised reports whether the active tier has kernels.
func vectorised() bool { return cpu.Active() != cpu.Generic }

// The kernels by their own names, without the choice among them: that each is
// there, does what the portable form does, and is the one its tier calls, which
// shows in the bits where the tiers' bits differ.
func TestVectorKernelsByName(t *testing.T) {
	const n = 104 // whole vectors for AVX2
	random := rand.New(rand.NewPCG(11, 12))
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	for _, s := range [][]float32{x, y, z} {
		for i := range s {
			s[i] = float32(random.NormFloat64())
		}
	}
	words := make([]uint16, n)
	toFP16Generic(words, x)
	c := &adamWCoefficients{1, 0.9, 0.1, 0.95, 0.05, 3, 1e-6, 0.999, 0.01}
	cos, sin := make([]float32, n/8), make([]float32, n/8)
	for i := range cos {
		cos[i], sin[i] = float32(math.Cos(float64(i))), float32(math.Sin(float64(i)))
	}

	// A form writes to dst, a and b, of which the latter begin as y and z, and its
	// result if any to the first of dst.
	type form = func(dst, a, b []float32)
	to := func(f func([]uint16, []float32)) form {
		return func(dst, _, _ []float32) {
			w := make([]uint16, n)
			f(w, x)
			fromFP16Generic(dst, w)
		}
	}
	from := func(f func([]float32, []uint16)) form { return func(dst, _, _ []float32) { f(dst, words) } }
	sum := func(f func() float32) form { return func(dst, _, _ []float32) { dst[0] = f() } }
	rope := func(f func(x, cos, sin []float32, sign uint32)) form {
		return func(_, a, _ []float32) { f(a, cos, sin, 1<<31) }
	}
	rms := func(f func(dst, x, w []float32, eps float32) float32) form {
		return func(dst, a, _ []float32) { a[0] = f(dst, x, z, 1e-5) }
	}
	for _, k := range []struct {
		name                                string
		active, generic, avx2, avx512, bf16 form
	}{
		{"toBF16", to(toBF16), to(toBF16Generic), to(toBF16AVX2), to(toBF16AVX512), to(toBF16AVX512BF16)},
		{"toFP16", to(toFP16), to(toFP16Generic), to(toFP16AVX2), to(toFP16AVX512), nil},
		{"fromBF16", from(fromBF16), from(fromBF16Generic), from(fromBF16AVX2), from(fromBF16AVX512), nil},
		{"fromFP16", from(fromFP16), from(fromFP16Generic), from(fromFP16AVX2), from(fromFP16AVX512), nil},
		{"exp", func(d, _, _ []float32) { exp(d, x) }, func(d, _, _ []float32) { expGeneric(d, x) },
			func(d, _, _ []float32) { expAVX2(d, x) }, func(d, _, _ []float32) { expAVX512(d, x) }, nil},
		{"rowMax", sum(func() float32 { return rowMax(x) }), sum(func() float32 { return rowMaxGeneric(x) }),
			sum(func() float32 { return rowMaxAVX2(x) }), sum(func() float32 { return rowMaxAVX512(x) }), nil},
		{"softmaxRow", func(d, _, _ []float32) { softmaxRow(d, x) }, func(d, _, _ []float32) { softmaxRowGeneric(d, x) },
			func(d, _, _ []float32) { softmaxRowAVX2(d, x) }, func(d, _, _ []float32) { softmaxRowAVX512(d, x) }, nil},
		{"expSum", func(d, a, _ []float32) { a[0] = expSum(d, x, 9) }, func(d, a, _ []float32) { a[0] = expSumGeneric(d, x, 9) },
			func(d, a, _ []float32) { a[0] = expSumAVX2(d, x, 9) }, func(d, a, _ []float32) { a[0] = expSumAVX512(d, x, 9) }, nil},
		{"sumExp", sum(func() float32 { return sumExp(x, 9) }), sum(func() float32 { return sumExpGeneric(x, 9) }),
			sum(func() float32 { return sumExpAVX2(x, 9) }), sum(func() float32 { return sumExpAVX512(x, 9) }), nil},
		{"expScale", func(d, _, _ []float32) { expScale(d, x, 9, 2) }, func(d, _, _ []float32) { expScaleGeneric(d, x, 9, 2) },
			func(d, _, _ []float32) { expScaleAVX2(d, x, 9, 2) }, func(d, _, _ []float32) { expScaleAVX512(d, x, 9, 2) }, nil},
		{"dot", sum(func() float32 { return dot(x, y) }), sum(func() float32 { return dotGeneric(x, y) }),
			sum(func() float32 { return dotAVX2(x, y) }), sum(func() float32 { return dotAVX512(x, y) }), nil},
		{"softmaxGradient", func(d, a, _ []float32) { softmaxGradient(d, x, a, 2) }, func(d, a, _ []float32) { softmaxGradientGeneric(d, x, a, 2) },
			func(d, a, _ []float32) { softmaxGradientAVX2(d, x, a, 2) }, func(d, a, _ []float32) { softmaxGradientAVX512(d, x, a, 2) }, nil},
		{"rmsNorm", rms(rmsNorm), rms(rmsNormGeneric), rms(rmsNormAVX2), rms(rmsNormAVX512), nil},
		{"dot3", sum(func() float32 { return dot3(x, y, z) }), sum(func() float32 { return dot3Generic(x, y, z) }),
			sum(func() float32 { return dot3AVX2(x, y, z) }), sum(func() float32 { return dot3AVX512(x, y, z) }), nil},
		{"rmsNormGradient", func(d, a, b []float32) { rmsNormGradient(a, b, x, y, z, 2, 3) },
			func(d, a, b []float32) { rmsNormGradientGeneric(a, b, x, y, z, 2, 3) },
			func(d, a, b []float32) { rmsNormGradientAVX2(a, b, x, y, z, 2, 3) },
			func(d, a, b []float32) { rmsNormGradientAVX512(a, b, x, y, z, 2, 3) }, nil},
		{"ropeHalves", rope(ropeHalves), rope(ropeHalvesGeneric), rope(ropeHalvesAVX2), rope(ropeHalvesAVX512), nil},
		{"ropeNeighbours", rope(ropeNeighbours), rope(ropeNeighboursGeneric), rope(ropeNeighboursAVX2), rope(ropeNeighboursAVX512), nil},
		{"siluMul", func(d, a, _ []float32) { siluMul(d, x, a) }, func(d, a, _ []float32) { siluMulGeneric(d, x, a) },
			func(d, a, _ []float32) { siluMulAVX2(d, x, a) }, func(d, a, _ []float32) { siluMulAVX512(d, x, a) }, nil},
		{"siluMulGradient", func(d, a, b []float32) { siluMulGradient(d, a, x, y, b) },
			func(d, a, b []float32) { siluMulGradientGeneric(d, a, x, y, b) },
			func(d, a, b []float32) { siluMulGradientAVX2(d, a, x, y, b) },
			func(d, a, b []float32) { siluMulGradientAVX512(d, a, x, y, b) }, nil},
		{"adamW", func(d, a, b []float32) { adamW(a, x, b, d, c) }, func(d, a, b []float32) { adamWGeneric(a, x, b, d, c) },
			func(d, a, b []float32) { adamWAVX2(a, x, b, d, c) }, func(d, a, b []float32) { adamWAVX512(a, x, b, d, c) }, nil},
		{"axpy", func(_, a, _ []float32) { axpy(a, x, 3) }, func(_, a, _ []float32) { axpyGeneric(a, x, 3) },
			func(_, a, _ []float32) { axpyAVX2(a, x, 3) }, func(_, a, _ []float32) { axpyAVX512(a, x, 3) }, nil},
		{"scale", func(d, _, _ []float32) { scale(d, x, 3) }, func(d, _, _ []float32) { scaleGeneric(d, x, 3) },
			func(d, _, _ []float32) { scaleAVX2(d, x, 3) }, func(d, _, _ []float32) { scaleAVX512(d, x, 3) }, nil},
		{"shift", func(d, _, _ []float32) { shift(d, x, 3) }, func(d, _, _ []float32) { shiftGeneric(d, x, 3) },
			func(d, _, _ []float32) { shiftAVX2(d, x, 3) }, func(d, _, _ []float32) { shiftAVX512(d, x, 3) }, nil},
		{"add", func(d, a, _ []float32) { add(d, x, a) }, func(d, a, _ []float32) { addGeneric(d, x, a) },
			func(d, a, _ []float32) { addAVX2(d, x, a) }, func(d, a, _ []float32) { addAVX512(d, x, a) }, nil},
		{"sumSquares", sum(func() float32 { return float32(sumSquares(x)) }), sum(func() float32 { return float32(sumSquaresGeneric(x)) }),
			sum(func() float32 { return float32(sumSquaresAVX2(x)) }), sum(func() float32 { return float32(sumSquaresAVX512(x)) }), nil},
	} {
		apply := func(f form) [3][]float32 {
			a, b := make([]float32, n), make([]float32, n)
			copy(a, y)
			copy(b, z)
			out := [3][]float32{make([]float32, n), a, b}
			f(out[0], a, b)
			return out
		}
		want := apply(k.generic)
		for _, v := range []struct {
			tier cpu.Tier
			f    form
		}{{cpu.Generic, k.generic}, {cpu.AVX2, k.avx2}, {cpu.AVX512, k.avx512}, {cpu.AVX512BF16, k.bf16}} {
			if cpu.Detect() < v.tier {
				t.Logf("this machine has no %s", v.tier)
				continue
			}
			if v.f == nil {
				v.f = k.avx512
			}
			got := apply(v.f)
			for i := range got {
				assert.InDeltaSlice(t, want[i], got[i], 2e-5, "%s %s", k.name, v.tier)
			}
			assert.NotEqual(t, [3][]float32{make([]float32, n), y, z}, got, "%s %s did nothing", k.name, v.tier)

			restore, err := cpu.Use(v.tier)
			require.NoError(t, err)
			assert.Equal(t, got, apply(k.active), "%s is not what %s runs", k.name, v.tier)
			restore()
		}
	}
}

// The same for adamW8, which has the same bits on all tiers, and takes whole blocks.
func TestAdamW8KernelsByName(t *testing.T) {
	const n = 3 * Moments8Block
	random := rand.New(rand.NewPCG(13, 14))
	grad := make([]float32, n)
	for i := range grad {
		grad[i] = wideGradient(random)
	}
	type form = func(param, grad []float32, codes, scales []byte, c *adamW8Coefficients)
	run := func(f form) ([]float32, []byte) {
		param, m := make([]float32, n), NewMoments8(n, 0)
		for t := range 5 {
			c := adamW8Coefficients{1, 0.9, 0.1, 0.95, 0.05, 1e-7, 1e-6, 0.999, 0.01, 0x1p-7, uint32(t) << 20, 512, [Moments8Block]float32{}}
			f(param, grad, m.codes(), m.scales(), &c)
		}
		return param, m.Bytes()
	}
	param, state := run(adamW8Generic)
	for tier, f := range map[cpu.Tier]form{cpu.AVX2: adamW8AVX2, cpu.AVX512: adamW8AVX512} {
		if cpu.Detect() < tier {
			t.Logf("this machine has no %s", tier)
			continue
		}
		gotParam, gotState := run(f)
		assert.Equal(t, param, gotParam, tier)
		assert.Equal(t, state, gotState, tier)
	}
}
