package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// pagesOf puts keys and values, [rows][KVHeads*Dim], into a cache of pages, each amid
// canaries and, if turned, with the positions of a head side by side.
func pagesOf[T CacheElement](a Attention, x QKV, pageRows, gap int, turned bool) KVCache[T] {
	c := KVCache[T]{PageRows: pageRows, Stride: a.KVHeads*a.Dim + gap, HeadStride: a.Dim}
	if turned {
		c.Stride, c.HeadStride = a.Dim, pageRows*a.Dim+gap
	}
	s := c.strides(a)
	for at := 0; at < x.K.Rows; at += pageRows {
		n := min(pageRows, x.K.Rows-at)
		for i, m := range []Matrix{x.K, x.V} {
			page := make([]float32, (n-1)*s.Stride+(a.KVHeads-1)*s.HeadStride+a.Dim)
			for j := range page {
				page[j] = math.Float32frombits(canary)
			}
			for row := range n {
				for head := range a.KVHeads {
					copy(page[row*s.Stride+head*s.HeadStride:], m.Data[(at+row)*m.stride()+head*a.Dim:][:a.Dim])
				}
			}
			var stored []T
			switch to := any(&stored).(type) {
			case *[]float32:
				*to = page
			case *[]uint16:
				*to = make([]uint16, len(page))
				ToBF16(*to, page)
			}
			if i == 0 {
				c.K = append(c.K, stored)
			} else {
				c.V = append(c.V, stored)
			}
		}
	}
	return c
}

// rounded makes keys and values what T can hold.
func rounded[T CacheElement](x QKV) {
	var zero T
	if _, ok := any(zero).(uint16); !ok {
		return
	}
	for _, m := range []Matrix{x.K, x.V} {
		for i := range m.Rows {
			row := m.Data[i*m.stride():][:m.Cols]
			half := make([]uint16, len(row))
			ToBF16(half, row)
			FromBF16(row, half)
		}
	}
}

type cacheCase struct {
	Attention
	rows, past []int // of the sequences
	pageRows   int
	gap        int
	turned     bool
}

var cacheCases = []cacheCase{
	{Attention: Attention{Heads: 1, KVHeads: 1, Dim: 1}, rows: []int{1}, past: []int{0}, pageRows: 1},
	{Attention: Attention{Heads: 3, KVHeads: 1, Dim: 64}, rows: []int{1, 1, 0, 1}, past: []int{5, 600, 7, 255}, pageRows: 16, gap: 3},
	{Attention: Attention{Heads: 8, KVHeads: 1, Dim: 24}, rows: []int{1, 5, 40}, past: []int{0, 254, 30}, pageRows: 33, turned: true},
	{Attention: Attention{Heads: 4, KVHeads: 2, Dim: 17, Scale: 0.2}, rows: []int{3, 70, 1}, past: []int{130, 390, 64}, pageRows: 100, gap: 1},
	{Attention: Attention{Heads: 2, KVHeads: 2, Dim: 128}, rows: []int{2, 23, 24}, past: []int{0, 0, 0}, pageRows: 7},
	{Attention: Attention{Heads: 5, KVHeads: 1, Dim: 80}, rows: []int{1, 2}, past: []int{511, 512}, pageRows: 256, gap: 5, turned: true},
}

// testCached compares sequences with double precision, and each with itself alone.
func testCached[T CacheElement](t require.TestingT, c cacheCase, threads int, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 3))
	total := 0
	for _, n := range c.rows {
		total += n
	}
	q, _ := view(total, c.Heads*c.Dim, 3, 2, false)
	out, around := view(total, c.Heads*c.Dim, 1, 5, false)
	fillNormal(q, random)
	want := newAttention64(c.Attention, total, 0)
	var sequences []Sequence[T]
	row := 0
	for i, n := range c.rows {
		kv, _ := fusedQKV(c.Attention, c.past[i]+n, 0, 0, random)
		rounded[T](kv)
		sequences = append(sequences, Sequence[T]{pagesOf[T](c.Attention, kv, c.pageRows, c.gap, c.turned), c.past[i], n})
		attend64(c.Attention, want, QKV{q, kv.K, kv.V}, Matrix{}, row, n, 0, c.past[i])
		row += n
	}
	p := usedPool(threads)
	defer p.Close()
	AttendCached(c.Attention, p, out, q, sequences)
	near(t, "out", out, want.out, want.outSize)

	part := func(m Matrix, row, n int) Matrix {
		m.Data, m.Rows = m.Data[min(row*m.Stride, len(m.Data)):], n
		return m
	}
	together := bitsOf(around)
	row = 0
	for i, n := range c.rows {
		alone := part(out, row, n)
		AttendCached(c.Attention, nil, alone, part(q, row, n), sequences[i:i+1])
		row += n
	}
	require.Equal(t, together, bitsOf(around))
}

