package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// peakLoop emits n rounds of independent multiply-adds on registers alone: more of
// them than the pipes hold.
func peakLoop(a *asm.File, name string) {
	const first = 4
	last := registers(a.Vector)
	function(a, name+a.Tier, "(n int)", 8, fmt.Sprintf("n rounds of %d multiply-adds.", last-first))
	for r := range last {
		a.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", r)
	}
	a.Do("MOVQ n+0(FP), AX")
	loop(a, "loop")
	for r := first; r < last; r++ {
		switch name {
		case "fma":
			a.Do("VFMADD231PS V0, V1, V%d", r)
		case "dotBF16":
			a.Encoded(asm.VDPBF16PS, 0, 1, r)
		case "dotInt8":
			a.Do("VPDPBUSD V0, V1, V%d", r)
		}
	}
	a.Do(`DECQ AX
		JNE loop`)
	a.Return()
}

// readLoop emits the reading of n bytes, a multiple of readStep, which are folded into
// a word so that none is left out.
//
// One stream of loads by many instructions, with a touch of each page long before its
// turn, is the fastest of what was tried on Zen 5: it reads 42 GB/s from pages of 4096
// bytes, as it does from pages of 2 MB. Without the touch it is 35 to 39, with eight
// loads a round 37 to 39, and two or more streams or more prefetches are slower, too.
func readLoop(a *asm.File) {
	const readStep, pagesAhead = 4096, 65536 // see package ceiling
	v := a.Vector
	function(a, "read"+v.Tier, "(p *byte, n int) uint64", 24, fmt.Sprintf("n is a positive multiple of %d.", readStep))
	a.Do(`MOVQ p+0(FP), SI
		MOVQ n+8(FP), AX`)
	for i := range 8 {
		a.Do("VXORPS %[1]s, %[1]s, %[1]s", v.Reg(i))
	}
	loop(a, "loop")
	a.Do("PREFETCHT0 %d(SI)", pagesAhead)
	for off := 0; off < readStep; off += v.Width {
		r := off / v.Width % 8
		a.Do("VXORPS %d(SI), %s, %s", off, v.Reg(r), v.Reg(r))
	}
	a.Do(`ADDQ $%[1]d, SI
		SUBQ $%[1]d, AX
		JNE loop`, readStep)
	for i := 1; i < 8; i++ {
		a.Do("VXORPS %[1]s, %[2]s, %[2]s", v.Reg(i), v.Reg(0))
	}
	a.Do(`MOVQ X0, AX
		MOVQ AX, ret+16(FP)`)
	a.Return()
}
