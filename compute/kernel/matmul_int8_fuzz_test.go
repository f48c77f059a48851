package kernel

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzInt8 compares each tier with double precision, on any bytes as blocks with
// scales made moderate and as numbers, in two ways and with any number of threads.
func FuzzInt8(f *testing.F) {
	for i := range blockFormats {
		f.Add(uint8(i), uint8(1+5*i), uint8(3+7*i), uint8(i), uint8(i), []byte{0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f, 1, 2, 3, 4, 0x85})
	}
	f.Fuzz(func(t *testing.T, which, rows, cols, count, threads uint8, data []byte) {
		format := blockFormats[int(which)%len(blockFormats)]
		kind := format.kind()
		m, n, k := 1+int(rows)%20, 1+int(cols)%40, (1+int(count)%4)*kind.elements
		data = append(slices.Clone(data), 0x3c, 1, 2, 3)
		at := 0
		next := func() []byte {
			at = (at + 1) % (len(data) - 3)
			return data[at:]
		}
		stored, x := make([]byte, format.Bytes(n*k)), make([]float32, m*k)
		for i := range stored {
			stored[i] = next()[0]
		}
		for block := 0; block < len(stored); block += kind.bytes {
			for _, place := range []int{0, 2, 208} {
				if isScale(format, place) {
					scale := stored[block+place:]
					bits := binary.LittleEndian.Uint16(scale)
					binary.LittleEndian.PutUint16(scale, bits&^(0x1f<<10)|(bits>>10%8+10)<<10)
				}
			}
		}
		for i := range x {
			if x[i] = moderate(binary.LittleEndian.Uint32(next())); x[i]-x[i] != 0 {
				x[i] = 1
			}
		}
		w, size := make([]float32, n*k), magnitudes(format, stored, n*k)
		format.Dequantize(w, stored)
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			p := NewPool(int(threads)%3 + 1)
			c := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
			matrix := Matrix{Data: x, Rows: m, Cols: k}
			matMulInt8(format, p, c, matrix, stored, MatMulOptions{})
			again := Matrix{Data: make([]float32, m*n), Rows: m, Cols: n}
			matMulPackedInt8(p, again, matrix, packedInt8(format, p, stored, n, k), MatMulOptions{})
			require.Equal(t, bitsOf(c.Data), bitsOf(again.Data))
			var v Int8Vector
			rounded := make([]float32, k)
			for i := range m {
				v.Set(x[i*k:][:k])
				v.Round(rounded)
				for j := range n {
					var want, terms float64
					for l, v := range rounded {
						want += float64(v) * float64(w[j*k+l])
						terms += math.Abs(float64(v) * float64(size[j*k+l]))
					}
					if got := float64(c.Data[i*n+j]); !(math.Abs(got-want) <= int8Bound(k)*terms) {
						require.Failf(t, "MatMul", "%s %s: element %d, %d is %v, want %v within %v", tier, format, i, j, got, want, int8Bound(k)*terms)
					}
				}
			}
			p.Close()
			restore()
		}
	})
}
