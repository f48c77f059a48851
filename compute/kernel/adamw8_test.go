package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// All tiers must give the same bits, which those of the generic one are.
func TestStep8HasTheSameBits(t *testing.T) {
	o := AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}
	type result struct {
		param []float32
		bytes []byte
	}
	run := func(n int) result {
		random := rand.New(rand.NewPCG(uint64(n), 1))
		p, g := make([]float32, n), make([]float32, n)
		m := NewMoments8(n, 9)
		for step := range 20 {
			for i := range g {
				g[i] = float32(random.NormFloat64() * math.Exp(-float64(random.IntN(30))))
			}
			o.Step8(p, g, m, 0, m.Blocks(), step+1, 0.7)
		}
		return result{p, m.Bytes()}
	}
	want := map[int]result{}
	vectorTiers(t, func(t *testing.T) {
		for _, n := range []int{0, 1, 7, 255, 256, 257, 1000, 33 * 256} {
			got := run(n)
			if _, ok := want[n]; !ok {
				want[n] = got
			}
			require.Equal(t, want[n], got, n)
		}
	})
}
