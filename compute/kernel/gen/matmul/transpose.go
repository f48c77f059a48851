package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// packColumns16 emits the packing of a source whose rows lie across the panels: 12 or
// 16 rows, each one place of the panel, are read 16 words along k at a time and
// transposed in registers; places beyond the rows get zeros. pairs rounds 32 numbers along k to bf16 for 16 words.
//
// SI the 16 words of the first row, CX the bytes between rows, DI their place in
// the panel, DX the panel's bytes of one k, R8 the rows, AX what is left of k. K1
// (and K2 of pairs) what is left of k.
func packColumns16(a *asm.File, places int, pairs bool) {
	name, per := fmt.Sprintf("packColumns%dAVX512", places), 1
	if pairs {
		name, per = fmt.Sprintf("packColumnPairs%dAVX512", places), 2
	}
	function(a, name, "(dst *uint32, width int, src *float32, ld, rows, k int)", 48,
		"See packColumnsFunc. R9 walks over the rows, and holds the words left to store.")
	a.Do(`MOVQ dst+0(FP), DI
		MOVQ width+8(FP), DX
		SHLQ $2, DX
		MOVQ src+16(FP), SI
		MOVQ rows+32(FP), R8
		MOVQ k+40(FP), AX
		MOVQ ld+24(FP), CX
		SHLQ $2, CX
		KXNORW K1, K1, K1`)
	if pairs {
		a.Do("KXNORW K2, K2, K2")
	}
	a.Label("block")
	a.Do(`CMPQ AX, $%[1]d
		JGE rows
		MOVQ CX, R10
		MOVQ AX, CX
		MOVQ $1, R9
		SHLQ CX, R9
		DECQ R9
		MOVQ R10, CX
		KMOVW R9, K1`, 16*per)
	if pairs {
		a.Do(`SHRQ $16, R9
			KMOVW R9, K2`)
	}
	a.Label("rows")
	for r := range 16 {
		a.Do("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", r)
	}
	a.Do("MOVQ SI, R9")
	for r := range places {
		a.Do(`CMPQ R8, $%d
			JEQ transpose`, r)
		if pairs {
			a.Do(`VMOVUPS.Z (R9), K1, Z16
				VMOVUPS.Z 64(R9), K2, Z17`)
			a.Encoded(asm.VCVTNE2PS2BF16, 16, 17, r)
		} else {
			a.Do("VMOVUPS.Z (R9), K1, Z%d", r)
		}
		a.Do("PREFETCHT0 %d(R9)", 256*per)
		if pairs {
			a.Do("PREFETCHT0 %d(R9)", 256*per+64)
		}
		if r+1 < places {
			a.Do("ADDQ CX, R9")
		}
	}
	a.Label("transpose")
	transpose16(a)
	if pairs {
		a.Do(`LEAQ 1(AX), R9
			SHRQ $1, R9`)
	} else {
		a.Do("MOVQ AX, R9")
	}
	for c := range 16 {
		if places == 16 {
			a.Do("VMOVUPS Z%d, (DI)", c)
		} else { // a store under a mask is slow
			a.Do("VMOVUPS Y%d, (DI)", c)
			a.Do("VEXTRACTF32X4 $2, Z%d, 32(DI)", c)
		}
		a.Do("ADDQ DX, DI")
		if c < 15 {
			a.Do(`CMPQ R9, $%d
				JEQ done`, c+1)
		}
	}
	a.Do(`ADDQ $%d, SI
		SUBQ $%d, AX
		JGT block`, 64*per, 16*per)
	a.Label("done")
	a.Return()
}

// transpose16 transposes the 16x16 words in Z0 to Z15, with Z16 to Z31: words,
// then pairs of words, are interleaved within 128 bits, and those exchanged twice.
func transpose16(a *asm.File) {
	for r := 0; r < 16; r += 2 {
		a.Do("VUNPCKLPS Z%d, Z%d, Z%d", r+1, r, 16+r)
		a.Do("VUNPCKHPS Z%d, Z%d, Z%d", r+1, r, 16+r+1)
	}
	for g := 0; g < 16; g += 4 {
		a.Do("VUNPCKLPD Z%d, Z%d, Z%d", 16+g+2, 16+g, g)
		a.Do("VUNPCKHPD Z%d, Z%d, Z%d", 16+g+2, 16+g, g+1)
		a.Do("VUNPCKLPD Z%d, Z%d, Z%d", 16+g+3, 16+g+1, g+2)
		a.Do("VUNPCKHPD Z%d, Z%d, Z%d", 16+g+3, 16+g+1, g+3)
	}
	const even, odd = 0x88, 0xdd // of the 128-bit lanes of two registers
	for c := range 4 {
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", even, 4+c, c, 16+c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", even, 12+c, 8+c, 20+c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", odd, 4+c, c, 24+c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", odd, 12+c, 8+c, 28+c)
	}
	for c := range 4 {
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", even, 20+c, 16+c, c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", even, 28+c, 24+c, 4+c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", odd, 20+c, 16+c, 8+c)
		a.Do("VSHUFF32X4 $%#x, Z%d, Z%d, Z%d", odd, 28+c, 24+c, 12+c)
	}
}

// packColumns8 is packColumns16 with half the width, for eight or for four whole
// rows and a k that is a multiple of eight.
func packColumns8(a *asm.File) {
	for _, rows := range []int{8, 4} {
		function(a, fmt.Sprintf("packColumns%dAVX2", rows), "(dst *uint32, width int, src *float32, ld, k int)", 40,
			fmt.Sprintf("%d rows of the source, and k a multiple of 8. R9 walks over the rows.", rows))
		a.Do(`MOVQ dst+0(FP), DI
			MOVQ width+8(FP), DX
			SHLQ $2, DX
			MOVQ src+16(FP), SI
			MOVQ ld+24(FP), CX
			SHLQ $2, CX
			MOVQ k+32(FP), AX`)
		a.Label("block")
		a.Do("MOVQ SI, R9")
		for r := range 8 {
			if r >= rows {
				a.Do("VXORPS Y%[1]d, Y%[1]d, Y%[1]d", r)
				continue
			}
			a.Do(`VMOVUPS (R9), Y%d
				ADDQ CX, R9`, r)
		}
		for r := 0; r < 8; r += 2 {
			a.Do("VUNPCKLPS Y%d, Y%d, Y%d", r+1, r, 8+r)
			a.Do("VUNPCKHPS Y%d, Y%d, Y%d", r+1, r, 8+r+1)
		}
		for g := 0; g < 8; g += 4 {
			a.Do("VUNPCKLPD Y%d, Y%d, Y%d", 8+g+2, 8+g, g)
			a.Do("VUNPCKHPD Y%d, Y%d, Y%d", 8+g+2, 8+g, g+1)
			a.Do("VUNPCKLPD Y%d, Y%d, Y%d", 8+g+3, 8+g+1, g+2)
			a.Do("VUNPCKHPD Y%d, Y%d, Y%d", 8+g+3, 8+g+1, g+3)
		}
		letter := "Y"
		if rows == 4 {
			letter = "X"
		}
		for c := range 8 {
			lanes := 0x20 // the lower halves of both
			if c >= 4 {
				lanes = 0x31
			}
			a.Do("VPERM2F128 $%#x, Y%d, Y%d, Y%d", lanes, 4+c%4, c%4, 8+c)
		}
		for c := range 8 {
			a.Do(`VMOVUPS %s%d, (DI)
				ADDQ DX, DI`, letter, 8+c)
		}
		a.Do(`ADDQ $32, SI
			SUBQ $8, AX
			JNE block`)
		a.Return()
	}
}
