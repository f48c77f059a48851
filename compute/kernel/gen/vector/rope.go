package main

import "smelt/compute/kernel/internal/asm"

// Both take all heads of one position. The sign is xored to the sines: a sign bit
// there turns the pairs backwards.
var rope = operation{"rope", []kernel{{
	name:      "ropeHalves",
	comment:   "Turns pairs i and i+len(cos) of each head of 2*len(cos) elements of x.",
	Signature: ropeSignature,
	emit: func(f *function) {
		f.ropeHeads()
		f.Do("LEAQ (SI)(CX*4), R8")
		f.Loop(asm.Loop{Name: "pair", Unroll: 1}, func(b asm.Block) {
			b.Load("R9", 0)
			b.Load("R10", 1)
			b.Load("SI", 2)
			b.Load("R8", 3)
			f.Do(`VXORPS V1, V8, V1
				VMULPS V3, V1, V4
				VMULPS V2, V1, V5
				VFMSUB213PS V4, V0, V2
				VFMADD213PS V5, V0, V3`)
			b.Store(2, "SI")
			b.Store(3, "R8")
		})
		f.nextHead()
	},
}, {
	name:      "ropeNeighbours",
	comment:   "Turns pairs 2*i and 2*i+1 of each head of 2*len(cos) elements of x.",
	Signature: ropeSignature,
	emit: func(f *function) {
		f.ropeHeads()
		f.Do("VMOVUPS %s, V9", f.Words("twice", 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7))
		f.Do("SHLQ $1, CX")
		f.Loop(asm.Loop{Name: "pair", Unroll: 1}, func(b asm.Block) {
			b.Load("SI", 2)
			if b.Tail {
				f.halfMask()
			}
			f.loadHalf(b, "R9", 0)
			f.loadHalf(b, "R10", 1)
			f.Do(`VPERMPS V0, V9, V0
				VPERMPS V1, V9, V1
				VXORPS V1, V8, V1
				VPERMILPS $0xb1, V2, V3
				VMULPS V1, V3, V3
				VFMADDSUB213PS V3, V0, V2`)
			b.Store(2, "SI")
		})
		f.nextHead()
	},
}}}

var ropeSignature = asm.Layout([]string{"x []float32", "cos []float32", "sin []float32", "sign uint32"}, nil)

// ropeHeads begins the loop over heads.
//
//	SI  the head, R11 the end of x, R9 and R10 cosines and sines, CX the number of
//	those, V8 the sign
func (f *function) ropeHeads() {
	f.slices("SI", "R9", "R10")
	f.scalar("sign", 8)
	f.Do("LEAQ (SI)(CX*4), R11")
	f.Label("head")
	f.Do(`CMPQ SI, R11
		JGE done
		MOVQ %s, CX`, f.Arg("cos").Operand("len"))
}

// nextHead ends it.
func (f *function) nextHead() {
	f.Do(`MOVQ %s, CX
		LEAQ (SI)(CX*8), SI
		JMP head`, f.Arg("cos").Operand("len"))
	f.Label("done")
	f.Return()
}

// halfMask makes the mask for as many pairs as BX elements have: K2, or X14.
func (f *function) halfMask() {
	f.Do("SHRQ $1, BX")
	if f.Wide() {
		f.Do(`VPBROADCASTD BX, Y31
			VPCMPUD $6, %s, Y31, K2`, f.Constant("lanes"))
		return
	}
	f.Do(`VMOVD BX, X14
		VPBROADCASTD X14, X14
		VPCMPGTD %s, X14, X14`, f.Constant("lanes"))
}

// loadHalf reads one element a pair to H(into).
func (f *function) loadHalf(b asm.Block, base string, into int) {
	switch at := b.At(base, 2); {
	case !b.Tail:
		f.Do("VMOVUPS %s, H%d", at, into)
	case f.Wide():
		f.Do("VMOVUPS.Z %s, K2, H%d", at, into)
	default:
		f.Do("VMASKMOVPS %s, X14, H%d", at, into)
	}
}
