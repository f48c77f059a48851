//go:build !noasm

package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// The kernels by their own names, without the choice among them: that each is there,
// agrees with the portable form, and is the one its tier calls.
func TestMatVecKernelsByName(t *testing.T) {
	const rows, n = 7, 3 * 256
	random := rand.New(rand.NewPCG(41, 42))
	x := randomFloats(random, n)
	numbers, words := randomFloats(random, rows*n), make([]uint16, rows*n)
	ToBF16(words, numbers)
	q8, q4 := randomBlocks(random, Q8_0, rows*n), randomBlocks(random, Q4_0, rows*n)
	q4k, q6k := randomBlocks(random, Q4K, rows*n), randomBlocks(random, Q6K, rows*n)
	var v Int8Vector
	v.Set(x)

	type form = func(y []float32)
	of8 := func(f func([]float32, []byte, []int8, []float32, []int32, int)) form {
		return func(y []float32) { f(y, q8, v.values, v.scales, v.sums, n/32) }
	}
	of4 := func(f func([]float32, []byte, []int8, []float32, []int32, int)) form {
		return func(y []float32) { f(y, q4, v.values, v.scales, v.sums, n/32) }
	}
	ofQ4K := func(f func([]float32, []byte, []int8, []float32, []int32, int)) form {
		return func(y []float32) { f(y, q4k, v.values, v.scales, v.sums, n/256) }
	}
	ofQ6K := func(f func([]float32, []byte, []int8, []float32, []int32, int)) form {
		return func(y []float32) { f(y, q6k, v.values, v.scales, v.sums, n/256) }
	}
	ofF32 := func(f func(y, w, x []float32, stride int)) form {
		return func(y []float32) { f(y, numbers, x, n) }
	}
	ofBF16 := func(f func(y []float32, w []uint16, x []float32, stride int)) form {
		return func(y []float32) { f(y, words, x, n) }
	}
	round := func(f func([]int8, []float32, []int32, []float32)) form {
		return func(y []float32) {
			values, scales, sums := make([]int8, n), make([]float32, n/32), make([]int32, n/32)
			f(values, scales, sums, x)
			for i := range y {
				y[i] = scales[i]*float32(values[i]) + float32(sums[i])
			}
		}
	}
	for _, k := range []struct {
		name                                string
		active, generic, avx2, avx512, bf16 form
	}{
		{"matVecQ8", of8(matVecQ8), of8(matVecQ8Generic), of8(matVecQ8AVX2), of8(matVecQ8AVX512), of8(matVecQ8AVX512BF16)},
		{"matVecQ4", of4(matVecQ4), of4(matVecQ4Generic), of4(matVecQ4AVX2), of4(matVecQ4AVX512), of4(matVecQ4AVX512BF16)},
		{"matVecQ4K", ofQ4K(matVecQ4K), ofQ4K(matVecQ4KGeneric), ofQ4K(matVecQ4KAVX2), ofQ4K(matVecQ4KAVX2), ofQ4K(matVecQ4KAVX2)},
		{"matVecQ6K", ofQ6K(matVecQ6K), ofQ6K(matVecQ6KGeneric), ofQ6K(matVecQ6KAVX2), ofQ6K(matVecQ6KAVX2), ofQ6K(matVecQ6KAVX2)},
		{"matVecF32", ofF32(matVecF32), ofF32(matVecF32Generic), ofF32(matVecF32AVX2), ofF32(matVecF32AVX512), ofF32(matVecF32AVX512)},
		{"matVecBF16", ofBF16(matVecBF16), ofBF16(matVecBF16Generic), ofBF16(matVecBF16AVX2), ofBF16(matVecBF16AVX512), ofBF16(matVecBF16AVX512)},
		{"roundInt8", round(roundInt8), round(roundInt8Generic), round(roundInt8AVX2), round(roundInt8AVX512), round(roundInt8AVX512)},
	} {
		run := func(f form) []float32 {
			y := make([]float32, rows)
			f(y)
			return y
		}
		want := run(k.generic)
		size := 10_000.0 // more than the sum of the terms' magnitudes
		if k.name == "matVecQ6K" {
			size = 200_000
		}
		for _, variant := range []struct {
			tier cpu.Tier
			f    form
		}{{cpu.Generic, k.generic}, {cpu.AVX2, k.avx2}, {cpu.AVX512, k.avx512}, {cpu.AVX512BF16, k.bf16}} {
			if cpu.Detect() < variant.tier {
				t.Logf("this machine has no %s", variant.tier)
				continue
			}
			got := run(variant.f)
			assert.InDeltaSlice(t, want, got, size*(n+4)*roundoff, "%s %s", k.name, variant.tier)
			assert.NotEqual(t, make([]float32, rows), got, "%s %s did nothing", k.name, variant.tier)

			restore, err := cpu.Use(variant.tier)
			require.NoError(t, err)
			assert.Equal(t, got, run(k.active), "%s is not what %s runs", k.name, variant.tier)
			restore()
		}
	}
}
