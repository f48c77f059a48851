package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// skinny is a kernel of skinny products, in what the three kinds of them share: sums
// that are zero or go on from part, a loop over k, what is left of k, part again.
//
//	AX   k left                     DI   thin, a panel [k][32]
//	SI   x, the long factor         CX   its lines' distance in bytes
//	R12  three times that           R10  next
//	DX   part, a tile [..][32]      V0.. thin and x, sums from the top down
type skinny struct {
	asm.Vector
	name    string
	comment string
	sums    int // registers
	step    int // k of a round of the loop

	begin func()        // sets what else there is, once
	round func()        // does step k, and goes on to the next
	rest  func()        // does the k in AX, which are positive and less
	load  func(sum int) // reads a register of sums from part
	store func(sum int) // writes one
}

// acc names a register of sums.
func (s skinny) acc(i int) int { return registers(s.Vector) - s.sums + i }

func (s skinny) emit(a *asm.File) {
	function(a, s.name+s.Tier, "(k int, thin *uint32, x, next *float32, ldx int, part *float32, resumed int)", 56,
		"See skinnyFunc. "+s.comment)
	a.Do(`MOVQ k+0(FP), AX
		MOVQ thin+8(FP), DI
		MOVQ x+16(FP), SI
		MOVQ next+24(FP), R10
		MOVQ ldx+32(FP), CX
		SHLQ $2, CX
		LEAQ (CX)(CX*2), R12
		MOVQ part+40(FP), DX
		MOVQ resumed+48(FP), R8`)
	s.begin()
	a.Do(`TESTQ R8, R8
		JNE resume`)
	for i := range s.sums {
		a.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", s.acc(i))
	}
	a.Do("JMP begin")
	a.Label("resume")
	for i := range s.sums {
		s.load(i)
	}
	a.Label("begin")
	a.Do(`SUBQ $%d, AX
		JLT rest`, s.step)
	loop(a, "loop")
	s.round()
	a.Do(`SUBQ $%d, AX
		JGE loop`, s.step)
	a.Label("rest")
	a.Do(`ADDQ $%d, AX
		JEQ done`, s.step)
	s.rest()
	a.Label("done")
	for i := range s.sums {
		s.store(i)
	}
	a.Return()
}

// whole sets load and store for sums that lie in part as they do in registers, regs
// of them side by side.
func (s skinny) whole(a *asm.File, regs int) skinny {
	at := func(i int) int { return i/regs*panelB + i%regs*s.Vector.Width }
	s.load = func(i int) { a.Do("VMOVUPS %d(DX), V%d", at(i), s.acc(i)) }
	s.store = func(i int) { a.Do("VMOVUPS V%d, %d(DX)", s.acc(i), at(i)) }
	return s
}

// line returns the operand of line 0 to 3 of those that begin at base.
func line(base string, i int) string {
	return "(" + base + ")" + []string{"", "(CX*1)", "(CX*2)", "(R12*1)"}[i]
}

// multiplyAdd emits dst += x * y.
func multiplyAdd(a *asm.File, pair bool, x, y, dst int) {
	if pair {
		a.Encoded(asm.VDPBF16PS, x, y, dst)
	} else {
		a.Do("VFMADD231PS V%d, V%d, V%d", x, y, dst)
	}
}

// ahead is how many bytes of a line that runs along k are asked for before their time.
const ahead = 512

