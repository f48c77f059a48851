package kernel

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// Activations, weights and results between pages nobody may touch, and so the panels
// that the kernels see of them.
func TestInt8StaysInside(t *testing.T) {
	xRoom, wRoom, cRoom, panelRoom := pages(t), pages(t), pages(t), pages(t)
	size := 4 * len(wRoom)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&wRoom[0])), size)
	words := unsafe.Slice((*uint32)(unsafe.Pointer(&panelRoom[0])), len(panelRoom))
	part := func(n int, atEnd bool) []uint32 {
		if atEnd {
			return words[len(words)-n:]
		}
		return words[:n:n]
	}
	random := rand.New(rand.NewPCG(51, 52))
	vectorTiers(t, func(t *testing.T) {
		for _, f := range blockFormats {
			form, per := f.int8Form(), f.Elements()
			for _, atEnd := range []bool{false, true} {
				for _, shape := range [][3]int{{1, 1, 1}, {6, 2, 1}, {2, 7, 1}, {3, 13, 2}, {13, 33, 1}, {5, 3, 7}} {
					m, n, k := shape[0], shape[1], shape[2]*per
					if m*k > len(xRoom) || f.Bytes(n*k) > size {
						m, n, k = 2, 3, 2*per
					}
					w := bytes[:f.Bytes(n*k)]
					if atEnd {
						w = bytes[size-f.Bytes(n*k):]
					}
					copy(w, randomBlocks(random, f, n*k))
					x := Matrix{Data: place(xRoom, m*k, atEnd), Rows: m, Cols: k}
					c := Matrix{Data: place(cRoom, m*n, atEnd), Rows: m, Cols: n}
					matMulInt8(f, nil, c, x, w, MatMulOptions{Accumulate: atEnd})
					matMulPackedInt8(nil, c, x, packedInt8(f, nil, w, n, k), MatMulOptions{Accumulate: atEnd})
				}
				row := place(xRoom, int8Block, atEnd)
				var rows [tileRows]*float32
				for i := range rows {
					rows[i] = &row[0]
				}
				roundPanel(form, part(form.wordsA(int8Block)*tileRows, atEnd), &rows, 1)
				unpackRows(f, part(2*form.wordsB(per), atEnd), form.wordsB(per), bytes[size-2*f.Bytes(per):], f.Bytes(per), 2, 1, 0)
			}
		}
	})
}

func TestInt8TilesStayInside(t *testing.T) {
	a, b, part, c := pages(t), pages(t), pages(t), pages(t)
	vectorTiers(t, func(t *testing.T) {
		for _, f := range blockFormats {
			form := f.int8Form()
			tile := activeInt8Tile(form)
			if tile == nil {
				return // the tile of fp32
			}
			for k := 1; k*form.groupB()*tileCols <= len(b); k++ {
				for _, atEnd := range []bool{false, true} {
					for _, mode := range []int{0, resume, overwrite, addTo | resume} {
						for _, height := range []int{1, 6, 7, 12} {
							const ldc = tileCols + 1
							x, y := &place(a, k*form.groupA()*tileRows, atEnd)[0], &place(b, k*form.groupB()*tileCols, atEnd)[0]
							tile(height, k, (*uint32)(unsafe.Pointer(x)), (*uint32)(unsafe.Pointer(y)), (*uint32)(unsafe.Pointer(x)),
								&place(part, tileWords, atEnd)[0], &place(c, (tileRows-1)*ldc+tileCols, atEnd)[0], ldc, 1, mode)
						}
					}
				}
			}
		}
	})
}
