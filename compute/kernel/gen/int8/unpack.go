package main

import (
	"strings"

	"smelt/compute/kernel/internal/asm"
)

var unpackSignature = asm.Layout([]string{"dst *uint32", "ld int", "w *byte", "stride int", "rows int", "blocks int", "ahead int"}, nil)

// unpack is the unpacking of a format's rows of weights to those of int8Form: bytes,
// each group's followed by its scale and, in some formats, what is least.
type unpack struct {
	name  string
	bytes int // of a block
	words int // it becomes
	begin func(a *asm.File)
	block func(a *asm.File) // from (SI) to (DI)
}

var unpacks = []unpack{
	{"unpackQ8", 34, 9, beginQ8, unpackQ8},
	{"unpackQ4", 18, 9, lowerMask, unpackQ4},
	{"unpackQ41", 20, 10, lowerMask, unpackQ41},
	{"unpackQ5", 22, 9, beginQ5, unpackQ5},
	{"unpackQ4K", 144, 80, lowerMask, unpackQ4K},
	{"unpackQ6K", 210, 80, lowerMask, unpackQ6K},
}

// emit writes the loops over rows and blocks. R8 rows left, R9 the row, R10 where it
// goes, CX the blocks left, R13 what is wanted next;
// Y13 to Y15 are the format's constants.
func (u unpack) emit(a *asm.File) {
	s := unpackSignature
	a.Function(u.name+a.Tier, "Unpacks rows of blocks: see unpackRowsGeneric.", s.String(), s.Size)
	a.Do(`MOVQ %s, R10
		MOVQ %s, R11
		SHLQ $2, R11
		MOVQ %s, R9
		MOVQ %s, R12
		MOVQ %s, R8
		MOVQ %s, R13`, s.Arg("dst").Operand(""), s.Arg("ld").Operand(""), s.Arg("w").Operand(""), s.Arg("stride").Operand(""), s.Arg("rows").Operand(""), s.Arg("ahead").Operand(""))
	u.begin(a)
	a.Label("row")
	a.Do(`MOVQ R9, SI
		MOVQ R10, DI
		MOVQ %s, CX`, s.Arg("blocks").Operand(""))
	a.Label("block")
	for line := 0; line < u.bytes; line += 64 {
		a.Do("PREFETCHT0 %d(SI)(R13*1)", line)
	}
	u.block(a)
	a.Do(`ADDQ $%d, SI
		ADDQ $%d, DI
		DECQ CX
		JNE block
		ADDQ R12, R9
		ADDQ R11, R10
		DECQ R8
		JNE row`, u.bytes, 4*u.words)
	a.Return()
}

func lowerMask(a *asm.File) { a.Do("VMOVDQU %s, Y15", a.Repeated("bits4", "\x0f")) }

func beginQ8(a *asm.File) { a.Do("VMOVDQU %s, Y15", a.Repeated("offset128", "\x80")) }

// beginQ5 loads, beside the mask of 4 bits, which byte of 32 bits each of 32 bytes has
// its bit in, and which bit that is.
func beginQ5(a *asm.File) {
	lowerMask(a)
	var spread strings.Builder
	for i := range 4 {
		spread.WriteString(strings.Repeat(string(rune(i)), 8))
	}
	a.Do(`VMOVDQU %s, Y14
		VMOVDQU %s, Y13`, a.Repeated("spread", spread.String()), a.Repeated("bits", "\x01\x02\x04\x08\x10\x20\x40\x80"))
}

func unpackQ8(a *asm.File) {
	a.Do(`VPXOR 2(SI), Y15, Y0
		VPBROADCASTW (SI), X1
		VCVTPH2PS X1, X1
		VMOVDQU Y0, (DI)
		VMOVSS X1, 32(DI)`)
}

// nibbles sets Y0 to the 32 elements of 16 bytes, the upper halves after the lower.
func nibbles(a *asm.File, offset int) {
	a.Do(`VMOVDQU %d(SI), X0
		VPSRLW $4, X0, X1
		VINSERTI128 $1, X1, Y0, Y0
		VPAND Y15, Y0, Y0`, offset)
}

func unpackQ4(a *asm.File) {
	nibbles(a, 2)
	a.Do(`VPBROADCASTW (SI), X1
		VCVTPH2PS X1, X1
		VMOVDQU Y0, (DI)
		VMOVSS X1, 32(DI)`)
}

func unpackQ41(a *asm.File) {
	nibbles(a, 4)
	a.Do(`VMOVD (SI), X1
		VCVTPH2PS X1, X1
		VXORPS %s, X1, X1
		VMOVDQU Y0, (DI)
		VMOVQ X1, 32(DI)`, a.Words("negateSecond", 0, 0x80000000, 0, 0))
}

