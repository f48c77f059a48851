package kernel

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// NaN and Inf must reach the elements they belong to, and no other: not through the
// places of a panel that are beyond the matrix, nor through what c was before.
func TestMatMulSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	vectorTiers(t, func(t *testing.T) {
		for _, precision := range []Precision{FP32, BF16} {
			for _, layout := range []int{0, 1, 2, 3} {
				const m, n = 14, 35
				k := 19 + layout/2*21 // by panels; skinny
				a, _ := view(m, k, 2, 1, layout&1 != 0)
				b, _ := view(k, n, 2, 1, layout&1 != 0)
				c, _ := view(m, n, 2, 1, false)
				for _, x := range []Matrix{a, b} {
					for i := range x.Rows {
						for j := range x.Cols {
							x.Data[x.index(i, j)] = 1
						}
					}
				}
				for i := range c.Data {
					c.Data[i] = nan // must be overwritten unread
				}
				a.Data[a.index(3, 18)] = nan
				a.Data[a.index(13, 0)] = inf
				b.Data[b.index(18, 34)] = -inf
				b.Data[b.index(4, 7)] = nan
				MatMul(nil, c, a, b, MatMulOptions{Precision: precision})
				for i := range m {
					for j := range n {
						got := float64(c.Data[c.index(i, j)])
						switch {
						case i == 3 || j == 7 || i == 13 && j == 34:
							require.True(t, math.IsNaN(got), "%d, %d: %v", i, j, got)
						case i == 13:
							require.True(t, math.IsInf(got, 1), "%d, %d: %v", i, j, got)
						case j == 34:
							require.True(t, math.IsInf(got, -1), "%d, %d: %v", i, j, got)
						default:
							require.EqualValues(t, k, got)
						}
					}
				}
			}
		}
	})
}

// FP32 keeps denormals; BF16 takes them for zeros, in every tier.
func TestMatMulDenormals(t *testing.T) {
	one := func(x, y float32, precision Precision) float32 {
		c := []float32{7}
		MatMul(nil, Matrix{Data: c, Rows: 1, Cols: 1}, Matrix{Data: []float32{x}, Rows: 1, Cols: 1},
			Matrix{Data: []float32{y}, Rows: 1, Cols: 1}, MatMulOptions{Precision: precision})
		return c[0]
	}
	vectorTiers(t, func(t *testing.T) {
		const tiny = 0x1p-149
		assert.EqualValues(t, tiny, one(tiny, 1, FP32))
		assert.EqualValues(t, 0x1p-140, one(0x1p-100, 0x1p-40, FP32))
		assert.EqualValues(t, 0, one(tiny, 1, BF16))
		assert.EqualValues(t, 0, one(0x1p100, -0x1p-127, BF16))
		assert.EqualValues(t, 0x1p-126, one(0x1p-126, 1, BF16))
	})
}

// The rounding to bf16 as the definition has it: the nearest, of two the even one.
func TestRoundBF16(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Uint32().Draw(t, "bits")
		value := float64(math.Float32frombits(x))
		got := roundBF16(x)
		require.Zero(t, got&0xffff)
		switch {
		case math.IsNaN(value):
			require.True(t, math.IsNaN(float64(math.Float32frombits(got))))
			return
		case math.IsInf(value, 0):
			require.Equal(t, x, got)
			return
		case math.Abs(value) < 0x1p-126:
			require.Equal(t, x&0x80000000, got)
			return
		}
		down, up := x&0xffff0000, x&0xffff0000+0x10000
		far := func(b uint32) float64 {
			if b&0x7fffffff == 0x7f800000 { // what the next number would be, had it a place
				return math.Abs(math.Copysign(0x1p128, value) - value)
			}
			return math.Abs(float64(math.Float32frombits(b)) - value)
		}
		want := down
		if far(up) < far(down) || far(up) == far(down) && down&0x10000 != 0 {
			want = up
		}
		require.Equal(t, want, got, "%08x", x)
	})
}

