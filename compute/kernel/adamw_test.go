package kernel

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hundred steps in double precision beside those of each tier. Each step rounds
// a parameter of about 1 a few times, so that it is off by about 100 roundings.
func TestAdamWOverManySteps(t *testing.T) {
	const n, steps = 117, 100
	o := AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(17, 18))
		p, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range p {
			p[i] = float32(random.NormFloat64())
		}
		began := double([][]float32{p})[0]
		want := double([][]float32{p, g, m, v})
		for step := range steps {
			for i := range g {
				g[i] = float32(random.NormFloat64()) * float32(i%7) // every seventh is 0
				want[1][i] = float64(g[i])
			}
			o.Step(p, g, m, v, step+1, 0.5)
			for i := range p {
				adamW64(o, &want[0][i], &want[1][i], &want[2][i], &want[3][i], step+1, 0.5)
			}
		}
		moved := 0.0
		for i := range p {
			require.InDelta(t, want[0][i], p[i], 2e-5, i)
			require.InDelta(t, want[2][i], m[i], 2e-6, i)
			require.InDelta(t, want[3][i], v[i], 2e-6, i)
			moved = max(moved, want[0][i]-began[i])
		}
		assert.Greater(t, moved, 0.01, "the steps are larger than what they may be off by")
	})
}
