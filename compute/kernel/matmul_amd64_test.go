//go:build !noasm

package kernel

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// The other tests compare whatever the active tier runs. Here it is asserted that
// this is the tier's own code. A tier that cpu knows and this list does not fails.
func TestEachTierMultipliesByItsOwnMeans(t *testing.T) {
	want := map[cpu.Tier]string{cpu.Generic: "generic", cpu.AVX2: "avx2", cpu.AVX512: "avx512", cpu.AVX512BF16: "avx512bf16"}
	seen := 0
	vectorTiers(t, func(t *testing.T) {
		name, known := want[cpu.Active()]
		require.True(t, known)
		e := activeEngine()
		assert.Equal(t, name, e.name)
		assert.Equal(t, cpu.Active() >= cpu.AVX512BF16, e.tilePairs != nil)
		assert.Equal(t, map[string]int{"generic": 1, "avx2": 3, "avx512": 4, "avx512bf16": 4}[name], len(e.rows))
		seen++
	})
	assert.Equal(t, int(cpu.Detect())+1, seen)
}

// The vector tiers add the same products in the same order, with one rounding each.
func TestVectorTiersHaveTheSameBits(t *testing.T) {
	q := problem{m: 50, n: 70, k: 1000, off: 1, gap: 1, o: MatMulOptions{Alpha: 0.7, Accumulate: true}, threads: 1}
	var want []uint32
	vectorTiers(t, func(t *testing.T) {
		if cpu.Active() == cpu.Generic {
			return
		}
		got := productBits(q)
		if want == nil {
			want = got
		}
		require.Equal(t, want, got)
	})
}
