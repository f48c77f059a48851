package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// quads is a kernel of lines that run along k, times 4, 8 or 16 columns. A register of
// sums is a block of 4 lines (2 of AVX2) by 4 columns, a line in each 128 bits, so that
// 4 columns fill it: x is read 4 words of a line at a time, of which each in turn is
// spread over its 128 bits.
type quads struct {
	skinny
	a      *asm.File
	groups int // of lines: registers high
	blocks int // of 4 columns: registers wide
	pair   bool
}

func emitQuads(a *asm.File, groups, blocks int, pair bool) {
	q := quads{a: a, groups: groups, blocks: blocks, pair: pair, skinny: skinny{
		Vector: a.Vector, name: fmt.Sprintf("rows%d", 4*blocks), sums: groups * blocks, step: 4,
	}}
	if pair {
		q.name += "BF16"
	}
	if a.Wide() {
		q.step = 8
	}
	q.comment = fmt.Sprintf(`%d lines along k, by %d columns.
		R9 walks over the lines; from %s columns, from %s x, from %s words of it, from %s sums.`,
		groups*q.lanes(), 4*blocks, a.Reg(0), a.Reg(q.x(0, 0)), a.Reg(q.spare(0)), a.Reg(q.acc(0)))
	q.begin = func() {}
	q.round = func() {
		q.body(false)
		q.a.Do(`ADDQ $%d, SI
			ADDQ $%d, DI`, 4*q.step, q.words()*panelB)
	}
	q.rest = q.tail
	insert, extract := "VINSERTF128", "VEXTRACTF128"
	if a.Wide() {
		insert, extract = "VINSERTF32X4", "VEXTRACTF32X4"
	}
	at := func(i, lane int) int { return (i/blocks*q.lanes()+lane)*panelB + 16*(i%blocks) }
	q.load = func(i int) {
		a.Do("VMOVUPS %d(DX), X%d", at(i, 0), q.acc(i))
		for lane := 1; lane < q.lanes(); lane++ {
			a.Do("%s $%d, %d(DX), V%d, V%[4]d", insert, lane, at(i, lane), q.acc(i))
		}
	}
	q.store = func(i int) {
		a.Do("VMOVUPS X%d, %d(DX)", q.acc(i), at(i, 0))
		for lane := 1; lane < q.lanes(); lane++ {
			a.Do("%s $%d, V%d, %d(DX)", extract, lane, q.acc(i), at(i, lane))
		}
	}
	q.emit(a)
}

// lanes returns how many lines a register holds.
func (q quads) lanes() int { return q.a.Width / 16 }

// words returns how many words a line has in a step, parts how many registers of x
// they fill: each holds 4.
func (q quads) words() int {
	if q.pair {
		return q.step / 2
	}
	return q.step
}
func (q quads) parts() int { return q.words() / 4 }

func (q quads) x(group, part int) int { return q.blocks + group*q.parts() + part }

// spare names registers in turn that hold nothing for long.
func (q quads) spare(i int) int {
	first := q.x(q.groups, 0)
	return first + i%(q.acc(0)-first)
}

// body emits a step: all of it or, of a tail, the k in AX.
func (q quads) body(tail bool) {
	q.a.Do("MOVQ SI, R9")
	for g := range q.groups {
		switch {
		case q.Wide():
			q.read(g, tail)
		default:
			q.readAVX2(g, tail)
		}
	}
	for w := range q.words() {
		if tail && w > 0 {
			q.a.Do(`CMPQ AX, $%d
				JLE done`, w*q.step/q.words())
		}
		for b := range q.blocks {
			if q.Wide() {
				q.a.Do("VBROADCASTF32X4 %d(DI), Z%d", w*panelB+16*b, b)
			} else {
				q.a.Do("VBROADCASTF128 %d(DI), Y%d", w*panelB+16*b, b)
			}
		}
		for g := range q.groups {
			x := q.spare(w*q.groups + g)
			q.a.Do("VPERMILPS $%#x, V%d, V%d", w%4*0x55, q.x(g, w/4), x)
			for b := range q.blocks {
				multiplyAdd(q.a, q.pair, b, x, q.acc(g*q.blocks+b))
			}
		}
	}
}

// read emits the reading of 8 numbers of 4 lines, from R9 on: two lines in a register,
// and then 4 words of each of the 4. Rounded to bf16, 8 numbers are 4 words.
func (q quads) read(group int, tail bool) {
	a, x, y := q.a, q.x(group, 0), q.spare(group)
	for i, into := range []int{x, y} {
		low, high := line("R9", 2*i), line("R9", 2*i+1)
		if tail {
			a.Do(`VMOVUPS.Z %s, K1, Y%d
				VMOVUPS.Z %s, K1, Y0
				VINSERTF64X4 $1, Y0, Z%[2]d, Z%[2]d`, low, into, high)
			continue
		}
		a.Do(`VMOVUPS %s, Y%d
			VINSERTF64X4 $1, %s, Z%[2]d, Z%[2]d
			PREFETCHT0 %[4]d%[1]s
			PREFETCHT0 %[4]d%[3]s`, low, into, high, ahead)
	}
	if q.pair {
		a.Encoded(asm.VCVTNE2PS2BF16, x, y, x)
	} else {
		a.Do("VSHUFF32X4 $0xdd, Z%d, Z%d, Z%d", y, x, q.x(group, 1))
		a.Do("VSHUFF32X4 $0x88, Z%d, Z%d, Z%d", y, x, x)
	}
	a.Do("LEAQ (R9)(CX*4), R9")
}

// readAVX2 is read for 4 numbers of 2 lines.
func (q quads) readAVX2(group int, tail bool) {
	a, x := q.a, q.x(group, 0)
	if tail {
		a.Do(`VMOVUPS (R8), X0
			VMASKMOVPS %s, X0, X%d
			VMASKMOVPS %s, X0, X0
			VINSERTF128 $1, X0, Y%[2]d, Y%[2]d`, line("R9", 0), x, line("R9", 1))
	} else {
		a.Do(`VMOVUPS %s, X%d
			VINSERTF128 $1, %s, Y%[2]d, Y%[2]d`, line("R9", 0), x, line("R9", 1))
	}
	a.Do("LEAQ (R9)(CX*2), R9")
}

// tail emits the k in AX, under a mask: K1 or, of AVX2, at R8.
func (q quads) tail() {
	if q.Wide() {
		q.a.Do(`MOVQ CX, R9
			MOVQ AX, CX
			MOVQ $1, R8
			SHLQ CX, R8
			DECQ R8
			MOVQ R9, CX
			KMOVW R8, K1`)
	} else {
		const one = ^uint32(0)
		q.a.Do(`LEAQ %s, R8
			LEAQ 12(R8), R8
			LEAQ (AX*4), R9
			SUBQ R9, R8`, q.a.Words("ones", one, one, one, 0, 0, 0))
	}
	q.body(true)
}
