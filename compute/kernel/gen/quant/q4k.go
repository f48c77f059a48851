package main

import "fmt"

// Q4_K's blocks of 256 are eight of 32 with scales of their own, and as many least
// numbers.

// scalesQ4K leaves the eight 6-bit s of a block, and then its eight t, in the bytes of
// X3. The first four of each are the lower 6 bits of bytes 0-7, which have 2 for the
// others above them, whose lower 4 bits are in the halves of bytes 8-11.
func (f *function) scalesQ4K() {
	bytes := func(name string, b uint32) string { return f.Words(name, b*0x01010101, b*0x01010101) }
	f.Do(`MOVL 12(SI), R12
		MOVQ R12, R14
		SHLQ $28, R14
		ORQ R14, R12
		ANDQ %s, R12
		MOVQ 4(SI), R14
		SHRQ $2, R14
		ANDQ %s, R14
		ORQ R14, R12
		MOVQ 4(SI), R14
		ANDQ %s, R14
		VMOVQ R14, X3
		VMOVQ R12, X4
		VPUNPCKLDQ X4, X3, X3`, bytes("scales03", 0x0f), bytes("scales45", 0x30), bytes("scales05", 0x3f))
}

// constantsQ4K: Y6 has 16-bit ones, Y7 4 bits of each byte.
func (f *function) constantsQ4K() {
	f.vector(6, "ones16", func(int) uint32 { return 0x00010001 })
	f.bytes(7, 0x0f)
	f.eachLane()
}

// blockQ4K adds the products of a block to V0 and V1, and of its least numbers to V2.
func (f *function) blockQ4K() {
	f.scalesQ4K()
	f.Do(`VPSRLDQ $8, X3, X5
		VPMOVZXBD X3, Y4
		VPMOVZXBD X5, Y5
		VCVTDQ2PS Y4, Y4
		VCVTDQ2PS Y5, Y5
		VPBROADCASTW (SI), X3
		VCVTPH2PS X3, Y3
		VMULPS Y3, Y4, Y4
		VPBROADCASTW 2(SI), X3
		VCVTPH2PS X3, Y3
		VMULPS Y3, Y5, Y5
		VMULPS (R9)(BX*1), Y4, Y4
		VMULPS (R9)(BX*1), Y5, Y5
		VCVTDQ2PS (R10)(BX*1), Y3
		VFMADD231PS Y3, Y5, Y2`)
	for j := range 8 {
		f.Do("VMOVDQU %d(SI), Y3", 16+j/2*32)
		if j%2 == 1 {
			f.Do("VPSRLW $4, Y3, Y3")
		}
		f.Do(`VPAND Y7, Y3, Y3
			VPMADDUBSW %d(AX), Y3, Y3
			VPMADDWD Y6, Y3, Y3
			VCVTDQ2PS Y3, Y3
			VPERMPS Y4, Y%d, Y5
			VFMADD231PS Y5, Y3, Y%d`, 32*j, 8+j, j%2)
	}
}

// constantsQ4KWide: Z24 to Z27 say which scale a lane of each vector has, Z28 has 4
// bits of each byte, Y29 says where d and e go, and Z30 shifts the second half of a
// vector down.
func (f *function) constantsQ4KWide() {
	for k := range 4 {
		f.vector(24+k, fmt.Sprintf("scalesQ4K%d", k), func(i int) uint32 { return uint32(2*k + i/8) })
	}
	f.bytes(28, 0x0f)
	f.vector(29, "headQ4K", func(i int) uint32 { return []uint32{0x01000100, 0x03020302}[i/4%2] })
	f.vector(30, "shiftsQ4K", func(i int) uint32 { return []uint32{0, 0x00040004}[i/8] })
	f.vector(onesWide, "ones16", func(int) uint32 { return 0x00010001 })
}

// blockQ4KWide is blockQ4K for AVX-512, where a vector has two blocks of 32.
func (f *function) blockQ4KWide() {
	f.scalesQ4K()
	f.Do(`VPMOVZXBD X3, Z3
		VCVTDQ2PS Z3, Z3
		VPBROADCASTD (SI), Y4
		VPSHUFB Y29, Y4, Y4
		VCVTPH2PS Y4, Z4
		VMULPS Z4, Z3, Z3
		VBROADCASTF32X8 (R9)(BX*1), Z4
		VMULPS Z4, Z3, Z3 // the scales, and above them those of the least numbers
		VEXTRACTF32X8 $1, Z3, Y4
		VCVTDQ2PS (R10)(BX*1), Y5
		VFMADD231PS Y5, Y4, Y2`)
	for k := range 4 {
		f.Do(`VBROADCASTI64X4 %d(SI), Z5
			VPSRLVW Z30, Z5, Z5
			VPANDD Z28, Z5, Z5
			VMOVDQU32 %d(AX), Z6`, 16+k*32, 64*k)
		f.dotWide(5, 6, 7)
		f.Do(`VCVTDQ2PS Z7, Z7
			VPERMPS Z3, Z%d, Z6
			VFMADD231PS Z6, Z7, Z%d`, 24+k, k%2)
	}
}
