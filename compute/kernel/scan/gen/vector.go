package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// vector is one width of vectors and the instructions it comes with.
//
// Registers: v.Reg(0) holds the block of text; the operations assign the others.
// v.Reg(12) to v.Reg(15) and K1 to K3 are for the steps in this file. General
// registers are the operations' own, save that R14 and R15 belong to Go.
//
// Beyond its vectors a tier promises nothing, so the code does with the bit
// instructions every amd64 has. TZCNT reads as BSF on a machine without it,
// which for operands other than zero is the same.
type vector struct{ asm.Vector }

var vectors = []vector{{asm.AVX2}, {asm.AVX512}}

// file is the name of the tier's assembly file, from the folder of package scan.
func (v vector) file() string {
	if v.Wide() {
		return "kernels_avx512_amd64.s"
	}
	return "kernels_avx2_amd64.s"
}

// fill sets every byte of a register to b.
func (v vector) fill(a *asm.File, b byte, reg int) {
	a.Do("VPBROADCASTB %s, %s", a.Constant(fmt.Sprintf("byte%02x", b), b), v.Reg(reg))
}

// table sets every 16 bytes of a register to the table's.
func (v vector) table(a *asm.File, name string, t [16]byte, reg int) {
	op := "VBROADCASTI128"
	if v.Wide() {
		op = "VBROADCASTI32X4"
	}
	a.Do("%s %s, %s", op, a.Constant(name, t[:]...), v.Reg(reg))
}

// bitwise emits a AND, OR or XOR b into c.
func (v vector) bitwise(a *asm.File, op string, x, y, into int) {
	suffix := ""
	if v.Wide() {
		suffix = "Q"
	}
	a.Do("VP%s%s %s, %s, %s", op, suffix, v.Reg(x), v.Reg(y), v.Reg(into))
}

// highNibbles sets each byte of a register to the upper half of the block's
// byte, given that register low is full of 0x0f.
func (v vector) highNibbles(a *asm.File, from, low, into int) {
	a.Do("VPSRLW $4, %s, %s", v.Reg(from), v.Reg(into))
	v.bitwise(a, "AND", low, into, into)
}

// lookUp replaces the nibbles in a register by what the table has for them.
func (v vector) lookUp(a *asm.File, nibbles, table, into int) {
	a.Do("VPSHUFB %s, %s, %s", v.Reg(nibbles), v.Reg(table), v.Reg(into))
}

// The following make a mask in a general register: a bit for each byte.

// equal has the bytes that are equal in both registers.
func (v vector) equal(a *asm.File, x, y int, mask string) {
	if v.Wide() {
		a.Do(`VPCMPEQB %s, %s, K1
			KMOVQ K1, %s`, v.Reg(x), v.Reg(y), mask)
		return
	}
	a.Do(`VPCMPEQB %s, %s, Y15
		VPMOVMSKB Y15, %s`, v.Reg(x), v.Reg(y), mask)
}

// atMost has the bytes of x that are no greater than those of y, unsigned.
func (v vector) atMost(a *asm.File, x, y int, mask string) {
	if v.Wide() {
		a.Do(`VPCMPUB $2, %s, %s, K1
			KMOVQ K1, %s`, v.Reg(y), v.Reg(x), mask)
		return
	}
	a.Do(`VPMINUB %s, %s, Y15
		VPCMPEQB Y15, %s, Y15
		VPMOVMSKB Y15, %s`, v.Reg(x), v.Reg(y), v.Reg(x), mask)
}

// apart has the bytes in which the registers share no bit. Register zero of the
// narrower vector is all zero.
func (v vector) apart(a *asm.File, x, y, zero int, mask string) {
	if v.Wide() {
		a.Do(`VPTESTNMB %s, %s, K1
			KMOVQ K1, %s`, v.Reg(x), v.Reg(y), mask)
		return
	}
	a.Do(`VPAND %s, %s, Y15
		VPCMPEQB Y15, %s, Y15
		VPMOVMSKB Y15, %s`, v.Reg(x), v.Reg(y), v.Reg(zero), mask)
}

// top has the bytes from 0x80 on.
func (v vector) top(a *asm.File, x int, mask string) {
	if v.Wide() {
		a.Do(`VPMOVB2M %s, K1
			KMOVQ K1, %s`, v.Reg(x), mask)
		return
	}
	a.Do("VPMOVMSKB %s, %s", v.Reg(x), mask)
}

// load reads a whole block at from, as in "(SI)".
func (v vector) load(a *asm.File, from string, into int) {
	a.Do("%s %s, %s", v.move(), from, v.Reg(into))
}

func (v vector) move() string {
	if v.Wide() {
		return "VMOVDQU64"
	}
	return "VMOVDQU"
}

// loadTail reads the block of less than v.Width bytes between SI and DI, and
// touches no byte outside the text. It uses CX and the register tmp.
//
// AVX-512 has masked loads: the bytes after the text are zero. AVX2 reads the
// last v.Width bytes of the text, which must have as many; masks of that block
// are to be shifted by CX, and shiftTail does it.
func (v vector) loadTail(a *asm.File, tmp string) {
	a.Do(`MOVQ DI, CX
		SUBQ SI, CX`)
	if v.Wide() {
		a.Do(`MOVQ $-1, %[1]s
			SHLQ CX, %[1]s
			NOTQ %[1]s
			KMOVQ %[1]s, K2
			VMOVDQU8.Z (SI), K2, Z0`, tmp)
		return
	}
	a.Do(`NEGQ CX
		ADDQ $32, CX
		VMOVDQU -32(DI), Y0`)
}

func (v vector) shiftTail(a *asm.File, mask string) {
	if !v.Wide() {
		a.Do("SHRQ CX, %s", mask)
	}
}
