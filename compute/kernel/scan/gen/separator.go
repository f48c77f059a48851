package main

import "smelt/compute/kernel/internal/asm"

// indexSeparator emits the search for 1B, 1E or 1F. The last two become one by
// setting the lowest bit.
func (v vector) indexSeparator(a *asm.File) {
	const escape, last, one = 1, 2, 3
	comment := "Any src will do."
	if !v.Wide() {
		comment = "It needs 32 bytes of src or more."
	}
	a.Function("indexSeparator"+v.Tier, comment, "(src []byte) (n int)", 32)
	a.Do(`MOVQ src_base+0(FP), SI
		MOVQ src_len+8(FP), DI
		ADDQ SI, DI`)
	v.fill(a, 0x1b, escape)
	v.fill(a, 0x1f, last)
	v.fill(a, 0x01, one)

	mask := func() {
		v.bitwise(a, "OR", 0, one, 4)
		if v.Wide() {
			a.Do(`VPCMPEQB Z0, Z1, K1
				VPCMPEQB Z4, Z2, K3
				KORQ K1, K3, K1
				KMOVQ K1, R9`)
			return
		}
		a.Do(`VPCMPEQB Y0, Y1, Y0
			VPCMPEQB Y4, Y2, Y4
			VPOR Y0, Y4, Y0
			VPMOVMSKB Y0, R9`)
	}

	a.Label("block")
	a.Do(`LEAQ %d(SI), AX
		CMPQ AX, DI
		JHI tail`, v.Width)
	v.load(a, "(SI)", 0)
	mask()
	a.Do(`TESTQ R9, R9
		JNE found
		ADDQ $%d, SI
		JMP block`, v.Width)

	a.Label("tail")
	v.loadTail(a, "R10")
	mask()
	v.shiftTail(a, "R9")
	a.Do(`TESTQ R9, R9
		JNE found
		MOVQ $-1, n+24(FP)
		VZEROUPPER
		RET`)

	a.Label("found")
	a.Do(`TZCNTQ R9, R9
		ADDQ R9, SI
		SUBQ src_base+0(FP), SI
		MOVQ SI, n+24(FP)
		VZEROUPPER
		RET`)
}
