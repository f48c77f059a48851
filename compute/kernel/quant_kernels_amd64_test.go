//go:build !noasm

package kernel

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

func TestAssemblyKnowsWhereAnInt8VectorHasItsSlices(t *testing.T) {
	var v Int8Vector
	assert.Equal(t, []uintptr{0, 24, 48, 72, 96}, []uintptr{unsafe.Offsetof(v.values), unsafe.Offsetof(v.halves),
		unsafe.Offsetof(v.scales), unsafe.Offsetof(v.sums), unsafe.Offsetof(v.starts)})
}

// The kernels by their own names, without the choice among them: that each is there,
// agrees with the portable form, and is the one its tier calls.
func TestMatVecKernelsByName(t *testing.T) {
	const rows, n = 7, 3 * 256
	random := rand.New(rand.NewPCG(41, 42))
	x := randomFloats(random, n)
	numbers, words := randomFloats(random, rows*n), make([]uint16, rows*n)
	ToBF16(words, numbers)
	var v Int8Vector
	v.Set(x)

	type form = func(y []float32)
	of := func(format BlockFormat) func(func([]float32, []byte, *Int8Vector, int)) form {
		w := randomBlocks(random, format, rows*n)
		return func(f func([]float32, []byte, *Int8Vector, int)) form {
			return func(y []float32) { f(y, w, &v, n/format.Elements()) }
		}
	}
	q8, q4, q41, q50, q4k, q6k := of(Q8_0), of(Q4_0), of(Q4_1), of(Q5_0), of(Q4K), of(Q6K)
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
	split := func(f func(halves []int8, starts []int32, values []int8)) form {
		return func(y []float32) {
			halves, starts := make([]int8, n), make([]int32, n/8)
			f(halves, starts, v.values)
			for i := range y {
				y[i] = float32(halves[n-1-i]) + 256*float32(starts[n/8-1-i])
			}
		}
	}
	for _, k := range []struct {
		name                                string
		active, generic, avx2, avx512, bf16 form
	}{
		{"matVecQ8_0", q8(matVecQ8_0), q8(matVecQ8_0Generic), q8(matVecQ8_0AVX2), q8(matVecQ8_0AVX512), q8(matVecQ8_0AVX512BF16)},
		{"matVecQ4_0", q4(matVecQ4_0), q4(matVecQ4_0Generic), q4(matVecQ4_0AVX2), q4(matVecQ4_0AVX512), q4(matVecQ4_0AVX512BF16)},
		{"matVecQ4_1", q41(matVecQ4_1), q41(matVecQ4_1Generic), q41(matVecQ4_1AVX2), q41(matVecQ4_1AVX512), q41(matVecQ4_1AVX512BF16)},
		{"matVecQ5_0", q50(matVecQ5_0), q50(matVecQ5_0Generic), q50(matVecQ5_0AVX2), q50(matVecQ5_0AVX512), q50(matVecQ5_0AVX512BF16)},
		{"matVecQ4K", q4k(matVecQ4K), q4k(matVecQ4KGeneric), q4k(matVecQ4KAVX2), q4k(matVecQ4KAVX512), q4k(matVecQ4KAVX512BF16)},
		{"matVecQ6K", q6k(matVecQ6K), q6k(matVecQ6KGeneric), q6k(matVecQ6KAVX2), q6k(matVecQ6KAVX512), q6k(matVecQ6KAVX512BF16)},
		{"matVecF32", ofF32(matVecF32), ofF32(matVecF32Generic), ofF32(matVecF32AVX2), ofF32(matVecF32AVX512), ofF32(matVecF32AVX512)},
		{"matVecBF16", ofBF16(matVecBF16), ofBF16(matVecBF16Generic), ofBF16(matVecBF16AVX2), ofBF16(matVecBF16AVX512), ofBF16(matVecBF16AVX512)},
		{"roundInt8", round(roundInt8), round(roundInt8Generic), round(roundInt8AVX2), round(roundInt8AVX512), round(roundInt8AVX512)},
		{"splitInt8", split(splitInt8), split(splitInt8Generic), split(splitInt8AVX2), split(splitInt8AVX2), split(splitInt8AVX2)},
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
