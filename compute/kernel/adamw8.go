package kernel

import (
	"fmt"
	"math"
	"math/bits"
)

// Moments8Block is how many parameters share a scale in [Moments8].
const Moments8Block = 256

// Moments8 holds both moments of n parameters for [AdamW.Step8] in 16 bits each and
// another 16 per block of [Moments8Block]. The idea is of Dettmers and others, "8-bit
// Optimizers via Block-wise Quantization", 2022; the code is another.
//
// For each parameter two numbers are stored, with s the root of the second moment:
//
//	bits   number               code
//	15-7   s                    5 bits of exponent, 4 of mantissa, below the block's scale
//	6-0    r = first/(s + e)    sign, 3 bits of exponent, 3 of mantissa
//
// Both codes are the upper bits of a float32, less a base, so that the relative
// precision is the same for all sizes: s has 16 values an octave over 32 octaves below
// the largest in its block, and what is smaller counts as the least of these, which
// makes steps shorter, never longer. R needs no scale, as it is the step itself but for
// factors that all parameters share (e is Epsilon without the second moment's
// correction): it is at most [AdamW.largestRatio]. A small constant is added to its
// magnitude before it is coded, so that 0 has a code, as in the mu-law of ITU-T G.711.
//
// # Rounding
//
// Rounded to nearest, s would hardly ever change: with Beta2 of 0.999 it shrinks by at
// most 0.05 % a step, and its codes are 3 to 6 % apart. So rounding is stochastic: up with the
// probability that makes the mean right, by a hash of the seed, the step and the
// parameter's place. So s wanders about its true course, by some 10 %, and nothing
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
// together should have different seeds.
func NewMoments8(n int, seed uint64) *Moments8 {
	m := &Moments8{n: n, seed: seed}
	m.data = make([]byte, 2*n+2*m.Blocks())
	return m
}

// Len returns the number of parameters.
func (m *Moments8) Len() int { return m.n }

// Blocks returns the number of blocks, of which the last may be short.
func (m *Moments8) Blocks() int { return (m.n + Moments8Block - 1) / Moments8Block }

// Bytes returns the memory of the moments itself, for checkpoints: all of the state
// but the seed. To restore it, copy as many bytes into it. They are the codes of all
// parameters, then the scales of all blocks, 16 bits each, little-endian. Of a scale
// z and the 9 bits q, the upper half of a code c,
//
//	s = the float32 of the bits (1024 + z + q) << 19
//
// and of the lower bits, with a the float32 which is [AdamW.leastRatio],
//
//	r = +- the float32 of the bits (a's + c&63 << 20), less a; minus if c&64
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

// largestRatio returns what first/s is at most: by the inequality of Cauchy and
// Schwarz, as both are weighted sums of the same gradients and of their squares. It
// is 7.3 for Betas of 0.9 and 0.999. Where Beta1^2 is not below Beta2, there is no
// such bound, and larger ratios are cut to this one.
func (o AdamW) largestRatio() float64 {
	return (1 - o.Beta1) / math.Sqrt((1-o.Beta2)*(1-min(o.Beta1*o.Beta1/o.Beta2, 0.99)))
}

// leastRatio returns the power of two that is added to ratios, so that the largest
// one has a code.
func (o AdamW) leastRatio() float32 {
	const largest = 239 // 15/8 * 2^7, less 1: what the last code stands for, in units of this
	_, exponent := math.Frexp(o.largestRatio() / largest)
	return float32(math.Ldexp(1, exponent))
}

// Step8 is [AdamW.Step] on moments of 16 bits a parameter, for blocks from up to
// but without to of all param, grad and moments, which have the same length. Threads
// share out ranges of blocks; the bits are the same however they do, and on all tiers.
//
// In all steps on the same moments, Beta1, Beta2 and Epsilon must be the same and t
// go up by one; Beta2 must be above 0 and Epsilon should be. The gradients must be
// finite, as [SumSquares] can tell: one that is not makes its parameter NaN, like in
// Step, and besides the moments of its block useless.
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
	const most = 32 // blocks a call, some 20 us
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
	high, low := bits.Mul64(seed^0x9e3779b97f4a7c15, 0xd1342543de82ef95)
	x := high ^ low + uint64(t)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return uint32(x >> 32)
}
