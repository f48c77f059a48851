package main

import "smelt/compute/kernel/internal/asm"

// unescape emits the copying of a string's inside with its one-byte escapes
// resolved.
//
// A block is copied whole, before anybody knows how much of it is wanted; what
// follows an escape overwrites what was copied too much. It stays within the
// destination since what is written is never ahead of what is read.
//
// SI and DI the text and its end, BX the destination, R8 the escapes' values.
func (v vector) unescape(a *asm.File) {
	comment := "It resolves all there is to resolve."
	if !v.Wide() {
		comment = "It stops, besides, where less than 32 bytes of src are left."
	}
	a.Function("unescape"+v.Tier, comment, "(dst, src []byte) (written, read int)", 64)
	var values [256]byte
	for c, value := range escapable {
		values[c] = value
	}
	a.Do(`MOVQ dst_base+0(FP), BX
		MOVQ src_base+24(FP), SI
		MOVQ src_len+32(FP), DI
		ADDQ SI, DI
		LEAQ %s, R8`, a.Constant("escapeValue", values[:]...))
	v.fill(a, '\\', 1)

	a.Label("block")
	a.Do(`LEAQ %d(SI), AX
		CMPQ AX, DI
		JHI tail`, v.Width)
	v.load(a, "(SI)", 0)
	a.Do("%s %s, (BX)", v.move(), v.Reg(0))
	v.equal(a, 0, 1, "R9")
	a.Do(`TESTQ R9, R9
		JNE escape
		ADDQ $%[1]d, SI
		ADDQ $%[1]d, BX
		JMP block`, v.Width)

	a.Label("escape")
	a.Do(`TZCNTQ R9, R9
		ADDQ R9, SI
		ADDQ R9, BX
		LEAQ 1(SI), AX
		CMPQ AX, DI
		JEQ done
		MOVBLZX 1(SI), AX
		MOVBLZX (R8)(AX*1), AX
		TESTL AX, AX
		JEQ done
		MOVB AX, (BX)
		ADDQ $2, SI
		INCQ BX
		JMP block`)

	a.Label("tail")
	if v.Wide() {
		v.loadTail(a, "R10")
		a.Do("VMOVDQU8 Z0, K2, (BX)")
		v.equal(a, 0, 1, "R9")
		a.Do(`TESTQ R9, R9
			JNE escape
			ADDQ CX, SI
			ADDQ CX, BX`)
	}

	a.Label("done")
	a.Do(`SUBQ dst_base+0(FP), BX
		MOVQ BX, written+48(FP)
		SUBQ src_base+24(FP), SI
		MOVQ SI, read+56(FP)
		VZEROUPPER
		RET`)
}
