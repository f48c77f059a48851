package kernel

import "math"

// The operations in double precision, which the tests compare with.

// ulp is a unit in the last place of a float32 near x.
func ulp(x float64) float64 {
	_, e := math.Frexp(x)
	return math.Max(math.Ldexp(1, e-24), smallest)
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// softmax64 returns the softmax and its tolerance: a difference x-largest is off by
// half an ulp of it, e to its power by as much times that, and the sum by the mean of
// those and the additions. A denormal is rounded twice.
func softmax64(x []float64) (y, tolerance []float64) {
	largest, sum, mean := math.Inf(-1), 0.0, 0.0
	for _, v := range x {
		largest = math.Max(largest, v)
	}
	y, tolerance = make([]float64, len(x)), make([]float64, len(x))
	for i, v := range x {
		y[i] = math.Exp(v - largest)
		sum += y[i]
		mean += y[i] * (largest - v)
	}
	for i, v := range x {
		y[i] /= sum
		tolerance[i] = y[i]*roundoff*(10+(largest-v)+mean/sum+float64(len(x))/16) + 2*smallest
	}
	return y, tolerance
}

func logSum64(x []float64) float64 {
	largest, sum := math.Inf(-1), 0.0
	for _, v := range x {
		largest = math.Max(largest, v)
	}
	for _, v := range x {
		sum += math.Exp(v - largest)
	}
	return largest + math.Log(sum)
}

func rope64(x, cos, sin []float64, p Pairing, sign float64) []float64 {
	n := len(cos)
	tolerance := make([]float64, len(x))
	for head := 0; head < len(x); head += 2 * n {
		for i := range n {
			j, k := head+i, head+i+n
			if p == Neighbours {
				j, k = head+2*i, head+2*i+1
			}
			a, b, c, s := x[j], x[k], cos[i], sign*sin[i]
			x[j], x[k] = a*c-b*s, b*c+a*s
			tolerance[j] = 3*roundoff*(math.Abs(a*c)+math.Abs(b*s)) + smallest
			tolerance[k] = 3*roundoff*(math.Abs(b*c)+math.Abs(a*s)) + smallest
		}
	}
	return tolerance
}

func rmsNorm64(dst, inverse, x, weight []float64) {
	squares := 0.0
	for _, v := range x {
		squares += v * v
	}
	inverse[0] = 1 / math.Sqrt(squares/float64(len(x))+testEps)
	for i := range x {
		dst[i] = x[i] * inverse[0] * weight[i]
	}
}

// adamW64 makes step t as AdamW.Step's comment has it.
func adamW64(o AdamW, p, g, m, v *float64, t int, gradScale float64) {
	grad := *g * gradScale
	*m = o.Beta1**m + (1-o.Beta1)*grad
	*v = o.Beta2**v + (1-o.Beta2)*grad*grad
	first, second := *m/(1-math.Pow(o.Beta1, float64(t))), *v/(1-math.Pow(o.Beta2, float64(t)))
	*p -= o.LearningRate * (o.WeightDecay**p + first/(math.Sqrt(second)+o.Epsilon))
}
