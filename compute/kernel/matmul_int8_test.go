package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// int8Problem is one product of int8, with everything that may vary.
type int8Problem struct {
	format   BlockFormat
	m, n, k  int
	off, gap int
	packed   bool
	o        MatMulOptions
	threads  int
	seed     uint64
}

// matMulInt8 multiplies with weights as they are stored, of c.Cols rows.
func matMulInt8(f BlockFormat, p *Pool, c, x Matrix, w []byte, o MatMulOptions) {
	o.Precision = Int8
	MatMul(p, c, x, BlockMatrix{Data: w, Format: f, Rows: c.Cols, Cols: x.Cols}.T(), o)
}

// packedInt8 packs n rows of k weights.
func packedInt8(f BlockFormat, p *Pool, w []byte, n, k int) *Packed {
	return Pack(p, BlockMatrix{Data: w, Format: f, Rows: n, Cols: k}.T(), Int8)
}

func matMulPackedInt8(p *Pool, c, x Matrix, w *Packed, o MatMulOptions) {
	o.Precision = Int8
	MatMul(p, c, x, w, o)
}

// agreeInt8 computes the problem with the active tier and compares every element with
// float64, under the bound of MatMul, and everything around c with what was there. It
// returns the bits of c.
func agreeInt8(t require.TestingT, q int8Problem) []uint32 {
	r := rand.New(rand.NewPCG(q.seed, 2))
	x, _ := view(q.m, q.k, q.off, q.gap, false)
	c, around := view(q.m, q.n, q.off, q.gap, false)
	fillNormal(x, r)
	if q.o.Accumulate {
		fillNormal(c, r)
	}
	before := append([]float32(nil), around...)
	stored := randomBlocks(r, q.format, q.n*q.k)

	var p *Pool
	if q.threads > 0 {
		p = NewPool(q.threads)
		defer p.Close()
	}
	if q.packed {
		matMulPackedInt8(p, c, x, packedInt8(q.format, p, stored, q.n, q.k), q.o)
	} else {
		matMulInt8(q.format, p, c, x, stored, q.o)
	}

	w := make([]float32, q.n*q.k)
	q.format.Dequantize(w, stored)
	size := magnitudes(q.format, stored, q.n*q.k)
	alpha := float64(q.o.Alpha)
	if alpha == 0 {
		alpha = 1
	}
	var v Int8Vector
	rounded := make([]float32, q.k)
	var bits []uint32
	at := make([]bool, len(around))
	for i := range q.m {
		if q.k > 0 {
			v.Set(x.Data[i*x.stride():][:q.k])
			v.Round(rounded)
		}
		for j := range q.n {
			at[q.off+c.index(i, j)] = true
			exact, terms := 0.0, 0.0
			for k, v := range rounded {
				exact += float64(v) * float64(w[j*q.k+k])
				terms += math.Abs(float64(v) * float64(size[j*q.k+k]))
			}
			exact, terms = exact*alpha, terms*math.Abs(alpha)
			if q.o.Accumulate {
				was := float64(before[q.off+c.index(i, j)])
				exact += was
				terms += math.Abs(was)
			}
			got := c.Data[c.index(i, j)]
			bound := int8Bound(q.k) * terms
			if d := math.Abs(float64(got) - exact); !(d <= bound) {
				require.Failf(t, "MatMul", "%s, %+v: element %d, %d is %v, want %v within %v", cpu.Active(), q, i, j, got, exact, bound)
			}
			bits = append(bits, math.Float32bits(got))
		}
	}
	for i := range around {
		if !at[i] && math.Float32bits(around[i]) != math.Float32bits(before[i]) {
			require.Failf(t, "MatMul", "%s, %+v: wrote at %d, outside of c", cpu.Active(), q, i-q.off)
		}
	}
	return bits
}

// int8Bound is the bound stated at Int8.
func int8Bound(k int) float64 {
	if tier := cpu.Active(); tier == cpu.AVX2 || tier == cpu.AVX512 {
		return float64(k+8) * roundoff
	}
	return float64(k/16+8) * roundoff
}

