package kernel

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// The kernels' arguments between pages nobody may touch.
func TestAttentionKernelsStayInside(t *testing.T) {
	rooms := make([][]float32, 20)
	for i := range rooms {
		rooms[i] = pages(t)
	}
	random := rand.New(rand.NewPCG(33, 34))
	vectorTiers(t, func(t *testing.T) {
		for rows := range 34 {
			for _, atEnd := range []bool{false, true} {
				for _, dim := range []int{1, 8, 16, 24, 40} {
					used := 0
					tileKernels(random, 0, rows, dim, func(n int) []float32 {
						used++
						return place(rooms[used-1], n, atEnd)
					}, func(string, []float32, []float32) {})
					require.LessOrEqual(t, used, len(rooms))
				}
			}
		}
	})
}

// A cache whose last page ends where memory does, and rows of queries likewise.
func TestAttentionStaysInside(t *testing.T) {
	k, v, q, out := pages(t), pages(t), pages(t), pages(t)
	halves := func(x []float32) []uint16 {
		return unsafe.Slice((*uint16)(unsafe.Pointer(&x[0])), 2*len(x))
	}
	vectorTiers(t, func(t *testing.T) {
		for _, dim := range []int{5, 8, 16, 20, 64} {
			a := Attention{Heads: 2, KVHeads: 1, Dim: dim}
			for _, n := range []int{1, 2, 7, 26} {
				if 2*n*a.Heads*dim > len(q) {
					continue
				}
				for _, rows := range []int{1, n} {
					x, y := Matrix{Data: place(q, rows*2*dim, true), Rows: rows, Cols: 2 * dim}, Matrix{Data: place(out, rows*2*dim, true), Rows: rows, Cols: 2 * dim}
					keys, values := place(k, n*dim, true), place(v, n*dim, true)
					AttendCached(a, nil, y, x, []Sequence[float32]{{KVCache[float32]{K: [][]float32{keys}, V: [][]float32{values}, PageRows: 32}, n - rows, rows}})
					wholeK, wholeV := halves(k), halves(v)
					AttendCached(a, nil, y, x, []Sequence[uint16]{{KVCache[uint16]{
						K: [][]uint16{wholeK[len(wholeK)-n*dim:]}, V: [][]uint16{wholeV[len(wholeV)-n*dim:]}, PageRows: 32}, n - rows, rows}})
					if rows == n {
						kv := func(x []float32) Matrix { return Matrix{Data: x, Rows: n, Cols: dim} }
						lse := make([]float32, 2*n)
						a.Forward(nil, y, lse, QKV{x, kv(keys), kv(values)}, []int{n})
						dx := QKV{Matrix{Data: place(q, n*2*dim, false), Rows: n, Cols: 2 * dim}, kv(place(k, n*dim, false)), kv(place(v, n*dim, false))}
						a.Backward(nil, dx, y, y, lse, QKV{x, kv(keys), kv(values)}, []int{n})
					}
				}
			}
		}
	})
}
