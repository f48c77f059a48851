package kernel

import (
	"testing"
	"unsafe"
)

// Files are mapped, and a page after one may be missing: neither decoding nor a
// product of what is stored reads beyond it.
func TestStoredWeightsAreNotLeft(t *testing.T) {
	src, to := pages(t), pages(t)
	size := 4 * len(src)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&src[0])), size)
	words := unsafe.Slice((*uint16)(unsafe.Pointer(&src[0])), size/2)
	vectorTiers(t, func(t *testing.T) {
		for _, atEnd := range []bool{false, true} {
			for _, f := range blockFormats {
				for blocks := 1; blocks <= 4 && 3*f.Bytes(blocks*f.Elements()) <= size && 3*blocks*f.Elements() <= len(to); blocks++ {
					n := blocks * f.Elements()
					w := bytes[:f.Bytes(3*n)]
					if atEnd {
						w = bytes[size-f.Bytes(3*n):]
					}
					f.decodeLines(place(to, 3*n, atEnd), n, w, f.Bytes(n), 3, blocks)
					b := BlockMatrix{Data: w, Format: f, Rows: 3, Cols: n}
					for _, precision := range []Precision{FP32, BF16} {
						productWith(b, 3, n, precision)
						productWith(b.T(), n, 3, precision)
					}
				}
			}
			for n := 1; n < 70; n++ {
				w := words[:3*n]
				if atEnd {
					w = words[len(words)-3*n:]
				}
				b := MatrixBF16{Data: w, Rows: 3, Cols: n}
				productWith(b, 3, n, FP32)
				productWith(b.T(), n, 3, BF16)
			}
		}
	})
}

func productWith(b Factor, k, n int, precision Precision) {
	a := Matrix{Data: make([]float32, k), Rows: 1, Cols: k}
	c := Matrix{Data: make([]float32, n), Rows: 1, Cols: n}
	MatMul(nil, c, a, b, MatMulOptions{Precision: precision})
}
