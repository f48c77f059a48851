package main

import (
	"fmt"
	"math"
)

// Of the formats, BlockFormat in package kernel says where the bits are.

var kernels = []kernel{
	{"decodeQ8_0", 32, 34, "", nil, (*function).q8_0},
	{"decodeQ4_0", 32, 18, "", []int{-8}, (*function).q4_0},
	{"decodeQ4_1", 32, 20, "VADDPS", []int{0}, (*function).q4_1},
	{"decodeQ5_0", 32, 22, "", []int{-16, 0}, (*function).q5_0},
	{"decodeQ4K", 256, 144, "VSUBPS", []int{0}, (*function).q4K},
	{"decodeQ6K", 256, 210, "", nil, (*function).q6K},
	{"decodeBF16", 32, 64, "", nil, (*function).bf16},
}

// bf16 takes bfloat16 numbers for blocks of 32.
func (f *function) bf16() {
	for at := 0; at < 32; at += f.Lanes() {
		f.Do(`VPMOVZXWD %s, V1
			VPSLLD $16, V1, V1
			VMOVUPS V1, %d(R12)`, in(2*at), 4*at)
	}
}

func (f *function) q8_0() {
	f.half(0, 6)
	for at := 0; at < 32; at += f.Lanes() {
		f.store(at, in(2+at))
	}
}

// nibbles sets Y0 to the lower halves of 16 bytes and then their upper halves.
func (f *function) nibbles(at int) {
	f.Do(`VMOVDQU %s, X0
		VPSRLW $4, X0, X1
		VINSERTI128 $1, X1, Y0, Y0
		VPAND %s, Y0, Y0`, in(at), f.Repeated("lower", "\x0f"))
}

// loadLevels fills V16 and V17 with the values to look up. Read from memory at each
// use, 64 bytes would often lie on two cache lines.
func (f *function) loadLevels() {
	if !f.Wide() {
		return
	}
	for i, first := range f.levels {
		words := make([]uint32, 16)
		for j := range words {
			words[j] = math.Float32bits(float32(first + j))
		}
		f.Do("VMOVUPS %s, V%d", f.Words(fmt.Sprintf("levels%d", first+16), words...), 16+i)
	}
}

// lookUp decodes the 16 bytes at a byte of the block: their lower halves by the table
// V(low) to the elements from first on, and their upper ones by V(high) from second on.
func (f *function) lookUp(at, low, high, first, second int) {
	f.Do(`VPMOVZXBD %s, V0
		VPERMPS V%d, V0, V1
		VMOVUPS V1, %d(R12)
		VPSRLD $4, V0, V0
		VPERMPS V%d, V0, V1
		VMOVUPS V1, %d(R12)`, in(at), low, 4*first, high, 4*second)
}

func (f *function) q4_0() {
	f.half(0, 6)
	if f.Wide() {
		f.Do("VMULPS V16, V6, V6")
		f.lookUp(2, 6, 6, 0, 16)
		return
	}
	f.nibbles(2)
	f.Do("VPSUBB %s, Y0, Y0", f.Repeated("eight", "\x08"))
	f.expand(0, nil)
}

func (f *function) q4_1() {
	f.half(0, 6)
	f.half(2, 7)
	if f.Wide() {
		f.Do(`VMULPS V16, V6, V6
			VADDPS V7, V6, V6`)
		f.lookUp(4, 6, 6, 0, 16)
		return
	}
	f.nibbles(4)
	f.expand(0, nil)
}

// q5_0: the fifth bits come to bytes of their own, eight copies of each of four bytes
// of which one bit is kept. Where it is zero, 16 is less than the offset of 16 by all
// that the bits above make: 0xf0.
func (f *function) q5_0() {
	f.half(0, 6)
	if f.Wide() {
		f.Do(`VMULPS V17, V6, V7
			VMULPS V16, V6, V6
			VPMOVZXBD %s, V0`, in(6))
		for part := range 2 {
			f.Do(`KMOVW %s, K1
				VPERMPS V6, V0, V1
				VPERMPS V7, V0, K1, V1
				VMOVUPS V1, %d(R12)`, in(2+2*part), 64*part)
			if part == 0 {
				f.Do("VPSRLD $4, V0, V0")
			}
		}
		return
	}
	f.nibbles(6)
	bits := f.Repeated("bits", "\x01\x02\x04\x08\x10\x20\x40\x80")
	f.Do(`VPBROADCASTD 2(R13), Y1
		VPSHUFB %s, Y1, Y1
		VPAND %s, Y1, Y1
		VPCMPEQB %[2]s, Y1, Y1
		VPANDN %s, Y1, Y1
		VPOR Y1, Y0, Y0`,
		f.Repeated("copies", "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02\x02\x02\x03\x03\x03\x03\x03\x03\x03\x03"),
		bits, f.Repeated("sixteenLess", "\xf0"))
	f.expand(0, nil)
}

