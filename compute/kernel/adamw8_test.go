package kernel

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

var testAdamW8 = AdamW{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.1}

// decode returns what Moments8 stores of parameter i, as the comment on Bytes has it.
func (m *Moments8) decode(o AdamW, i int) (s, r float64) {
	code := int(binary.LittleEndian.Uint16(m.Bytes()[2*i:]))
	level := 1024 + int(binary.LittleEndian.Uint16(m.Bytes()[2*m.n+i/Moments8Block*2:])) + code>>7
	s = math.Ldexp(1+float64(level%16)/16, level/16-127)
	least := float64(o.leastRatio())
	q := code & 63
	r = least*math.Ldexp(1+float64(q%8)/8, q/8) - least
	if code&64 != 0 {
		r = -r
	}
	return s, r
}

// wideGradient is of sizes from 1 to 2^-40, as an integer times a power of two: no
// function that rounds differently elsewhere is used.
func wideGradient(random *rand.Rand) float32 {
	return float32(math.Ldexp(float64(random.IntN(2001)-1000), -10-random.IntN(40)))
}

// After many steps all tiers must have the bits that were recorded.
func TestStep8HasTheSameBits(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		sum := crc32.NewIEEE()
		for _, n := range []int{0, 1, 7, 8, 9, 255, 256, 257, 1000, 33 * Moments8Block, 33*Moments8Block + 5} {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			p, g, m := make([]float32, n), make([]float32, n), NewMoments8(n, 9)
			for step := range 20 {
				for i := range g {
					g[i] = wideGradient(random)
				}
				testAdamW8.Step8(p, g, m, 0, m.Blocks(), step+1, 0.7)
			}
			require.NoError(t, binary.Write(sum, binary.LittleEndian, p))
			require.NoError(t, binary.Write(sum, binary.LittleEndian, m.Bytes()))
		}
		assert.Equal(t, uint32(0x774a11d), sum.Sum32())
	})
}

// One step from moments as earlier ones left them, beside one in double precision
// from the same: what is stored must be one of the codes next to the exact number.
func TestStep8AgreesWithDoublePrecision(t *testing.T) {
	const n, before = 40*Moments8Block + 100, 30
	for _, betas := range [][2]float64{{0.9, 0.999}, {0.9, 0.95}, {0, 0.9}, {0.95, 0.9999}} {
		o := testAdamW8
		o.Beta1, o.Beta2 = betas[0], betas[1]
		random := rand.New(rand.NewPCG(3, 4))
		p, g, m := make([]float32, n), make([]float32, n), NewMoments8(n, 5)
		for step := range before {
			for i := range g {
				g[i] = wideGradient(random)
			}
			o.Step8(p, g, m, 0, m.Blocks(), step+1, testScale)
		}
		was := &Moments8{n, m.seed, slices.Clone(m.Bytes())}
		want := double([][]float32{p, g})
		const step = before + 1
		o.Step8(p, g, m, 0, m.Blocks(), step, testScale)
		correct := func(t int) float64 { return math.Sqrt(1 - math.Pow(o.Beta2, float64(t))) }
		inside := 0
		for i := range p {
			s, r := was.decode(o, i)
			first, second := r*(s+o.Epsilon*correct(step-1)), s*s
			param, grad := want[0][i], want[1][i]
			size := math.Abs(o.Beta1*first) + math.Abs((1-o.Beta1)*grad*testScale)
			adamW64(o, &want[0][i], &want[1][i], &first, &second, step, testScale)
			change := want[0][i] - param*(1-o.LearningRate*o.WeightDecay)

			exact := math.Sqrt(second)
			scale := 1024 + int(binary.LittleEndian.Uint16(m.Bytes()[2*n+i/Moments8Block*2:]))
			least := math.Ldexp(1+float64(scale%16)/16, scale/16-127)
			s, r = m.decode(o, i)
			if exact < least*(1-4*roundoff) {
				assert.Equal(t, least, s)
				assert.LessOrEqual(t, math.Abs(float64(p[i])-param), math.Abs(change)+o.LearningRate*o.WeightDecay*math.Abs(param)+1e-7)
				continue
			}
			inside++
			// The change, as in vectorOps, with two roundings more for the decoded first.
			size *= o.LearningRate * correct(step) / (1 - math.Pow(o.Beta1, step)) / (exact + o.Epsilon*correct(step))
			require.InDelta(t, want[0][i], p[i], roundoff*(3*math.Abs(param)+22*size), "%v element %d", betas, i)

			gap := math.Ldexp(1, math.Ilogb(exact)-4)
			require.LessOrEqual(t, math.Abs(s-exact), gap*(1+1e-4), "root of %d: %g, not near %g", i, s, exact)
			ratio := first / (exact + o.Epsilon*correct(step))
			gap = math.Ldexp(1, math.Ilogb(math.Abs(ratio)+float64(o.leastRatio()))-3)
			require.LessOrEqual(t, math.Abs(r-ratio), gap*(1+1e-4), "ratio of %d: %g, not near %g", i, r, ratio)
		}
		assert.Greater(t, inside, n/2)
	}
}

