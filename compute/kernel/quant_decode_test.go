package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// decodePortable is decodeLines by the portable code.
func decodePortable(f BlockFormat, dst []float32, ld int, src []byte, stride, lines, blocks int) {
	k := f.kind()
	for line := range lines {
		for b := range blocks {
			f.decode(dst[line*ld+b*k.elements:][:k.elements], src[line*stride+b*k.bytes:][:k.bytes])
		}
	}
}

// sameNumbers compares bits, save that any NaN is any other: which one comes of a
// product of two is the processor's choice.
func sameNumbers(t require.TestingT, want, got []float32, what string, args ...any) {
	require.Len(t, got, len(want))
	for i, w := range want {
		if g := got[i]; math.Float32bits(w) != math.Float32bits(g) && !(w != w && g != g) {
			require.Failf(t, fmt.Sprintf(what, args...), "element %d is %g, want %g", i, g, w)
		}
	}
}

// Any bytes are blocks; so scales are often NaN, infinite or denormal.
func TestDecodingAgrees(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(51, 52))
		for _, f := range blockFormats {
			k := f.kind()
			for lines := 1; lines < 5; lines++ {
				for blocks := range 6 {
					n := blocks * k.elements
					ld, stride := n+random.IntN(9), blocks*k.bytes+random.IntN(9)
					src := make([]byte, lines*stride)
					for i := range src {
						src[i] = byte(random.Uint32())
					}
					dst, check := fenced(random, []int{(lines-1)*ld + n})
					for i := range dst[0] {
						dst[0][i] = fencePost // between the lines, too
					}
					want := append([]float32(nil), dst[0]...)
					f.decodeLines(dst[0], ld, src, stride, lines, blocks)
					decodePortable(f, want, ld, src, stride, lines, blocks)
					sameNumbers(t, want, dst[0], "%s, %d x %d blocks", f, lines, blocks)
					check(t, f.String())
				}
			}
		}
	})
}

func TestWideningAgrees(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(67, 68))
		for n := range 140 {
			const lines = 3
			ld, stride := n+random.IntN(9), n+random.IntN(9)
			src := make([]uint16, lines*stride)
			for i := range src {
				src[i] = uint16(random.Uint32())
			}
			dst, check := fenced(random, []int{(lines-1)*ld + n})
			want := append([]float32(nil), dst[0]...)
			widenLines(dst[0], ld, src, stride, lines, n)
			for i := range lines {
				fromBF16Generic(want[i*ld:][:n], src[i*stride:][:n])
			}
			require.Equal(t, bitsOf(want), bitsOf(dst[0]), n)
			check(t, "widen")
		}
	})
}

// Scales of every sign and exponent, denormal, infinite and NaN among them.
func TestDecodingOfScalesOfEverySize(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(53, 54))
		for _, f := range blockFormats {
			const count = 1 << 10
			k := f.kind()
			src := randomBlocks(random, f, count*k.elements)
			for b := range count {
				at := b*k.bytes + map[bool]int{true: 208}[f == Q6K]
				scale := uint16(b<<6 | random.IntN(1<<6))
				src[at], src[at+1] = byte(scale), byte(scale>>8)
			}
			got, want := make([]float32, count*k.elements), make([]float32, count*k.elements)
			f.Dequantize(got, src)
			decodePortable(f, want, 0, src, 0, 1, count)
			sameNumbers(t, want, got, "%s", f)
		}
	})
}

// More than one call of a kernel takes.
func TestDequantizeInPieces(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const n = 2<<16 + 512
		for _, f := range []BlockFormat{Q4_0, Q6K} {
			src := randomBlocks(rand.New(rand.NewPCG(55, 56)), f, n)
			got, want := make([]float32, n), make([]float32, n)
			f.Dequantize(got, src)
			decodePortable(f, want, 0, src, 0, 1, n/f.Elements())
			require.Equal(t, want, got)
		}
	})
}

// BenchmarkDequantize counts the bytes written: 4 an element, to L2.
func BenchmarkDequantize(b *testing.B) {
	const n = 96 << 10
	dst := make([]float32, n)
	wide := make([]uint16, n)
	b.Run("BF16", func(b *testing.B) { benchBytes(b, 4*n, func() { FromBF16(dst, wide) }) })
	b.Run("clear", func(b *testing.B) { benchBytes(b, 4*n, func() { clear(dst) }) })
	for _, f := range blockFormats {
		src := randomBlocks(rand.New(rand.NewPCG(57, 58)), f, n)
		b.Run(f.String(), func(b *testing.B) { benchBytes(b, 4*n, func() { f.Dequantize(dst, src) }) })
	}
}
