package kernel

import "math"

func adamWGeneric(param, grad, first, second []float32, c *adamWCoefficients) {
	for i, g := range grad {
		g *= c.gradScale
		m := float32(c.decay1*first[i]) + float32(c.rest1*g)
		v := float32(c.decay2*second[i]) + float32(c.rest2*float32(g*g))
		first[i], second[i] = m, v
		root := float32(math.Sqrt(float64(v)))
		step := m / (float32(root*c.correct2) + c.epsilon)
		param[i] = float32(c.shrink*param[i]) - float32(c.rate*step)
	}
}
