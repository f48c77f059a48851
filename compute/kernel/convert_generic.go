package kernel

import "math"

func toBF16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		b := math.Float32bits(x)
		if x != x {
			dst[i] = uint16(b>>16) | 1<<6
			continue
		}
		dst[i] = uint16((b + 0x7fff + b>>16&1) >> 16)
	}
}

func fromBF16Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = math.Float32frombits(uint32(h) << 16)
	}
}

func toFP16Generic(dst []uint16, src []float32) {
	for i, x := range src {
		dst[i] = halfBits(math.Float32bits(x))
	}
}

// halfBits rounds a float32 to half precision, both as bits.
func halfBits(b uint32) uint16 {
	const (
		infinity  = 0xff << 23
		overflow  = (127 + 16) << 23 // 2^16 and more has no finite half even before rounding
		denormal  = (127 - 14) << 23 // below 2^-14 the last place of the result is 2^-24
		quiet     = 1 << 9
		halfInfty = 0x1f << 10
	)
	sign := uint16(b >> 16 & 0x8000)
	b &= 1<<31 - 1
	switch {
	case b > infinity:
		return sign | halfInfty | quiet | uint16(b>>13&0x3ff)
	case b >= overflow:
		return sign | halfInfty
	case b < denormal:
		// Adding 0.5, whose last place is 2^-24, lets the processor do the rounding.
		const shift = 0.5
		return sign | uint16(math.Float32bits(math.Float32frombits(b)+shift)-math.Float32bits(shift))
	}
	b -= (127 - 15) << 23
	return sign | uint16((b+0xfff+b>>13&1)>>13) // a carry out of the fraction, even to infinity, is right
}

func fromFP16Generic(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = math.Float32frombits(floatBits(h))
	}
}

// floatBits returns the bits of the float32 equal to a half.
func floatBits(h uint16) uint32 {
	const quiet = 1 << 22
	sign, b := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case b > 0x7c00:
		return sign | 0xff<<23 | quiet | b<<13
	case b == 0x7c00:
		return sign | 0xff<<23
	case b < 1<<10:
		return sign | math.Float32bits(float32(b)*(1.0/(1<<24)))
	}
	return sign | (b<<13 + (127-15)<<23)
}
