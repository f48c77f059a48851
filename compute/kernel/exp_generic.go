package kernel

import "math"

func expGeneric(dst, src []float32) {
	for i, x := range src {
		dst[i] = exponential(x)
	}
}

// exponential is the definition of Exp for one element.
func exponential(x float32) float32 {
	const (
		lowest, highest = -104, 89 // e^-104 rounds to 0, e^89 to infinity
		log2e           = 1.4426950408889634
		ln2High         = 0.693359375
		ln2Low          = -2.12194440e-4
	)
	switch {
	case x != x:
		return x
	case x < lowest:
		x = lowest
	case x > highest:
		x = highest
	}
	// At 3*2^22 the last place of a float32 is 1, so that adding it rounds.
	const round = 3 << 22
	n := float32(x*log2e) + round - round
	r := x - float32(n*ln2High) - float32(n*ln2Low)
	p := float32(0.0013814540089980554)
	p = float32(p*r) + 0.008368745107506927
	p = float32(p*r) + 0.04166839078529153
	p = float32(p*r) + 0.16666520399058116
	p = float32(p*r) + 0.4999999343212069
	p = float32(p*r) + 1
	p = float32(p*r) + 1
	// 2^n may lie outside the float32; two halves of n do not, and only the second
	// product can round.
	half := int(n) >> 1
	return p * powerOf2(half) * powerOf2(int(n)-half)
}

// powerOf2 returns 2^n for n from -126 to 127.
func powerOf2(n int) float32 { return math.Float32frombits(uint32(n+127) << 23) }
