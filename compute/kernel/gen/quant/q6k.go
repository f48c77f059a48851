package main

import (
	"fmt"
	"strings"
)

// Q6_K's blocks of 256 are sixteen of 16, with scales of 8 bits, and take no least
// number.

// constantsQ6K: Y6 has the two upper bits' place in each byte, Y7 4 bits of each.
func (f *function) constantsQ6K() {
	f.bytes(6, 0x30)
	f.bytes(7, 0x0f)
	f.eachLane()
}

// blockQ6K adds the products of a block to V0 and V1. A weight times a value is the
// weight's magnitude times the value with the weight's sign; scales join as 16-bit
// integers. All of this is exact.
func (f *function) blockQ6K() {
	f.Do(`VPBROADCASTW 208(SI), X4
		VCVTPH2PS X4, Y4
		VMULPS (R9)(BX*1), Y4, Y4`)
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
			VFMADD231PS Y5, Y2, Y%[5]d`, f.pattern("bytes32", "\x20"), 32*j, f.pattern(fmt.Sprintf("spread%d", j), spread), 8+j, j%2)
	}
}

// constantsQ6KWide: Z20 to Z23 say which scale a lane of each vector has, Z24 which of
// the values' scales each of these has. Z25 and Z26 shift the upper two bits of the
// first and the second half of two vectors to their place, which Z27 has, like Z28 4
// bits of each byte, and Z29 the offset.
func (f *function) constantsQ6KWide() {
	for k := range 4 {
		f.vector(20+k, fmt.Sprintf("scalesQ6K%d", k), func(i int) uint32 { return uint32(4*k + i/4) })
	}
	f.vector(24, "pairsQ6K", func(i int) uint32 { return uint32(i / 2) })
	f.vector(25, "leftQ6K", func(i int) uint32 { return []uint32{0x00040004, 0x00020002}[i/8] })
	f.vector(26, "rightQ6K", func(i int) uint32 { return []uint32{0, 0x00020002}[i/8] })
	f.bytes(27, 0x30)
	f.bytes(28, 0x0f)
	f.bytes(29, 32)
	f.vector(onesWide, "ones16", func(int) uint32 { return 0x00010001 })
}

// blockQ6KWide is blockQ6K for AVX-512, with the offset 32 and with scales that join
// as numbers.
func (f *function) blockQ6KWide() {
	f.Do(`VPMOVSXBD 192(SI), Z3
		VCVTDQ2PS Z3, Z3
		VPBROADCASTW 208(SI), Y4
		VCVTPH2PS Y4, Z4
		VMULPS Z4, Z3, Z3
		VPERMPS (R9)(BX*1), Z24, Z4
		VMULPS Z4, Z3, Z3`)
	for k := range 4 {
		if k%2 == 0 {
			f.Do(`VBROADCASTI64X4 %d(SI), Z4
				VMOVDQU32 %d(SI), Z5
				VPSLLVW Z25, Z4, Z6
				VPANDD Z28, Z5, Z7`, 128+k/2*32, k/2*64)
		} else {
			f.Do(`VPSRLVW Z26, Z4, Z6
				VPSRLW $4, Z5, Z7
				VPANDD Z28, Z7, Z7`)
		}
		f.Do(`VPTERNLOGD $0xf8, Z27, Z6, Z7 // or, and
			VMOVDQU32 %d(AX), Z6`, 64*k)
		f.dotWide(7, 6, 8)
		f.dotWide(29, 6, 9)
		f.Do(`VPSUBD Z9, Z8, Z8
			VCVTDQ2PS Z8, Z8
			VPERMPS Z3, Z%d, Z6
			VFMADD231PS Z6, Z8, Z%d`, 20+k, k%2)
	}
}