// q4K: of the scales' bytes, 0-3 and 4-7 are s and t of the first four, 6 bits each;
// above these are two bits of the others, whose lower four are in the halves of 8-11.
func (f *function) q4K() {
	f.Do(`VMOVQ 4(R13), X2
		VMOVD 12(R13), X3
		VPSRLW $4, X3, X1
		VPUNPCKLDQ X1, X3, X3
		VPAND %[1]s, X3, X3
		VPSRLW $2, X2, X1
		VPAND %[2]s, X1, X1
		VPOR X1, X3, X3
		VPAND %[3]s, X2, X2
		VPUNPCKLDQ X3, X2, X2 // s, then t
		VPSRLDQ $8, X2, X3
		VPMOVZXBD X2, Y4
		VPMOVZXBD X3, Y5
		VCVTDQ2PS Y4, Y4
		VCVTDQ2PS Y5, Y5`, f.Repeated("lower", "\x0f"), f.Repeated("bits45", "\x30"), f.Repeated("bits6", "\x3f"))
	f.half(0, 6)
	f.half(2, 7)
	f.Do(`VMULPS Y6, Y4, Y4
		VMULPS Y7, Y5, Y5`)
	if f.Wide() {
		for j := 0; j < 8; j += 2 {
			for i, table := range []int{6, 2} {
				f.spread(4, j+i, table)
				f.spread(5, j+i, 7)
				f.Do(`VMULPS V16, V%[1]d, V%[1]d
					VSUBPS V7, V%[1]d, V%[1]d`, table)
			}
			f.lookUp(16+16*j, 6, 2, 32*j, 32*j+32)
			f.lookUp(16+16*j+16, 6, 2, 32*j+16, 32*j+48)
		}
		return
	}
	for j := range 8 {
		if j%2 == 0 {
			f.Do(`VMOVDQU %s, Y2
				VPAND %s, Y2, Y0`, in(16+16*j), f.Repeated("lower", "\x0f"))
		} else {
			f.Do(`VPSRLW $4, Y2, Y2
				VPAND %s, Y2, Y0`, f.Repeated("lower", "\x0f"))
		}
		f.spread(4, j, 6)
		f.spread(5, j, 7)
		f.expand(32*j, nil)
	}
}

// q6K: quarters of half a block share 64 bytes of lower bits and 32 of upper ones.
func (f *function) q6K() {
	f.half(208, 6)
	for at := 0; at < 16; at += f.Lanes() {
		f.Do(`VPMOVSXBD %s, V%d
			VCVTDQ2PS V%[2]d, V%[2]d
			VMULPS V6, V%[2]d, V%[2]d`, in(192+at), 4+at/8)
	}
	for j := range 8 {
		half, quarter := j/4, j%4
		f.Do(`VMOVDQU %s, Y0
			VMOVDQU %s, Y1`, in(half*64+quarter%2*32), in(128+half*32))
		if quarter >= 2 {
			f.Do("VPSRLW $4, Y0, Y0")
		}
		if up := 4 - 2*quarter; up > 0 {
			f.Do("VPSLLW $%d, Y1, Y1", up)
		} else if up < 0 {
			f.Do("VPSRLW $%d, Y1, Y1", -up)
		}
		f.Do(`VPAND %s, Y0, Y0
			VPAND %s, Y1, Y1
			VPOR Y1, Y0, Y0
			VPSUBB %s, Y0, Y0`, f.Repeated("lower", "\x0f"), f.Repeated("bits45", "\x30"), f.Repeated("middle", "\x20"))
		f.expand(32*j, func(part int) {
			lane := 2*j + part
			f.spread(4+lane/f.Lanes(), lane%f.Lanes(), 6)
		})
	}
}

// in returns the operand of a byte of the block.
func in(at int) string { return fmt.Sprintf("%d(R13)", at) }
