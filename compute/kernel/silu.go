package kernel

// SiLUMul sets dst[i] to silu(gate[i])*up[i], the middle of a gated feed-forward
// block (Shazeer, "GLU Variants Improve Transformer", 2020), where
//
//	silu(g) = g * sigmoid(g),  sigmoid(g) = 1 / (1 + exp(-g))
//
// The relative error is below 4 ulp while both products are normal numbers. Below
// -88.73, where silu would still be -2.7e-37 at most, it is -0; of minus infinity it
// is NaN, as in the formula.
func SiLUMul(dst, gate, up []float32) {
	gate, up = prefix(gate, len(dst)), prefix(up, len(dst))
	for from, to := range pieces(len(dst)) {
		siluMul(dst[from:to], gate[from:to], up[from:to])
	}
}

// SiLUMulBackward sets dgate and dup to the derivatives of the loss by gate and up,
// given dy, that by SiLUMul's result. With s = sigmoid(gate):
//
//	dgate = dy * up * s * (1 + gate*(1-s))
//	dup   = dy * gate * s
func SiLUMulBackward(dgate, dup, dy, gate, up []float32) {
	n := len(dgate)
	dup, dy, gate, up = prefix(dup, n), prefix(dy, n), prefix(gate, n), prefix(up, n)
	for from, to := range pieces(n) {
		siluMulGradient(dgate[from:to], dup[from:to], dy[from:to], gate[from:to], up[from:to])
	}
}
