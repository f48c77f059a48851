package main

import "fmt"

// vector is one width of vectors and the instructions it comes with.
//
// Registers: v.r(0) holds the block of text; the operations assign the others.
// v.r(12) to v.r(15) and K1 to K3 are for the steps in this file. General
// registers are the operations' own, save that R14 and R15 belong to Go.
//
// Beyond its vectors a tier promises nothing, so the code does with the bit
// instructions every amd64 has. TZCNT reads as BSF on a machine without it,
// which for operands other than zero is the same.
type vector struct {
	tier  string // as in the functions' names
	width int    // of a block, in bytes
}

var vectors = []vector{{"AVX2", 32}, {"AVX512", 64}}

func (v vector) wide() bool { return v.width == 64 }

// file is the name of the tier's assembly file, from the folder of package scan.
func (v vector) file() string {
	if v.wide() {
		return "kernels_avx512_amd64.s"
	}
	return "kernels_avx2_amd64.s"
}

// r names a vector register.
func (v vector) r(i int) string {
	if v.wide() {
		return fmt.Sprintf("Z%d", i)
	}
	return fmt.Sprintf("Y%d", i)
}

// fill sets every byte of a register to b.
func (v vector) fill(a *assembly, b byte, reg int) {
	a.do("VPBROADCASTB %s, %s", a.constant(fmt.Sprintf("byte%02x", b), b), v.r(reg))
}

// table sets every 16 bytes of a register to the table's.
func (v vector) table(a *assembly, name string, t [16]byte, reg int) {
	op := "VBROADCASTI128"
	if v.wide() {
		op = "VBROADCASTI32X4"
	}
	a.do("%s %s, %s", op, a.constant(name, t[:]...), v.r(reg))
}

// bitwise emits a AND, OR or XOR b into c.
func (v vector) bitwise(a *assembly, op string, x, y, into int) {
	suffix := ""
	if v.wide() {
		suffix = "Q"
	}
	a.do("VP%s%s %s, %s, %s", op, suffix, v.r(x), v.r(y), v.r(into))
}

// highNibbles sets each byte of a register to the upper half of the block's
// byte, given that register low is full of 0x0f.
func (v vector) highNibbles(a *assembly, from, low, into int) {
	a.do("VPSRLW $4, %s, %s", v.r(from), v.r(into))
	v.bitwise(a, "AND", low, into, into)
}

// lookUp replaces the nibbles in a register by what the table has for them.
func (v vector) lookUp(a *assembly, nibbles, table, into int) {
	a.do("VPSHUFB %s, %s, %s", v.r(nibbles), v.r(table), v.r(into))
}

// The following make a mask in a general register: a bit for each byte.

// equal has the bytes that are equal in both registers.
func (v vector) equal(a *assembly, x, y int, mask string) {
	if v.wide() {
		a.do(`VPCMPEQB %s, %s, K1
			KMOVQ K1, %s`, v.r(x), v.r(y), mask)
		return
	}
	a.do(`VPCMPEQB %s, %s, Y15
		VPMOVMSKB Y15, %s`, v.r(x), v.r(y), mask)
}

// atMost has the bytes of x that are no greater than those of y, unsigned.
func (v vector) atMost(a *assembly, x, y int, mask string) {
	if v.wide() {
		a.do(`VPCMPUB $2, %s, %s, K1
			KMOVQ K1, %s`, v.r(y), v.r(x), mask)
		return
	}
	a.do(`VPMINUB %s, %s, Y15
		VPCMPEQB Y15, %s, Y15
		VPMOVMSKB Y15, %s`, v.r(x), v.r(y), v.r(x), mask)
}

// apart has the bytes in which the registers share no bit. Register zero of the
// narrower vector is all zero.
func (v vector) apart(a *assembly, x, y, zero int, mask string) {
	if v.wide() {
		a.do(`VPTESTNMB %s, %s, K1
			KMOVQ K1, %s`, v.r(x), v.r(y), mask)
		return
	}
	a.do(`VPAND %s, %s, Y15
		VPCMPEQB Y15, %s, Y15
		VPMOVMSKB Y15, %s`, v.r(x), v.r(y), v.r(zero), mask)
}

// top has the bytes from 0x80 on.
func (v vector) top(a *assembly, x int, mask string) {
	if v.wide() {
		a.do(`VPMOVB2M %s, K1
			KMOVQ K1, %s`, v.r(x), mask)
		return
	}
	a.do("VPMOVMSKB %s, %s", v.r(x), mask)
}

// load reads a whole block at from, as in "(SI)".
func (v vector) load(a *assembly, from string, into int) {
	a.do("%s %s, %s", v.move(), from, v.r(into))
}

func (v vector) move() string {
	if v.wide() {
		return "VMOVDQU64"
	}
	return "VMOVDQU"
}

// loadTail reads the block of less than v.width bytes between SI and DI, and
// touches no byte outside the text. It uses CX and the register tmp.
//
// AVX-512 has masked loads: the bytes after the text are zero. AVX2 reads the
// last v.width bytes of the text, which must have as many; masks of that block
// are to be shifted by CX, and shiftTail does it.
func (v vector) loadTail(a *assembly, tmp string) {
	a.do(`MOVQ DI, CX
		SUBQ SI, CX`)
	if v.wide() {
		a.do(`MOVQ $-1, %[1]s
			SHLQ CX, %[1]s
			NOTQ %[1]s
			KMOVQ %[1]s, K2
			VMOVDQU8.Z (SI), K2, Z0`, tmp)
		return
	}
	a.do(`NEGQ CX
		ADDQ $32, CX
		VMOVDQU -32(DI), Y0`)
}

func (v vector) shiftTail(a *assembly, mask string) {
	if !v.wide() {
		a.do("SHRQ CX, %s", mask)
	}
}
