package main

import "smelt/compute/kernel/internal/asm"

// roundPanels emits the rounding of fp32 words to bf16 where they lie, 8 at a time, for
// tiers that multiply bf16 as fp32: see roundBF16 for what becomes of which.
//
// DI the words, AX how many are left, Y10 to Y15 the constants in the order below.
func roundPanels(a *asm.File) {
	function(a, "roundPanelsAVX2", "(words *uint32, n int)", 16, "n is a multiple of 8.")
	a.Do(`MOVQ words+0(FP), DI
		MOVQ n+8(FP), AX`)
	for i, c := range []struct {
		name string
		word uint32
	}{
		{"lowBit", 1}, {"halfLess", 0x7fff}, {"quiet", 1 << 22},
		{"upperHalf", 0xffff0000}, {"exponent", 0x7f800000}, {"sign", 1 << 31},
	} {
		a.Do("VPBROADCASTD %s, Y%d", a.Words(c.name, c.word), 10+i)
	}
	a.Do("VPXOR Y9, Y9, Y9")
	loop(a, "loop")
	a.Do(`VMOVDQU (DI), Y0
		VPSRLD $16, Y0, Y1
		VPAND Y10, Y1, Y1
		VPADDD Y0, Y1, Y1
		VPADDD Y11, Y1, Y1
		VPOR Y12, Y0, Y2
		VCMPPS $3, Y0, Y0, Y3
		VBLENDVPS Y3, Y2, Y1, Y1
		VPAND Y13, Y1, Y1
		VPAND Y14, Y0, Y2
		VPCMPEQD Y9, Y2, Y2
		VPAND Y15, Y0, Y3
		VBLENDVPS Y2, Y3, Y1, Y1
		VMOVDQU Y1, (DI)
		ADDQ $32, DI
		SUBQ $8, AX
		JNE loop`)
	a.Return()
}
