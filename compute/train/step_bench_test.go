package train

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel"
)

// A step's work on parameters alone: norm, clipping and the optimiser. Bytes are those of
// the parameters.
func BenchmarkUpdate(b *testing.B) {
	m := newBigram(4000)
	for _, kind := range []Optimizer{AdamW, AdamW8} {
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprint(kind, " ", threads), func(b *testing.B) {
				pool := kernel.NewPool(threads)
				defer pool.Close()
				z := newOptimizer(pool, m.Parameters(), Options{Optimizer: kind})
				a := kernel.AdamW{LearningRate: 1e-4, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
				b.SetBytes(4 * 4000 * 4001)
				step := 0
				for b.Loop() {
					step++
					z.step(a, step, clipScale(z.norm(), 1))
				}
			})
		}
	}
}

// A checkpoint written, and read again. Bytes are those of its file.
func BenchmarkCheckpoint(b *testing.B) {
	m := newBigram(4000)
	r := newTestRun(b, m, 1, chain(3, 4000, 20), nil, quick(), b.TempDir())
	write := func(b *testing.B) {
		bytes, _, err := r.store.write(r.state, r.settings, r.optimizer, func(checkpoint) int { return -1 })
		require.NoError(b, err)
		b.SetBytes(bytes)
	}
	write(b)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			write(b)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(3 * 4 * 4000 * 4001)
		for b.Loop() {
			require.NoError(b, r.restore(0))
		}
	})
}
