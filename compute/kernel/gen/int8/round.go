package main

import (
	"strings"

	"smelt/compute/kernel/internal/asm"
)

var roundSignature = asm.Layout([]string{"dst *uint32", "x *[12]*float32", "blocks int", "offset uint32"}, nil)

// wordAt returns where word w of a block of 32 elements is in a panel of A.
func (t tile) wordAt(w int) int { return w/t.words*t.groupA() + w%t.words*rowA }

// round emits the rounding of 12 rows to a panel of A in the form of t, a block of 32
// elements of each at a time. What there is one of in a row, maximum, scale and sum,
// is a lane of one register for all rows. A block is a long chain of operations; so all
// blocks' scales come first, then all values, that some can be under way at a time.
//
// DI the block in the panel, SI the rows' addresses, AX the block's place in a row, CX
// blocks left; Z0 to Z23 the rows' values, two registers each; Z31 the mask of
// magnitudes, then the offset in each byte.
func (t tile) round(a *asm.File) {
	s := roundSignature
	name := strings.Replace(t.name, "tileInt8", "roundInt8Panel", 1)
	a.Function(name, "Rounds blocks of 12 rows to int8, into a panel: see roundPanelGeneric.", s.String(), s.Size)
	pass := func(label string, body func()) {
		a.Do(`MOVQ %s, DI
			MOVQ %s, SI
			MOVQ %s, CX
			XORL AX, AX`, s.Arg("dst").Operand(""), s.Arg("x").Operand(""), s.Arg("blocks").Operand(""))
		a.Label(label)
		body()
		a.Do(`ADDQ $128, AX
			ADDQ $%d, DI
			DECQ CX
			JNE %s`, t.wordAt(8), label)
	}
	a.Do("VPBROADCASTD %s, Z31", a.Words("magnitude", 0x7fffffff))
	pass("scales", func() {
		scales(a)
		a.Do("VMOVUPS Z25, (DI) // until the values come")
		for h := range 8 / t.words {
			t.storeRow(a, 28, t.wordAt(h*t.words)+t.words*rowA)
		}
	})
	a.Do(`MOVL %s, R8
		VPBROADCASTD R8, Z31`, s.Arg("offset").Operand(""))
	pass("values", func() {
		a.Do(`VMOVUPS (DI), Z25
			VPTESTMD Z25, Z25, K1
			VPMOVM2D K1, Z30`)
		for r := range 12 {
			a.Do(`MOVQ %d(SI), R8
				VBROADCASTSS %d(DI), Z29
				VMULPS (R8)(AX*1), Z29, Z%[3]d
				VMULPS 64(R8)(AX*1), Z29, Z%[4]d
				VCVTPS2DQ Z%[3]d, Z%[3]d
				VCVTPS2DQ Z%[4]d, Z%[4]d`, 8*r, 4*r, 2*r, 2*r+1)
		}
		for g := range 3 {
			t.values(a, g)
		}
		for h := range 8 / t.words {
			t.sums(a, h)
		}
	})
	a.Return()
}

// storeRow stores the 12 words of a register.
func (t tile) storeRow(a *asm.File, reg, at int) {
	a.Do(`VMOVDQU32 Y%[1]d, %[2]d(DI)
		VEXTRACTI32X4 $2, Z%[1]d, %[3]d(DI)`, reg, at, at+32)
}

// sums stores what the sums of group h of the block start with, from the values in
// the registers where values has left them.
func (t tile) sums(a *asm.File, h int) {
	for g := range 3 {
		a.Do("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", 24+g)
		for q := h; q < 2; q += 8 / t.words {
			a.Do("VPDPBUSD Z%d, Z31, Z%d", 8*g+q, 24+g)
		}
	}
	fold(a, "VPADDD")
	a.Do(`VPXORD Z29, Z29, Z29
		VPSUBD Z24, Z29, Z24`)
	if t.least {
		a.Do("VCVTDQ2PS Z24, Z24")
	}
	t.storeRow(a, 24, t.wordAt(h*t.words)+(t.words+1)*rowA)
}

