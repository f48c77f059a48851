package main

import (
	"slices"

	"smelt/compute/kernel/internal/asm"
)

var adamw8 = operation{"adamw8", []kernel{{
	name:    "adamW8",
	comment: "Makes one step of AdamW on moments in codes, for whole blocks.",
	Signature: asm.Layout([]string{"param []float32", "grad []float32", "codes []byte", "scales []byte",
		"c *adamW8Coefficients"}, nil),
	emit: (*function).adamW8,
}}}

// The coefficients, in the order of their Go type; those before index are the same for
// all elements.
const (
	gradScale8 = iota
	decay8
	rest8
	decaySquare8
	restSquare8
	before8
	epsilon8
	shrink8
	rate8
	least8
	key8
	index8
	roots8
)

var (
	mixFirst   = constant{"mixFirst", 0x7feb352d}
	mixSecond  = constant{"mixSecond", 0x846ca68b}
	ratioBits  = constant{"ratioBits", 1<<20 - 1}
	ratioCodes = constant{"ratioCodes", 63}
)

// adamW8 follows adamW8Generic, operation by operation, so that the bits are the same.
//
//	DI param, SI grad, R8 codes, R9 scales, DX coefficients
//	CX blocks left, AX the element in the block, R10 the block's first index
//	V6 base of the old scale, V7 of the new one, V8 the least root under it
//	V9 the largest root, then the indices
func (f *function) adamW8() {
	const rootShift, rootPlace, ratioShift, signShift, least = 19, 7, 20, 25, 1024
	f.slices("DI", "SI", "R8", "R9", "DX")
	f.prepare(mixFirst, mixSecond, ratioBits, ratioCodes, signBit)
	registers := []int{10, 11, 12, 13, 14, 15, 26, 27, 28, 29, 30}
	if f.Wide() {
		for i, reg := range registers {
			f.Do("VBROADCASTSS %d(DX), V%d", 4*i, reg)
		}
	}
	// with emits an instruction whose first operand is a coefficient. AVX2 has too few
	// registers to keep them all.
	with := func(coefficient int, op, operands string) {
		reg := 15
		if f.Wide() {
			reg = registers[coefficient]
		} else {
			f.Do("VBROADCASTSS %d(DX), V%d", 4*coefficient, reg)
		}
		f.Do("%s V%d, %s", op, reg, operands)
	}
	// each loops over the vectors of a block.
	each := func(name string, body func()) {
		f.Do("XORL AX, AX")
		f.Label(name)
		body()
		f.Do(`ADDQ $%d, AX
			CMPQ AX, $256
			JLT %s`, f.Lanes(), name)
	}
	// root decodes the roots of the codes in register from.
	root := func(from, to int) {
		f.Do(`VPSRLD $%d, V%d, V%d
			VPADDD V6, V%[3]d, V%[3]d
			VPSLLD $%[4]d, V%[3]d, V%[3]d`, rootPlace, from, to, rootShift)
	}

	lanes := make([]uint32, f.Lanes())
	for i := range lanes {
		lanes[i] = uint32(i)
	}
	f.Do(`SHRQ $8, CX
		MOVL %d(DX), R10
		MOVL $%d, R11`, 4*index8, least)
	f.Label("block")
	f.Do(`SUBQ $1, CX
		JLT end
		MOVWLZX (R9), BX
		ADDL R11, BX
		VMOVD BX, X6
		VPBROADCASTD X6, V6
		VPXOR X9, X9, X9`)
	each("roots", func() {
		f.Do("VMOVUPS (SI)(AX*4), V0")
		with(gradScale8, "VMULPS", "V0, V0")
		f.Do("VMULPS V0, V0, V0")
		with(restSquare8, "VMULPS", "V0, V0")
		f.Do("VPMOVZXWD (R8)(AX*2), V1")
		root(1, 1)
		f.Do("VMULPS V1, V1, V1")
		with(decaySquare8, "VMULPS", "V1, V1")
		f.Do(`VADDPS V0, V1, V1
			VSQRTPS V1, V1
			VMOVUPS V1, %d(DX)(AX*4)
			VPMAXUD V1, V9, V9`, 4*roots8)
	})

	f.Fold("VPMAXUD", 9, 0)
	f.Do(`VMOVD X9, BX
		ADDL $%[1]d, BX // the next code up
		SHRL $%[2]d, BX
		SUBL $511, BX
		CMPL BX, R11
		CMOVLLT R11, BX
		VMOVD BX, X7
		VPBROADCASTD X7, V7
		VPSLLD $%[2]d, V7, V8
		SUBL R11, BX
		MOVW BX, (R9)
		VMOVD R10, X9
		VPBROADCASTD X9, V9
		VPADDD %[3]s, V9, V9`, 1<<rootShift-1, rootShift, f.Words("lanes", lanes...))
	each("step", func() {
		f.Do("VMOVUPS (SI)(AX*4), V0")
		with(gradScale8, "VMULPS", "V0, V0")
		f.Do("VPMOVZXWD (R8)(AX*2), V1")
		root(1, 2)
		with(before8, "VADDPS", "V2, V2")
		f.Do(`VPSLLD $%d, V1, V3
			VANDPS %s, V3, V3
			VANDPS %s, V1, V1
			VPSLLD $%d, V1, V1`, signShift, f.c(signBit), f.c(ratioCodes), ratioShift)
		with(least8, "VPADDD", "V1, V1")
		with(least8, "VSUBPS", "V1, V1")
		f.Do(`VORPS V3, V1, V1
			VMULPS V2, V1, V1`)
		with(decay8, "VMULPS", "V1, V1")
		with(rest8, "VMULPS", "V0, V0")
		f.Do(`VADDPS V0, V1, V1
			VMOVUPS %d(DX)(AX*4), V2
			VMAXPS V8, V2, V2`, 4*roots8)
		with(epsilon8, "VADDPS", "V2, V3")
		f.Do(`VDIVPS V3, V1, V1
			VMOVUPS (DI)(AX*4), V0`)
		with(shrink8, "VMULPS", "V0, V0")
		with(rate8, "VMULPS", "V1, V3")
		f.Do(`VSUBPS V3, V0, V0
			VMOVUPS V0, (DI)(AX*4)`)

		with(key8, "VXORPS", "V9, V0")
		f.Do("VPADDD %s, V9, V9", f.Words("step", slices.Repeat([]uint32{uint32(f.Lanes())}, f.Lanes())...))
		f.shiftXor(16)
		f.Do("VPMULLD %s, V0, V0", f.c(mixFirst))
		f.shiftXor(15)
		f.Do("VPMULLD %s, V0, V0", f.c(mixSecond))
		f.shiftXor(16)
		f.Do(`VPSRLD $%d, V0, V3
			VPADDD V3, V2, V2
			VPSRLD $%d, V2, V2
			VPSUBD V7, V2, V2
			VPSLLD $%d, V2, V2`, 32-rootShift, rootShift, rootPlace)
		f.Do(`VANDPS %s, V0, V0
			VANDPS %s, V1, V3
			VXORPS V3, V1, V1`, f.c(ratioBits), f.c(signBit))
		with(least8, "VADDPS", "V1, V1")
		with(least8, "VPSUBD", "V1, V1")
		f.Do(`VPADDD V0, V1, V1
			VPSRLD $%d, V1, V1
			VPMINUD %s, V1, V1
			VPSRLD $%d, V3, V3
			VORPS V3, V1, V1
			VORPS V2, V1, V1`, ratioShift, f.c(ratioCodes), signShift)
		if f.Wide() {
			f.Do("VPMOVDW V1, H1")
		} else {
			f.Do(`VPACKUSDW V1, V1, V1
				VPERMQ $0xd8, V1, V1`)
		}
		f.Do("VMOVUPS H1, (R8)(AX*2)")
	})
	f.Do(`ADDQ $1024, DI
		ADDQ $1024, SI
		ADDQ $512, R8
		ADDQ $2, R9
		ADDL $256, R10
		JMP block`)
	f.Label("end")
	f.Return()
}

// shiftXor sets V0 to V0 ^ V0>>by.
func (f *function) shiftXor(by int) {
	f.Do(`VPSRLD $%d, V0, V3
		VXORPS V3, V0, V0`, by)
}
