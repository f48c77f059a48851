package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// matVecCounts are numbers of blocks around those kernels take at once.
var matVecCounts = []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 18, 64, 177}

func randomFloats(random *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(random.NormFloat64())
	}
	return x
}

// magnitudes returns what bytes of the format stand for, but in Q4_1 and Q4_K, which
// multiply with the parts of a sum or difference, the sum of their magnitudes.
func magnitudes(f BlockFormat, bytes []byte, n int) []float32 {
	bytes = slices.Clone(bytes)
	for block := range slices.Chunk(bytes, f.kind().bytes) {
		switch f {
		case Q4_1:
			block[1] &^= 0x80
			block[3] &^= 0x80
		case Q4K:
			block[1] &^= 0x80
			block[3] |= 0x80
		}
	}
	size := make([]float32, n)
	f.Dequantize(size, bytes)
	return size
}

// agreeMatVec compares results with the product of rows w and x in double precision.
// The bound is for terms added one after the other in single precision, each of them
// the product of at most four factors: Higham, Accuracy and Stability of Numerical
// Algorithms, section 3.1.
// Size has the magnitudes of w's elements, or of the terms they are made of.
func agreeMatVec(t require.TestingT, y, w, size, x []float32, what string) {
	for i, got := range y {
		var want, terms float64
		for j, v := range x {
			want += float64(w[i*len(x)+j]) * float64(v)
			terms += math.Abs(float64(size[i*len(x)+j]) * float64(v))
		}
		bound := terms * float64(len(x)+4) * roundoff * 1.01
		if !(math.Abs(float64(got)-want) <= bound) {
			require.Failf(t, what, "%s: row %d of %d elements: %g, want %g, may be off by %g", cpu.Active(), i, len(x), got, want, bound)
		}
	}
}

func TestMatVecOfBlocksAgreesWithDoublePrecision(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(21, 22))
		var v Int8Vector
		for _, f := range blockFormats {
			for _, count := range matVecCounts {
				const rows = 5
				n := count * f.Elements()
				x := randomFloats(random, n)
				room := randomBlocks(random, f, (rows+1)*n)
				bytes := room[len(room)-f.Bytes(rows*n):]
				w := make([]float32, rows*n)
				f.Dequantize(w, bytes)
				v.Set(x)
				y, check := fenced(random, []int{rows})
				f.MatVec(y[0], bytes, &v)
				check(t, f.String())
				v.Round(x)
				agreeMatVec(t, y[0], w, magnitudes(f, bytes, rows*n), x, f.String())
			}
		}
	})
}

// Where most weights are nearly zero, what is added to make them unsigned must leave
// no trace.
func TestMatVecOfSmallWeights(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(33, 34))
		var v Int8Vector
		for range 500 {
			const n = 64
			x := randomFloats(random, n)
			for j := range x {
				x[j] = float32(math.Abs(float64(x[j]))) + 3
			}
			v.Set(x)
			v.Round(x)
			for f, zero := range map[BlockFormat]byte{Q8_0: 0, Q4_0: 0x88, Q5_0: 0} {
				bytes := randomBlocks(random, f, n)
				for at := range bytes {
					switch place := at % f.Bytes(32); {
					case place < 2:
					case f == Q5_0 && place < 6:
						bytes[at] = 0xff
					default:
						bytes[at] = zero
					}
				}
				bytes[6+random.IntN(12)]++
				w, y := make([]float32, n), make([]float32, 1)
				f.Dequantize(w, bytes)
				f.MatVec(y, bytes, &v)
				agreeMatVec(t, y, w, w, x, f.String())
			}
		}
	})
}

// unitScales sets the scales of every block to 1.
func unitScales(f BlockFormat, bytes []byte) {
	for block := range slices.Chunk(bytes, f.kind().bytes) {
		switch f {
		case Q6K:
			copy(block[192:], "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x3c")
		case Q4K:
			copy(block, "\x00\x3c\x00\x3c\x01\x01\x01\x01\x01\x01\x01\x01\x11\x11\x11\x11")
		case Q4_1:
			copy(block, "\x00\x3c\x00\x3c")
		default:
			copy(block, "\x00\x3c")
		}
	}
}

// Extremes of the integers, which must not overflow: the largest and the smallest
// weights with values of 127 and -127.
func TestMatVecOfBlocksAtTheExtremes(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const n = 3 * 256
		for _, f := range blockFormats {
			for _, pattern := range []byte{0x00, 0x7f, 0x80, 0x81, 0xff, 0x0f, 0xf0} {
				for _, period := range []int{n, 1, 2, 3} {
					x := make([]float32, n)
					for j := range x {
						x[j] = 127
						if j%(period+1) == period {
							x[j] = -127
						}
					}
					bytes := slices.Repeat([]byte{pattern}, f.Bytes(n))
					unitScales(f, bytes)
					w := make([]float32, n)
					f.Dequantize(w, bytes)
					var want float32
					for j := range x {
						want += x[j] * w[j] // integers below 2^24
					}
					var v Int8Vector
					v.Set(x)
					y := []float32{0}
					f.MatVec(y, bytes, &v)
					require.Equal(t, want, y[0], "%s of %#x, signs change every %d", f, pattern, period)
				}
			}
		}
	})
}

