package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A hundred steps in double precision beside those of each tier, on gradients from 1
// to 1e-9, where Epsilon counts. Each step rounds the first moment's sum 5 times, the
// second's 8 times (see vectorOps) and a parameter 3 times. Those of the first moment
// fade with Beta1, the others may add up; a parameter's change is off by as much,
// relatively, as the moments.
func TestAdamWOverManySteps(t *testing.T) {
	const n, steps = 117, 100
	o := AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}
	vectorTiers(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(17, 18))
		p, g, m, v := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range p {
			p[i] = float32(random.NormFloat64())
		}
		want := double([][]float32{p, g, m, v})
		began, size, largest, path := slices.Clone(want[0]), make([]float64, n), make([]float64, n), make([]float64, n)
		for step := range steps {
			for i := range g {
				g[i] = float32(random.NormFloat64() * math.Pow(10, float64(-i%10)))
				if i%7 == 0 {
					g[i] = 0
				}
				want[1][i] = float64(g[i])
			}
			o.Step(p, g, m, v, step+1, 0.5)
			for i := range p {
				before := want[0][i]
				adamW64(o, &want[0][i], &want[1][i], &want[2][i], &want[3][i], step+1, 0.5)
				size[i] = max(size[i], 0.5*math.Abs(want[1][i]))
				largest[i] = max(largest[i], want[3][i])
				path[i] += math.Abs(want[0][i] - before)
			}
		}
		moved := 0.0
		for i := range p {
			require.InDelta(t, want[0][i], p[i], roundoff*(3*steps*(math.Abs(began[i])+path[i])+8*steps*path[i]), i)
			require.InDelta(t, want[2][i], m[i], 5*roundoff/(1-o.Beta1)*size[i], i)
			require.InDelta(t, want[3][i], v[i], 8*roundoff*steps*largest[i], i)
			moved = max(moved, math.Abs(want[0][i]-began[i]))
		}
		assert.Greater(t, moved, 0.01, "the steps are larger than what they may be off by")
	})
}
