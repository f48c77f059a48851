//go:build !noasm

package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// The kernels by their own names: that each tier has them, and decodes by no other
// means. The portable code would have the same bits.
func TestEachTierDecodesByItsOwnMeans(t *testing.T) {
	type kernel = func(dst *float32, ld int, src *byte, stride, lines, blocks int)
	avx2 := []kernel{decodeQ8_0AVX2, decodeQ4_0AVX2, decodeQ4_1AVX2, decodeQ5_0AVX2, decodeQ4KAVX2, decodeQ6KAVX2}
	avx512 := []kernel{decodeQ8_0AVX512, decodeQ4_0AVX512, decodeQ4_1AVX512, decodeQ5_0AVX512, decodeQ4KAVX512, decodeQ6KAVX512}
	tiers := map[cpu.Tier][]kernel{cpu.AVX2: avx2, cpu.AVX512: avx512, cpu.AVX512BF16: avx512}
	random := rand.New(rand.NewPCG(65, 66))
	vectorTiers(t, func(t *testing.T) {
		for i, f := range blockFormats {
			const blocks = 3
			src := randomBlocks(random, f, blocks*f.Elements())
			want, got := make([]float32, blocks*f.Elements()), make([]float32, blocks*f.Elements())
			decodePortable(f, want, 0, src, 0, 1, blocks)
			taken := decodeKernel(f, got, 0, src, 0, 1, blocks)
			if cpu.Active() == cpu.Generic {
				assert.False(t, taken)
				continue
			}
			require.True(t, taken)
			require.Equal(t, want, got, f.String())
			clear(got)
			tiers[cpu.Active()][i](&got[0], 0, &src[0], 0, 1, blocks)
			require.Equal(t, want, got, f.String())
		}
		words, got := []uint16{0: 0x3f80, 63: 0xbf80}, make([]float32, 64)
		require.Equal(t, cpu.Active() != cpu.Generic, widenKernel(got, 0, words, 0, 1, 2))
		if cpu.Active() != cpu.Generic {
			require.Equal(t, []float32{0: 1, 63: -1}, got)
		}
	})
}
