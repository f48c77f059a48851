package main

import (
	"fmt"
	"strings"
)

// productQ4K writes the product of rows in Q4_K, whose blocks of 256 are eight of 32
// with scales of their own, and as many least numbers. It has only 256-bit registers,
// which are enough: a block's scales take the work of one vector, not of eight.
// Registers are those of [blockRows], where R11 and CX count blocks of 256. V4 holds
// the eight scales, V8 to V15 the numbers of the eight lanes, to spread one of them.
func productQ4K(f *function) {
	const size = 144
	f.beginSuperblocks("matVecQ4K")
	f.Do(`VMOVDQU %s, Y6
		VMOVDQU %s, Y7`, f.pattern("ones16", "\x01\x00"), f.pattern("bits4", "\x0f"))
	f.eachSuperblock(size, func() { f.blockQ4K() })
}

// blockQ4K adds the products of a block to V0 and V1.
func (f *function) blockQ4K() {
	// The scales' bytes 0-3 and 4-7 are s and t of the first four: 6 bits, and 2 for
	// the others above them, whose lower 4 bits are in the halves of bytes 8-11.
	f.Do(`VMOVQ 4(SI), X2
		VMOVD 12(SI), X3
		VPSRLW $4, X3, X5
		VPUNPCKLDQ X5, X3, X3
		VPAND X7, X3, X3
		VPSRLW $2, X2, X5
		VPAND %[1]s, X5, X5
		VPOR X5, X3, X3
		VPAND %[2]s, X2, X2
		VPUNPCKLDQ X3, X2, X2 // s, then t`, f.pattern("bits45", "\x30"), f.pattern("bits6", "\x3f"))
	f.Do(`VPSRLDQ $8, X2, X5
		VPMOVZXBD X2, Y4
		VPMOVZXBD X5, Y5
		VCVTDQ2PS Y4, Y4
		VCVTDQ2PS Y5, Y5
		VPBROADCASTW (SI), X2
		VPBROADCASTW 2(SI), X3
		VCVTPH2PS X2, Y2
		VCVTPH2PS X3, Y3
		VMULPS Y2, Y4, Y4
		VMULPS Y3, Y5, Y5
		VMULPS (R9)(BX*4), Y4, Y4
		VMULPS (R9)(BX*4), Y5, Y5
		VCVTDQ2PS (R10)(BX*4), Y3
		VFMADD231PS Y3, Y5, Y1`)
	for j := range 8 {
		if j%2 == 0 {
			f.Do(`VMOVDQU %d(SI), Y2
				VPAND Y7, Y2, Y3`, 16+16*j)
		} else {
			f.Do(`VPSRLW $4, Y2, Y2
				VPAND Y7, Y2, Y3`)
		}
		f.Do(`VPMADDUBSW %d(AX), Y3, Y3
			VPMADDWD Y6, Y3, Y3
			VCVTDQ2PS Y3, Y3
			VPERMPS Y4, Y%d, Y5
			VFMADD231PS Y5, Y3, Y%d`, 32*j, 8+j, j%2)
	}
}

// productQ6K writes the product of rows in Q6_K, whose blocks of 256 are sixteen of
// 16, with scales of 8 bits, and take no least number.
func productQ6K(f *function) {
	const size = 210
	f.beginSuperblocks("matVecQ6K")
	f.Do(`VMOVDQU %s, Y6
		VMOVDQU %s, Y7`, f.pattern("bits45", "\x30"), f.pattern("bits4", "\x0f"))
	f.eachSuperblock(size, func() { f.blockQ6K() })
}

// blockQ6K adds the products of a block to V0 and V1. A weight times a value is the
// weight's magnitude times the value with the weight's sign; scales join as 16-bit
// integers. All of this is exact.
func (f *function) blockQ6K() {
	f.Do(`VPBROADCASTW 208(SI), X4
		VCVTPH2PS X4, Y4
		VMULPS (R9)(BX*4), Y4, Y4`)
	for j := range 8 {
		half, quarter := j/4, j%4
		f.Do("VMOVDQU %d(SI), Y2", half*64+quarter%2*32)
		if quarter >= 2 {
			f.Do("VPSRLW $4, Y2, Y2")
		}
		f.Do(`VPAND Y7, Y2, Y2
			VMOVDQU %d(SI), Y3`, 128+half*32)
		if up := 4 - 2*quarter; up > 0 {
			f.Do("VPSLLW $%d, Y3, Y3", up)
		} else if up < 0 {
			f.Do("VPSRLW $%d, Y3, Y3", -up)
		}
		// Of the pairs of bytes that make 16 bits, the scale is the upper one, and
		// then comes down with its sign.
		spread := strings.Repeat(string([]byte{0x80, byte(2 * j)}), 8) + strings.Repeat(string([]byte{0x80, byte(2*j + 1)}), 8)
		f.Do(`VPAND Y6, Y3, Y3
			VPOR Y3, Y2, Y2
			VPSUBB %[1]s, Y2, Y2
			VMOVDQU %[2]d(AX), Y3
			VPSIGNB Y2, Y3, Y3
			VPABSB Y2, Y2
			VPMADDUBSW Y3, Y2, Y2
			VBROADCASTI128 192(SI), Y3
			VPSHUFB %[3]s, Y3, Y3
			VPSRAW $8, Y3, Y3
			VPMADDWD Y3, Y2, Y2
			VCVTDQ2PS Y2, Y2
			VPERMPS Y4, Y%[4]d, Y5
			VFMADD231PS Y5, Y2, Y%[5]d`, f.pattern("middle", "\x20"), 32*j, f.pattern(fmt.Sprintf("spread%d", j), spread), 8+j, j%2)
	}
}

// pattern returns the operand of a vector that repeats bytes.
func (f *function) pattern(name, bytes string) string {
	return f.Constant(name, []byte(strings.Repeat(bytes, 32/len(bytes)))...)
}

// beginSuperblocks begins a function and fills V8 to V15.
func (f *function) beginSuperblocks(name string) {
	f.begin(name+f.Tier, "Sets y[i] to the product of row i of w with values, in blocks of 32 with scales.",
		map[string]string{"y": "DI", "w": "SI", "values": "DX", "scales": "R9", "sums": "R10"})
	f.Do("MOVQ %s, R11", f.Arg("blocks").Operand(""))
	for i := range uint32(8) {
		f.Do("VPBROADCASTD %s, Y%d", f.Words(fmt.Sprintf("lane%d", i), i), 8+i)
	}
}

// eachSuperblock writes the loops over rows and over their blocks of size bytes, and
// the function's end.
func (f *function) eachSuperblock(size int, product func()) {
	f.Label("row")
	f.Do(`SUBQ $1, R8
		JLT end
		VXORPS Y0, Y0, Y0
		VXORPS Y1, Y1, Y1
		MOVQ R11, CX
		MOVQ DX, AX
		XORL BX, BX`)
	f.Label("block")
	f.Do(`SUBQ $1, CX
		JLT fold`)
	for line := 0; line < size; line += 64 {
		f.Do("PREFETCHT0 %d(SI)", ahead+line)
	}
	product()
	f.Do(`ADDQ $%d, SI
		ADDQ $256, AX
		ADDQ $8, BX
		JMP block`, size)
	f.Label("fold")
	f.Do("VADDPS Y1, Y0, Y0")
	f.Fold("VADDPS", 0, 1)
	f.Do(`VMOVSS X0, (DI)
		ADDQ $4, DI
		JMP row`)
	f.Label("end")
	f.Return()
}
