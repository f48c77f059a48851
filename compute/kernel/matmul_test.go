package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// canary is what stands around a matrix: a signalling pattern no product makes.
const canary = 0x7fa5a5a5

// view is a matrix inside a larger buffer of canaries: off numbers in, with gap more
// between its lines.
func view(rows, cols, off, gap int, transposed bool) (m Matrix, buffer []float32) {
	lines, length := rows, cols
	if transposed {
		lines, length = cols, rows
	}
	stride := length + gap
	buffer = make([]float32, off+lines*stride+off+tileCols)
	for i := range buffer {
		buffer[i] = math.Float32frombits(canary)
	}
	end := off + max((lines-1)*stride+length, 0)
	return Matrix{Data: buffer[off:end:end], Rows: rows, Cols: cols, Stride: max(stride, 1), Transposed: transposed}, buffer
}

// place returns n numbers that begin or end where their memory does.
func place(room []float32, n int, atEnd bool) []float32 {
	if atEnd {
		room = room[len(room)-n:]
	}
	return room[:n:n]
}

func (m Matrix) index(i, j int) int {
	if m.Transposed {
		return j*m.stride() + i
	}
	return i*m.stride() + j
}

func fillNormal(m Matrix, r *rand.Rand) {
	for i := range m.Rows {
		for j := range m.Cols {
			m.Data[m.index(i, j)] = float32(r.NormFloat64())
		}
	}
}

// problem is one product, with everything that may vary.
type problem struct {
	m, n, k                int
	off, gap               int
	transposeA, transposeB bool
	packed                 bool
	o                      MatMulOptions
	threads                int
	seed                   uint64
}

// agree computes the problem with the active tier and compares every element with
// float64, under the bound of MatMul, and everything around c with what was there.
// It returns the bits of c.
func agree(t require.TestingT, q problem) []uint32 {
	r := rand.New(rand.NewPCG(q.seed, 1))
	a, _ := view(q.m, q.k, q.off, q.gap, q.transposeA)
	b, _ := view(q.k, q.n, q.off, q.gap, q.transposeB)
	c, around := view(q.m, q.n, q.off, q.gap, false)
	fillNormal(a, r)
	fillNormal(b, r)
	if q.o.Accumulate {
		fillNormal(c, r)
	}
	before := append([]float32(nil), around...)

	var p *Pool
	if q.threads > 0 {
		p = NewPool(q.threads)
		defer p.Close()
	}
	if q.packed {
		MatMul(p, c, a, Pack(p, b, q.o.Precision), q.o)
	} else {
		MatMul(p, c, a, b, q.o)
	}

	alpha := float64(q.o.Alpha)
	if alpha == 0 {
		alpha = 1
	}
	// The factors as they are multiplied, along k.
	factors := func(m Matrix, lines int, index func(line, k int) int) []float64 {
		x := make([]float64, 0, lines*q.k)
		for line := range lines {
			for k := range q.k {
				v := m.Data[index(line, k)]
				if q.o.Precision == BF16 {
					v = math.Float32frombits(roundBF16(math.Float32bits(v)))
				}
				x = append(x, float64(v))
			}
		}
		return x
	}
	left := factors(a, q.m, a.index)
	right := factors(b, q.n, func(j, k int) int { return b.index(k, j) })
	var bits []uint32
	at := make([]bool, len(around))
	for i := range q.m {
		for j := range q.n {
			at[q.off+c.index(i, j)] = true
			exact, size := 0.0, 0.0
			column := right[j*q.k:][:q.k]
			for k, x := range left[i*q.k:][:q.k] {
				product := x * column[k]
				exact += product
				size += math.Abs(product)
			}
			exact, size = exact*alpha, size*math.Abs(alpha)
			if q.o.Accumulate {
				was := float64(before[q.off+c.index(i, j)])
				exact += was
				size += math.Abs(was)
			}
			got := c.Data[c.index(i, j)]
			// See MatMul.
			bound := float64(q.k+4) * 0x1p-24 * size
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

var edges = []int{0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 63, 64, 65, 96, 97, 130}

func randomProblem(t *rapid.T) problem {
	size := rapid.OneOf(rapid.SampledFrom(edges), rapid.IntRange(0, 70))
	return problem{
		m: size.Draw(t, "m"), n: size.Draw(t, "n"), k: size.Draw(t, "k"),
		off: rapid.IntRange(0, 17).Draw(t, "off"), gap: rapid.IntRange(0, 9).Draw(t, "gap"),
		transposeA: rapid.Bool().Draw(t, "ta"), transposeB: rapid.Bool().Draw(t, "tb"), packed: rapid.Bool().Draw(t, "packed"),
		o: MatMulOptions{
			Alpha:      rapid.SampledFrom([]float32{0, 1, -1, 0.37, 2}).Draw(t, "alpha"),
			Accumulate: rapid.Bool().Draw(t, "accumulate"),
			Precision:  rapid.SampledFrom([]Precision{FP32, BF16}).Draw(t, "precision"),
		},
		threads: rapid.IntRange(0, 3).Draw(t, "threads"), seed: rapid.Uint64().Draw(t, "seed"),
	}
}

func TestMatMul(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { agree(t, randomProblem(t)) })
	})
}

// Every size up to two tiles and a bit in one direction, the others being odd.
func TestMatMulEdges(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for i := range 70 {
			for _, shape := range [][3]int{{i, 33, 5}, {13, i, 17}, {13, 35, i}} {
				for layout := range 8 {
					for _, precision := range []Precision{FP32, BF16} {
						agree(t, problem{
							m: shape[0], n: shape[1], k: shape[2], off: 3, gap: layout & 1,
							transposeA: layout&1 != 0, transposeB: layout&2 != 0, packed: layout&4 != 0,
							o: MatMulOptions{Precision: precision, Accumulate: i&1 != 0}, seed: uint64(i),
						})
					}
				}
			}
		}
	})
}