var int8Shapes = [][3]int{ // of K in blocks
	{0, 3, 2}, {1, 1, 1}, {1, 0, 1}, {2, 3, 0}, {5, 31, 3}, {6, 32, 2}, {7, 33, 1}, {11, 63, 2}, {12, 64, 1}, {13, 65, 3}, {25, 97, 1}, {3, 2, 9},
}

func TestInt8Edges(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for _, f := range blockFormats {
			for i, shape := range int8Shapes {
				for _, packed := range []bool{false, true} {
					agreeInt8(t, int8Problem{
						format: f, m: shape[0], n: shape[1], k: shape[2] * f.Elements(), off: 3, gap: i & 1, packed: packed,
						o: MatMulOptions{Accumulate: i&2 != 0, Alpha: []float32{0, 0.37}[i&1]}, seed: uint64(i),
					})
				}
			}
		}
	})
}

func TestInt8(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			f := rapid.SampledFrom(blockFormats).Draw(t, "format")
			agreeInt8(t, int8Problem{
				format: f, m: rapid.IntRange(0, 30).Draw(t, "m"), n: rapid.IntRange(0, 70).Draw(t, "n"),
				k:   rapid.IntRange(0, 600/f.Elements()).Draw(t, "k") * f.Elements(),
				off: rapid.IntRange(0, 17).Draw(t, "off"), gap: rapid.IntRange(0, 9).Draw(t, "gap"),
				packed: rapid.Bool().Draw(t, "packed"),
				o: MatMulOptions{
					Alpha:      rapid.SampledFrom([]float32{0, 1, -1, 0.37, 2}).Draw(t, "alpha"),
					Accumulate: rapid.Bool().Draw(t, "accumulate"),
				},
				threads: rapid.IntRange(0, 3).Draw(t, "threads"), seed: rapid.Uint64().Draw(t, "seed"),
			})
		})
	})
}

// K of several blocks, with a last one that is shorter.
func TestInt8BlocksOfK(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for _, f := range blockFormats {
			for i, k := range []int{int8Wide + 32, int8K + 32, 2*int8K + 256} {
				if k%f.Elements() == 0 {
					agreeInt8(t, int8Problem{format: f, m: 14, n: 36, k: k, packed: i&1 == 0, o: MatMulOptions{Alpha: 0.5, Accumulate: i == 2}, seed: uint64(k)})
				}
			}
		}
	})
}

// The bits must not depend on the threads, on the other rows and columns, or on
// whether the weights are packed.
func TestInt8Bits(t *testing.T) {
	formats := blockFormats
	if testing.Short() { // under the race detector
		formats = []BlockFormat{Q4K, Q6K}
	}
	vectorTiers(t, func(t *testing.T) {
		for _, f := range formats {
			for _, shape := range [][3]int{{1, 40, 256}, {300, 8, 256}, {37, 161, 768}, {14, 33, int8K + 256}} {
				m, n, k := shape[0], shape[1], shape[2]
				r := rand.New(rand.NewPCG(5, uint64(k)))
				x := Matrix{Data: randomFloats(r, m*k), Rows: m, Cols: k}
				stored := randomBlocks(r, f, n*k)
				c := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
				matMulInt8(f, nil, c, x, stored, MatMulOptions{Alpha: 0.3})
				want := bitsOf(c.Data)
				for _, threads := range []int{1, 2, 3, 8} {
					p := NewPool(threads)
					matMulInt8(f, p, c, x, stored, MatMulOptions{Alpha: 0.3})
					require.Equal(t, want, bitsOf(c.Data), "%s %v, %d threads", f, shape, threads)
					matMulPackedInt8(p, c, x, packedInt8(f, p, stored, n, k), MatMulOptions{Alpha: 0.3})
					require.Equal(t, want, bitsOf(c.Data), "%s %v packed, %d threads", f, shape, threads)
					p.Close()
				}
				for _, i := range []int{0, m / 2, m - 1} {
					row := Matrix{Data: make([]float32, n), Rows: 1, Cols: n}
					matMulInt8(f, nil, row, Matrix{Data: x.Data[i*k:], Rows: 1, Cols: k}, stored, MatMulOptions{Alpha: 0.3})
					require.Equal(t, want[i*n:][:n], bitsOf(row.Data), "%s %v, row %d", f, shape, i)
				}
				for _, j := range []int{0, n / 2, n - 1} {
					column := Matrix{Data: make([]float32, m), Rows: m, Cols: 1}
					matMulInt8(f, nil, column, x, stored[j*f.Bytes(k):], MatMulOptions{Alpha: 0.3})
					for i, bits := range bitsOf(column.Data) {
						require.Equal(t, want[i*n+j], bits, "%s %v, column %d", f, shape, j)
					}
				}
			}
		}
	})
}

