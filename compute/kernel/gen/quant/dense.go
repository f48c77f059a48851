package main

import "smelt/compute/kernel/internal/asm"

// accumulators is how many sums a row of numbers has: enough to hide the time an
// addition takes.
const accumulators = 4

// denseRows is a matrix of numbers that are float32 or become so without loss.
type denseRows struct {
	name, element string
	size          int // of an element, in bytes
}

var dense = []denseRows{{"matVecF32", "float32", 4}, {"matVecBF16", "uint16", 2}}

func (d denseRows) signature() asm.Signature {
	return asm.Layout([]string{"y []float32", "w []" + d.element, "x []float32", "stride int"}, nil)
}

// emit writes the product of rows of len(x) elements with x.
//
//	DI  where the next result goes   R8   rows to come, without this
//	SI  the row                      R9   what leads to the next, in bytes
//	DX  x                            R13  the next page to touch
//	V0-V3  sums                      V4-V6  of vectors
func (d denseRows) emit(f *function) {
	comment := "Sets y[i] to the sum of x[j]*w[i*stride+j]."
	if d.size == 2 && !f.Wide() {
		comment += " The length of x is a multiple of 8, as there are\n// no masks for 16 bits."
	}
	f.begin(d.name+f.Tier, comment, map[string]string{"y": "DI", "w": "SI", "x": "DX"})
	f.Do(`MOVQ %s, CX
		MOVQ %s, R9
		SHLQ $%d, R9`, f.Arg("x").Operand("len"), f.Arg("stride").Operand(""), d.size/2)
	f.eachRow(accumulators, func() {
		f.Loop(asm.Loop{Name: "product", Unroll: 2 * accumulators}, d.product(f))
		f.Do("ADDQ R9, SI")
	})
}

// product adds the products of a vector of elements.
func (d denseRows) product(f *function) func(asm.Block) {
	return func(b asm.Block) {
		if !b.Tail && b.Index*f.Lanes()*d.size%64 == 0 {
			f.Do("PREFETCHNTA %d(SI)(AX*%d)", ahead+b.Index*f.Lanes()*d.size, d.size)
		}
		switch at := b.At("SI", d.size); {
		case d.size == 4:
			b.Load("SI", 4)
		case b.Tail && f.Wide():
			f.Do(`VMOVDQU16.Z %s, K1, H4
				VPMOVZXWD H4, V4
				VPSLLD $16, V4, V4`, at)
		case b.Tail:
			f.Do(`VPMOVZXWD %s, V4
				VPSLLD $16, V4, V4`, at)
		case b.Index%2 == 0:
			f.Do(`VMOVDQU%s %s, V6
				VPMOVZXWD H6, V4
				VPSLLD $16, V4, V4`, map[bool]string{true: "32"}[f.Wide()], at)
		default:
			f.Do(`%s $1, V6, H4
				VPMOVZXWD H4, V4
				VPSLLD $16, V4, V4`, map[bool]string{false: "VEXTRACTI128", true: "VEXTRACTI64X4"}[f.Wide()])
		}
		if b.Tail {
			b.Load("DX", 5)
			f.Do("VFMADD231PS V5, V4, V0")
		} else {
			f.Do("VFMADD231PS %s, V4, V%d", b.At("DX", 4), b.Index%accumulators)
		}
	}
}
