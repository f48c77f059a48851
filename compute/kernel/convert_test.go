package kernel

import (
	"math"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// format is a 16-bit floating-point format, told by its number of fraction bits.
type format struct {
	name     string
	fraction int
	to       func(dst []uint16, src []float32)
	from     func(dst []float32, src []uint16)
}

var formats = []format{{"bfloat16", 7, ToBF16, FromBF16}, {"half precision", 10, ToFP16, FromFP16}}

// value is what the bits mean, from the definition of IEEE 754.
func (f format) value(bits uint16) float64 {
	bias := 1<<(14-f.fraction) - 1
	fraction := float64(bits&(1<<f.fraction-1)) / float64(int(1)<<f.fraction)
	exponent := int(bits&0x7fff) >> f.fraction
	y := 0.0
	switch {
	case exponent == 2*bias+1 && fraction == 0:
		y = math.Inf(1)
	case exponent == 2*bias+1:
		return math.NaN()
	case exponent == 0:
		y = math.Ldexp(fraction, 1-bias)
	default:
		y = math.Ldexp(1+fraction, exponent-bias)
	}
	if bits>>15 != 0 {
		y = -y
	}
	return y
}

// infinity is the bits of positive infinity.
func (f format) infinity() int { return 0x7fff &^ (1<<f.fraction - 1) }

// nearest finds the bits for x, not NaN, among all numbers of the format.
func (f format) nearest(x float32) uint16 {
	sign, size := uint16(0), math.Abs(float64(x))
	if math.Signbit(float64(x)) {
		sign = 1 << 15
	}
	above := sort.Search(f.infinity(), func(b int) bool { return f.value(uint16(b)) >= size })
	if above == 0 || above < f.infinity() && f.value(uint16(above)) == size {
		return sign | uint16(above)
	}
	// Infinity stands where the next number would be, if the exponents went on.
	low, high := f.value(uint16(above-1)), 0.0
	if above < f.infinity() {
		high = f.value(uint16(above))
	} else {
		high = low + (low - f.value(uint16(above-2)))
	}
	below := uint16(above - 1)
	if down, up := size-low, high-size; up < down || up == down && below&1 == 1 {
		return sign | uint16(above)
	}
	return sign | below
}

func TestFrom16BitsIsExact(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		src, dst := make([]uint16, 1<<16), make([]float32, 1<<16)
		for i := range src {
			src[i] = uint16(i)
		}
		for _, f := range formats {
			f.from(dst, src)
			for i, got := range dst {
				want := f.value(uint16(i))
				if math.IsNaN(want) {
					require.True(t, got != got, "%s %04x", f.name, i)
					continue
				}
				require.Equal(t, math.Float64bits(want), math.Float64bits(float64(got)), "%s %04x", f.name, i)
			}
		}
	})
}

// Every number of the format, every middle between two, and the neighbours of those
// must be rounded as the definition has it.
func TestTo16BitsRoundsToNearestEven(t *testing.T) {
	for _, f := range formats {
		var src []float32
		for b := range f.infinity() {
			x := f.value(uint16(b))
			next := x + (x - f.value(uint16(max(b-1, 0))))
			if b < f.infinity()-1 {
				next = f.value(uint16(b + 1))
			}
			for _, v := range []float64{x, (x + next) / 2} {
				bits := math.Float32bits(float32(v))
				for _, near := range []uint32{bits, bits - 1, bits + 1} {
					if y := math.Float32frombits(near); y == y {
						src = append(src, y, -y)
					}
				}
			}
		}
		src = append(src, math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), smallest)
		want := make([]uint16, len(src))
		for i, x := range src {
			if math.IsInf(float64(x), 0) {
				want[i] = uint16(f.infinity()) | uint16(math.Float32bits(x)>>16)&0x8000
				continue
			}
			want[i] = f.nearest(x)
		}
		vectorTiers(t, func(t *testing.T) {
			got := make([]uint16, len(src))
			f.to(got, src)
			for i := range src {
				if got[i] != want[i] {
					require.Failf(t, f.name, "of %g (%08x): %04x, want %04x", src[i], math.Float32bits(src[i]), got[i], want[i])
				}
			}
		})
	}
}

// The bits of all tiers are the same, also of NaNs, at every length and place, and
// nothing else is written.
func TestConversionsAgree(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(9, 10))
		for n := range 200 {
			src := make([]float32, n+random.IntN(8))[:n]
			for i := range src {
				bits := random.Uint32()
				switch random.IntN(8) {
				case 0:
					bits |= 0xff << 23 // infinity or NaN
				case 1:
					bits &^= 0xff << 23 // denormal
				}
				src[i] = math.Float32frombits(bits)
			}
			words, want := make([]uint16, n+20), make([]uint16, n+20)
			for _, f := range []struct{ to, generic func([]uint16, []float32) }{{ToBF16, toBF16Generic}, {ToFP16, toFP16Generic}} {
				for i := range words {
					words[i], want[i] = 0xabcd, 0xabcd
				}
				at := random.IntN(8)
				f.to(words[at:at+n], src)
				f.generic(want[at:at+n], src)
				require.Equal(t, want, words)
			}
			floats, wantFloats := make([]float32, n+20), make([]float32, n+20)
			for i := range words {
				words[i] = uint16(random.Uint32())
			}
			for _, f := range []struct{ from, generic func([]float32, []uint16) }{{FromBF16, fromBF16Generic}, {FromFP16, fromFP16Generic}} {
				for i := range floats {
					floats[i], wantFloats[i] = fencePost, fencePost
				}
				f.from(floats[3:3+n], words[1:1+n])
				f.generic(wantFloats[3:3+n], words[1:1+n])
				for i := range floats {
					require.Equal(t, math.Float32bits(wantFloats[i]), math.Float32bits(floats[i]), "%04x", words[max(i-2, 0)])
				}
			}
		}
	})
}

func TestNaNStaysNaN(t *testing.T) {
	// The last would become infinity if its payload were cut off, or zero if rounded.
	for _, bits := range []uint32{0x7fc00000, 0xffc12345, 0x7f800001, 0xff800001, 0x7fffffff, 0xffffffff} {
		vectorTiers(t, func(t *testing.T) {
			for _, f := range formats {
				src, dst := make([]float32, 37), make([]uint16, 37)
				for i := range src {
					src[i] = math.Float32frombits(bits)
				}
				f.to(dst, src)
				for _, got := range dst {
					assert.True(t, math.IsNaN(f.value(got)), "%s of %08x: %04x", f.name, bits, got)
					assert.Equal(t, uint16(bits>>16)&0x8000, got&0x8000)
				}
			}
		})
	}
}
