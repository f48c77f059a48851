package kernel

import (
	"fmt"
	"math"
)

// Moments8Block is how many parameters share a scale in [Moments8].
const Moments8Block = 256

// Moments8 holds both moments of n parameters for [AdamW.Step8] in 16 bits for each
// parameter and another 16 for every block of [Moments8Block]; float32 takes 64. The idea is of
// Dettmers and others, "8-bit Optimizers via Block-wise Quantization", 2022; the codes
// are others. With s the root of the second moment and e = Epsilon*sqrt(1 - Beta2^t),
// which is Epsilon before the second moment's correction, a parameter's 16 bits are
//
//	bits  number               code
//	15-7  s                    5 bits of exponent and 4 of mantissa, under the block's scale
//	6-0   r = first / (s + e)  sign, 3 bits of exponent and 3 of mantissa
//
// Both are the upper bits of a float32 less a base, so they cost no table and no
// power. S has 16 codes an octave, down to 2^-32 of the largest one in its block; what
// is smaller counts as that, which makes its steps shorter, never longer. R is the
// step, but for a factor all parameters share. It needs no scale: by the inequality of
// Cauchy and Schwarz it is at most
//
//	(1-Beta1) / sqrt((1-Beta2) * (1 - Beta1^2/Beta2))
//
// or 7.3 for Betas of 0.9 and 0.999. A small constant is added to its magnitude before
// it is coded, so that 0 has a code, as in the mu-law of ITU-T G.711.
//
// # Rounding
//
// Rounded to nearest, s would hardly ever change: with Beta2 of 0.999 it shrinks by at
// most 0.05 % a step, and its codes are 3 to 6 % apart. So rounding is stochastic: up
// with the probability that makes the mean right, by a hash of the seed, the step and
// the parameter's place. S then wanders about its true course, by some 10 %, and nothing
// depends on the number of threads or on having been stopped and resumed.
//
// # Measured
//
// How far the parameters are from those of AdamW in double precision after 2,000
// steps, in percent of how far these have come, and the largest step over the learning
// rate. Betas 0.9 and 0.999, Epsilon 1e-8; the sizes of the gradients in a block are one
// in the first column, spread over 12 decades in the fourth and over 4 in the others.
//
//	                      noise     noise     drift     drift  constant 1% sparse  decaying    spikes
//	float64              0  1.2    0  1.2    0  1.5    0  1.4    0  1.0    0  3.1    0  1.0    0  3.0
//	table, nearest       3  1.2 1459  663 1167 1080 4043 2e+4    4  1.1 1714  353 1356  481 7959 7e+4
//	table, stochastic    4  1.2  748  623  355 1570 4376 2e+4    7  1.4 1946  374  737  836 6336 4e+4
//	powers, nearest      6  1.2   32  2.4   16  3.6   86  5.2    1  1.0    7  4.5   14  2.6  280 16.5
//	powers, stochastic   4  1.3   44  3.5   15  9.4   67   37    3  1.5   14  9.8   18  2.9   50 27.3
//	s and r, nearest    66  2.1   76  2.5   74  3.2   69  2.8  331  5.6   12  2.9   18  1.1   68  3.1
//	s in 8 bits, r in 8 10  1.4   10  1.4    6  1.7   53  1.6    5  1.4    4  3.2    5  1.0   16  3.0
//	this: 9 and 7       12  1.4   13  1.5    6  1.8    6  1.7    5  1.5    5  3.3    6  1.1    6  3.0
//
// Table is the dynamic map of bitsandbytes for both moments; powers are (q/127)^2 for
// the first and ((q+1)/256)^4 for the second; both have a scale a block. On gradients of
// one size they are the better codes. Elsewhere they round second moments to next to
// nothing beside larger ones, and steps become up to thousands of times too long; here
// that cannot be, as first moments are stored relative to them. Blocks of 64 and of
// 2,048 give the same as 256: the codes reach down far enough.
type Moments8 struct {
	n    int
	seed uint64
	data []byte
}

// NewMoments8 returns the moments of n parameters, all zero. Tensors that are trained
// together should have different seeds, or parameters in the same place of each are
// rounded up together.
func NewMoments8(n int, seed uint64) *Moments8 {
	m := &Moments8{n: n, seed: seed}
	m.data = make([]byte, 2*n+2*m.Blocks())
	return m
}

// Len returns the number of parameters.
func (m *Moments8) Len() int { return m.n }

// Blocks returns the number of blocks, of which the last may be short.
func (m *Moments8) Blocks() int { return (m.n + Moments8Block - 1) / Moments8Block }

// Bytes returns the memory of the moments, all of their state but the seed: a
// checkpoint writes it, and to restore the state it is copied into. There are the codes
// of all parameters, then the scales of all blocks, 16 bits each, little-endian. With
// float32(x) for the number whose bits x are, a code c under the scale z means
//
//	s = float32((1024 + z + c>>7) << 19)
//	r = float32(bits of a + (c&63)<<20) - a, negative if c&64
//
// where a is the least power of two of which 239 times is more than r can be.
func (m *Moments8) Bytes() []byte { return m.data }

