package main

import "smelt/compute/kernel/internal/asm"

var softmax = operation{"softmax", []kernel{{
	name:      "rowMax",
	comment:   "Returns the largest of x, minus infinity if there is none. It may pass over a NaN.",
	Signature: asm.Layout([]string{"x []float32"}, []string{"largest float32"}),
	emit: func(f *function) {
		f.slices("SI")
		f.largest()
		f.Do("VMOVSS X4, %s", f.Arg("largest").Operand(""))
		f.Return()
	},
}, {
	name:      "softmaxRow",
	comment:   "Sets dst to the softmax of src.",
	Signature: asm.Layout([]string{"dst []float32", "src []float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI")
		f.largest()
		f.Do("VBROADCASTSS X4, V8")
		f.prepareExp()
		f.sumOfExp(func(b asm.Block) { b.Store(0, "DI") })
		f.fill(one, 5)
		f.Do(`VDIVSS X4, X5, X4
			VBROADCASTSS X4, V4`)
		f.Loop(asm.Loop{Name: "scale", Unroll: 4}, func(b asm.Block) {
			b.Load("DI", 0)
			f.Do("VMULPS V4, V0, V0")
			b.Store(0, "DI")
		})
		f.Return()
	},
}, {
	name: "expSum",
	comment: "Sets dst[i] to e to the power of src[i]-shift, no src[i] being above shift, and\n" +
		"// returns the sum of dst.",
	Signature: asm.Layout([]string{"dst []float32", "src []float32", "shift float32"}, []string{"sum float32"}),
	emit: func(f *function) {
		f.slices("DI", "SI")
		f.returnSumOfExp(func(b asm.Block) { b.Store(0, "DI") })
	},
}, {
	name:      "sumExp",
	comment:   "Returns the sum of e to the power of x[i]-shift, no x[i] being above shift.",
	Signature: asm.Layout([]string{"x []float32", "shift float32"}, []string{"sum float32"}),
	emit: func(f *function) {
		f.slices("SI")
		f.returnSumOfExp(func(asm.Block) {})
	},
}, {
	name:      "expScale",
	comment:   "Sets dst[i] to a times e to the power of src[i]-shift, no src[i] being above shift.",
	Signature: asm.Layout([]string{"dst []float32", "src []float32", "shift float32", "a float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI")
		f.scalar("shift", 8)
		f.scalar("a", 9)
		f.prepareExp()
		f.Loop(asm.Loop{Name: "exp", Unroll: 2}, func(b asm.Block) {
			b.Load("SI", 0)
			f.Do("VSUBPS V8, V0, V0")
			f.expOfNegative()
			f.Do("VMULPS V9, V0, V0")
			b.Store(0, "DI")
		})
		f.Return()
	},
}, {
	name:      "dot",
	comment:   "Returns the sum of x[i]*y[i].",
	Signature: asm.Layout([]string{"x []float32", "y []float32"}, []string{"sum float32"}),
	emit: func(f *function) {
		f.slices("SI", "DX")
		f.clear()
		f.Loop(asm.Loop{Name: "dot", Unroll: accumulators}, func(b asm.Block) {
			b.Load("SI", 0)
			b.Load("DX", 1)
			f.Do("VFMADD231PS V0, V1, V%d", 4+b.Index)
		})
		f.result("VADDPS", "sum")
	},
}, {
	name:      "softmaxGradient",
	comment:   "Sets dx[i] to y[i]*(dy[i]-mean).",
	Signature: asm.Layout([]string{"dx []float32", "y []float32", "dy []float32", "mean float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI", "DX")
		f.scalar("mean", 8)
		f.Loop(asm.Loop{Name: "gradient", Unroll: 2}, func(b asm.Block) {
			b.Load("DX", 0)
			b.Load("SI", 1)
			f.Do(`VSUBPS V8, V0, V0
				VMULPS V1, V0, V0`)
			b.Store(0, "DI")
		})
		f.Return()
	},
}}}

// Reductions keep several sums, V4 and on, as one alone would wait for each
// addition to end before the next.
const accumulators = 6

// clear begins sums.
func (f *function) clear() {
	for i := range accumulators {
		f.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", 4+i)
	}
}

// combine reduces the first n sums, by op, to the lowest lane of V4.
func (f *function) combine(op string, n int) {
	for n > 1 {
		half := (n + 1) / 2
		for i := range n - half {
			f.Do("%[1]s V%[2]d, V%[3]d, V%[3]d", op, 4+half+i, 4+i)
		}
		n = half
	}
	f.Fold(op, 4, 5)
}

// result ends a function that returns what combine makes of the sums.
func (f *function) result(op, name string) {
	f.combine(op, accumulators)
	f.Do("VMOVSS X4, %s", f.Arg(name).Operand(""))
	f.Return()
}

// largest leaves the largest of x, at SI, in the lowest lane of V4.
func (f *function) largest() {
	for i := range accumulators {
		f.fill(infinity, 4+i)
	}
	f.Loop(asm.Loop{Name: "max", Unroll: accumulators}, func(b asm.Block) {
		switch {
		case !b.Tail:
			f.Do("VMAXPS %s, V%[2]d, V%[2]d", b.At("SI", 4), 4+b.Index)
		case f.Wide():
			f.Do("VMAXPS %s, V4, K1, V4", b.At("SI", 4))
		default:
			b.Load("SI", 0)
			f.Do(`VBLENDVPS V15, V0, V4, V0
				VMAXPS V0, V4, V4`)
		}
	})
	f.combine("VMAXPS", accumulators)
}

// sumOfExp leaves the sum of exp(x-V8), x being at SI and none above V8, in the
// lowest lane of V4; each may be used from V0 before it is added. An exponential
// takes so long that two sums do.
func (f *function) sumOfExp(each func(asm.Block)) {
	const sums = 2
	f.Do(`VXORPS V4, V4, V4
		VXORPS V5, V5, V5`)
	f.Loop(asm.Loop{Name: "exp", Unroll: sums}, func(b asm.Block) {
		b.Load("SI", 0)
		f.Do("VSUBPS V8, V0, V0")
		f.expOfNegative()
		each(b)
		b.Zero(0)
		f.Do("VADDPS V0, V%[1]d, V%[1]d", 4+b.Index)
	})
	f.combine("VADDPS", sums)
}

// returnSumOfExp emits the rest of a function that returns sumOfExp.
func (f *function) returnSumOfExp(each func(asm.Block)) {
	f.scalar("shift", 8)
	f.prepareExp()
	f.sumOfExp(each)
	f.Do("VMOVSS X4, %s", f.Arg("sum").Operand(""))
	f.Return()
}
