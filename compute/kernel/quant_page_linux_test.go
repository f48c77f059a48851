package kernel

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// Weights in files are mapped, and a page after them may be missing.
func TestMatVecTouchesNothingOutside(t *testing.T) {
	wRoom, xRoom, yRoom := pages(t), pages(t), pages(t)
	size := 4 * len(wRoom)
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&wRoom[0])), size)
	words := unsafe.Slice((*uint16)(unsafe.Pointer(&wRoom[0])), size/2)
	random := rand.New(rand.NewPCG(43, 44))
	// part returns n elements at the beginning or at the end of the room.
	part := func(room []float32, n int, end bool) []float32 {
		if end {
			return room[len(room)-n:]
		}
		return room[:n:n]
	}
	vectorTiers(t, func(t *testing.T) {
		var v Int8Vector
		for _, end := range []bool{false, true} {
			for _, f := range blockFormats {
				for count := 1; f.Bytes(2*count*f.Elements()) <= size && count*f.Elements() <= len(xRoom) && count < 24; count++ {
					n := count * f.Elements()
					x := part(xRoom, n, end)
					copy(x, randomFloats(random, n))
					w := bytes[:f.Bytes(2*n)]
					if end {
						w = bytes[size-f.Bytes(2*n):]
					}
					copy(w, randomBlocks(random, f, 2*n))
					v.Set(x)
					f.MatVec(part(yRoom, 2, end), w, &v)
				}
			}
			for n := range 140 {
				x, y := part(xRoom, n, end), part(yRoom, 2, end)
				MatVec(y, part(wRoom, 2*n, end), x)
				w := words[:2*n]
				if end {
					w = words[len(words)-2*n:]
				}
				MatVecBF16(y, w, x)
			}
		}
	})
}
