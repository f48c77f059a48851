package kernel

import "math"

func rmsNormGeneric(dst, x, weight []float32, eps float32) (inverse float32) {
	squares := 0.0
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	inverse = float32(1 / math.Sqrt(squares/float64(len(x))+float64(eps)))
	for i, v := range x {
		dst[i] = v * weight[i] * inverse
	}
	return inverse
}

func dot3Generic(x, y, z []float32) (sum float32) {
	total := 0.0
	for i, v := range x {
		total += float64(float64(v) * float64(y[i]) * float64(z[i]))
	}
	return float32(total)
}

func rmsNormGradientGeneric(dx, dweight, dy, x, weight []float32, inverse, pull float32) {
	for i, v := range dy {
		g := v * inverse
		dx[i] += float32(g*weight[i]) - float32(x[i]*pull)
		dweight[i] += float32(g * x[i])
	}
}
