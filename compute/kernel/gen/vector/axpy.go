package main

import "smelt/compute/kernel/internal/asm"

var axpy = operation{"axpy", []kernel{{
	name:      "axpy",
	comment:   "Adds a*x[i] to y[i].",
	Signature: asm.Layout([]string{"y []float32", "x []float32", "a float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI")
		f.scalar("a", 8)
		f.Loop(asm.Loop{Name: "axpy", Unroll: 4}, func(b asm.Block) {
			b.Load("SI", 0)
			b.Load("DI", 1)
			f.Do("VFMADD231PS V0, V8, V1")
			b.Store(1, "DI")
		})
		f.Return()
	},
}, scalarKernel("scale", "Sets dst[i] to a*src[i].", "VMULPS"),
	scalarKernel("shift", "Sets dst[i] to src[i]-a.", "VSUBPS"), {
		name:      "add",
		comment:   "Sets dst[i] to x[i]+y[i].",
		Signature: asm.Layout([]string{"dst []float32", "x []float32", "y []float32"}, nil),
		emit: func(f *function) {
			f.slices("DI", "SI", "DX")
			f.Loop(asm.Loop{Name: "add", Unroll: 4}, func(b asm.Block) {
				b.Load("SI", 0)
				b.Load("DX", 1)
				f.Do("VADDPS V1, V0, V0")
				b.Store(0, "DI")
			})
			f.Return()
		},
	}, {
		name:      "sumSquares",
		comment:   "Returns the sum of x[i]*x[i], which it computes in double precision.",
		Signature: asm.Layout([]string{"x []float32"}, []string{"sum float64"}),
		emit:      (*function).sumSquares,
	}}}

func scalarKernel(name, comment, op string) kernel {
	return kernel{
		name: name, comment: comment,
		Signature: asm.Layout([]string{"dst []float32", "src []float32", "a float32"}, nil),
		emit: func(f *function) {
			f.slices("DI", "SI")
			f.scalar("a", 8)
			f.Loop(asm.Loop{Name: name, Unroll: 4}, func(b asm.Block) {
				b.Load("SI", 0)
				f.Do("%s V8, V0, V0", op)
				b.Store(0, "DI")
			})
			f.Return()
		},
	}
}

// sumSquares keeps eight sums, V4 to V11: two a vector, for its halves.
func (f *function) sumSquares() {
	const vectors = 4
	extract := "VEXTRACTF128 $1, V0, H2"
	if f.Wide() {
		extract = "VEXTRACTF64X4 $1, V0, H2"
	}
	f.slices("SI")
	for i := range 2 * vectors {
		f.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", 4+i)
	}
	f.Loop(asm.Loop{Name: "squares", Unroll: vectors}, func(b asm.Block) {
		b.Load("SI", 0)
		f.Do("%s", extract)
		f.Do(`VCVTPS2PD H0, V1
			VCVTPS2PD H2, V2
			VFMADD231PD V1, V1, V%d
			VFMADD231PD V2, V2, V%d`, 4+2*b.Index, 5+2*b.Index)
	})
	for distance := vectors; distance > 0; distance /= 2 {
		for i := range distance {
			f.Do("VADDPD V%d, V%[2]d, V%[2]d", 4+i+distance, 4+i)
		}
	}
	if f.Wide() {
		f.Do(`VEXTRACTF64X4 $1, Z4, Y5
			VADDPD Y5, Y4, Y4`)
	}
	f.Do(`VEXTRACTF128 $1, Y4, X5
		VADDPD X5, X4, X4
		VPERMILPD $1, X4, X5
		VADDSD X5, X4, X4
		VMOVSD X4, %s`, f.Arg("sum").Operand(""))
	f.Return()
}
