package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Parameters that follow the same gradients must come about as far with moments of 16
// bits as in double precision, on ways that stay close, by steps not much larger. What
// was measured is in the comment on Moments8; bounds are half as much again. Rounded to
// nearest, the moments take parameters 3 times as far on some of these.
func TestStep8FollowsDoublePrecision(t *testing.T) {
	const n, steps = 2*Moments8Block + 100, 1500
	o := AdamW{LearningRate: 1, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
	for _, c := range []struct {
		name     string
		decades  int                               // over which the gradients' sizes are spread, from 1 down
		gradient func(r *rand.Rand, t int) float64 // of size 1
		distance float64                           // of the parameters at the end, relative to how far they came
		largest  float64                           // step, of the learning rate
	}{
		{"noise", 1, func(r *rand.Rand, t int) float64 { return r.NormFloat64() }, 0.19, 2.2},
		{"wide noise", 12, func(r *rand.Rand, t int) float64 { return r.NormFloat64() }, 0.19, 2.2},
		{"drift", 12, func(r *rand.Rand, t int) float64 { return 0.5 + r.NormFloat64() }, 0.09, 2.7},
		{"constant", 4, func(r *rand.Rand, t int) float64 { return 1 }, 0.08, 2.2},
		{"sparse", 4, func(r *rand.Rand, t int) float64 { return float64(1-min(1, r.IntN(100))) * (1 + r.NormFloat64()) }, 0.08, 5},
		{"decaying", 4, func(r *rand.Rand, t int) float64 { return math.Exp(-float64(t)/100) * (0.5 + r.NormFloat64()) }, 0.09, 1.6},
		{"growing", 4, func(r *rand.Rand, t int) float64 { return math.Exp(float64(t)/150-10) * (0.5 + r.NormFloat64()) }, 0.09, 6},
		{"spikes", 4, func(r *rand.Rand, t int) float64 {
			return (0.3 + r.NormFloat64()) * math.Pow(1000, float64(1-min(1, r.IntN(3000))))
		}, 0.09, 4.5},
		{"flipping", 4, func(r *rand.Rand, t int) float64 { return float64(1-t%2*2) * (1 + 0.1*r.NormFloat64()) }, 0.39, 1.5},
	} {
		random := rand.New(rand.NewPCG(9, 10))
		p, g, moments := make([]float32, n), make([]float32, n), NewMoments8(n, 3)
		want, first, second := make([]float64, n), make([]float64, n), make([]float64, n)
		var way, way64, largest float64
		for step := range steps {
			for i := range g {
				g[i] = float32(c.gradient(random, step) * math.Pow(10, -float64(i%c.decades)))
			}
			for i := range g {
				before, grad := want[i], float64(g[i])
				adamW64(o, &want[i], &grad, &first[i], &second[i], step+1, 1)
				way64 += math.Abs(want[i] - before)
			}
			before := double([][]float32{p})[0]
			o.Step8(p, g, moments, 0, moments.Blocks(), step+1, 1)
			for i := range p {
				change := math.Abs(float64(p[i]) - before[i])
				way += change
				largest = max(largest, change)
			}
		}
		var off, far float64
		for i := range p {
			off += (float64(p[i]) - want[i]) * (float64(p[i]) - want[i])
			far += want[i] * want[i]
		}
		t.Logf("%-10s distance %.3f, way %.3f, largest step %.2f", c.name, math.Sqrt(off/far), way/way64, largest)
		assert.Less(t, math.Sqrt(off/far), c.distance, c.name)
		assert.InDelta(t, 1, way/way64, 0.03, c.name)
		assert.Less(t, largest, c.largest, c.name)
	}
}

// A small network that learns another one's answers ends as well as with moments in
// float32, whatever the start and the data.
func TestStep8TrainsAsWell(t *testing.T) {
	for seed := range uint64(6) {
		loss, loss8 := trainTeacher(seed, false), trainTeacher(seed, true)
		t.Logf("seed %d: float32 %.5f, 16 bits %.5f", seed, loss, loss8)
		assert.Less(t, loss, 0.2, "it learns")
		assert.InEpsilon(t, loss, loss8, 0.1)
	}
}

// trainTeacher returns the mean loss over the last steps of a network of 8 inputs, 32
// units with ReLU and one output, on what a random network of that shape says.
func trainTeacher(seed uint64, eight bool) float64 {
	const in, hidden, batch, steps, last = 8, 32, 16, 2000, 300
	const n = hidden * (in + 2) // weights and bias of each unit, and the output's weight
	random := rand.New(rand.NewPCG(seed, 12))
	teacher, p, g := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range p {
		teacher[i], p[i] = float32(random.NormFloat64()/2), float32(random.NormFloat64()/4)
	}
	first, second, moments := make([]float32, n), make([]float32, n), NewMoments8(n, seed)
	units := make([]float32, hidden)
	forward := func(w []float32, x *[in]float32) (y float32) {
		for h := range hidden {
			u := w[h*(in+2):][:in+2]
			units[h] = u[in]
			for i, v := range x {
				units[h] += u[i] * v
			}
			units[h] = max(units[h], 0)
			y += u[in+1] * units[h]
		}
		return y
	}
	o := AdamW{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}
	total := 0.0
	for step := range steps {
		clear(g)
		for range batch {
			var x [in]float32
			for i := range x {
				x[i] = float32(random.NormFloat64())
			}
			want := forward(teacher, &x)
			error := forward(p, &x) - want
			if step >= steps-last {
				total += float64(error) * float64(error) / (batch * last)
			}
			for h, unit := range units {
				if unit == 0 {
					continue
				}
				w, dw := p[h*(in+2):][:in+2], g[h*(in+2):][:in+2]
				d := 2 * error / batch
				dw[in+1] += d * unit
				d *= w[in+1]
				dw[in] += d
				for i, v := range x {
					dw[i] += d * v
				}
			}
		}
		o.LearningRate = 5e-3 * (1 - float64(step)/steps)
		if eight {
			o.Step8(p, g, moments, 0, moments.Blocks(), step+1, 1)
		} else {
			o.Step(p, g, first, second, step+1, 1)
		}
	}
	return total
}
