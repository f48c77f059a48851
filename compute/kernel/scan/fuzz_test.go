package scan

import (
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// FuzzTiers compares every tier with the definitions, on the text as it is and
// shifted against the blocks.
func FuzzTiers(f *testing.F) {
	for _, p := range pieces {
		f.Add([]byte(p))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			for _, shift := range []int{0, 1, 30, 63} {
				shifted := make([]byte, shift+len(src))
				fill(shifted[:shift])
				copy(shifted[shift:], src)
				agree(t, shifted)
			}
			restore()
		}
	})
}
