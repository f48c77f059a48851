package main

// unescape emits the copying of a string's inside with its one-byte escapes
// resolved.
//
// A block is copied whole, before anybody knows how much of it is wanted; what
// follows an escape overwrites what was copied too much. It stays within the
// destination since what is written is never ahead of what is read.
//
// SI and DI the text and its end, BX the destination, R8 the escapes' values.
func (v vector) unescape(a *assembly) {
	comment := "It resolves all there is to resolve."
	if !v.wide() {
		comment = "It stops, besides, where less than 32 bytes of src are left."
	}
	a.function("unescape"+v.tier, comment, "(dst, src []byte) (written, read int)", 64)
	var values [256]byte
	for c, value := range escapable {
		values[c] = value
	}
	a.do(`MOVQ dst_base+0(FP), BX
		MOVQ src_base+24(FP), SI
		MOVQ src_len+32(FP), DI
		ADDQ SI, DI
		LEAQ %s, R8`, a.constant("escapeValue", values[:]...))
	v.fill(a, '\\', 1)

	a.label("block")
	a.do(`LEAQ %d(SI), AX
		CMPQ AX, DI
		JHI tail`, v.width)
	v.load(a, "(SI)", 0)
	a.do("%s %s, (BX)", v.move(), v.r(0))
	v.equal(a, 0, 1, "R9")
	a.do(`TESTQ R9, R9
		JNE escape
		ADDQ $%[1]d, SI
		ADDQ $%[1]d, BX
		JMP block`, v.width)

	a.label("escape")
	a.do(`TZCNTQ R9, R9
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

	a.label("tail")
	if v.wide() {
		v.loadTail(a, "R10")
		a.do("VMOVDQU8 Z0, K2, (BX)")
		v.equal(a, 0, 1, "R9")
		a.do(`TESTQ R9, R9
			JNE escape
			ADDQ CX, SI
			ADDQ CX, BX`)
	}

	a.label("done")
	a.do(`SUBQ dst_base+0(FP), BX
		MOVQ BX, written+48(FP)
		SUBQ src_base+24(FP), SI
		MOVQ SI, read+56(FP)
		VZEROUPPER
		RET`)
}
