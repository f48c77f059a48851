package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Rows done together must have the bits of rows done one by one: threads share them
// out as they like.
func TestRowsAreIndependent(t *testing.T) {
	const rows, cols = 5, 77
	random := rand.New(rand.NewPCG(21, 22))
	draw := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(random.NormFloat64())
		}
		return x
	}
	x, dy, weight := draw(rows*cols), draw(rows*cols), draw(cols)
	vectorTiers(t, func(t *testing.T) {
		y, norm, inverse, logs := make([]float32, rows*cols), make([]float32, rows*cols), make([]float32, rows), make([]float32, rows*cols)
		dx, dnorm, dweight := make([]float32, rows*cols), slices.Clone(x), make([]float32, cols)
		Softmax(y, x, cols)
		SoftmaxBackward(dx, y, dy, cols)
		LogSoftmax(logs, x, cols)
		RMSNorm(norm, inverse, x, weight, testEps)
		RMSNormBackward(dnorm, dweight, dy, x, weight, inverse)
		sum := make([]float32, cols)
		for i := range rows {
			row := func(of []float32) []float32 { return of[i*cols : (i+1)*cols] }
			one, inv := make([]float32, cols), make([]float32, 1)
			Softmax(one, row(x), cols)
			require.Equal(t, row(y), one)
			SoftmaxBackward(one, row(y), row(dy), cols)
			require.Equal(t, row(dx), one)
			LogSoftmax(one, row(x), cols)
			require.Equal(t, row(logs), one)
			RMSNorm(one, inv, row(x), weight, testEps)
			require.Equal(t, row(norm), one)
			require.Equal(t, inverse[i:i+1], inv)
			copy(one, row(x))
			RMSNormBackward(one, sum, row(dy), row(x), weight, inv)
			require.Equal(t, row(dnorm), one)
		}
		require.Equal(t, dweight, sum)
	})
}

// An operation may write over its argument.
func TestInPlace(t *testing.T) {
	const rows, cols = 3, 45
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(23, 24))
		x, weight := make([]float32, rows*cols), make([]float32, cols)
		for i := range x {
			x[i], weight[i%cols] = float32(random.NormFloat64()), 2
		}
		for name, f := range map[string]func(dst, src []float32){
			"Exp":        Exp,
			"Softmax":    func(dst, src []float32) { Softmax(dst, src, cols) },
			"LogSoftmax": func(dst, src []float32) { LogSoftmax(dst, src, cols) },
			"RMSNorm":    func(dst, src []float32) { RMSNorm(dst, make([]float32, rows), src, weight, testEps) },
			"SiLUMul":    func(dst, src []float32) { SiLUMul(dst, src, src) },
			"Scale":      func(dst, src []float32) { Scale(dst, src, 3) },
			"Add":        func(dst, src []float32) { Add(dst, src, src) },
			"SiLUMulBackward": func(dst, src []float32) {
				dup := make([]float32, len(src))
				SiLUMulBackward(dst, dup, src, src, src)
			},
			"SoftmaxBackward": func(dst, src []float32) { SoftmaxBackward(dst, src, src, cols) },
		} {
			want, got := make([]float32, len(x)), slices.Clone(x)
			f(want, x)
			f(got, got)
			assert.Equal(t, want, got, name)
		}
	})
}

// Turned there and back a head is as it was, and its length never changes.
func TestRoPETurnsBack(t *testing.T) {
	frequency := []float64{1, 0.1, 0.01, 0.001}
	cos, sin := make([]float32, 4), make([]float32, 4)
	RoPEAngles(cos, sin, 1234, frequency)
	for i, f := range frequency {
		assert.Equal(t, float32(math.Cos(1234*f)), cos[i])
		assert.Equal(t, float32(math.Sin(1234*f)), sin[i])
	}
	vectorTiers(t, func(t *testing.T) {
		for _, p := range []Pairing{Halves, Neighbours} {
			x := []float32{1, 2, 3, 4, 5, 6, 7, 8, -1, -2, -3, -4, -5, -6, -7, -8}
			turned := slices.Clone(x)
			RoPE(turned, cos, sin, p)
			assert.NotEqual(t, x, turned)
			assert.InEpsilon(t, SumSquares(x), SumSquares(turned), 1e-6)
			RoPEBackward(turned, cos, sin, p)
			assert.InDeltaSlice(t, x, turned, 1e-5)
		}
	})
}
