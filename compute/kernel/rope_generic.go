package kernel

import "math"

func ropeHalvesGeneric(x, cos, sin []float32, sign uint32) {
	for n := len(cos); len(x) > 0; x = x[2*n:] {
		for i := range n {
			x[i], x[i+n] = turnPair(x[i], x[i+n], cos[i], sin[i], sign)
		}
	}
}

func ropeNeighboursGeneric(x, cos, sin []float32, sign uint32) {
	for n := len(cos); len(x) > 0; x = x[2*n:] {
		for i := range n {
			x[2*i], x[2*i+1] = turnPair(x[2*i], x[2*i+1], cos[i], sin[i], sign)
		}
	}
}

func turnPair(a, b, cos, sin float32, sign uint32) (float32, float32) {
	sin = math.Float32frombits(math.Float32bits(sin) ^ sign)
	return float32(a*cos) - float32(b*sin), float32(b*cos) + float32(a*sin)
}
