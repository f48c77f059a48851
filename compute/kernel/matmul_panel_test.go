package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// packers are the two ways to pack of the active tier, with the definition of each.
func packers() map[string][2]packFunc {
	e := activeEngine()
	return map[string][2]packFunc{"fp32": {e.pack, packGeneric}, "bf16": {e.packPairs, packPairsGeneric}}
}

// Panels hold the bits they should, of any number there is, and nothing is written
// beyond them.
func TestPackingAgrees(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n, k := rapid.IntRange(1, 100).Draw(t, "n"), rapid.IntRange(1, 70).Draw(t, "k")
			s := source{alongK: rapid.Bool().Draw(t, "alongK")}
			lines, length := k, n
			if s.alongK {
				lines, length = n, k
			}
			s.ld = length + rapid.IntRange(0, 5).Draw(t, "gap")
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
			s.data = make([]float32, (lines-1)*s.ld+length)
			for i := range s.data {
				s.data[i] = anyFloat(r)
			}
			for name, p := range packers() {
				for _, width := range []int{tileRows, tileCols} {
					words := ceil(n, width) * width * k
					if name == "bf16" {
						words = ceil(n, width) * width * BF16.words(k)
					}
					got, want := make([]uint32, words+40), make([]uint32, words+40)
					for i := range got {
						got[i], want[i] = canary, canary
					}
					p[0](got, width, s, n, k)
					p[1](want, width, s, n, k)
					require.Equal(t, want, got, "%s, width %d", name, width)
				}
			}
		})
	})
}

// anyFloat is a number of any size, and now and then a special one.
func anyFloat(r *rand.Rand) float32 {
	bits := r.Uint32()
	switch r.IntN(8) {
	case 0:
		bits &= 0x807fffff // denormal or zero
	case 1:
		bits |= 0x7f800000 // NaN, mostly
	case 2:
		bits = bits&0x80000000 | 0x7f800000
	case 3:
		bits = bits&0xffff0000 | 0x8000 // half way between two bf16
	}
	return math.Float32frombits(bits)
}

func TestWidenPanelUndoesPacking(t *testing.T) {
	const k, width = 7, tileCols
	r := rand.New(rand.NewPCG(1, 1))
	s := source{data: make([]float32, k*width), ld: width}
	for i := range s.data {
		s.data[i] = anyFloat(r)
	}
	pairs, want, got := make([]uint32, 4*width), make([]uint32, k*width), make([]uint32, k*width)
	packPairsGeneric(pairs, width, s, width, k)
	packGeneric(want, width, s, width, k)
	roundPanels(want)
	widenPanel(got, pairs, width, k)
	require.Equal(t, want, got)
}

// Every tier rounds panels of any length to the reference's bits, and nothing beyond.
func TestRoundPanels(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	vectorTiers(t, func(t *testing.T) {
		for n := range 70 {
			want := make([]uint32, n+8)
			for i := range want {
				want[i] = math.Float32bits(anyFloat(r))
				if r.IntN(8) == 0 {
					want[i] &^= 0x7f800000 // denormal
				}
			}
			got := slices.Clone(want)
			roundPanels(want[:n])
			activeEngine().round(got[:n])
			require.Equal(t, want, got)
		}
	})
}

// Weights in bf16 are packed to the bits their fp32 would be.
func TestPackBF16(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			rows, cols := rapid.SampledFrom([]int{0, 1, 2, 17, 300, 1600}).Draw(t, "rows"), rapid.SampledFrom([]int{0, 1, 31, 33, 290}).Draw(t, "cols")
			b, _ := view(rows, cols, 0, rapid.IntRange(0, 3).Draw(t, "gap"), rapid.Bool().Draw(t, "transposed"))
			fillNormal(b, rand.New(rand.NewPCG(5, 6)))
			half := make([]uint16, len(b.Data))
			ToBF16(half, b.Data)
			p := NewPool(2)
			defer p.Close()
			want := Pack(p, b, BF16)
			got := Pack(p, MatrixBF16{Data: half, Rows: rows, Cols: cols, Stride: b.Stride, Transposed: b.Transposed}, BF16)
			require.Equal(t, want, got)
			require.Equal(t, []int{rows, cols}, []int{got.Rows(), got.Cols()})
			require.Equal(t, 4*ceil(cols, 32)*32*ceil(rows, 2), got.Bytes())
		})
	})
}
