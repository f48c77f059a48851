package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Rounding costs at most half a step, where a step is the scale; for Q4_0 and Q5_0, a
// whole one at the end that is cut. Scales, and the least number of Q4_1, are rounded
// to 11 bits; below 2^-14, where halves are denormal, to multiples of 2^-24.
func TestQuantisedNumbersAreNear(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float32Range(-1000, 1000), 64, 64).Draw(t, "x")
		for _, f := range []struct {
			BlockFormat
			steps float64 // in the largest magnitude
			off   float64 // in steps
		}{{Q8_0, 127, 0.5}, {Q4_0, 8, 1}, {Q5_0, 16, 1}, {Q4_1, 7.5, 0.5}} {
			block, got := make([]byte, f.Bytes(64)), make([]float32, 64)
			f.Quantize(block, x)
			f.Dequantize(got, block)
			for i := range x {
				largest := float64(math.Float32frombits(largestMagnitude(x[i/32*32:][:32])))
				bound := largest*(f.off/f.steps+0x1p-11+0x1p-20) + f.steps*0x1p-25
				if f.BlockFormat == Q4_1 { // a range of up to twice the magnitude, and two numbers rounded
					bound += largest*0x1p-10 + (f.steps+1)*0x1p-25
				}
				require.LessOrEqual(t, math.Abs(float64(got[i])-float64(x[i])), bound, "%s: element %d of %g", f, i, x)
			}
		}
	})
}

// Normal numbers range over some 4.1 standard deviations in a part of 32, and reach
// some 2.1 in one of 16; so steps are a fifteenth of the one, a thirty-second of the
// other, and errors expected are these over the square root of 12: 0.079 and 0.019.
// The search for scales makes up for the rounding of these.
func TestErrorsOfSuperblocks(t *testing.T) {
	random := rand.New(rand.NewPCG(61, 62))
	x := randomFloats(random, 64*256)
	for i := range x {
		x[i] = float32(random.NormFloat64() / 50)
	}
	for f, bound := range map[BlockFormat]float64{Q4K: 0.079, Q6K: 0.019} {
		block, got := make([]byte, f.Bytes(len(x))), make([]float32, len(x))
		f.Quantize(block, x)
		f.Dequantize(got, block)
		var errors, squares float64
		for i, v := range x {
			errors += float64(got[i]-v) * float64(got[i]-v)
			squares += float64(v) * float64(v)
		}
		assert.Less(t, math.Sqrt(errors/squares), bound, f.String())
	}
}

// Nothing that is not a number, or too large, becomes one.
func TestQuantisedBlocksThatAreNotFinite(t *testing.T) {
	infinity := float32(math.Inf(1))
	for _, f := range blockFormats {
		e := f.Elements()
		x, block, got := make([]float32, 3*e), make([]byte, f.Bytes(3*e)), make([]float32, 3*e)
		for _, bad := range []float32{infinity, -infinity, float32(math.NaN()), math.Float32frombits(0xff800001)} {
			for _, place := range []int{0, 7, e - 1} {
				for i := range x {
					x[i] = float32(i)
				}
				x[e+place] = bad
				f.Quantize(block, x)
				f.Dequantize(got, block)
				for i, v := range got {
					require.Equal(t, i/e == 1, v != v, "%s of %g: element %d is %g", f, bad, i, v)
				}
			}
		}
		for _, large := range []float32{3e8, 1 << 30, 1e19, math.MaxFloat32} {
			clear(x)
			x[3], x[4] = large, -large
			f.Quantize(block, x)
			f.Dequantize(got, block)
			assert.False(t, finite(got[3:4]), "%s of %g is %g", f, large, got[3])
			assert.False(t, finite(got[4:5]), "%s of %g is %g", f, -large, got[4])
			for _, v := range got[:e] {
				if large >= 1<<30 && (f == Q4K || f == Q6K) {
					require.True(t, v != v, "%s of %g", f, large)
				}
			}
		}
	}
	x := make([]float32, 32)
	x[3] = 3e7
	block, got := make([]byte, 34), make([]float32, 32)
	Q8_0.Quantize(block, x)
	Q8_0.Dequantize(got, block)
	assert.Equal(t, infinity, got[3])
}