func (m *Moments8) codes() []byte  { return m.data[:2*m.n] }
func (m *Moments8) scales() []byte { return m.data[2*m.n:] }

// The codes' place in float32: how far they are shifted, and their number.
const (
	rootShift, rootCodes   = 19, 512
	ratioShift, ratioCodes = 20, 64
)

// leastRoot is the base of the smallest scale, that of a root of 2^-63: with any
// smaller one, squares would be denormal. It stands for zero; Epsilon hides it.
const leastRoot = (127 - 63) << (23 - rootShift)

// adamW8Coefficients is what a step multiplies by, and what kernels work with; they
// know the order.
type adamW8Coefficients struct {
	gradScale float32
	decay1    float32 // of the first moment
	rest1     float32 // 1 - decay1
	decay2    float32 // of the second
	rest2     float32 // 1 - decay2
	before    float32 // epsilon of the step before
	epsilon   float32 // without the second moment's correction
	shrink    float32 // of parameters
	rate      float32 // learning rate, corrected for both moments
	least     float32 // leastRatio
	key       uint32  // of the random bits
	index     uint32  // of the first parameter
	roots     [Moments8Block]float32
}

// leastRatio returns what is added to the magnitudes of ratios; see Moments8. If
// Beta1^2 is not below Beta2, ratios have no bound, and large ones are cut.
func (o AdamW) leastRatio() float32 {
	const codes = 239 // 15/8 * 2^7 - 1: the last code, in units of the result
	largest := (1 - o.Beta1) / math.Sqrt((1-o.Beta2)*(1-min(o.Beta1*o.Beta1/o.Beta2, 0.99)))
	_, exponent := math.Frexp(largest / codes)
	return float32(math.Ldexp(1, exponent))
}

// Step8 is [AdamW.Step] on moments of 16 bits a parameter, for blocks from up to
// but without to of all param, grad and moments, which have the same length. Threads
// share out ranges of blocks; the bits are the same however they do, and on all tiers.
//
// In all steps on the same moments, Beta1, Beta2 and Epsilon must be the same and t
// go up by one; Beta2 must be above 0 and Epsilon should be. The magnitudes of
// gradScale*grad must be below 2^63, so that their squares are finite; clipping by the
// norm, of [SumSquares], keeps them there. One that is larger or not finite makes NaN of
// its block's parameters and moments, in this step or the next.
func (o AdamW) Step8(param, grad []float32, moments *Moments8, from, to, t int, gradScale float32) {
	n := len(param)
	if n != moments.n || n != len(grad) {
		panic(fmt.Sprintf("kernel: %d parameters, %d gradients and %d moments", n, len(grad), moments.n))
	}
	correct := func(t int) float64 { return math.Sqrt(1 - math.Pow(o.Beta2, float64(t))) }
	c := adamW8Coefficients{
		gradScale: gradScale,
		decay1:    float32(o.Beta1),
		rest1:     float32(1 - o.Beta1),
		decay2:    float32(o.Beta2),
		rest2:     float32(1 - o.Beta2),
		before:    float32(o.Epsilon * correct(t-1)),
		epsilon:   float32(o.Epsilon * correct(t)),
		shrink:    float32(1 - o.LearningRate*o.WeightDecay),
		rate:      float32(o.LearningRate * correct(t) / (1 - math.Pow(o.Beta1, float64(t)))),
		least:     o.leastRatio(),
		key:       stepKey(moments.seed, t),
	}
	const most = 64 // blocks a call, some 15 us with AVX2
	codes, scales := moments.codes(), moments.scales()[:2*to]
	whole := n / Moments8Block
	for from < to {
		end := min(from+most, to, max(whole, from+1))
		a, b := from*Moments8Block, min(end*Moments8Block, n)
		c.index = uint32(a)
		if from < whole {
			adamW8(param[a:b], grad[a:b], codes[2*a:2*b], scales[2*from:2*end], &c)
		} else {
			adamW8Short(param[a:b], grad[a:b], codes[2*a:2*b], scales[2*from:2*end], &c)
		}
		from = end
	}
}

// adamW8Short makes the step for a block that is not whole, as one that is filled up
// with zeros: their roots are never above the others, so the scale is not theirs.
func adamW8Short(param, grad []float32, codes, scales []byte, c *adamW8Coefficients) {
	var block struct {
		param, grad [Moments8Block]float32
		codes       [2 * Moments8Block]byte
	}
	copy(block.param[:], param)
	copy(block.grad[:], grad)
	copy(block.codes[:], codes)
	adamW8(block.param[:], block.grad[:], block.codes[:], scales, c)
	copy(param, block.param[:])
	copy(codes, block.codes[:])
}

// stepKey mixes a seed and a step, by the finisher of SplitMix64 (Steele, Lea and
// Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
func stepKey(seed uint64, t int) uint32 {
	x := seed*0xd1342543de82ef95 + uint64(t)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return uint32(x >> 32)
}