// scales sets Z28 to the rows' scales and Z25 to what to multiply with, or 0. As
// integers, the bits of magnitudes are in the order of the numbers, and NaN's are
// above infinity's.
func scales(a *asm.File) {
	largest := a.Words("largest", 0x7f7fffff)
	for g := range 3 {
		for r := range 4 {
			a.Do(`MOVQ %d(SI), R8
				VPANDD (R8)(AX*1), Z31, Z%[2]d
				VPANDD 64(R8)(AX*1), Z31, Z30
				VPMAXUD Z30, Z%[2]d, Z%[2]d`, 8*(4*g+r), 26+r)
		}
		// In each lane of 128 bits: the maxima of four rows, over a quarter of them.
		a.Do(`VUNPCKLPS Z27, Z26, Z30
			VUNPCKHPS Z27, Z26, Z26
			VPMAXUD Z30, Z26, Z26
			VUNPCKLPS Z29, Z28, Z30
			VUNPCKHPS Z29, Z28, Z28
			VPMAXUD Z30, Z28, Z28
			VUNPCKLPD Z28, Z26, Z30
			VUNPCKHPD Z28, Z26, Z26`)
		if g == 2 {
			a.Do("VPMAXUD Z30, Z26, Z26")
		} else {
			a.Do("VPMAXUD Z30, Z26, Z%d", 24+g)
		}
	}
	fold(a, "VPMAXUD")
	a.Do(`VPCMPUD.BCST $6, %[1]s, Z24, K1
		VBROADCASTSS %[2]s, Z29
		VDIVPS Z29, Z24, Z28
		VBROADCASTSS %[3]s, Z29
		VDIVPS Z28, Z29, Z25
		VBROADCASTSS %[4]s, K1, Z28
		VPCMPUD.BCST $6, %[1]s, Z25, K2
		KORW K1, K2, K2
		KNOTW K2, K2
		VMOVAPS.Z Z25, K2, Z25`, largest, a.Words("parts", 0x42fe0000), a.Words("one", 0x3f800000), a.Words("nan", 0x7fc00000))
}

// fold makes one register, Z24, of three, Z24 to Z26, each of which has four rows in
// every lane of 128 bits. It uses Z27.
func fold(a *asm.File, op string) {
	const low, high, even, odd = 0x44, 0xee, 0x88, 0xdd // lanes of two registers
	join := func(lanes, rest, first, second, to int) {
		a.Do(`VSHUFI32X4 $%#[1]x, Z%[4]d, Z%[3]d, Z27
			VSHUFI32X4 $%#[2]x, Z%[4]d, Z%[3]d, Z%[5]d
			%[6]s Z27, Z%[5]d, Z%[5]d`, lanes, rest, first, second, to, op)
	}
	join(low, high, 24, 25, 24)
	join(low, high, 26, 26, 26)
	join(even, odd, 24, 26, 24)
}

// values stores the values of four rows, which are integers of 32 bits so far. It
// leaves those of the block's first half in one register, of the second in the next.
// Z30 has all ones where a row has values other than 0.
func (t tile) values(a *asm.File, g int) {
	z := 8 * g
	for r := z; r < z+8; r += 2 {
		a.Do("VPACKSSDW Z%d, Z%d, Z%d", r+1, r, r)
	}
	// Packing interleaves within lanes of 128 bits: lane l comes to hold words l and
	// 4+l of two rows, then word l, or 4+l, of four. Then
	// values of rows that are not finite become zeros.
	a.Do(`VPACKSSWB Z%[2]d, Z%[1]d, Z%[1]d
		VPACKSSWB Z%[4]d, Z%[3]d, Z%[3]d
		VSHUFPS $0xdd, Z%[3]d, Z%[1]d, Z%[5]d
		VSHUFPS $0x88, Z%[3]d, Z%[1]d, Z%[1]d
		VSHUFI32X4 $%#[6]x, Z30, Z30, Z29
		VPANDD Z29, Z%[1]d, Z%[1]d
		VPANDD Z29, Z%[5]d, Z%[5]d`, z, z+2, z+4, z+6, z+1, 0x55*g)
	for w := range 8 {
		a.Do("VEXTRACTI32X4 $%d, Z%d, %d(DI)", w%4, z+w/4, t.wordAt(w)+16*g)
	}
}
