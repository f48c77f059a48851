package main

import "smelt/compute/kernel/internal/asm"

var exponential = operation{"exp", []kernel{{
	name:      "exp",
	comment:   "Sets dst[i] to e to the power of src[i].",
	Signature: asm.Layout([]string{"dst []float32", "src []float32"}, nil),
	emit: func(f *function) {
		f.slices("DI", "SI")
		f.prepareExp()
		f.Loop(asm.Loop{Name: "exp", Unroll: 4}, func(b asm.Block) {
			b.Load("SI", 0)
			f.exp()
			b.Store(0, "DI")
		})
		f.Return()
	},
}}}

// The numbers of exp; compute/kernel/exp.go says where they come from.
var (
	lowest  = float("expLowest", -104)
	highest = float("expHighest", 89)
	log2e   = float("log2e", 1.4426950408889634)
	ln2High = float("ln2High", 0.693359375)
	ln2Low  = float("ln2Low", -2.12194440e-4)

	// of r^6 to r^0
	expSeries = []constant{
		float("expSeries6", 0.0013814540089980554),
		float("expSeries5", 0.008368745107506927),
		float("expSeries4", 0.04166839078529153),
		float("expSeries3", 0.16666520399058116),
		float("expSeries2", 0.4999999343212069),
		one, one,
	}
	exponentOne = constant{"exponentOne", 127 << 23}
)

// prepareExp sets up what exp needs: V13 and V14 besides the constants.
func (f *function) prepareExp() {
	f.fill(lowest, 13)
	f.fill(highest, 14)
	f.prepare(log2e, ln2High, ln2Low)
	f.prepare(expSeries...)
	if !f.Wide() {
		f.prepare(exponentOne)
	}
}

// exp replaces V0 by e to its power. It uses V1 and V2.
func (f *function) exp() {
	f.Do("VMINPS V0, V14, V0")
	f.expOfNegative()
}

// expOfNegative is exp for no V0 above 89, such as differences to the largest.
//
//	V0  x, then r = x - n*ln 2
//	V1  n = x/ln 2 rounded
//	V2  the series
//
// An operand that is NaN must be the first of VMAXPS and VMINPS to get through.
// AVX-512 multiplies by 2^n whatever n is. AVX2 has to do so in two steps, as the
// exponent of a float32 holds neither 2^128 nor 2^-127: the first by adding half
// of n to the exponent of the series, which is about 1, the second by a product.
func (f *function) expOfNegative() {
	f.Do(`VMAXPS V0, V13, V0
		VMULPS %s, V0, V1`, f.c(log2e))
	if f.Wide() {
		f.Do("VRNDSCALEPS $8, V1, V1")
	} else {
		f.Do("VROUNDPS $8, V1, V1")
	}
	f.Do(`VFNMADD231PS %s, V1, V0
		VFNMADD231PS %s, V1, V0
		VMOVUPS %s, V2`, f.c(ln2High), f.c(ln2Low), f.c(expSeries[0]))
	for _, k := range expSeries[1:] {
		f.Do("VFMADD213PS %s, V0, V2", f.c(k))
	}
	if f.Wide() {
		f.Do("VSCALEFPS V1, V2, V0")
		return
	}
	f.Do(`VCVTPS2DQ V1, V1
		VPSRAD $1, V1, V0
		VPSUBD V0, V1, V1
		VPSLLD $23, V0, V0
		VPADDD V0, V2, V2
		VPSLLD $23, V1, V1
		VPADDD %s, V1, V1
		VMULPS V1, V2, V0`, f.c(exponentOne))
}
