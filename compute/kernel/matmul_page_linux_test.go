package kernel

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Factors and results between pages nobody may touch, and so the panels and tiles
// that the kernels see of them.
func TestProductsStayInside(t *testing.T) {
	a, b, c := pages(t), pages(t), pages(t)
	vectorTiers(t, func(t *testing.T) {
		for _, shape := range [][3]int{{1, 1, 1}, {12, 32, 16}, {13, 33, 17}, {11, 31, 15}, {24, 64, 32}, {5, 7, 200}, {2, 2, 900}, {37, 41, 3}, {8, 32, 8}, {4, 16, 64}, {40, 3, 35}, {5, 33, 33}} {
			m, n, k := shape[0], shape[1], shape[2]
			for layout := range 32 {
				atEnd := layout&1 != 0
				x := Matrix{Data: place(a, m*k, atEnd), Rows: m, Cols: k, Transposed: layout&2 != 0}
				y := Matrix{Data: place(b, k*n, atEnd), Rows: k, Cols: n, Transposed: layout&4 != 0}
				z := Matrix{Data: place(c, m*n, atEnd), Rows: m, Cols: n}
				o := MatMulOptions{Accumulate: layout&8 != 0, Precision: Precision(layout >> 4)}
				MatMul(nil, z, x, y, o)
				MatMul(nil, z, x, Pack(nil, y, o.Precision), o)
			}
		}
	})
}

func TestTilesStayInside(t *testing.T) {
	a, b, part, c := pages(t), pages(t), pages(t), pages(t)
	vectorTiers(t, func(t *testing.T) {
		e := activeEngine()
		for _, tile := range []tileFunc{e.tile, e.tilePairs} {
			if tile == nil {
				continue
			}
			for k := 1; k <= 64; k++ {
				for _, atEnd := range []bool{false, true} {
					for _, mode := range []int{0, resume, overwrite, addTo | resume} {
						const ldc = tileCols + 1
						x, y := &place(a, k*tileRows, atEnd)[0], &place(b, k*tileCols, atEnd)[0]
						tile(k, (*uint32)(unsafe.Pointer(x)), (*uint32)(unsafe.Pointer(y)), (*uint32)(unsafe.Pointer(x)),
							&place(part, tileWords, atEnd)[0], &place(c, (tileRows-1)*ldc+tileCols, atEnd)[0], ldc, 1, mode)
					}
				}
			}
		}
	})
}

func TestSkinnyKernelsStayInside(t *testing.T) { checkSkinnyKernels(t, pages(t), pages(t), pages(t)) }

func TestPackingStaysInside(t *testing.T) {
	from, to := pages(t), pages(t)
	words := unsafe.Slice((*uint32)(unsafe.Pointer(&to[0])), len(to))
	vectorTiers(t, func(t *testing.T) {
		for name, p := range packers() {
			for n := 1; n <= 40; n++ {
				for k := 1; k <= 20; k++ {
					for layout := range 8 {
						s := source{alongK: layout&1 != 0, ld: n}
						if s.alongK {
							s.ld = k
						}
						s.data = place(from, n*k, layout&2 != 0)
						width := tileRows
						if layout&4 != 0 {
							width = tileCols
						}
						need := ceil(n, width) * width * k
						if name == "bf16" {
							need = ceil(n, width) * width * BF16.words(k)
						}
						require.LessOrEqual(t, need, len(words))
						p[0](words[len(words)-need:], width, s, n, k)
						p[0](words[:need:need], width, s, n, k)
					}
				}
			}
		}
		for n := range 40 {
			activeEngine().round(words[len(words)-n:])
			activeEngine().round(words[:n:n])
		}
	})
}