// A product of one row sees the numbers that MatVec sees.
func TestInt8AgreesWithMatVec(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const n, k = 37, 512
		r := rand.New(rand.NewPCG(6, 6))
		var v Int8Vector
		for _, f := range blockFormats {
			x, stored := randomFloats(r, k), randomBlocks(r, f, n*k)
			v.Set(x)
			want, got := make([]float32, n), make([]float32, n)
			f.MatVec(want, stored, &v)
			matMulInt8(f, nil, Matrix{Data: got, Rows: 1, Cols: n}, Matrix{Data: x, Rows: 1, Cols: k}, stored, MatMulOptions{})
			v.Round(x)
			size := magnitudes(f, stored, n*k)
			for j := range n {
				var terms float64
				for i, v := range x {
					terms += math.Abs(float64(v) * float64(size[j*k+i]))
				}
				assert.InDelta(t, want[j], got[j], 2*(k+8)*roundoff*terms, f.String())
			}
		}
	})
}

// Every tier packs, rounds and unpacks to the same bits.
func TestInt8PanelsAreThoseOfTheReference(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	const n, k = 45, 1280
	x := randomFloats(r, tileRows*k)
	x[3*k+7], x[4*k+70], x[5*k+700] = float32(math.Inf(1)), float32(math.NaN()), float32(math.Inf(-1))
	for i := range 32 {
		x[6*k+i], x[7*k+i], x[8*k+i] = 0, 0x1p-140, 0x1p-125
	}
	x[9*k], x[10*k+64] = math.MaxFloat32, 0x1p-126
	var rows [tileRows]*float32
	for i := range rows {
		rows[i] = &x[i*k]
	}
	for _, f := range blockFormats {
		stored := randomBlocks(r, f, n*k)
		form := f.int8Form()
		panel := make([]uint32, form.wordsA(k)*tileRows)
		roundPanelGeneric(form, panel, &rows, k/int8Block)
		words := make([]uint32, 5*form.wordsB(k))
		unpackRowsGeneric(f, words, form.wordsB(k), stored, f.Bytes(k), 5, k/f.Elements(), 0)
		var packed []uint32
		wideA, wideB := make([]uint32, k*tileRows), make([]uint32, k*tileCols)
		form.widenAGeneric(wideA, panel, k)
		vectorTiers(t, func(t *testing.T) {
			got := make([]uint32, len(panel))
			roundPanel(form, got, &rows, k/int8Block)
			assert.Equal(t, panel, got, "rounding for %s", f)
			got = make([]uint32, len(words))
			unpackRows(f, got, form.wordsB(k), stored, f.Bytes(k), 5, k/f.Elements(), 0)
			assert.Equal(t, words, got, "unpacking %s", f)
			w := packedInt8(f, nil, stored, n, k)
			if packed == nil {
				packed = w.words
				form.widenBGeneric(wideB, packed, k)
				checkWidened(t, f, wideB, stored, k)
			}
			got = make([]uint32, len(wideA))
			form.widenA(got, panel, k)
			assert.Equal(t, wideA, got, "widening for %s", f)
			got = make([]uint32, len(wideB))
			form.widenB(got, packed, k)
			assert.Equal(t, wideB, got, "widening %s", f)
			assert.Equal(t, packed, w.words, "packing %s", f)
		})
	}
}

