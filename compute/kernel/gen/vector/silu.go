package main

import "smelt/compute/kernel/internal/asm"

var silu = operation{"silu", []kernel{{
	name:      "siluMul",
	comment:   "Sets dst[i] to gate[i]*sigmoid(gate[i])*up[i].",
	Signature: asm.Layout([]string{"dst []float32", "gate []float32", "up []float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI", "DX")
		f.prepareSigmoid()
		f.Loop(asm.Loop{Name: "silu", Unroll: 4}, func(b asm.Block) {
			b.Load("SI", 3)
			f.sigmoidInverse()
			b.Load("DX", 1)
			f.Do(`VDIVPS V0, V3, V0
				VMULPS V1, V0, V0`)
			b.Store(0, "DI")
		})
		f.Return()
	},
}, {
	name:    "siluMulGradient",
	comment: "Sets dgate[i] and dup[i] to the derivatives of siluMul, times dy[i].",
	Signature: asm.Layout([]string{"dgate []float32", "dup []float32", "dy []float32", "gate []float32", "up []float32"},
		nil),
	emit: func(f *function) {
		f.slices("DI", "R8", "DX", "SI", "R9")
		f.prepareSigmoid()
		f.fill(one, 12)
		f.Loop(asm.Loop{Name: "gradient", Unroll: 1}, func(b asm.Block) {
			b.Load("SI", 3)
			f.sigmoidInverse()
			b.Load("DX", 4)
			b.Load("R9", 5)
			f.Do(`// V0 the sigmoid s, V1 silu, V2 its derivative s*(1 + gate*(1-s))
				VDIVPS V0, V12, V0
				VMULPS V0, V3, V1
				VSUBPS V0, V12, V2
				VFMADD213PS V12, V3, V2
				VMULPS V0, V2, V2
				VMULPS V1, V4, V1
				VMULPS V5, V4, V4
				VMULPS V2, V4, V2`)
			b.Store(2, "DI")
			b.Store(1, "R8")
		})
		f.Return()
	},
}}}

func (f *function) prepareSigmoid() {
	f.prepareExp()
	f.prepare(signBit)
}

// sigmoidInverse sets V0 to 1 + exp(-V3), of which sigmoid is the inverse.
func (f *function) sigmoidInverse() {
	f.Do("VXORPS %s, V3, V0", f.c(signBit))
	f.exp()
	f.Do("VADDPS %s, V0, V0", f.c(one))
}
