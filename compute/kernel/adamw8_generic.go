package kernel

import (
	"encoding/binary"
	"math"
)

// adamW8Generic makes a step for whole blocks.
func adamW8Generic(param, grad []float32, codes, scales []byte, c *adamW8Coefficients) {
	index := c.index
	for len(param) > 0 {
		adamW8Block((*[Moments8Block]float32)(param), (*[Moments8Block]float32)(grad),
			(*[2 * Moments8Block]byte)(codes), (*[2]byte)(scales), index, c)
		param, grad, codes, scales = param[Moments8Block:], grad[Moments8Block:], codes[2*Moments8Block:], scales[2:]
		index += Moments8Block
	}
}

func adamW8Block(param, grad *[Moments8Block]float32, codes *[2 * Moments8Block]byte, scale *[2]byte, index uint32, c *adamW8Coefficients) {
	const (
		signBit   = 1 << 31
		signShift = 25                    // from a float32's to a code's
		rootPlace = 7                     // in a code
		rootBits  = 1<<rootShift - 1      // what rounding takes away
		ratioBits = 1<<ratioShift - 1     // the same
		rootWords = 32 - rootShift        // where in the random bits those for the root are
		top       = uint32(rootCodes - 1) // the largest code
	)
	old := uint32(binary.LittleEndian.Uint16(scale[:])) + leastRoot

	// The new roots, and the scale under which the largest of them has a code even
	// if it is rounded up.
	largest := uint32(0)
	for i, g := range grad {
		code := uint32(binary.LittleEndian.Uint16(codes[2*i:]))
		g *= c.gradScale
		s := math.Float32frombits((code>>rootPlace + old) << rootShift)
		v := float32(c.decay2*float32(s*s)) + float32(c.rest2*float32(g*g))
		s = float32(math.Sqrt(float64(v)))
		c.roots[i] = s
		largest = max(largest, math.Float32bits(s))
	}
	base := uint32(max(int32((largest+rootBits)>>rootShift-top), leastRoot))
	floor := math.Float32frombits(base << rootShift)
	binary.LittleEndian.PutUint16(scale[:], uint16(base-leastRoot))

	least := math.Float32bits(c.least)
	for i, g := range grad {
		code := uint32(binary.LittleEndian.Uint16(codes[2*i:]))
		g *= c.gradScale
		s := math.Float32frombits((code>>rootPlace + old) << rootShift)
		r := math.Float32frombits(code&(ratioCodes-1)<<ratioShift+least) - c.least
		r = math.Float32frombits(math.Float32bits(r) | code<<signShift&signBit)
		m := float32(c.decay1*float32(r*(s+c.before))) + float32(c.rest1*g)

		if s = c.roots[i]; s < floor {
			s = floor
		}
		r = m / (s + c.epsilon)
		param[i] = float32(c.shrink*param[i]) - float32(c.rate*r)

		random := mix32((index + uint32(i)) ^ c.key)
		root := (math.Float32bits(s)+random>>rootWords)>>rootShift - base
		sign := math.Float32bits(r) & signBit
		magnitude := math.Float32frombits(math.Float32bits(r)^sign) + c.least
		ratio := min((math.Float32bits(magnitude)-least+random&ratioBits)>>ratioShift, ratioCodes-1)
		binary.LittleEndian.PutUint16(codes[2*i:], uint16(root<<rootPlace|sign>>signShift|ratio))
	}
}

// mix32 is a bijection whose outputs look random: lowbias32 of Wellons, "Prospecting
// for Hash Functions", 2018.
func mix32(x uint32) uint32 {
	x ^= x >> 16
	x *= 0x7feb352d
	x ^= x >> 15
	x *= 0x846ca68b
	return x ^ x>>16
}
