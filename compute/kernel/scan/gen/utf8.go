package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// span is the nibbles from..to.
type span struct{ from, to byte }

func (s span) has(n int) bool { return int(s.from) <= n && n <= int(s.to) }

// faults are the ways in which two neighbouring bytes are not UTF-8. Each is a
// box: the upper and lower halves of the first byte and the upper half of the
// second. A bit may stand for more than one. The last is no fault where the byte
// is the third or fourth of a character, and there its absence is one.
var faults = []struct {
	bit                     byte
	firstHigh, firstLow, to span
}{
	{0x01, span{0xc, 0xf}, span{0, 0xf}, span{0x0, 0x7}},   // a leading byte, then ASCII
	{0x01, span{0xc, 0xf}, span{0, 0xf}, span{0xc, 0xf}},   // a leading byte, then another
	{0x02, span{0x0, 0x7}, span{0, 0xf}, span{0x8, 0xb}},   // ASCII, then a continuation
	{0x04, span{0xe, 0xe}, span{0, 0x0}, span{0x8, 0x9}},   // below U+0800 in three bytes
	{0x08, span{0xf, 0xf}, span{4, 0xf}, span{0x9, 0xb}},   // beyond U+10FFFF
	{0x10, span{0xe, 0xe}, span{0xd, 0xd}, span{0xa, 0xb}}, // a surrogate
	{0x20, span{0xc, 0xc}, span{0, 0x1}, span{0x8, 0xb}},   // below U+0080 in two bytes
	{0x40, span{0xf, 0xf}, span{0, 0x0}, span{0x8, 0x8}},   // below U+10000 in four bytes
	{0x40, span{0xf, 0xf}, span{5, 0xf}, span{0x8, 0x8}},   // beyond U+10FFFF
	{0x80, span{0x8, 0xb}, span{0, 0xf}, span{0x8, 0xb}},   // two continuations
}

// faultTables are such that the three halves share a bit if and only if one of
// its boxes holds them. That is so of boxes of one bit only if they differ in
// one direction, which the generator's test checks.
func faultTables() (firstHigh, firstLow, second [16]byte) {
	for _, f := range faults {
		for n := range 16 {
			if f.firstHigh.has(n) {
				firstHigh[n] |= f.bit
			}
			if f.firstLow.has(n) {
				firstLow[n] |= f.bit
			}
			if f.to.has(n) {
				second[n] |= f.bit
			}
		}
	}
	return firstHigh, firstLow, second
}

// validUTF8 emits the validation of Keiser and Lemire ("Validating UTF-8 in less
// than one instruction per byte", 2021): three table look-ups, of the byte before
// and this one, tell all faults that two bytes show, and comparing the bytes two
// and three before with 0xe0 and 0xf0 tells where a further continuation must be.
//
// A block of ASCII after a block of ASCII needs no look-up. After another block
// it does, since that one may end inside a character.
//
// SI the block, DI the end of the text; R9 the mask of bytes from 0x80 on, R8 that
// of the block before.
func (v vector) validUTF8(a *asm.File) {
	const (
		nibble, firstHigh, firstLow, second, third, fourth, top, faulty = 1, 2, 3, 4, 5, 6, 7, 8
		before                                                          = 9 // the block before
	)
	comment := "Any src will do."
	if !v.Wide() {
		comment = "It needs 35 bytes of src or more, and does not notice if src ends inside a character."
	}
	a.Function("validUTF8"+v.Tier, comment, "(src []byte) (ok bool)", 25)
	a.Do(`MOVQ src_base+0(FP), SI
		MOVQ src_len+8(FP), DI
		ADDQ SI, DI
		XORL R8, R8`)
	t1, t2, t3 := faultTables()
	v.fill(a, 0x0f, nibble)
	v.table(a, "faultFirstHigh", t1, firstHigh)
	v.table(a, "faultFirstLow", t2, firstLow)
	v.table(a, "faultSecond", t3, second)
	v.fill(a, 0xe0-0x80, third)
	v.fill(a, 0xf0-0x80, fourth)
	v.fill(a, 0x80, top)
	v.bitwise(a, "XOR", faulty, faulty, faulty)

	// check looks at the block. earlier(k, into) emits the block as it is k bytes
	// before.
	check := func(earlier func(k, into int)) {
		earlier(1, 10)
		v.bitwise(a, "AND", nibble, 10, 11)
		v.lookUp(a, 11, firstLow, 11)
		v.highNibbles(a, 10, nibble, 10)
		v.lookUp(a, 10, firstHigh, 10)
		v.bitwise(a, "AND", 10, 11, 11)
		v.highNibbles(a, 0, nibble, 10)
		v.lookUp(a, 10, second, 10)
		v.bitwise(a, "AND", 10, 11, 11)
		earlier(2, 10)
		a.Do("VPSUBUSB %s, %s, %s", v.Reg(third), v.Reg(10), v.Reg(10))
		earlier(3, 12)
		a.Do("VPSUBUSB %s, %s, %s", v.Reg(fourth), v.Reg(12), v.Reg(12))
		v.bitwise(a, "OR", 10, 12, 10)
		v.bitwise(a, "AND", top, 10, 10)
		v.bitwise(a, "XOR", 10, 11, 11)
		v.bitwise(a, "OR", 11, faulty, faulty)
	}
	fromMemory := func(k, into int) { v.load(a, fmt.Sprintf("-%d(SI)", k), into) }
	fromRegisters := func(k, into int) {
		if k == 1 {
			a.Do("VALIGNQ $6, %s, Z0, Z13", v.Reg(before))
		}
		a.Do("VPALIGNR $%d, Z13, Z0, %s", 16-k, v.Reg(into))
	}

	if v.Wide() {
		v.bitwise(a, "XOR", before, before, before)
		a.Label("block")
		a.Do(`LEAQ 64(SI), AX
			CMPQ AX, DI
			JHI tail`)
		v.load(a, "(SI)", 0)
		v.top(a, 0, "R9")
		a.Do(`ADDQ $64, SI
			ORQ R9, R8
			JEQ ascii`)
		check(fromRegisters)
		a.Label("ascii")
		a.Do(`MOVQ R9, R8
			VMOVDQA64 Z0, Z9
			JMP block`)

		a.Label("tail") // at least one zero follows the text
		v.loadTail(a, "R10")
		check(fromRegisters)
		a.Do(`VPTESTMB Z8, Z8, K1
			KTESTQ K1, K1`)
	} else {
		v.load(a, "(SI)", 0) // with nothing before it
		v.top(a, 0, "R8")
		a.Do("VPERM2I128 $0x08, Y0, Y0, Y13")
		check(func(k, into int) { a.Do("VPALIGNR $%d, Y13, Y0, %s", 16-k, v.Reg(into)) })
		a.Do("ADDQ $32, SI")
		a.Label("block")
		a.Do(`LEAQ 32(SI), AX
			CMPQ AX, DI
			JHI tail`)
		v.load(a, "(SI)", 0)
		v.top(a, 0, "R9")
		a.Do(`ORQ R9, R8
			JEQ ascii`)
		check(fromMemory)
		a.Label("ascii")
		a.Do(`MOVQ R9, R8
			ADDQ $32, SI
			JMP block`)

		a.Label("tail") // the last 32 bytes, some for the second time
		a.Do("LEAQ -32(DI), SI")
		v.load(a, "(SI)", 0)
		check(fromMemory)
		a.Do("VPTEST Y8, Y8")
	}
	a.Do(`SETEQ ok+24(FP)
		VZEROUPPER
		RET`)
}