func unpackQ5(a *asm.File) {
	nibbles(a, 6)
	a.Do(`VPBROADCASTD 2(SI), Y2
		VPSHUFB Y14, Y2, Y2
		VPAND Y13, Y2, Y2
		VPCMPEQB Y13, Y2, Y2
		VPAND %s, Y2, Y2
		VPOR Y2, Y0, Y0
		VPBROADCASTW (SI), X1
		VCVTPH2PS X1, X1
		VMOVDQU Y0, (DI)
		VMOVSS X1, 32(DI)`, a.Repeated("bit5", "\x10"))
}

// unpackQ4K: for the scales' bits see scalesQ4K.
func unpackQ4K(a *asm.File) {
	a.Do(`VMOVQ 4(SI), X2
		VMOVD 12(SI), X3
		VPSRLW $4, X3, X5
		VPUNPCKLDQ X5, X3, X3
		VPAND X15, X3, X3
		VPSRLW $2, X2, X5
		VPAND %[1]s, X5, X5
		VPOR X5, X3, X3
		VPAND %[2]s, X2, X2
		VPUNPCKLDQ X3, X2, X2 // s, then t
		VPSRLDQ $8, X2, X3
		VPMOVZXBD X2, Y2
		VPMOVZXBD X3, Y3
		VCVTDQ2PS Y2, Y2
		VCVTDQ2PS Y3, Y3
		VPBROADCASTW (SI), X4
		VPBROADCASTW 2(SI), X5
		VCVTPH2PS X4, Y4
		VCVTPH2PS X5, Y5
		VMULPS Y4, Y2, Y2
		VMULPS Y5, Y3, Y3
		VUNPCKLPS Y3, Y2, Y4
		VUNPCKHPS Y3, Y2, Y5`, a.Repeated("bits45", "\x30"), a.Repeated("bits6", "\x3f"))
	const group = 40
	for half := range 2 {
		for i, at := range []int{4*half*group + 32, (4*half+2)*group + 32} {
			a.Do(`VMOVQ X%[1]d, %[2]d(DI)
				VMOVHPS X%[1]d, %[3]d(DI)`, 4+i, at, at+group)
			if half == 0 {
				a.Do("VEXTRACTF128 $1, Y%[1]d, X%[1]d", 4+i)
			}
		}
	}
	for j := 0; j < 8; j += 2 {
		a.Do(`VMOVDQU %d(SI), Y0
			VPSRLW $4, Y0, Y1
			VPAND Y15, Y0, Y0
			VPAND Y15, Y1, Y1
			VMOVDQU Y0, %d(DI)
			VMOVDQU Y1, %d(DI)`, 16+16*j, j*group, (j+1)*group)
	}
}

// unpackQ6K: for the bits see decodeQ6K.
func unpackQ6K(a *asm.File) {
	const group = 20
	a.Do(`VPBROADCASTW 208(SI), X4
		VCVTPH2PS X4, Y4
		VMOVDQU %s, Y5`, a.Repeated("bits45", "\x30"))
	for part := range 2 {
		a.Do(`VPMOVSXBD %d(SI), Y2
			VCVTDQ2PS Y2, Y2
			VMULPS Y4, Y2, Y2
			VEXTRACTF128 $1, Y2, X3`, 192+8*part)
		for i := range 8 {
			at := (8*part+i)*group + 16
			if i%4 == 0 {
				a.Do("VMOVSS X%d, %d(DI)", 2+i/4, at)
			} else {
				a.Do("VEXTRACTPS $%d, X%d, %d(DI)", i%4, 2+i/4, at)
			}
		}
	}
	for half := range 2 {
		a.Do(`VMOVDQU %d(SI), Y6
			VMOVDQU %d(SI), Y7
			VMOVDQU %d(SI), Y8`, 64*half, 64*half+32, 128+32*half)
		for quarter := range 4 {
			lower := 6 + quarter%2
			if quarter >= 2 {
				a.Do("VPSRLW $4, Y%[1]d, Y%[1]d", lower)
			}
			upper := 8
			if up := 4 - 2*quarter; up > 0 {
				a.Do("VPSLLW $%d, Y8, Y1", up)
				upper = 1
			} else if up < 0 {
				a.Do("VPSRLW $%d, Y8, Y1", -up)
				upper = 1
			}
			at := (4*half + quarter) * 2 * group
			a.Do(`VPAND Y15, Y%d, Y0
				VPAND Y5, Y%d, Y1
				VPOR Y1, Y0, Y0
				VMOVDQU X0, %d(DI)
				VEXTRACTI128 $1, Y0, %d(DI)`, lower, upper, at, at+group)
		}
	}
}