// K of several blocks, with a last one that is shorter, and one of odd length.
func TestMatMulBlocksOfK(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for _, k := range []int{767, 768, 769, 1000, 1536, 1537, 1539, 3000} {
			for layout := range 8 {
				agree(t, problem{
					m: 14, n: 40, k: k, transposeA: layout&1 != 0, transposeB: layout&2 != 0, packed: layout&4 != 0,
					o: MatMulOptions{Alpha: 0.5, Accumulate: layout&1 == 0, Precision: Precision(k & 1)}, seed: uint64(k),
				})
			}
		}
	})
}

// The bits must not depend on the threads, on the other rows and columns, on packing
// or on how the factors lie.
func TestMatMulBits(t *testing.T) {
	shapes := []problem{
		{m: 1, n: 1, k: 1}, {m: 5, n: 700, k: 40}, {m: 300, n: 8, k: 100}, {m: 130, n: 161, k: 900}, {m: 61, n: 95, k: 1601}, {m: 12, n: 32, k: 768},
	}
	if testing.Short() { // under the race detector
		shapes = []problem{{m: 5, n: 200, k: 40}, {m: 27, n: 70, k: 801}}
	}
	var pools []*Pool
	for _, threads := range []int{1, 2, 3, 8} {
		p := NewPool(threads)
		defer p.Close()
		pools = append(pools, p)
	}
	vectorTiers(t, func(t *testing.T) {
		for _, q := range shapes {
			for _, precision := range []Precision{FP32, BF16} {
				q.transposeA, q.transposeB, q.packed = false, false, false
				q.o = MatMulOptions{Alpha: 0.3, Accumulate: true, Precision: precision}
				want := agree(t, q)
				for layout := range 8 {
					q.transposeA, q.transposeB, q.packed = layout&1 != 0, layout&2 != 0, layout&4 != 0
					a, b, c := q.matrices()
					for _, p := range pools {
						require.Equal(t, want, q.bits(p, a, b, c), "%+v on %d threads", q, p.Threads())
					}
				}
			}
		}
	})
}

// matrices returns those that agree multiplies, the same numbers whatever the layout.
func (q problem) matrices() (a, b, c Matrix) {
	r := rand.New(rand.NewPCG(q.seed, 1))
	a, _ = view(q.m, q.k, q.off, q.gap, q.transposeA)
	b, _ = view(q.k, q.n, q.off, q.gap, q.transposeB)
	c, _ = view(q.m, q.n, q.off, q.gap, false)
	fillNormal(a, r)
	fillNormal(b, r)
	fillNormal(c, r)
	return a, b, c
}

// bits returns those of the product, which leaves c as it is.
func (q problem) bits(p *Pool, a, b, c Matrix) []uint32 {
	c.Data = append([]float32(nil), c.Data...)
	if q.packed {
		MatMul(p, c, a, Pack(p, b, q.o.Precision), q.o)
	} else {
		MatMul(p, c, a, b, q.o)
	}
	bits := make([]uint32, 0, q.m*q.n)
	for i := range q.m {
		for j := range q.n {
			bits = append(bits, math.Float32bits(c.Data[c.index(i, j)]))
		}
	}
	return bits
}

// productBits is agree without the comparison.
func productBits(q problem) []uint32 {
	p := NewPool(q.threads)
	defer p.Close()
	a, b, c := q.matrices()
	return q.bits(p, a, b, c)
}

// A product of a part of the rows or columns has the bits it has in the whole.
func TestMatMulRowsAreIndependent(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for _, precision := range []Precision{FP32, BF16} {
			const m, n, k = 50, 90, 1000
			r := rand.New(rand.NewPCG(7, 7))
			a, _ := view(m, k, 0, 0, false)
			b, _ := view(k, n, 0, 0, false)
			whole, _ := view(m, n, 0, 0, false)
			fillNormal(a, r)
			fillNormal(b, r)
			o := MatMulOptions{Alpha: 1.7, Precision: precision}
			MatMul(nil, whole, a, b, o)
			for _, i := range []int{0, 11, 12, 49} {
				row, _ := view(1, n, 0, 0, false)
				MatMul(nil, row, Matrix{Data: a.Data[i*k:], Rows: 1, Cols: k}, b, o)
				require.Equal(t, bitsOf(whole.Data[i*n:][:n]), bitsOf(row.Data))
			}
		}
	})
}

func bitsOf(x []float32) []uint32 {
	bits := make([]uint32, len(x))
	for i, v := range x {
		bits[i] = math.Float32bits(v)
	}
	return bits
}

// The vector tiers fuse, the generic one does not; but numbers small enough that
// nothing is rounded have one product.
func TestTiersAgreeWhereNothingIsRounded(t *testing.T) {
	var want []uint32
	vectorTiers(t, func(t *testing.T) {
		for _, precision := range []Precision{FP32, BF16} {
			r := rand.New(rand.NewPCG(3, 3))
			a, _ := view(37, 801, 1, 1, true)
			b, _ := view(801, 71, 1, 1, false)
			c, _ := view(37, 71, 1, 1, false)
			for _, m := range []Matrix{a, b} {
				for i := range m.Data {
					m.Data[i] = float32(r.IntN(17) - 8)
				}
			}
			MatMul(nil, c, a, b, MatMulOptions{Precision: precision})
			if want == nil {
				want = bitsOf(c.Data)
			}
			require.Equal(t, want, bitsOf(c.Data))
		}
	})
}
