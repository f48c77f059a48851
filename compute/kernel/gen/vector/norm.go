package main

import "smelt/compute/kernel/internal/asm"

var norm = operation{"norm", []kernel{{
	name: "rmsNorm",
	comment: "Sets dst[i] to x[i]*weight[i]*inverse, where inverse is one over the root of the\n" +
		"// mean of x's squares and eps. It needs one element or more.",
	Signature: asm.Layout([]string{"dst []float32", "x []float32", "weight []float32", "eps float32"}, []string{"inverse float32"}),
	emit: func(f *function) {
		f.slices("DI", "SI", "DX")
		f.Do(`VXORPS X3, X3, X3
			VCVTSI2SSQ CX, X3, X3
			VMOVSS %s, X2
			VDIVSS X3, X2, X3 // 1/n, while the squares are added
			VMOVSS %s, X10`, f.Words("single1", one.bits), f.Arg("eps").Operand(""))
		f.clear()
		f.Loop(asm.Loop{Name: "squares", Unroll: accumulators}, func(b asm.Block) {
			b.Load("SI", 0)
			f.Do("VFMADD231PS V0, V0, V%d", 4+b.Index)
		})
		f.combine("VADDPS", accumulators)
		f.Do(`VFMADD213SS X10, X3, X4
			VSQRTSS X4, X4, X4
			VDIVSS X4, X2, X5
			VMOVSS X5, %s
			VBROADCASTSS X5, V8`, f.Arg("inverse").Operand(""))
		f.Loop(asm.Loop{Name: "scale", Unroll: 4}, func(b asm.Block) {
			b.Load("SI", 0)
			b.Load("DX", 1)
			// The product that does not wait for the root comes first.
			f.Do(`VMULPS V1, V0, V0
				VMULPS V8, V0, V0`)
			b.Store(0, "DI")
		})
		f.Return()
	},
}, {
	name:      "dot3",
	comment:   "Returns the sum of x[i]*y[i]*z[i].",
	Signature: asm.Layout([]string{"x []float32", "y []float32", "z []float32"}, []string{"sum float32"}),
	emit: func(f *function) {
		f.slices("SI", "DX", "R8")
		f.clear()
		f.Loop(asm.Loop{Name: "dot", Unroll: accumulators}, func(b asm.Block) {
			b.Load("SI", 0)
			b.Load("DX", 1)
			b.Load("R8", 2)
			f.Do(`VMULPS V0, V1, V0
				VFMADD231PS V0, V2, V%d`, 4+b.Index)
		})
		f.result("VADDPS", "sum")
	},
}, {
	name:    "rmsNormGradient",
	comment: "Adds dy[i]*weight[i]*inverse - x[i]*pull to dx[i] and dy[i]*x[i]*inverse to dweight[i].",
	Signature: asm.Layout([]string{"dx []float32", "dweight []float32", "dy []float32", "x []float32", "weight []float32",
		"inverse float32", "pull float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "R8", "DX", "SI", "R9")
		f.scalar("inverse", 8)
		f.scalar("pull", 9)
		f.Loop(asm.Loop{Name: "gradient", Unroll: 2}, func(b asm.Block) {
			b.Load("DX", 0)
			b.Load("SI", 1)
			b.Load("R9", 2)
			b.Load("DI", 3)
			b.Load("R8", 4)
			f.Do(`VMULPS V8, V0, V0
				VFMADD231PS V0, V2, V3
				VFNMADD231PS V9, V1, V3
				VFMADD231PS V0, V1, V4`)
			b.Store(3, "DI")
			b.Store(4, "R8")
		})
		f.Return()
	},
}}}