func TestMatVecAgreesWithDoublePrecision(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(23, 24))
		for _, n := range vectorLengths() {
			for _, rows := range []int{0, 1, 3} {
				slices, check := fenced(random, []int{rows, rows * n, n})
				y, w, x := slices[0], slices[1], slices[2]
				copy(w, randomFloats(random, len(w)))
				copy(x, randomFloats(random, len(x)))
				MatVec(y, w, x)
				agreeMatVec(t, y, w, w, x, "float32")
				words := make([]uint16, len(w))
				ToBF16(words, w)
				FromBF16(w, words)
				MatVecBF16(y, words, x)
				agreeMatVec(t, y, w, w, x, "bfloat16")
				check(t, "MatVec")
			}
		}
	})
}

// However rows are shared out, the bits are the same; so it is with many rows, which
// go to the kernels in several calls.
func TestMatVecRowsDoNotDependOnEachOther(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(25, 26))
		const n = 768
		x := randomFloats(random, n)
		var v Int8Vector
		v.Set(x)
		each := func(name string, rows int, run func(y []float32, from, to int)) {
			whole, parts := make([]float32, rows), make([]float32, rows)
			run(whole, 0, rows)
			for from := 0; from < rows; {
				to := min(rows, from+1+random.IntN(rows/3))
				run(parts[from:to], from, to)
				from = to
			}
			assert.Equal(t, bitsOf(whole), bitsOf(parts), name)
		}
		for _, f := range blockFormats {
			rows := 20
			if f == Q4_0 {
				rows = kernelBytes/f.Bytes(n) + 50
			}
			w, stride := randomBlocks(random, f, rows*n), f.Bytes(n)
			each(f.String(), rows, func(y []float32, from, to int) { f.MatVec(y, w[from*stride:to*stride], &v) })
		}
		const rows = kernelBytes/4/n + 50
		w := randomFloats(random, rows*n)
		each("float32", rows, func(y []float32, from, to int) { MatVec(y, w[from*n:to*n], x) })
		words := make([]uint16, len(w))
		ToBF16(words, w)
		each("bfloat16", rows, func(y []float32, from, to int) { MatVecBF16(y, words[from*n:to*n], x) })
	})
}

// Every tier rounds to the same bits, what is special among it, and leaves no value
// of a vector before in the room for groups.
func TestInt8VectorIsTheSameOnAllTiers(t *testing.T) {
	random := rand.New(rand.NewPCG(27, 28))
	infinity := float32(math.Inf(1))
	specials := []float32{0, smallest, -0x1p-127, 0x1p-126, 0x1p-121, 1, 0.5, infinity, -infinity, float32(math.NaN()), 0x1p127}
	var inputs [][]float32
	for range 200 {
		x := randomFloats(random, 32*(1+random.IntN(9)))
		for i := range x {
			switch random.IntN(40) {
			case 0:
				x[i] = specials[random.IntN(len(specials))]
			case 1:
				x[i] = float32(math.Trunc(float64(2*x[i])) + 0.5)
			}
		}
		scale := float32(math.Exp2(float64(random.IntN(240) - 140)))
		for i := range x[:32] {
			x[i] *= scale
		}
		inputs = append(inputs, x)
	}
	var want []Int8Vector
	vectorTiers(t, func(t *testing.T) {
		var v Int8Vector
		for i, x := range inputs {
			v.Set(x)
			if cpu.Active() == cpu.Generic {
				var w Int8Vector
				w.Set(x)
				want = append(want, w)
			}
			require.Equal(t, want[i].values, v.values, "%g", x)
			require.Equal(t, bitsOf(want[i].scales), bitsOf(v.scales), "%g", x)
			require.Equal(t, want[i].sums, v.sums, "%g", x)
			require.Equal(t, want[i].halves, v.halves, "%g", x)
			require.Equal(t, want[i].starts, v.starts, "%g", x)
			rounded := make([]float32, len(x))
			v.Round(rounded)
			for b := range len(x) / 32 {
				largest := float64(math.Float32frombits(largestMagnitude(x[32*b:][:32])))
				var sum int32
				for j := range 32 {
					k := 32*b + j
					sum += int32(v.values[k])
					if !(largest <= math.MaxFloat32) {
						require.NotEqual(t, rounded[k], rounded[k], "a block of %g", largest)
						continue
					}
					bound := largest*(0.5/127)*(1+0x1p-15) + 127*0x1p-128
					require.LessOrEqual(t, math.Abs(float64(x[k])-float64(rounded[k])), bound, "%g in a block of %g", x[k], largest)
				}
				require.Equal(t, -sum, v.sums[b])
			}
		}
	})
}