// With no gradients, roots shrink by 0.05 % a step and ratios by a tenth, far less than
// from one code to the next for the roots. On the mean over many elements this must
// show: rounding to nearest would be off by all of it.
func TestStep8RoundsWithoutBias(t *testing.T) {
	const n = 1 << 16
	o := testAdamW8
	p, g, m := make([]float32, n), make([]float32, n), NewMoments8(n, 5)
	random := rand.New(rand.NewPCG(5, 6))
	for i := range g {
		g[i] = float32(1 + random.Float64()) // ratios far from the largest
	}
	o.Step8(p, g, m, 0, m.Blocks(), 1, 1)
	o.Step8(p, g, m, 0, m.Blocks(), 2, 1)
	clear(g)
	roots, ratios := 0.0, 0.0
	const steps = 30
	for step := range steps {
		was := &Moments8{n, m.seed, slices.Clone(m.Bytes())}
		o.Step8(p, g, m, 0, m.Blocks(), step+3, 1)
		for i := range n {
			s, r := was.decode(o, i)
			s1, r1 := m.decode(o, i)
			roots += s1/(s*math.Sqrt(o.Beta2)) - 1
			ratios += r1 - r*o.Beta1/math.Sqrt(o.Beta2) // Epsilon is nothing here
		}
	}
	// The deviation of one rounding to codes 5 % apart that goes up 1 time in 100 is
	// 0.005; that of a ratio below 4, half its code's distance, is 0.125.
	const all = n * steps
	assert.InDelta(t, 0, roots/all, 5*0.005/math.Sqrt(all))
	assert.InDelta(t, 0, ratios/all, 5*0.125/math.Sqrt(all))
}

// Shared out among threads, and resumed after each step, a run has the bits of one that
// is neither; with another seed it has not.
func TestStep8OnThreadsAndResumed(t *testing.T) {
	const n = 40*Moments8Block + 77
	pool := NewPool(3)
	defer pool.Close()
	vectorTiers(t, func(t *testing.T) {
		run := func(seed uint64, resume bool) ([]float32, []byte) {
			random := rand.New(rand.NewPCG(7, 8))
			p, g, m := make([]float32, n), make([]float32, n), NewMoments8(n, seed)
			for step := range 6 {
				for i := range g {
					g[i] = wideGradient(random)
				}
				if !resume {
					testAdamW8.Step8(p, g, m, 0, m.Blocks(), step+1, 1)
					continue
				}
				restored := NewMoments8(n, seed)
				copy(restored.Bytes(), m.Bytes())
				m = restored
				each := 1 + step%4 // blocks a task
				pool.Run((m.Blocks()+each-1)/each, func(_, task int) {
					testAdamW8.Step8(p, g, m, task*each, min((task+1)*each, m.Blocks()), step+1, 1)
				})
			}
			return p, m.Bytes()
		}
		p, b := run(1, false)
		p1, b1 := run(1, true)
		require.True(t, slices.Equal(p, p1))
		require.True(t, slices.Equal(b, b1))
		_, other := run(2, false)
		require.False(t, slices.Equal(b, other))
	})
}

