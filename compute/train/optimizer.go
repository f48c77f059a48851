package train

import (
	"math"

	"smelt/compute/kernel"
	"smelt/compute/llama"
)

// optimizer moves parameters by their gradients. Threads share out fixed ranges of elements, and
// sums over ranges are added in order, so the bits do not depend on the threads.
type optimizer struct {
	pool       *kernel.Pool
	parameters []llama.Parameter
	moments    []moments // by parameter
	ranges     []tensorRange
	squares    []float64 // by range
}

// moments are those of one parameter: in 32 bits each, or both in some 16.
type moments struct {
	first, second []float32
	coded         *kernel.Moments8
}

// tensorRange is a range of the elements of a parameter.
type tensorRange struct{ parameter, from, to int }

// rangeElements is a multiple of kernel.SquaresBlock and of kernel.Moments8Block. AdamW takes
// some 30 us for so many.
const rangeElements = 1 << 16

func newOptimizer(pool *kernel.Pool, parameters []llama.Parameter, o Options) *optimizer {
	z := &optimizer{pool: pool, parameters: parameters, moments: make([]moments, len(parameters))}
	for i, p := range parameters {
		n := len(p.Data)
		if o.Optimizer == AdamW8 {
			z.moments[i].coded = kernel.NewMoments8(n, mix(o.Seed, uint64(i)))
		} else {
			z.moments[i] = moments{first: make([]float32, n), second: make([]float32, n)}
		}
		for from := 0; from < n; from += rangeElements {
			z.ranges = append(z.ranges, tensorRange{i, from, min(from+rangeElements, n)})
		}
	}
	z.squares = make([]float64, len(z.ranges))
	return z
}

// norm returns the Euclidean norm of all gradients.
func (z *optimizer) norm() float64 {
	z.pool.Run(len(z.ranges), func(_, i int) {
		s := z.ranges[i]
		z.squares[i] = kernel.SumSquares(z.parameters[s.parameter].Grad[s.from:s.to])
	})
	sum := 0.0
	for _, s := range z.squares {
		sum += s
	}
	return math.Sqrt(sum)
}

// step makes step t, counted from 1, with scale times the gradients, and makes these zero.
func (z *optimizer) step(o kernel.AdamW, t int, scale float32) {
	z.pool.Run(len(z.ranges), func(_, i int) {
		s, o := z.ranges[i], o
		p, m := z.parameters[s.parameter], z.moments[s.parameter]
		if !p.Decay {
			o.WeightDecay = 0
		}
		if m.coded != nil {
			end := (s.to + kernel.Moments8Block - 1) / kernel.Moments8Block
			o.Step8(p.Data, p.Grad, m.coded, s.from/kernel.Moments8Block, end, t, scale)
		} else {
			o.Step(p.Data[s.from:s.to], p.Grad[s.from:s.to], m.first[s.from:s.to], m.second[s.from:s.to], t, scale)
		}
		clear(p.Grad[s.from:s.to])
	})
}

// clear makes all gradients zero.
func (z *optimizer) clear() {
	z.pool.Run(len(z.ranges), func(_, i int) {
		s := z.ranges[i]
		clear(z.parameters[s.parameter].Grad[s.from:s.to])
	})
}

// OptimizerBytes returns the memory of an optimiser's moments for parameters of so many
// elements each.
func OptimizerBytes(o Optimizer, elements ...int) int64 {
	total := int64(0)
	for _, n := range elements {
		if o == AdamW8 {
			total += 2*int64(n) + 2*int64((n+kernel.Moments8Block-1)/kernel.Moments8Block)
		} else {
			total += 8 * int64(n)
		}
	}
	return total
}

// clipScale is what gradients of that norm are multiplied by, as PyTorch's clip_grad_norm_
// does.
func clipScale(norm, most float64) float32 {
	if most < 0 {
		return 1
	}
	return float32(min(1, most/(norm+1e-6)))
}

// usable reports whether AdamW can take gradients of that norm, multiplied by scale: their
// squares must be finite in single precision, even those of the largest element.
func usable(norm float64, scale float32) bool {
	return norm*float64(scale) < 1<<62 // false for NaN
}

// mix hashes numbers, by the finisher of SplitMix64 (Steele, Lea and Flood, "Fast Splittable
// Pseudorandom Number Generators", 2014) after each.
func mix(seed uint64, numbers ...uint64) uint64 {
	for _, n := range numbers {
		seed += 0x9e3779b97f4a7c15 * (n + 1)
		seed = (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
		seed = (seed ^ seed>>27) * 0x94d049bb133111eb
		seed ^= seed >> 31
	}
	return seed
}