// emitRows emits lines that run along k, times two registers of columns: the tile,
// with the words of x broadcast from where they lie.
func emitRows(a *asm.File, lines int) {
	s := skinny{
		Vector: a.Vector, name: fmt.Sprintf("rows%d", 2*a.Lanes()), sums: 2 * lines, step: 16,
		comment: fmt.Sprintf(`%d lines along k, by %d columns.
			R9 the lines from the fifth on, %s and %s the columns, from %s words of x, from %s sums.`,
			lines, 2*a.Lanes(), a.Reg(0), a.Reg(1), a.Reg(2), a.Reg(registers(a.Vector)-2*lines)),
	}.whole(a, 2)
	base := []string{"SI", "R9"}
	one := func(k int) {
		a.Do(`VMOVUPS %d(DI), V0
			VMOVUPS %d(DI), V1`, k*panelB, k*panelB+a.Width)
		for i := range lines {
			x := 2 + i%(s.acc(0)-2)
			a.Do("VBROADCASTSS %d%s, V%d", 4*k, line(base[i/4], i%4), x)
			multiplyAdd(a, false, 0, x, s.acc(2*i))
			multiplyAdd(a, false, 1, x, s.acc(2*i+1))
		}
	}
	forward := func(k int) {
		a.Do("ADDQ $%d, DI", k*panelB)
		for i := 0; i < lines; i += 4 {
			a.Do("ADDQ $%d, %s", 4*k, base[i/4])
		}
	}
	s.begin = func() { a.Do("LEAQ (SI)(CX*4), R9") }
	s.round = func() {
		for k := range s.step {
			if k < lines {
				a.Do("PREFETCHT0 %d%s", ahead, line(base[k/4], k%4))
			}
			one(k)
		}
		forward(s.step)
	}
	s.rest = func() {
		a.Label("single")
		one(0)
		forward(1)
		a.Do(`DECQ AX
			JNE single`)
	}
	s.emit(a)
}

// emitColumns emits lines of which each is one k, two registers wide, times a few
// columns: the tile, with x for B. pair makes bf16 of two lines.
func emitColumns(a *asm.File, cols int, pair bool) {
	s := skinny{
		Vector: a.Vector, name: fmt.Sprintf("columns%d", cols), sums: 2 * cols, step: 4,
		comment: fmt.Sprintf(`%d places of lines that are one k each, by %d columns.
			%s and %s x, %s an order of halves of words, from %s words of the columns, from %s sums.`,
			2*a.Lanes(), cols, a.Reg(0), a.Reg(1), a.Reg(3), a.Reg(4), a.Reg(registers(a.Vector)-2*cols)),
	}.whole(a, 2)
	if pair {
		s.name += "BF16"
	}
	word := func(w int, x, y string) {
		for h := range 2 {
			off := h * a.Width
			a.Do("VMOVUPS %d%s, V%d", off, x, h)
			if !pair {
				continue
			}
			if y == "" {
				a.Do("VPXORD Z2, Z2, Z2")
			} else {
				a.Do("VMOVUPS %d%s, V2", off, y)
			}
			a.Encoded(asm.VCVTNE2PS2BF16, h, 2, h)
			a.Do("VPERMW Z%[1]d, Z3, Z%[1]d", h)
		}
		for col := range cols {
			thin := 4 + col%(s.acc(0)-4)
			a.Do("VBROADCASTSS %d(DI), V%d", w*panelB+4*col, thin)
			multiplyAdd(a, pair, 0, thin, s.acc(2*col))
			multiplyAdd(a, pair, 1, thin, s.acc(2*col+1))
		}
	}
	per := 1 // lines of a word
	if pair {
		per = 2
	}
	s.begin = func() {
		if pair {
			a.Do("VMOVUPS %s, Z3", interleave(a))
		}
	}
	s.round = func() {
		for i := range s.step {
			for off := 0; off < 2*a.Width; off += 64 {
				a.Do("PREFETCHT0 %d%s", off, line("R10", i))
			}
			if i%per == 0 {
				word(i/per, line("SI", i), line("SI", (i+per-1)%s.step))
			}
		}
		a.Do(`LEAQ (SI)(CX*4), SI
			LEAQ (R10)(CX*4), R10
			ADDQ $%d, DI`, s.step/per*panelB)
	}
	s.rest = func() {
		a.Label("single")
		if pair {
			a.Do(`CMPQ AX, $1
				JEQ last`)
		}
		word(0, line("SI", 0), line("SI", 1))
		a.Do(`LEAQ (SI)(CX*%d), SI
			ADDQ $%d, DI
			SUBQ $%[1]d, AX
			JNE single`, per, panelB)
		if pair {
			a.Do("JMP done")
			a.Label("last")
			word(0, line("SI", 0), "")
		}
	}
	s.emit(a)
}