func TestMatVecOfNumbersThatAreNotFinite(t *testing.T) {
	notFinite := func(x float32) bool { return x-x != 0 }
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(29, 30))
		var v Int8Vector
		for _, f := range blockFormats {
			k := f.kind()
			n := 3 * f.Elements()
			x := randomFloats(random, n)
			for _, bad := range []uint16{0x7c00, 0xfc00, 0x7e00, 0x7c01} { // infinities and NaNs
				for block := range 3 {
					w := randomBlocks(random, f, 3*n)
					at := f.Bytes(n) + block*k.bytes // in the second of three rows
					if f == Q6K {
						at += 208
					}
					binary.LittleEndian.PutUint16(w[at:], bad)
					v.Set(x)
					y := make([]float32, 3)
					f.MatVec(y, w, &v)
					if f == Q4_1 || f == Q4K { // another scale
						binary.LittleEndian.PutUint16(w[at:], 0)
						binary.LittleEndian.PutUint16(w[at+2:], bad)
						other := make([]float32, 3)
						f.MatVec(other, w, &v)
						assert.Equal(t, []bool{false, true, false}, []bool{notFinite(other[0]), notFinite(other[1]), notFinite(other[2])}, "%s: %g", f, other)
					}
					assert.Equal(t, []bool{false, true, false}, []bool{notFinite(y[0]), notFinite(y[1]), notFinite(y[2])}, "%s: %g", f, y)
				}
			}
			for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(-1))} {
				broken := randomFloats(random, n)
				broken[n-1] = bad
				v.Set(broken)
				y := make([]float32, 1)
				f.MatVec(y, randomBlocks(random, f, n), &v)
				assert.True(t, notFinite(y[0]), "%s times %g: %g", f, bad, y[0])
			}
		}
	})
}

// The products with several vectors are those with each, to the bit, over more rows
// than go to a kernel at once.
func TestMatVecsAreThoseOfEachVector(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(35, 36))
		const n, most = 768, 5
		var xs [most][]float32
		var vs [most]Int8Vector
		for i := range xs {
			xs[i] = randomFloats(random, n)
			vs[i].Set(xs[i])
		}
		check := func(name string, rows int, several func(ys [][]float32, count int), one func(y []float32, i int)) {
			for _, count := range []int{0, 1, 2, most} {
				ys, fences := fenced(random, slices.Repeat([]int{rows}, count))
				several(ys, count)
				fences(t, name)
				for i, y := range ys {
					want := make([]float32, rows)
					one(want, i)
					require.Equal(t, bitsOf(want), bitsOf(y), "%s: vector %d of %d", name, i, count)
				}
			}
		}
		for _, f := range blockFormats {
			const rows = 30
			w := randomBlocks(random, f, rows*n)
			check(f.String(), rows, func(ys [][]float32, count int) { f.MatVecs(ys, w, vs[:count]) },
				func(y []float32, i int) { f.MatVec(y, w, &vs[i]) })
		}
		const rows = kernelBytes/4/n + 20
		w, words := randomFloats(random, rows*n), make([]uint16, rows*n)
		ToBF16(words, w)
		check("float32", rows, func(ys [][]float32, count int) { MatVecs(ys, w, xs[:count]) },
			func(y []float32, i int) { MatVec(y, w, xs[i]) })
		check("bfloat16", rows, func(ys [][]float32, count int) { MatVecsBF16(ys, words, xs[:count]) },
			func(y []float32, i int) { MatVecBF16(y, words, xs[i]) })
	})
}

func TestMatVecOfNoElements(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		var v Int8Vector
		for _, f := range blockFormats {
			y := []float32{1, 2, 3}
			f.MatVec(y, nil, &v)
			assert.Equal(t, make([]float32, 3), y, f.String())
		}
	})
}

func TestMatVecAllocatesNothing(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(31, 32))
		x, y := randomFloats(random, 256), make([]float32, 2)
		var v Int8Vector
		v.Set(x)
		for _, f := range blockFormats {
			w := randomBlocks(random, f, 512)
			assert.Zero(t, testing.AllocsPerRun(10, func() { v.Set(x); f.MatVec(y, w, &v) }), f.String())
			ys, vs := [][]float32{y, make([]float32, 2)}, []Int8Vector{v, v}
			assert.Zero(t, testing.AllocsPerRun(10, func() { f.MatVecs(ys, w, vs) }), f.String())
		}
	})
}
