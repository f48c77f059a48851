package kernel

func siluMulGeneric(dst, gate, up []float32) {
	for i, g := range gate {
		dst[i] = g / (1 + exponential(-g)) * up[i]
	}
}

func siluMulGradientGeneric(dgate, dup, dy, gate, up []float32) {
	for i, g := range gate {
		s := 1 / (1 + exponential(-g))
		y, d := g*s, dy[i]
		slope := s * (1 + float32(g*(1-s)))
		dgate[i], dup[i] = d*up[i]*slope, d*y
	}
}
