package main

import "smelt/compute/kernel/internal/asm"

// accumulators is how many sums a row of numbers has, V4 and up: enough to hide the
// time an addition takes.
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

// emit writes the product of rows of len(x) elements with x. SI is the row, R9 what
// leads to the next in bytes, DX is x, DI where the next result goes, R8 how many
// there are to come.
func (d denseRows) emit(f *function) {
	comment := "Sets y[i] to the sum of x[j]*w[i*stride+j]."
	if d.size == 2 && !f.Wide() {
		comment += " The length of x is a multiple of 8, as there are\n// no masks for 16 bits."
	}
	f.begin(d.name+f.Tier, comment, map[string]string{"y": "DI", "w": "SI", "x": "DX"})
	f.Do(`MOVQ %s, CX
		MOVQ %s, R9
		SHLQ $%d, R9`, f.Arg("x").Operand("len"), f.Arg("stride").Operand(""), d.size/2)
	f.Label("row")
	f.Do(`SUBQ $1, R8
		JLT end`)
	for i := range accumulators {
		f.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", 4+i)
	}
	f.Loop(asm.Loop{Name: "product", Unroll: accumulators}, func(b asm.Block) {
		switch at := b.At("SI", d.size); {
		case d.size == 4:
			b.Load("SI", 0)
		case b.Tail && f.Wide():
			f.Do(`VMOVDQU16.Z %s, K1, H0
				VPMOVZXWD H0, V0
				VPSLLD $16, V0, V0`, at)
		default:
			f.Do(`VPMOVZXWD %s, V0
				VPSLLD $16, V0, V0`, at)
		}
		if b.Tail {
			b.Load("DX", 1)
			f.Do("VFMADD231PS V1, V0, V4")
		} else {
			f.Do("VFMADD231PS %s, V0, V%d", b.At("DX", 4), 4+b.Index)
		}
	})
	f.Do(`VADDPS V6, V4, V4
		VADDPS V7, V5, V5
		VADDPS V5, V4, V4`)
	f.Fold("VADDPS", 4, 5)
	f.Do(`VMOVSS X4, (DI)
		ADDQ $4, DI
		ADDQ R9, SI
		JMP row`)
	f.Label("end")
	f.Return()
}