// Gradients that are no ordinary numbers.
func TestStep8OnSpecialValues(t *testing.T) {
	vectorTiers(t, func(t *testing.T) {
		const n = 3 * Moments8Block
		decayed := float32(1 - testAdamW8.LearningRate*testAdamW8.WeightDecay)
		p, g, m := make([]float32, n), make([]float32, n), NewMoments8(n, 1)
		for i := range p {
			p[i] = 1
		}
		testAdamW8.Step8(p, g, m, 0, 3, 1, 1)
		for i := range p {
			require.Equal(t, decayed, p[i], "no gradient, no step")
		}
		assert.Equal(t, NewMoments8(n, 1).Bytes(), m.Bytes(), "zero moments stay what they are")

		g[1], g[2], g[3] = smallest, -smallest, 1e18
		g[257], g[513] = float32(math.NaN()), float32(math.Inf(1))
		testAdamW8.Step8(p, g, m, 0, 3, 2, 1)
		testAdamW8.Step8(p, g, m, 0, 3, 3, 1)
		for i, v := range p {
			assert.Equal(t, i == 257 || i == 513, v != v, i)
		}
		for i, v := range p[:Moments8Block] {
			assert.InDelta(t, 1, v, 0.01, i)
		}
		assert.Less(t, p[3], float32(0.999), "the largest gradient counts")
	})
}

func TestStep8OnWrongShapes(t *testing.T) {
	o, m := testAdamW8, NewMoments8(300, 0)
	assert.Equal(t, 300, m.Len())
	assert.Equal(t, 2, m.Blocks())
	assert.Len(t, m.Bytes(), 604)
	assert.PanicsWithValue(t, "kernel: 300 parameters, 299 gradients and 300 moments",
		func() { o.Step8(make([]float32, 300), make([]float32, 299), m, 0, 2, 1, 1) })
	assert.Panics(t, func() { o.Step8(make([]float32, 300), make([]float32, 300), m, 0, 3, 1, 1) })
	assert.Panics(t, func() { o.Step8(make([]float32, 300), make([]float32, 300), m, -1, 1, 1, 1) })
	p, g := make([]float32, 300), make([]float32, 300)
	assert.Zero(t, testing.AllocsPerRun(10, func() { o.Step8(p, g, m, 0, 2, 1, 1) }))
}

// Whatever the state and the gradients, tiers agree to the bit.
func FuzzStep8(f *testing.F) {
	f.Add([]byte{1, 2, 3, 200, 5}, uint64(1), uint16(300))
	f.Add([]byte{0, 0, 128, 63, 255, 255, 7}, uint64(2), uint16(256))
	f.Fuzz(func(t *testing.T, data []byte, seed uint64, size uint16) {
		n := int(size % 700)
		random := rand.New(rand.NewPCG(seed, 0))
		at := func(i int) byte {
			if i < len(data) {
				return data[i]
			}
			return byte(random.Uint32())
		}
		state, param, grad := NewMoments8(n, seed), make([]float32, n), make([]float32, n)
		for i := range state.Bytes() {
			state.Bytes()[i] = at(i)
		}
		for i := range state.Blocks() {
			state.Bytes()[2*n+2*i+1] &= 3 // roots below 2^32
		}
		for i := range grad {
			grad[i] = moderate(uint32(at(4*i)) | uint32(at(4*i+1))<<8 | uint32(at(4*i+2))<<16 | uint32(at(4*i+3))<<24)
			if grad[i]-grad[i] != 0 {
				grad[i] = 0
			}
		}
		var wantParam []float32
		var wantState []byte
		for _, tier := range cpu.Tiers() {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			p, m := slices.Clone(param), &Moments8{n, seed, slices.Clone(state.Bytes())}
			testAdamW8.Step8(p, grad, m, 0, m.Blocks(), 10, 1)
			restore()
			if tier == cpu.Generic {
				wantParam, wantState = p, m.Bytes()
			}
			require.Equal(t, wantParam, p, tier)
			require.Equal(t, wantState, m.Bytes(), tier)
		}
	})
}
