package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Integers at their ends must neither overflow nor saturate: bytes of 0 and 255, -128,
// 127 and 15, with values of 127 and -127.
func TestInt8AtTheExtremes(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const m, k = 13, 512
		for _, f := range blockFormats {
			for _, pattern := range []byte{0x00, 0x7f, 0x80, 0xff, 0x0f, 0xf0} {
				x := make([]float32, m*k)
				for i := range x {
					x[i] = 127
					if row := i / k; row > 0 && i%(row+1) == row {
						x[i] = -127
					}
				}
				stored := randomBlocks(rand.New(rand.NewPCG(1, 1)), f, k)
				scales := slices.Clone(stored)
				for i := range stored {
					stored[i] = pattern
				}
				kind := f.kind()
				for at := 0; at < len(stored); at += kind.bytes { // a scale that is a number
					for _, place := range []int{0, 2, kind.bytes - 2} {
						if isScale(f, place) {
							copy(stored[at+place:][:2], scales[at+place:])
						}
					}
				}
				w, c := make([]float32, k), make([]float32, m)
				f.Dequantize(w, stored)
				matMulInt8(f, nil, Matrix{Data: c, Rows: m, Cols: 1}, Matrix{Data: x, Rows: m, Cols: k}, stored, MatMulOptions{})
				size := magnitudes(f, stored, k)
				for i, got := range c {
					var want, terms float64
					for j, v := range x[i*k:][:k] {
						want += float64(v) * float64(w[j])
						terms += math.Abs(float64(v) * float64(size[j]))
					}
					require.InDelta(t, want, got, int8Bound(k)*terms, "%s of %#x, row %d", f, pattern, i)
				}
			}
		}
	})
}

// isScale reports whether a block has an fp16 number at that place.
func isScale(f BlockFormat, place int) bool {
	switch f {
	case Q6K:
		return place == 208
	case Q4_1, Q4K:
		return place == 0 || place == 2
	}
	return place == 0
}

// What is not finite reaches its row or column, and no other; tiny and huge numbers are
// as good as others.
func TestInt8SpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	vectorTiers(t, func(t *testing.T) {
		const m, n, k = 14, 34, 512
		for _, f := range blockFormats {
			r := rand.New(rand.NewPCG(9, 9))
			x, stored := randomFloats(r, m*k), randomBlocks(r, f, n*k)
			clean := make([]float32, m*n)
			multiply := func(x []float32, stored []byte) []float32 {
				c := slices.Clone(clean)
				matMulInt8(f, nil, Matrix{Data: c, Rows: m, Cols: n}, Matrix{Data: x, Rows: m, Cols: k}, stored, MatMulOptions{})
				return c
			}
			clean = multiply(x, stored)
			for _, bad := range []float32{inf, -inf, nan} {
				dirty := slices.Clone(x)
				dirty[5*k+100] = bad
				dirty[13*k+511] = bad
				for i, got := range multiply(dirty, stored) {
					if row := i / n; row == 5 || row == 13 {
						require.True(t, got != got, "%s: %v in row %d gives %v", f, bad, row, got)
					} else {
						require.Equal(t, clean[i], got, "%s: %v", f, bad)
					}
				}
				for _, place := range []int{0, 2, 208} {
					if !isScale(f, place) {
						continue
					}
					dirty := slices.Clone(stored)
					binary.LittleEndian.PutUint16(dirty[33*f.Bytes(k)+place:], halfBits(math.Float32bits(bad)))
					for i, got := range multiply(x, dirty) {
						if i%n == 33 {
							require.True(t, got-got != 0, "%s: a scale of %v gives %v", f, bad, got)
						} else {
							require.Equal(t, clean[i], got, "%s: a scale of %v", f, bad)
						}
					}
				}
			}
			// Powers of two change exponents alone, as long as nothing is denormal.
			for _, factor := range []float32{0x1p-80, 0x1p100} {
				scaled := slices.Clone(x)
				for i := range scaled {
					scaled[i] *= factor
				}
				for i, got := range multiply(scaled, stored) {
					require.Equal(t, clean[i]*factor, got, "%s by %v", f, factor)
				}
			}
			// Numbers too small for a scale are zeros, and so are rows of zeros.
			tiny := slices.Clone(x)
			for i := range k {
				tiny[i], tiny[6*k+i] = 0x1p-140, 0
			}
			for i, got := range multiply(tiny, stored) {
				if row := i / n; row == 0 || row == 6 {
					require.Zero(t, got, f.String())
				} else {
					require.Equal(t, clean[i], got)
				}
			}
			// Scales of denormal fp16.
			for at := 0; at < len(stored); at += f.kind().bytes {
				for _, place := range []int{0, 2, 208} {
					if isScale(f, place) {
						stored[at+place+1] &= 0x83
					}
				}
			}
			w, v := make([]float32, n*k), Int8Vector{}
			f.Dequantize(w, stored)
			size := magnitudes(f, stored, n*k)
			got, rounded := multiply(x, stored), make([]float32, k)
			for i := range m {
				v.Set(x[i*k:][:k])
				v.Round(rounded)
				for j := range n {
					var want, terms float64
					for at, v := range rounded {
						want += float64(v) * float64(w[j*k+at])
						terms += math.Abs(float64(v) * float64(size[j*k+at]))
					}
					require.InDelta(t, want, got[i*n+j], int8Bound(k)*terms, f.String())
				}
			}
		}
	})
}
