package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// packRows emits the packing of a source whose rows lie along the panels: each
// row, one k, is cut into pieces of width words, one a panel. AVX-512 takes a
// last piece that is shorter, under a mask; AVX2 takes whole pieces.
//
// Rows are the outer loop: a row is read from end to end, whatever the distance
// between rows, and the panels are written side by side.
//
// SI the source's row, DI its place in the first panel, CX the bytes between rows,
// DX those between panels, AX rows left, BX whole pieces, R11 whether one is not.
func packRows(a *asm.File, width int) {
	v := a.Vector
	name := fmt.Sprintf("packRows%d%s", width, v.Tier)
	function(a, name, "(dst *uint32, src *float32, ld, k, n int)", 40,
		"See packRowsFunc. R8 and R9 run along the row and over the panels, R10 counts panels.")
	a.Do(`MOVQ dst+0(FP), DI
		MOVQ src+8(FP), SI
		MOVQ ld+16(FP), CX
		SHLQ $2, CX
		MOVQ k+24(FP), AX
		MOVQ n+32(FP), R11
		IMUL3Q $%[1]d, AX, DX`, 4*width)
	pieces(a, width)
	if v.Wide() {
		pieceMasks(a, width)
	}
	a.Label("row")
	a.Do(`MOVQ SI, R8
		MOVQ DI, R9
		MOVQ BX, R10
		LEAQ (SI)(CX*8), R12
		LEAQ (R12)(CX*8), R12
		TESTQ R10, R10
		JEQ piece`)
	loop(a, "panel")
	copyPiece(a, width)
	a.Do("PREFETCHT0 (R12)")
	if width == 32 {
		a.Do("PREFETCHT0 64(R12)")
	}
	a.Do(`ADDQ $%[1]d, R8
		ADDQ $%[1]d, R12
		ADDQ DX, R9
		DECQ R10
		JNE panel`, 4*width)
	a.Label("piece")
	if v.Wide() {
		a.Do(`TESTQ R11, R11
			JEQ next
			VMOVUPS.Z (R8), K1, Z0`)
		if width == 32 {
			a.Do(`VMOVUPS.Z 64(R8), K2, Z1
				VMOVUPS Z0, (R9)
				VMOVUPS Z1, 64(R9)`)
		} else {
			a.Do("VMOVUPS Z0, K3, (R9)")
		}
		a.Label("next")
	}
	a.Do(`ADDQ CX, SI
		ADDQ $%d, DI
		DECQ AX
		JNE row`, 4*width)
	a.Return()
}

// pieces divides the words in R11 into BX whole pieces and R11 words left over.
func pieces(a *asm.File, width int) {
	if width == 32 {
		a.Do(`MOVQ R11, BX
			SHRQ $5, BX
			ANDQ $31, R11`)
		return
	}
	a.Do(`MOVQ AX, R8
		MOVQ DX, R9
		MOVQ R11, AX
		XORL DX, DX
		MOVQ $%d, R10
		DIVQ R10
		MOVQ AX, BX
		MOVQ DX, R11
		MOVQ R8, AX
		MOVQ R9, DX`, width)
}

// pieceMasks sets K1 and K2 to the R11 words left over, K3 to a whole piece of 12.
func pieceMasks(a *asm.File, width int) {
	a.Do(`MOVQ CX, R9
		MOVQ R11, CX
		MOVQ $1, R8
		SHLQ CX, R8
		DECQ R8
		MOVQ R9, CX
		KMOVW R8, K1
		SHRQ $16, R8
		KMOVW R8, K2`)
	if width == 12 {
		a.Do(`MOVQ $0xfff, R8
			KMOVW R8, K3`)
	}
}

// copyPiece copies width words from (R8) to (R9).
func copyPiece(a *asm.File, width int) {
	v := a.Vector
	switch {
	case v.Wide() && width == 12:
		a.Do(`VMOVUPS.Z (R8), K3, Z0
			VMOVUPS Z0, K3, (R9)`)
	case width == 12:
		a.Do(`VMOVUPS (R8), Y0
			VMOVUPS 32(R8), X1
			VMOVUPS Y0, (R9)
			VMOVUPS X1, 32(R9)`)
	default:
		for i := range 4 * width / v.Width {
			a.Do("VMOVUPS %d(R8), %s", i*v.Width, v.Reg(i))
		}
		for i := range 4 * width / v.Width {
			a.Do("VMOVUPS %s, %d(R9)", v.Reg(i), i*v.Width)
		}
	}
}

