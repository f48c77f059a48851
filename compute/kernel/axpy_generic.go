package kernel

func axpyGeneric(y, x []float32, a float32) {
	for i, v := range x {
		y[i] += float32(a * v)
	}
}

func scaleGeneric(dst, src []float32, a float32) {
	for i, v := range src {
		dst[i] = a * v
	}
}

func shiftGeneric(dst, src []float32, a float32) {
	for i, v := range src {
		dst[i] = v - a
	}
}

func addGeneric(dst, x, y []float32) {
	for i, v := range x {
		dst[i] = v + y[i]
	}
}

func sumSquaresGeneric(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return sum
}
