package main

import "smelt/compute/kernel/internal/asm"

// The panels of int8Form: rows of words, one word for each place.
const (
	rowA = 12 * 4 // bytes
	rowB = 32 * 4
)

// The tile: rows of 32 sums in two registers.
const (
	rows     = 6
	integers = 8  // the first register of a group's integer sums
	sums     = 20 // the first register of the sums of all groups
)

// tile is a kernel for a form of weights, see int8Form.
type tile struct {
	name  string
	words int // of a group of elements that share their scales
	least bool
}

var tiles = []tile{
	{"tileInt8AVX512BF16", 8, false},
	{"tileInt8LeastAVX512BF16", 8, true},
	{"tileInt8HalvesAVX512BF16", 4, false},
}

func (t tile) groupA() int { return (t.words + 2) * rowA }

func (t tile) groupB() int {
	if t.least {
		return (t.words + 2) * rowB
	}
	return (t.words + 1) * rowB
}

// each calls f for each register of sums: half h of row r is the one with index i.
func each(f func(r, h, i int)) {
	for r := range rows {
		for h := range 2 {
			f(r, h, 2*r+h)
		}
	}
}

var tileSignature = asm.Layout([]string{"height int", "k int", "a *uint32", "b *uint32", "next *uint32", "part *float32", "c *float32", "ldc int", "alpha float32", "mode int"}, nil)

func (t tile) emit(a *asm.File) {
	s := tileSignature
	a.Function(t.name, `A tile, six rows at a time, over k groups of the panels: see tileInt8Func and int8Form.
// R9 rows left, R11 the first of A in bytes, AX k, SI a, DI b, DX part, BX c, CX its
// row in bytes, R8 mode, R10 what is wanted next; Z0 and Z1 a word of each column of B,
// Z2 and Z3 their scales, Z4 and Z5 words of A, Z6 and Z7 scales of a row; from Z8 a
// group's integer sums, from Z20 the sums of all groups, two registers a row.`, s.String(), s.Size)
	arg := func(name, reg string) { a.Do("MOVQ %s, %s", s.Arg(name).Operand(""), reg) }
	arg("height", "R9")
	arg("next", "R10")
	arg("part", "DX")
	arg("c", "BX")
	arg("ldc", "CX")
	arg("mode", "R8")
	a.Do(`SHLQ $2, CX
		XORL R11, R11`)
	a.Label("rows")
	arg("k", "AX")
	arg("a", "SI")
	arg("b", "DI")
	a.Do(`ADDQ R11, SI
		TESTQ $1, R8
		JNE resume`)
	each(func(_, _, i int) { a.Do("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", sums+i) })
	a.Do("JMP loop")
	a.Label("resume")
	each(func(r, h, i int) { a.Do("VMOVUPS %d(DX), Z%d", r*rowB+h*64, sums+i) })
	a.Put("", "\tPCALIGN $64", "loop:")
	t.group(a)
	a.Do(`PREFETCHT1 (R10)
		ADDQ $%d, SI
		ADDQ $%d, DI
		ADDQ $64, R10
		DECQ AX
		JNE loop`, t.groupA(), t.groupB())
	t.finish(a, s.Arg("alpha").Operand(""))
	a.Label("next")
	a.Do(`ADDQ $%d, R11
		ADDQ $%d, DX
		SUBQ $%d, R9
		JGT rows`, 4*rows, rows*rowB, rows)
	a.Return()
}

// group adds the products of a group of elements to the sums. The rows' integer sums
// begin with the first word and are used up after the last: so there are always some
// to work on while others wait.
func (t tile) group(a *asm.File) {
	for w := range t.words {
		last := w == t.words-1
		a.Do(`VMOVDQU32 %d(DI), Z0
			VMOVDQU32 %d(DI), Z1`, w*rowB, w*rowB+64)
		if last {
			a.Do(`VMOVUPS %d(DI), Z2
				VMOVUPS %d(DI), Z3`, t.words*rowB, t.words*rowB+64)
		}
		for r := range rows {
			if w == 0 {
				t.begin(a, r)
			}
			x := 4 + r%2
			a.Do("VPBROADCASTD %d(SI), Z%d", w*rowA+4*r, x)
			for h := range 2 {
				a.Do("VPDPBUSD Z%d, Z%d, Z%d", x, h, integers+2*r+h)
			}
			if last {
				t.scale(a, r)
			}
		}
	}
}

// begin sets the integer sums of row r to what takes the offset off the weights.
func (t tile) begin(a *asm.File, r int) {
	for h := range 2 {
		if t.least {
			a.Do("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", integers+2*r+h)
		} else {
			a.Do("VPBROADCASTD %d(SI), Z%d", (t.words+1)*rowA+4*r, integers+2*r+h)
		}
	}
}

// scale adds the integer sums of row r, times both scales, to the sums.
func (t tile) scale(a *asm.File, r int) {
	i := 2 * r
	a.Do(`VBROADCASTSS %d(SI), Z6
		VCVTDQ2PS Z%[2]d, Z%[2]d
		VCVTDQ2PS Z%[3]d, Z%[3]d`, t.words*rowA+4*r, integers+i, integers+i+1)
	if t.least {
		a.Do(`VBROADCASTSS %d(SI), Z7
			VMULPS %[2]d(DI), Z7, Z4
			VMULPS %[3]d(DI), Z7, Z5
			VFMADD213PS Z4, Z2, Z%[4]d
			VFMADD213PS Z5, Z3, Z%[5]d`, (t.words+1)*rowA+4*r, (t.words+1)*rowB, (t.words+1)*rowB+64, integers+i, integers+i+1)
	} else {
		a.Do(`VMULPS Z2, Z%[1]d, Z%[1]d
			VMULPS Z3, Z%[2]d, Z%[2]d`, integers+i, integers+i+1)
	}
	a.Do(`VFMADD231PS Z%d, Z6, Z%d
		VFMADD231PS Z%d, Z6, Z%d`, integers+i, sums+i, integers+i+1, sums+i+1)
}

// finish writes the sums to part or to c.
func (t tile) finish(a *asm.File, alpha string) {
	a.Do(`VBROADCASTSS %s, Z0
		TESTQ $2, R8
		JNE overwrite
		TESTQ $4, R8
		JNE accumulate`, alpha)
	each(func(r, h, i int) { a.Do("VMOVUPS Z%d, %d(DX)", sums+i, r*rowB+h*64) })
	a.Do("JMP next")
	for _, label := range []string{"overwrite", "accumulate"} {
		a.Label(label)
		each(func(_, h, i int) {
			a.Do("VMULPS Z%[1]d, Z0, Z%[1]d", sums+i)
			if label == "accumulate" {
				a.Do("VADDPS %d(BX), Z%[2]d, Z%[2]d", h*64, sums+i)
			}
			a.Do("VMOVUPS Z%d, %d(BX)", sums+i, h*64)
			if h == 1 {
				a.Do("ADDQ CX, BX")
			}
		})
		if label == "overwrite" {
			a.Do("JMP next")
		}
	}
}
