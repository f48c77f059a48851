package kernel

import "math"

// AdamW is the optimiser of Loshchilov and Hutter, "Decoupled Weight Decay
// Regularization", 2019, as PyTorch computes it.
type AdamW struct {
	LearningRate float64 // of this step
	Beta1, Beta2 float64 // how much of the first and second moments stays
	Epsilon      float64 // added to the root of the second moment
	WeightDecay  float64 // times LearningRate: what each parameter loses a step
}

// adamWCoefficients is what a step multiplies by; kernels know the order.
type adamWCoefficients struct {
	gradScale float32
	decay1    float32 // of the first moment
	rest1     float32 // 1 - decay1
	decay2    float32 // of the second
	rest2     float32 // 1 - decay2
	correct2  float32 // for the root of the second moment: 1/sqrt(1 - Beta2^t)
	epsilon   float32
	shrink    float32 // of parameters
	rate      float32 // learning rate, corrected for the first moment
}

// Step makes step t, counted from 1, on parameters and their moments, which begin
// as zeros, all in float32. With g = gradScale*grad, where gradScale is 1 or what
// clips the gradient's norm:
//
//	first  = Beta1*first + (1-Beta1)*g
//	second = Beta2*second + (1-Beta2)*g*g
//	param -= LearningRate * (WeightDecay*param
//	         + first/(1-Beta1^t) / (sqrt(second/(1-Beta2^t)) + Epsilon))
//
// All four slices have the same length. The coefficients are computed in double
// precision, so 1-Beta2 is as exact as a float32 can be. A parameter whose g is 2^64 or
// more, so that the square is infinite, never moves again but to decay.
func (o AdamW) Step(param, grad, first, second []float32, t int, gradScale float32) {
	n := len(param)
	c := adamWCoefficients{
		gradScale: gradScale,
		decay1:    float32(o.Beta1),
		rest1:     float32(1 - o.Beta1),
		decay2:    float32(o.Beta2),
		rest2:     float32(1 - o.Beta2),
		correct2:  float32(1 / math.Sqrt(1-math.Pow(o.Beta2, float64(t)))),
		epsilon:   float32(o.Epsilon),
		shrink:    float32(1 - o.LearningRate*o.WeightDecay),
		rate:      float32(o.LearningRate / (1 - math.Pow(o.Beta1, float64(t)))),
	}
	grad, first, second = prefix(grad, n), prefix(first, n), prefix(second, n)
	for from, to := range pieces(n) {
		adamW(param[from:to], grad[from:to], first[from:to], second[from:to], &c)
	}
}