// Every tier rounds to bf16 alike: a product with the unit matrix shows the rounded
// factor.
func TestTiersRoundAlike(t *testing.T) {
	const n = 64
	unit := Matrix{Data: make([]float32, n*n), Rows: n, Cols: n}
	for i := range n {
		unit.Data[i*n+i] = 1
	}
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			b, _ := view(n, n, 0, 0, rapid.Bool().Draw(t, "transposed"))
			for i := range b.Data {
				b.Data[i] = 1
			}
			for i := range n {
				bits := rapid.Uint32().Draw(t, "bits")
				if roundBF16(bits)&0x7f800000 == 0x7f800000 { // times 0 it makes NaN of other elements
					bits &^= 0x40000000
				}
				b.Data[b.index(i, (i*7)%n)] = math.Float32frombits(bits)
			}
			for _, side := range []bool{false, true} {
				c, _ := view(n, n, 0, 0, false)
				x, y := unit, b
				if side {
					x, y = b, unit
				}
				MatMul(nil, c, x, y, MatMulOptions{Precision: BF16})
				for i := range n {
					for j := range n {
						want := math.Float32frombits(roundBF16(math.Float32bits(b.Data[b.index(i, j)])))
						if got := c.Data[c.index(i, j)]; got != want { // by value: -0 adds up to 0
							require.Failf(t, "bf16", "element %d, %d is %g, want %g", i, j, got, want)
						}
					}
				}
			}
		})
	})
}

func TestShapesMustFit(t *testing.T) {
	m := func(rows, cols int) Matrix { return Matrix{Data: make([]float32, rows*cols), Rows: rows, Cols: cols} }
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"a 2 x 3 matrix is no product of 2 x 4 and 5 x 3", func() { MatMul(nil, m(2, 3), m(2, 4), m(5, 3), MatMulOptions{}) }},
		{"a 2 x 3 matrix is no product of 3 x 4 and 4 x 3", func() { MatMul(nil, m(2, 3), m(3, 4), m(4, 3), MatMulOptions{}) }},
		{"a 2 x 3 matrix is no product of 2 x 4 and 4 x 2", func() { MatMul(nil, m(2, 3), m(2, 4), m(4, 2), MatMulOptions{}) }},
		{"must not be Transposed", func() { MatMul(nil, m(3, 2).T(), m(2, 4), m(4, 3), MatMulOptions{}) }},
		{"matrix a of 2 x 4 and stride 4 reaches over 8 numbers and has 7", func() {
			MatMul(nil, m(2, 3), Matrix{Data: make([]float32, 7), Rows: 2, Cols: 4}, m(4, 3), MatMulOptions{})
		}},
		{"matrix b has a stride of 2 and lines of 3 numbers", func() {
			MatMul(nil, m(2, 3), m(2, 4), Matrix{Data: make([]float32, 99), Rows: 4, Cols: 3, Stride: 2}, MatMulOptions{})
		}},
		{"matrix a is -1 x 4", func() { MatMul(nil, m(2, 3), Matrix{Rows: -1, Cols: 4}, m(4, 3), MatMulOptions{}) }},
		{"a product of fp32 with a matrix packed as bf16", func() {
			MatMul(nil, m(2, 3), m(2, 4), Pack(nil, m(4, 3), BF16), MatMulOptions{})
		}},
		{"a 2 x 3 matrix is no product of 2 x 4 and 5 x 3", func() {
			MatMul(nil, m(2, 3), m(2, 4), Pack(nil, m(5, 3), FP32), MatMulOptions{})
		}},
	} {
		func() {
			defer func() { assert.Contains(t, fmt.Sprint(recover()), c.want) }()
			c.f()
		}()
	}
}

// A pool keeps its memory: after the first product, nothing is allocated.
func TestMatMulKeepsItsMemory(t *testing.T) {
	b, _ := view(1000, 130, 0, 0, false)
	p := NewPool(1)
	defer p.Close()
	vectorTiers(t, func(t *testing.T) {
		for _, m := range []int{100, 40} { // by panels; skinny
			a, _ := view(m, 1000, 0, 0, false)
			c, _ := view(m, 130, 0, 0, false)
			MatMul(p, c, a, b, MatMulOptions{})
			before := &p.shared.words[0]
			assert.Zero(t, testing.AllocsPerRun(3, func() { MatMul(p, c, a, b, MatMulOptions{}) }))
			assert.Same(t, before, &p.shared.words[0])
		}
	})
}