func TestAttendCached(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		for i, c := range cacheCases {
			testCached[float32](t, c, 1+i%3, uint64(i))
			testCached[uint16](t, c, 1+i%3, uint64(i))
		}
	})
}

// A prompt taken in whole, in chunks, or a row at a time has the same results but for
// some last bits, and so have sequences that share their first pages.
func TestAttendCachedInChunks(t *testing.T) {
	a := Attention{Heads: 6, KVHeads: 2, Dim: 32}
	const rows, pageRows = 300, 48
	random := rand.New(rand.NewPCG(41, 42))
	x, _ := fusedQKV(a, rows, 0, 0, random)
	cache := pagesOf[float32](a, x, pageRows, 0, false)
	fork := KVCache[float32]{K: append([][]float32(nil), cache.K[:4]...), V: append([][]float32(nil), cache.V[:4]...), PageRows: pageRows}
	vectorTiers(t, func(t *testing.T) {
		want, _ := view(rows, a.Heads*a.Dim, 0, 0, false)
		a.Forward(nil, want, nil, x, []int{rows})
		for _, chunk := range []int{1, 5, 24, 64, 299, 300} {
			got, _ := view(rows, a.Heads*a.Dim, 0, 0, false)
			for at := 0; at < rows; at += chunk {
				n := min(chunk, rows-at)
				part := func(m Matrix) Matrix {
					return Matrix{Data: m.Data[at*m.Stride:], Rows: n, Cols: m.Cols, Stride: m.Stride}
				}
				AttendCached(a, nil, part(got), part(x.Q), []Sequence[float32]{{cache, at, n}})
			}
			// Results are of the size of 1; those of late rows, means of many, smaller.
			require.InDeltaSlice(t, want.Data, got.Data, 1e-6, "chunks of %d", chunk)
		}
		const shared = 4 * pageRows
		got, _ := view(2, a.Heads*a.Dim, 0, 0, false)
		last := x.Q.Data[(shared-1)*x.Q.Stride:][:a.Heads*a.Dim]
		q := Matrix{Data: append(append([]float32(nil), last...), last...), Rows: 2, Cols: a.Heads * a.Dim}
		AttendCached(a, nil, got, q, []Sequence[float32]{{cache, shared - 1, 1}, {fork, shared - 1, 1}})
		require.Equal(t, bitsOf(got.Data[:got.Stride]), bitsOf(got.Data[got.Stride:]))
		require.InDeltaSlice(t, want.Data[(shared-1)*want.Stride:][:want.Cols], got.Data[:want.Cols], 1e-6)
	})
}

// What is not finite in a cache reaches the rows that see it and no others, however few
// rows there are.
func TestAttendCachedNotFinite(t *testing.T) {
	a := Attention{Heads: 2, KVHeads: 1, Dim: 16}
	const rows, bad = 320, 290
	x, _ := fusedQKV(a, rows, 0, 0, rand.New(rand.NewPCG(43, 44)))
	x.V.Data[bad*x.V.Stride+3] = float32(math.NaN())
	cache := pagesOf[float32](a, x, 64, 0, false)
	vectorTiers(t, func(t *testing.T) {
		for _, n := range []int{1, 8, 20, 40} {
			for _, past := range []int{bad - n + 5, bad - 1 - n/2} {
				out, _ := view(n, a.Heads*a.Dim, 0, 0, false)
				q := Matrix{Data: x.Q.Data[past*x.Q.Stride:], Rows: n, Cols: x.Q.Cols, Stride: x.Q.Stride}
				AttendCached(a, nil, out, q, []Sequence[float32]{{cache, past, n}})
				for i := range n {
					for j, v := range out.Data[i*out.Stride:][:out.Cols] {
						sees := past+i >= bad && j%a.Dim == 3
						require.Equal(t, sees, math.IsNaN(float64(v)), "%d rows after %d: row %d, element %d: %v", n, past, i, j, v)
					}
				}
			}
		}
	})
}