// Zeros stay zeros, and those of either sign have the same bytes where a format has no
// least number, as in ggml.
func TestQuantisedZeros(t *testing.T) {
	for _, f := range blockFormats {
		e := f.Elements()
		x, zero, minus := make([]float32, e), make([]byte, f.Bytes(e)), make([]byte, f.Bytes(e))
		f.Quantize(zero, x)
		for i := range x {
			x[i] = float32(math.Copysign(0, -1))
		}
		f.Quantize(minus, x)
		if f != Q4_1 && f != Q4K {
			assert.Equal(t, zero, minus, f.String())
		}
		for _, block := range [][]byte{zero, minus} {
			f.Dequantize(x, block)
			for _, v := range x {
				require.Zero(t, math.Abs(float64(v)), f.String())
			}
		}
	}
}

// From 1e-15 on, by ggml's GROUP_MAX_EPS, numbers of Q6_K have quants and scales, though
// the block's scale is still zero.
func TestNegligibleNumbersOfQ6K(t *testing.T) {
	x, block, none := make([]float32, 256), make([]byte, 210), make([]byte, 210)
	for _, c := range []struct {
		size       float32
		negligible bool
	}{{0.9e-15, true}, {1e-13, false}} {
		for i := range x {
			x[i] = c.size
		}
		Q6K.Quantize(block, x)
		assert.Equal(t, c.negligible, slices.Equal(none, block), "%g", c.size)
		Q6K.Dequantize(x, block)
		assert.Equal(t, make([]float32, 256), x)
	}
}

func TestBlocksAreMadeAndReadOffTheHeap(t *testing.T) {
	x := make([]float32, 512)
	for _, f := range blockFormats {
		block := make([]byte, f.Bytes(len(x)))
		assert.Zero(t, testing.AllocsPerRun(5, func() {
			f.Quantize(block, x)
			f.Dequantize(x, block)
		}), f.String())
	}
}

// FuzzQuantize: any numbers become blocks, each its own; what is not finite is seen
// in the block's numbers, and what is lies within twice the block's magnitude.
func FuzzQuantize(f *testing.F) {
	for i := range blockFormats {
		f.Add(uint8(i), []byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 1, 2, 3, 4, 0x85, 0x4e})
		f.Add(uint8(i), []byte{1, 0, 0, 0, 0, 0, 0, 0, 0x80, 9, 0x3c})
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		format := blockFormats[int(which)%len(blockFormats)]
		e := format.Elements()
		data = append(append([]byte(nil), data...), 0, 0x3f, 0x80, 1)
		x := make([]float32, 2*e)
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[i*3%(len(data)-3):]))
		}
		block, got := make([]byte, format.Bytes(2*e)), make([]float32, 2*e)
		format.Quantize(block, x)
		second := make([]byte, format.Bytes(e))
		format.Quantize(second, x[e:])
		require.Equal(t, second, block[len(second):])
		format.Dequantize(got, block)
		for part := range 2 {
			largest := math.Float32frombits(largestMagnitude(x[part*e:][:e]))
			for i, v := range got[part*e:][:e] {
				switch {
				case largest-largest != 0:
					require.True(t, v != v, "element %d is %g", i, v)
				case largest < 1e5:
					d := math.Abs(float64(v) - float64(x[part*e+i]))
					require.LessOrEqual(t, d, 2*float64(largest), "element %d of %g", i, x)
				}
			}
		}
	})
}

// BenchmarkQuantize is in elements: MB/s are million elements a second.
func BenchmarkQuantize(b *testing.B) {
	x := make([]float32, 16<<10)
	random := rand.New(rand.NewPCG(63, 64))
	for i := range x {
		x[i] = float32(random.NormFloat64() / 50)
	}
	for _, f := range blockFormats {
		dst := make([]byte, f.Bytes(len(x)))
		b.Run(f.String(), func(b *testing.B) {
			b.SetBytes(int64(len(x)))
			for b.Loop() {
				f.Quantize(dst, x)
			}
		})
	}
}
