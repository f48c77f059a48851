package main

import "smelt/compute/kernel/internal/asm"

// escapable are the bytes that mean one byte after a backslash, and which.
var escapable = map[byte]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// escapeNibbles returns tables in which the two halves of a byte share a bit if
// and only if the byte is escapable. There is a bit for each upper half, of
// which there are four.
func escapeNibbles() (low, high [16]byte) {
	bit := byte(1)
	for h := range byte(16) {
		found := false
		for l := range byte(16) {
			if _, ok := escapable[h<<4|l]; ok {
				low[l] |= bit
				high[h] |= bit
				found = true
			}
		}
		if found {
			bit <<= 1
		}
	}
	return low, high
}

// stringEnd emits the search for what ends a JSON string.
//
// In a block, bit i standing for byte i, the mask B has the backslashes. The
// first of a run of backslashes escapes the second, the third the fourth, so a
// byte after the run is escaped if and only if the run's length is odd: if the
// run starts at an even place and ends before an odd one, or the reverse. Adding
// to B the starts at even places carries each of those runs into a bit after its
// end. So, EVEN having every other bit from bit 0, and + being the one addition,
//
//	starts  = B &^ B<<1
//	after   = B<<1 &^ B                           the bytes after the runs
//	escaped = after & (EVEN ^ (B + starts&EVEN))
//
// Escaped backslashes, which are not in escaped, need no attention. What stops
// the search is then a quote that is not escaped, a control character, or an
// escaped byte that is not escapable.
//
// A run that reaches the end of the block is looked at again, if it is odd, from
// its last backslash on: the next block begins there.
//
// SI the block, DI the end of the text, DX EVEN, R9 B, AX escaped, BX stops, R11
// bytes from 0x80 on, R12 and R8 such bytes and backslashes of earlier blocks.
func (v vector) stringEnd(a *asm.File) {
	const (
		quote, backslash, control, nibble, low, high, zero = 1, 2, 3, 4, 5, 6, 7
	)
	need := "Any src will do."
	if !v.Wide() {
		need = "It needs 32 bytes of src or more."
	}
	a.Function("stringEnd"+v.Tier, need, "(src []byte) (n int, marks Marks)", 33)
	a.Do(`MOVQ src_base+0(FP), SI
		MOVQ src_len+8(FP), DI
		ADDQ SI, DI
		MOVQ $0x5555555555555555, DX
		XORL R8, R8
		XORL R12, R12`)
	v.fill(a, '"', quote)
	v.fill(a, '\\', backslash)
	v.fill(a, 0x1f, control)
	v.fill(a, 0x0f, nibble)
	lows, highs := escapeNibbles()
	v.table(a, "escapeLow", lows, low)
	v.table(a, "escapeHigh", highs, high)
	if !v.Wide() {
		a.Do("VPXOR Y7, Y7, Y7")
	}

	masks := func(shift func(*asm.File, string)) {
		v.equal(a, 0, backslash, "R9")
		shift(a, "R9")
		a.Do(`LEAQ (R9)(R9*1), AX
			MOVQ AX, R13
			NOTQ R13
			ANDQ R9, R13
			ANDQ DX, R13
			ADDQ R9, R13
			XORQ DX, R13
			MOVQ R9, R10
			NOTQ R10
			ANDQ R10, AX
			ANDQ R13, AX`)
		v.lookUp(a, 0, low, 8)
		v.highNibbles(a, 0, nibble, 9)
		v.lookUp(a, 9, high, 9)
		v.apart(a, 8, 9, zero, "BX")
		shift(a, "BX")
		a.Do("ANDQ AX, BX")
		v.atMost(a, 0, control, "R10")
		shift(a, "R10")
		a.Do("ORQ R10, BX")
		v.equal(a, 0, quote, "R10")
		shift(a, "R10")
		a.Do(`MOVQ AX, R13
			NOTQ R13
			ANDQ R13, R10
			ORQ R10, BX`)
		v.top(a, 0, "R11")
		shift(a, "R11")
	}

	a.Label("block")
	a.Do(`LEAQ %d(SI), AX
		CMPQ AX, DI
		JHI tail`, v.Width)
	v.load(a, "(SI)", 0)
	masks(func(*asm.File, string) {})
	a.Do(`TESTQ BX, BX
		JNE found
		ORQ R11, R12`)
	if v.Wide() {
		a.Do(`TESTQ R9, R9
			JMI open`)
	} else {
		a.Do(`BTQ $32, AX
			JCS open`)
	}
	a.Do(`ORQ R9, R8
		ADDQ $%d, SI
		JMP block`, v.Width)

	a.Label("open")
	if v.Wide() { // BSR finds the last byte that is no backslash, if any
		a.Do(`ADDQ $64, SI
			MOVQ R9, R10
			NOTQ R10
			BSRQ R10, R10
			JEQ even
			BTQ $0, R10
			JCS even
			DECQ SI
			BTRQ $63, R9`)
		a.Label("even")
		a.Do(`ORQ R9, R8
			JMP block`)
	} else {
		a.Do(`ADDQ $31, SI
			BTRQ $31, R9
			ORQ R9, R8
			JMP block`)
	}

	// The end of the text stops the search too. With AVX-512 the zeros after it
	// do, for they are control characters.
	a.Label("tail")
	v.loadTail(a, "R10")
	masks(v.shiftTail)
	if !v.Wide() {
		a.Do(`NEGQ CX
			ADDQ $32, CX
			BTSQ CX, BX`)
	}

	// If an escape stops the search then it is its backslash that is found.
	a.Label("found")
	a.Do(`TZCNTQ BX, CX
		BTQ CX, AX
		SBBQ $0, CX
		ADDQ CX, SI
		SUBQ src_base+0(FP), SI
		MOVQ SI, n+24(FP)
		MOVQ $-1, R10
		SHLQ CX, R10
		NOTQ R10
		ANDQ R10, R11
		ANDQ R10, R9
		XORL AX, AX
		ORQ R12, R11
		SETNE AX
		XORL BX, BX
		ORQ R8, R9
		SETNE BX
		LEAL (AX)(BX*2), AX
		MOVB AX, marks+32(FP)
		VZEROUPPER
		RET`)
}
