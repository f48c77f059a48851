package main

// indexSeparator emits the search for 1B, 1E or 1F. The last two become one by
// setting the lowest bit.
func (v vector) indexSeparator(a *assembly) {
	const escape, last, one = 1, 2, 3
	comment := "Any src will do."
	if !v.wide() {
		comment = "It needs 32 bytes of src or more."
	}
	a.function("indexSeparator"+v.tier, comment, "(src []byte) (n int)", 32)
	a.do(`MOVQ src_base+0(FP), SI
		MOVQ src_len+8(FP), DI
		ADDQ SI, DI`)
	v.fill(a, 0x1b, escape)
	v.fill(a, 0x1f, last)
	v.fill(a, 0x01, one)

	mask := func() {
		v.bitwise(a, "OR", 0, one, 4)
		if v.wide() {
			a.do(`VPCMPEQB Z0, Z1, K1
				VPCMPEQB Z4, Z2, K3
				KORQ K1, K3, K1
				KMOVQ K1, R9`)
			return
		}
		a.do(`VPCMPEQB Y0, Y1, Y0
			VPCMPEQB Y4, Y2, Y4
			VPOR Y0, Y4, Y0
			VPMOVMSKB Y0, R9`)
	}

	a.label("block")
	a.do(`LEAQ %d(SI), AX
		CMPQ AX, DI
		JHI tail`, v.width)
	v.load(a, "(SI)", 0)
	mask()
	a.do(`TESTQ R9, R9
		JNE found
		ADDQ $%d, SI
		JMP block`, v.width)

	a.label("tail")
	v.loadTail(a, "R10")
	mask()
	v.shiftTail(a, "R9")
	a.do(`TESTQ R9, R9
		JNE found
		MOVQ $-1, n+24(FP)
		VZEROUPPER
		RET`)

	a.label("found")
	a.do(`TZCNTQ R9, R9
		ADDQ R9, SI
		SUBQ src_base+0(FP), SI
		MOVQ SI, n+24(FP)
		VZEROUPPER
		RET`)
}
