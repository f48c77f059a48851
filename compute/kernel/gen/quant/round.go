package main

import "smelt/compute/kernel/internal/asm"

var roundSignature = asm.Layout([]string{"values []int8", "scales []float32", "sums []int32", "x []float32"}, nil)

// round writes the rounding of x to blocks of 32 int8, each held in a few registers,
// V0 and up. AX is the block.
func round(f *function) {
	vectors := 32 / f.Lanes()
	f.begin("roundInt8"+f.Tier, "Rounds x to blocks of int8 with scales and negated sums.",
		map[string]string{"values": "DI", "scales": "R9", "sums": "R10", "x": "SI"})
	magnitude := f.Words("magnitude", 0x7fffffff)
	largest := f.Words("largest", 0x7f7fffff)
	f.Do(`MOVQ %s, CX
		SHRQ $5, CX
		VPBROADCASTD %s, V12
		VMOVSS %s, X13
		VMOVSS %s, X14
		XORL AX, AX`, f.Arg("x").Operand("len"), magnitude, f.Words("one", 0x3f800000), f.Words("parts", 0x42fe0000))
	f.Label("block")
	f.Do(`CMPQ AX, CX
		JGE end`)

	// As integers, the bits of magnitudes are in the order of the numbers, and NaN's
	// are above infinity's.
	and := "VPAND"
	if f.Wide() {
		and = "VPANDD"
	}
	for i := range vectors {
		f.Do("VMOVUPS %d(SI), V%d", i*f.Width, i)
	}
	f.Do("%s V0, V12, V4", and)
	for i := 1; i < vectors; i++ {
		f.Do(`%s V%d, V12, V5
			VPMAXUD V5, V4, V4`, and, i)
	}
	f.Fold("VPMAXUD", 4, 5)
	f.Do(`VMOVD X4, BX
		VDIVSS X14, X4, X4
		VDIVSS X4, X13, X5 // what to multiply with
		CMPL BX, %[1]s
		JHI special
		VMOVD X5, BX
		CMPL BX, %[1]s
		JHI small`, largest)
	f.Do("VBROADCASTSS X5, V5")
	for i := range vectors {
		f.Do(`VMULPS V5, V%[1]d, V%[1]d
			VCVTPS2DQ V%[1]d, V%[1]d`, i)
	}
	f.Label("store")
	f.Do("VMOVSS X4, (R9)(AX*4)")
	if f.Wide() {
		f.Do(`VPMOVDB Z0, X5
			VPMOVDB Z1, X6
			VMOVDQU X5, (DI)
			VMOVDQU X6, 16(DI)
			VPADDD Z1, Z0, Z0`)
	} else {
		f.Do(`VPACKSSDW Y1, Y0, Y5
			VPACKSSDW Y3, Y2, Y6
			VPACKSSWB Y6, Y5, Y5
			VMOVDQU %s, Y6
			VPERMD Y5, Y6, Y5 // packing interleaves the halves of registers
			VMOVDQU Y5, (DI)
			VPADDD Y1, Y0, Y0
			VPADDD Y3, Y2, Y2
			VPADDD Y2, Y0, Y0`, f.Words("unpack", 0, 4, 1, 5, 2, 6, 3, 7))
	}
	f.Fold("VPADDD", 0, 5)
	f.Do(`VMOVD X0, BX
		NEGL BX
		MOVL BX, (R10)(AX*4)
		ADDQ $128, SI
		ADDQ $32, DI
		ADDQ $1, AX
		JMP block`)

	f.Label("special")
	f.Do("VMOVSS %s, X4", f.Words("nan", 0x7fc00000))
	f.Label("small")
	for i := range vectors {
		f.Do("VPXOR X%[1]d, X%[1]d, X%[1]d", i)
	}
	f.Do("JMP store")

	f.Label("end")
	f.Return()
}

var splitSignature = asm.Layout([]string{"halves []int8", "starts []int32", "values []int8"}, nil)

// split writes the arrangement of values for vectors of four blocks of 4-bit weights.
// AX is the block, BX where its halves go.
func split(f *function) {
	f.begin("splitInt8"+f.Tier, "Arranges blocks of values by halves, and sums eight in each lane.",
		map[string]string{"halves": "DI", "starts": "R9", "values": "SI"})
	f.Do(`MOVQ %s, CX
		SHRQ $5, CX
		VPBROADCASTD %s, Y2
		VPCMPEQW Y3, Y3, Y3 // -1
		XORL AX, AX`, f.Arg("values").Operand("len"), f.Words("bytes1", 0x01010101))
	f.Label("block")
	f.Do(`CMPQ AX, CX
		JGE end
		MOVQ AX, BX
		ANDQ $~3, BX
		ADDQ AX, BX
		SHLQ $4, BX
		VMOVDQU (SI), Y0
		VMOVDQU X0, (DI)(BX*1)
		VEXTRACTI128 $1, Y0, 64(DI)(BX*1)
		VPMADDUBSW Y0, Y2, Y1
		VPMADDWD Y3, Y1, Y1
		VEXTRACTI128 $1, Y1, X0
		VPADDD X1, X0, X0
		VMOVDQU X0, (R9)
		ADDQ $32, SI
		ADDQ $16, R9
		ADDQ $1, AX
		JMP block`)
	f.Label("end")
	f.Return()
}
