package kernel

import "math"

func rowMaxGeneric(x []float32) (largest float32) {
	largest = float32(math.Inf(-1))
	for _, v := range x {
		if v > largest {
			largest = v
		}
	}
	return largest
}

func softmaxRowGeneric(dst, src []float32) {
	sum := expSumGeneric(dst, src, rowMaxGeneric(src))
	scaleGeneric(dst, dst, 1/sum)
}

func expSumGeneric(dst, src []float32, shift float32) (sum float32) {
	total := 0.0
	for i, x := range src {
		dst[i] = exponential(x - shift)
		total += float64(dst[i])
	}
	return float32(total)
}

func sumExpGeneric(x []float32, shift float32) (sum float32) {
	total := 0.0
	for _, v := range x {
		total += float64(exponential(v - shift))
	}
	return float32(total)
}

func expScaleGeneric(dst, src []float32, shift, a float32) {
	for i, x := range src {
		dst[i] = exponential(x-shift) * a
	}
}

func dotGeneric(x, y []float32) (sum float32) {
	total := 0.0
	for i, v := range x {
		total += float64(v) * float64(y[i])
	}
	return float32(total)
}

func softmaxGradientGeneric(dx, y, dy []float32, mean float32) {
	for i, v := range dy {
		dx[i] = y[i] * (v - mean)
	}
}
