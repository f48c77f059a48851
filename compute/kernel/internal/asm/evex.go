package asm

import (
	"fmt"
	"strings"
)

// EVEX is an instruction of AVX-512 between registers, in the terms of Intel's
// manual, volume 2, section 2.7: EVEX.Width.Prefix.Map.W Opcode /r.
type EVEX struct {
	Name        string
	Width       int  // 128, 256 or 512 bits
	Prefix, Map byte // the pp and mm fields: 66 is 1, F3 2, F2 3; 0F is 1, 0F38 2, 0F3A 3
	W           byte
	Opcode      byte
}

// Instructions for bfloat16, which Go's assembler lacks. The sums of VDPBF16PS
// and both conversions round to nearest even, and treat denormal inputs and
// results as zero whatever the control register says.
var (
	VDPBF16PS      = EVEX{"VDPBF16PS", 512, 2, 2, 0, 0x52}      // src2, src1, dst: dst += pairs of src1 times those of src2
	VCVTNE2PS2BF16 = EVEX{"VCVTNE2PS2BF16", 512, 3, 2, 0, 0x72} // src2, src1, dst: src2 to the lower half, src1 to the upper
	VCVTNEPS2BF16  = EVEX{"VCVTNEPS2BF16", 512, 2, 2, 0, 0x72}  // src2, 0, dst: a 512-bit register to the 256-bit dst
)

// Encode returns the bytes of the instruction on registers 0 to 31, in the order
// Go's assembler has them: the second source, the first, the destination. An
// instruction without a first source has 0 there.
func (e EVEX) Encode(src2, src1, dst int) []byte {
	not := func(reg, bit int) byte { return byte(^reg>>bit) & 1 }
	length := map[int]byte{128: 0, 256: 1, 512: 2}[e.Width]
	return []byte{
		0x62,
		not(dst, 3)<<7 | not(src2, 4)<<6 | not(src2, 3)<<5 | not(dst, 4)<<4 | e.Map,
		e.W<<7 | byte(^src1&15)<<3 | 1<<2 | e.Prefix,
		length<<5 | not(src1, 4)<<3,
		e.Opcode,
		0xc0 | byte(dst&7)<<3 | byte(src2&7),
	}
}

// Encoded adds an instruction by its bytes, with its meaning as a comment.
func (f *File) Encoded(e EVEX, src2, src1, dst int) {
	code := e.Encode(src2, src1, dst)
	var b strings.Builder
	fmt.Fprintf(&b, "LONG $0x%02x%02x%02x%02x", code[3], code[2], code[1], code[0])
	fmt.Fprintf(&b, "; WORD $0x%02x%02x", code[5], code[4])
	f.Put(fmt.Sprintf("\t%s // %s Z%d, Z%d, Z%d", b.String(), e.Name, src2, src1, dst))
}
