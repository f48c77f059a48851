package ceiling

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"smelt/compute/kernel/cpu"
)

func TestLoopsRun(t *testing.T) {
	for _, tier := range cpu.Tiers() {
		l := FMA(tier)
		assert.Positive(t, l.Operations)
		l.Run(10)
		if b, ok := BF16(tier); ok {
			assert.Equal(t, 2*l.Operations, b.Operations)
			b.Run(10)
		}
		if b, ok := Int8(tier); ok {
			assert.Equal(t, 4*l.Operations, b.Operations)
			b.Run(10)
		}
	}
}

// What is read decides the result, byte by byte.
func TestReadReadsAll(t *testing.T) {
	data := make([]byte, 5<<20+1)
	for _, tier := range cpu.Tiers() {
		assert.Zero(t, Read(tier, data))
		for _, at := range []int{0, 63, 511, 512, 4<<20 - 1, 4 << 20, 5<<20 - 1} {
			data[at] = 1
			// A vector tier folds each register's first word alone.
			if tier == cpu.Generic || at%64 < 8 {
				assert.NotZero(t, Read(tier, data), "%s, byte %d", tier, at)
			}
			data[at] = 0
		}
		assert.Zero(t, Read(tier, data[:readStep-1]))
	}
}
