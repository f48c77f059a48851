package kernel

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzMatVec compares each tier with double precision, on any bytes as blocks with
// scales made moderate and as a vector's numbers.
func FuzzMatVec(f *testing.F) {
	for i := range blockFormats {
		f.Add(uint8(i), uint8(2+i), []byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 1, 2, 3, 4, 0x85})
	}
	f.Fuzz(func(t *testing.T, which, count uint8, data []byte) {
		format := blockFormats[int(which)%len(blockFormats)]
		k := format.kind()
		n := (1 + int(count)%20) * k.elements
		data = append(slices.Clone(data), 0x3c, 1, 2, 3)
		bytes, x := make([]byte, format.Bytes(2*n)), make([]float32, n)
		at := 0
		for i := range bytes {
			bytes[i] = data[at]
			at = (at + 1) % (len(data) - 3)
		}
		for block := 0; block < len(bytes); block += k.bytes {
			for _, offset := range []int{0, 2, k.bytes - 2} { // wherever a format has scales
				scale := bytes[block+offset:]
				bits := binary.LittleEndian.Uint16(scale)
				binary.LittleEndian.PutUint16(scale, bits&^(0x1f<<10)|(bits>>10%8+10)<<10)
			}
		}
		for i := range x {
			x[i] = moderate(binary.LittleEndian.Uint32(data[at:]))
			if x[i]-x[i] != 0 {
				x[i] = 1
			}
			at = (at + 1) % (len(data) - 3)
		}
		w := make([]float32, 2*n)
		format.Dequantize(w, bytes)
		require.False(t, slices.ContainsFunc(w, func(v float32) bool { return math.IsNaN(float64(v)) }))
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			var v Int8Vector
			v.Set(x)
			y, factor := make([]float32, 2), slices.Clone(x)
			format.MatVec(y, bytes, &v)
			v.Round(factor)
			agreeMatVec(t, y, w, magnitudes(format, bytes, 2*n), factor, format.String())
			restore()
		}
	})
}
