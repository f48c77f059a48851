package kernel

import (
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzMatMul compares products of any shape, layout and options with float64.
func FuzzMatMul(f *testing.F) {
	f.Add(uint8(1), uint8(1), uint16(1), uint8(0), uint8(0), float32(1), uint64(1))
	f.Add(uint8(13), uint8(33), uint16(769), uint8(3), uint8(21), float32(0.5), uint64(2))
	f.Add(uint8(12), uint8(64), uint16(1537), uint8(17), uint8(63), float32(-3), uint64(3))
	f.Add(uint8(0), uint8(40), uint16(0), uint8(0), uint8(12), float32(0), uint64(4))
	f.Add(uint8(70), uint8(5), uint16(131), uint8(1), uint8(10), float32(2), uint64(5))
	f.Add(uint8(17), uint8(100), uint16(1030), uint8(0), uint8(17), float32(1), uint64(6))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, place, options uint8, alpha float32, seed uint64) {
		if !(alpha > -1e6 && alpha < 1e6) || alpha > -1e-6 && alpha < 1e-6 {
			alpha = 1 // the bound on the error is for results that are not denormal
		}
		q := problem{
			m: int(m % 80), n: int(n % 120), k: int(k % 2000), off: int(place % 16), gap: int(place / 16),
			transposeA: options&1 != 0, transposeB: options&2 != 0, packed: options&4 != 0,
			o:       MatMulOptions{Alpha: alpha, Accumulate: options&8 != 0, Precision: Precision(options >> 4 & 1)},
			threads: int(options >> 5 & 3), seed: seed,
		}
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			agree(t, q)
			restore()
		}
	})
}