// checkWidened compares a panel of fp32 with what the weights stand for.
func checkWidened(t *testing.T, f BlockFormat, panel []uint32, stored []byte, k int) {
	w := make([]float32, tileCols*k)
	f.Dequantize(w, stored[:f.Bytes(len(w))])
	for i := range k {
		for j := range tileCols {
			// Zeros may have another sign.
			require.Equal(t, w[j*k+i], math.Float32frombits(panel[i*tileCols+j]), "%s: element %d of row %d", f, i, j)
		}
	}
}

// A packed matrix takes 9 or 10 bits a weight.
func TestPackedInt8(t *testing.T) {
	for _, f := range blockFormats {
		w := packedInt8(f, nil, make([]byte, f.Bytes(64*512)), 64, 512)
		assert.Equal(t, 512, w.Rows())
		assert.Equal(t, 64, w.Cols())
		bits := 9
		if f.int8Form().groupB() != 9 {
			bits = 10
		}
		assert.Equal(t, 64*512*bits/8, w.Bytes(), f.String())
	}
}

func TestInt8ShapesThatDoNotFit(t *testing.T) {
	m := func(rows, cols int) Matrix {
		return Matrix{Data: make([]float32, rows*cols), Rows: rows, Cols: cols}
	}
	w := make([]byte, Q8_0.Bytes(3*64))
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"2 x 3 matrix is no product of 4 x 64 and 64 x 3", func() { matMulInt8(Q8_0, nil, m(2, 3), m(4, 64), w, MatMulOptions{}) }},
		{"a left factor that is Transposed", func() { matMulInt8(Q8_0, nil, m(2, 3), m(64, 2).T(), w, MatMulOptions{}) }},
		{"written to must not be Transposed", func() { matMulInt8(Q8_0, nil, m(3, 2).T(), m(2, 64), w, MatMulOptions{}) }},
		{"33 elements are not rows of 32", func() { matMulInt8(Q8_0, nil, m(2, 3), m(2, 33), w, MatMulOptions{}) }},
		{"matrix b of 64 x 4", func() { matMulInt8(Q8_0, nil, m(2, 4), m(2, 64), w, MatMulOptions{}) }},
		{"matrix a of 2 x 64", func() {
			matMulInt8(Q8_0, nil, m(2, 3), Matrix{Data: make([]float32, 127), Rows: 2, Cols: 64}, w, MatMulOptions{})
		}},
		{"2 x 4 matrix is no product", func() {
			matMulPackedInt8(nil, m(2, 4), m(2, 64), packedInt8(Q8_0, nil, w, 3, 64), MatMulOptions{})
		}},
		{"not the transpose of a BlockMatrix", func() { MatMul(nil, m(2, 3), m(2, 64), m(64, 3), MatMulOptions{Precision: Int8}) }},
		{"not the transpose of a BlockMatrix", func() { Pack(nil, BlockMatrix{Data: w, Format: Q8_0, Rows: 3, Cols: 64}, Int8) }},
		{"a product of int8 with a matrix packed as fp32", func() { matMulPackedInt8(nil, m(2, 3), m(2, 64), Pack(nil, m(64, 3), FP32), MatMulOptions{}) }},
		{"a product of fp32 with a matrix packed as int8", func() { MatMul(nil, m(2, 3), m(2, 64), packedInt8(Q8_0, nil, w, 3, 64), MatMulOptions{}) }},
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), c.want) }()
			c.f()
		}()
	}
}

// A pool keeps its memory: after the first product, none is allocated.
func TestInt8KeepsItsMemory(t *testing.T) {
	const m, n, k = 40, 70, 2*int8K + 256
	x := Matrix{Data: make([]float32, m*k), Rows: m, Cols: k}
	c := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
	w := make([]byte, Q4K.Bytes(n*k))
	p := NewPool(1)
	defer p.Close()
	vectorTiers(t, func(t *testing.T) {
		matMulInt8(Q4K, p, c, x, w, MatMulOptions{})
		before := &p.shared.words[0]
		want := 0.0
		if cpu.Active() == cpu.Generic {
			want = 1 // its tile is a method's value
		}
		assert.Equal(t, want, testing.AllocsPerRun(2, func() { matMulInt8(Q4K, p, c, x, w, MatMulOptions{}) }))
		assert.Same(t, before, &p.shared.words[0])
	})
}
