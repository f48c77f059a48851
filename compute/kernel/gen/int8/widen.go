package main

import "smelt/compute/kernel/internal/asm"

// widenSignature: words of a group, and least as in int8Form, with 0 and 1.
var widenSignature = asm.Layout([]string{"dst *uint32", "src *uint32", "groups int", "words int", "least int", "offset float32"}, nil)

// widen emits the making of a panel of fp32 of one of bytes: of B with 32 places, each
// byte q as a*(q-offset) - b, or of A with 12, each as s*v.
//
// SI the group's words, DI where they go, R8 its scales, AX groups and CX words left,
// R9 and R10 words and least. Y8 and up the places' scales, Y12 and up what is least;
// Y6 the offset, Y7 the mask of a byte.
func widen(a *asm.File, name string, row int) {
	s := widenSignature
	a.Function(name, "Makes a panel of fp32 of one of bytes: see int8Form.", s.String(), s.Size)
	for i, reg := range []string{"DI", "SI", "AX", "R9", "R10"} {
		a.Do("MOVQ %s, %s", s.Args[i].Operand(""), reg)
	}
	parts := []string{"Y", "Y", "Y", "Y"} // registers of a row
	signed := row == rowA
	if signed {
		parts = []string{"Y", "X"}
	}
	if !signed {
		a.Do(`VBROADCASTSS %s, Y6
			VPBROADCASTD %s, Y7`, s.Arg("offset").Operand(""), a.Words("lowest", 0xff))
	}
	a.Label("group")
	a.Do(`MOVQ R9, CX
		IMUL3Q $%d, R9, R8
		ADDQ SI, R8`, row)
	for i, v := range parts {
		a.Do("VMOVUPS %d(R8), %s%d", 32*i, v, 8+i)
		if !signed {
			a.Do("VXORPS Y%[1]d, Y%[1]d, Y%[1]d", 12+i)
		}
	}
	a.Do("ADDQ $%d, R8", row)
	if !signed {
		a.Do(`TESTQ R10, R10
			JEQ word`)
		for i := range parts {
			a.Do("VMOVUPS %d(R8), Y%d", 32*i, 12+i)
		}
		a.Do("ADDQ $%d, R8", row)
	} else {
		a.Do("ADDQ $%d, R8 // the start of sums", row)
	}
	a.Label("word")
	for i, v := range parts {
		a.Do("VMOVDQU %d(SI), %s0", 32*i, v)
		for b := range 4 {
			if signed {
				a.Do(`VPSLLD $%[2]d, %[1]s0, %[1]s1
					VPSRAD $24, %[1]s1, %[1]s1
					VCVTDQ2PS %[1]s1, %[1]s1
					VMULPS %[1]s%[3]d, %[1]s1, %[1]s1`, v, 24-8*b, 8+i)
			} else {
				a.Do(`VPSRLD $%[2]d, %[1]s0, %[1]s1
					VPAND %[1]s7, %[1]s1, %[1]s1
					VCVTDQ2PS %[1]s1, %[1]s1
					VSUBPS %[1]s6, %[1]s1, %[1]s1
					VMULPS %[1]s%[3]d, %[1]s1, %[1]s1
					VSUBPS %[1]s%[4]d, %[1]s1, %[1]s1`, v, 8*b, 8+i, 12+i)
			}
			a.Do("VMOVUPS %s1, %d(DI)", v, b*row+32*i)
		}
	}
	a.Do(`ADDQ $%d, SI
		ADDQ $%d, DI
		DECQ CX
		JNE word
		MOVQ R8, SI
		DECQ AX
		JNE group`, row, 4*row)
	a.Return()
}
