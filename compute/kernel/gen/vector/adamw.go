package main

import "smelt/compute/kernel/internal/asm"

var adamw = operation{"adamw", []kernel{{
	name:    "adamW",
	comment: "Makes one step of AdamW; the coefficients are in the order of their Go type.",
	Signature: asm.Layout([]string{"param []float32", "grad []float32", "first []float32", "second []float32",
		"c *adamWCoefficients"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI", "R8", "R9", "DX")
		const gradScale, decay1, rest1, decay2, rest2, correct2, epsilon, shrink, rate = 5, 6, 7, 8, 9, 10, 11, 12, 13
		for i := range 9 {
			f.Do("VBROADCASTSS %d(DX), V%d", 4*i, gradScale+i)
		}
		f.Loop(asm.Loop{Name: "adam", Unroll: 1}, func(b asm.Block) {
			b.Load("SI", 1)
			b.Load("R8", 2)
			b.Load("R9", 3)
			b.Load("DI", 0)
			f.Do("VMULPS V%d, V1, V1", gradScale)
			f.Do("VMULPS V%d, V2, V2", decay1)
			f.Do("VFMADD231PS V%d, V1, V2", rest1)
			b.Store(2, "R8")
			f.Do("VMULPS V1, V1, V4")
			f.Do("VMULPS V%d, V3, V3", decay2)
			f.Do("VFMADD231PS V%d, V4, V3", rest2)
			b.Store(3, "R9")
			f.Do("VSQRTPS V3, V3")
			f.Do("VFMADD213PS V%d, V%d, V3", epsilon, correct2)
			f.Do("VDIVPS V3, V2, V2")
			f.Do("VMULPS V%d, V0, V0", shrink)
			f.Do("VFNMADD231PS V%d, V2, V0", rate)
			b.Store(0, "DI")
		})
		f.Return()
	},
}}}
