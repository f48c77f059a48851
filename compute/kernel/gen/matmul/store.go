package main

import "smelt/compute/kernel/internal/asm"

// emitStore emits store, under masks: what is left of a row decides K1 and K2.
func emitStore(a *asm.File) {
	function(a, "storeAVX512", "(part, c *float32, ldc, rows, cols int, alpha float32, mode int)", 56,
		`See storeFunc. SI part, DI c, CX its row in bytes, AX rows left, Z31 alpha.`)
	a.Do(`MOVQ cols+32(FP), CX
		MOVQ $1, R8
		SHLQ CX, R8
		DECQ R8
		KMOVW R8, K1
		SHRQ $16, R8
		KMOVW R8, K2
		MOVQ part+0(FP), SI
		MOVQ c+8(FP), DI
		MOVQ ldc+16(FP), CX
		SHLQ $2, CX
		MOVQ rows+24(FP), AX
		VBROADCASTSS alpha+40(FP), Z31
		MOVQ mode+48(FP), R8
		TESTQ $4, R8
		JNE accumulate`)
	for _, label := range []string{"overwrite", "accumulate"} {
		a.Label(label)
		a.Do(`VMULPS.Z (SI), Z31, K1, Z0
			VMULPS.Z 64(SI), Z31, K2, Z1`)
		if label == "accumulate" {
			a.Do(`VADDPS.Z (DI), Z0, K1, Z0
				VADDPS.Z 64(DI), Z1, K2, Z1`)
		}
		a.Do(`VMOVUPS Z0, K1, (DI)
			VMOVUPS Z1, K2, 64(DI)
			ADDQ $%d, SI
			ADDQ CX, DI
			DECQ AX
			JNE %s`, panelB, label)
		a.Return()
	}
}