// interleave returns the indices with which VPERMW makes words of a register's
// lower half, for their lower halves, and its upper one.
func interleave(a *asm.File) string {
	var order [16]uint32 // of 16-bit words
	for i := range order {
		order[i] = uint32(16+i)<<16 | uint32(i)
	}
	return a.Words("interleave", order[:]...)
}

// packRowPairs is packRows for bf16: two rows a word, the earlier one in its
// lower half; a last row without another is paired with zeros. The rows are
// of fp32 or, if stored, of bf16.
//
// K4 has all bits while there are two rows, none for a last one alone.
func packRowPairs(a *asm.File, width int, stored bool) {
	name, element, log := "packRowPairs", "float32", 2
	comment := `See packRowsFunc. R8 and R9 run along the row and over the panels, R10 counts panels`
	if stored {
		name, element, log = "packStoredRowPairs", "uint16", 1
	} else {
		comment += `;
		Z31 interleaves two halves of 16 words`
	}
	function(a, fmt.Sprintf("%s%dAVX512", name, width), fmt.Sprintf("(dst *uint32, src *%s, ld, k, n int)", element), 40, comment+".")
	a.Do(`MOVQ dst+0(FP), DI
		MOVQ src+8(FP), SI
		MOVQ ld+16(FP), CX
		SHLQ $%d, CX
		MOVQ k+24(FP), AX
		MOVQ n+32(FP), R11
		LEAQ 1(AX), DX
		SHRQ $1, DX
		IMULQ $%d, DX`, log, 4*width)
	if !stored {
		a.Do("VMOVUPS %s, Z31", interleave(a))
	}
	pieces(a, width)
	pieceMasks(a, width)
	// Masks of the second row: K4 and K5 for a whole piece, K6 and K7 for the last.
	whole := "$0xffff"
	if width == 12 {
		whole = "$0xfff"
	}
	a.Do(`MOVQ %s, R8
		KMOVW R8, K4
		KMOVW R8, K3
		KMOVQ K1, K6
		KMOVQ K2, K7`, whole)
	a.Label("row")
	a.Do(`CMPQ AX, $1
		JNE pair
		KXORW K4, K4, K4
		KXORW K6, K6, K6
		KXORW K7, K7, K7`)
	a.Label("pair")
	a.Do(`MOVQ SI, R8
		LEAQ (SI)(CX*1), R12
		MOVQ DI, R9
		MOVQ BX, R10
		TESTQ R10, R10
		JEQ piece`)
	half := func(off int, first, second, store string) {
		if stored {
			a.Do(`VPMOVZXWD.Z %[1]d(R8), %[2]s, Z2
				VPMOVZXWD.Z %[1]d(R12), %[3]s, Z1
				VPSLLD $16, Z1, Z1
				VPORD Z1, Z2, Z2`, off/2, first, second)
		} else {
			a.Do("VMOVUPS.Z %d(R8), %s, Z0", off, first)
			a.Do("VMOVUPS.Z %d(R12), %s, Z1", off, second)
			a.Encoded(asm.VCVTNE2PS2BF16, 0, 1, 2)
			a.Do("VPERMW Z2, Z31, Z2")
		}
		if store == "" {
			a.Do("VMOVUPS Z2, %d(R9)", off)
		} else {
			a.Do("VMOVUPS Z2, %s, %d(R9)", store, off)
		}
	}
	store := ""
	if width == 12 {
		store = "K3"
	}
	loop(a, "panel")
	for off := 0; off < 4*width; off += 64 {
		half(off, "K3", "K4", store)
	}
	a.Do(`ADDQ $%[1]d, R8
		ADDQ $%[1]d, R12
		ADDQ DX, R9
		DECQ R10
		JNE panel`, width<<log)
	a.Label("piece")
	a.Do(`TESTQ R11, R11
		JEQ next`)
	half(0, "K1", "K6", store)
	if width == 32 {
		half(64, "K2", "K7", store)
	}
	a.Label("next")
	a.Do(`LEAQ (SI)(CX*2), SI
		ADDQ $%d, DI
		SUBQ $2, AX
		JGT row`, 4*width)
	a.Return()
}
