package kernel

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzVector compares each tier of an operation with the portable form, on bits
// taken as numbers of moderate size, infinities and NaNs.
func FuzzVector(f *testing.F) {
	for i := range vectorOps {
		f.Add(uint8(i), uint8(17+i), []byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 1, 2, 3, 4, 5})
	}
	f.Fuzz(func(t *testing.T, which, n uint8, data []byte) {
		op := vectorOps[int(which)%len(vectorOps)]
		data = slices.Concat(data, make([]byte, 4)) // what follows data is the fuzzer's
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			at := 0
			var a [][]float32
			for _, length := range op.lengths(int(n)) {
				s := make([]float32, length)
				for i := range s {
					s[i] = moderate(binary.LittleEndian.Uint32(data[at:]))
					at = (at + 1) % (len(data) - 3)
				}
				a = append(a, s)
			}
			likeGeneric(t, op, a)
			restore()
		}
	})
}

// moderate makes numbers from 2^-8 to 2^4 of bits, save those of infinity and NaN.
func moderate(bits uint32) float32 {
	x := math.Float32frombits(bits)
	if x != x || math.IsInf(float64(x), 0) || x == 0 {
		return x
	}
	return math.Float32frombits(bits&^(0xff<<23) | (bits>>23%12+127-8)<<23)
}
