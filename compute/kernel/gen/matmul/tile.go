package main

import (
	"fmt"
	"strings"

	"smelt/compute/kernel/internal/asm"
)

// The panels, see package kernel: 32-bit words, [k][12] of A and [k][32] of B.
const (
	panelA = 12 * 4 // bytes of one k
	panelB = 32 * 4
	unroll = 4 // of the loop over k
)

// tile is a kernel: rows times two registers of columns of the 12x32 tile.
type tile struct {
	asm.Vector
	name string
	rows int
	pair bool // words are two bf16, else an fp32
}

var (
	tileAVX2       = tile{asm.AVX2, "tileAVX2", 6, false}
	tileAVX512     = tile{asm.AVX512, "tileAVX512", 12, false}
	tileBF16AVX512 = tile{asm.AVX512, "tileBF16AVX512", 12, true}
)

// registers returns how many vector registers there are.
func registers(v asm.Vector) int {
	if v.Wide() {
		return 32
	}
	return 16
}

// acc names the accumulator of row r, half h: the registers from the top down to
// what B and the broadcasts need.
func (t tile) acc(r, h int) int { return registers(t.Vector) - 2*t.rows + 2*r + h }

// step emits one k: two registers of B, and for each row a word of A broadcast
// from memory into a register of its own, in turn, so that none waits. A multiply
// that broadcasts its own operand is slower: it holds a load port twice.
func (t tile) step(a *asm.File, k int) {
	a.Do("VMOVUPS %d(DI), %s", k*panelB, t.Reg(0))
	a.Do("VMOVUPS %d(DI), %s", k*panelB+t.Vector.Width, t.Reg(1))
	spare := t.acc(0, 0) - 2
	for r := range t.rows {
		x := 2 + r%spare
		a.Do("VBROADCASTSS %d(SI), %s", k*panelA+4*r, t.Reg(x))
		for h := range 2 {
			if t.pair {
				a.Encoded(asm.VDPBF16PS, h, x, t.acc(r, h))
			} else {
				a.Do("VFMADD231PS V%d, V%d, V%d", h, x, t.acc(r, h))
			}
		}
	}
}

// each calls f for every accumulator.
func (t tile) each(f func(r, h int, acc string)) {
	for r := range t.rows {
		for h := range 2 {
			f(r, h, t.Reg(t.acc(r, h)))
		}
	}
}

func (t tile) emit(a *asm.File) {
	function(a, t.name, "(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)", 72, fmt.Sprintf(`
		%[1]d x %[2]d of a tile, over k words of the panels: see tileFunc.
		AX k, SI a, DI b, DX part, BX c, CX its row in bytes, R8 mode,
		R10 and R11 what is wanted next; %[3]s and %[4]s the
		columns of B, from %[5]s the words of A, from %[6]s the sums, two registers a row.`,
		t.rows, t.Vector.Width/2, t.Reg(0), t.Reg(1), t.Reg(2), t.Reg(t.acc(0, 0))))
	a.Do(`MOVQ k+0(FP), AX
		MOVQ a+8(FP), SI
		MOVQ b+16(FP), DI
		MOVQ next+24(FP), R10
		MOVQ part+32(FP), DX
		MOVQ c+40(FP), BX
		MOVQ ldc+48(FP), CX
		SHLQ $2, CX
		MOVQ mode+64(FP), R8
		LEAQ %d(DX), R11
		TESTQ $1, R8
		JNE resume`, 12*panelB)
	t.each(func(_, _ int, acc string) { a.Do("VXORPS %[1]s, %[1]s, %[1]s", acc) })
	a.Do("JMP begin")
	a.Label("resume")
	t.each(func(r, h int, acc string) { a.Do("VMOVUPS %d(DX), %s", r*panelB+h*t.Vector.Width, acc) })
	a.Label("begin")
	a.Do(`TESTQ $6, R8
		JEQ count
		MOVQ BX, R9`)
	for r := range t.rows {
		a.Do("PREFETCHT0 (R9)")
		if t.Vector.Width == 64 {
			a.Do("PREFETCHT0 64(R9)")
		}
		if r+1 < t.rows {
			a.Do("ADDQ CX, R9")
		}
	}
	a.Label("count")
	a.Do(`SUBQ $%d, AX
		JLT rest`, unroll)
	loop(a, "loop")
	for k := range unroll {
		t.step(a, k)
	}
	a.Do(`PREFETCHT1 (R10)
		PREFETCHT0 (R11)
		ADDQ $64, R10
		ADDQ $64, R11
		ADDQ $%d, SI
		ADDQ $%d, DI
		SUBQ $%d, AX
		JGE loop`, unroll*panelA, unroll*panelB, unroll)
	a.Label("rest")
	a.Do(`ADDQ $%d, AX
		JEQ done`, unroll)
	a.Label("single")
	t.step(a, 0)
	a.Do(`ADDQ $%d, SI
		ADDQ $%d, DI
		DECQ AX
		JNE single`, panelA, panelB)

	a.Label("done")
	a.Do(`VBROADCASTSS alpha+56(FP), %s
		TESTQ $2, R8
		JNE overwrite
		TESTQ $4, R8
		JNE accumulate`, t.Reg(0))
	t.each(func(r, h int, acc string) { a.Do("VMOVUPS %s, %d(DX)", acc, r*panelB+h*t.Vector.Width) })
	a.Return()

	a.Label("overwrite")
	t.each(func(r, h int, acc string) {
		a.Do("VMULPS %s, %s, %s", acc, t.Reg(0), acc)
		a.Do("VMOVUPS %s, %d(BX)", acc, h*t.Vector.Width)
		if h == 1 && r+1 < t.rows {
			a.Do("ADDQ CX, BX")
		}
	})
	a.Return()

	a.Label("accumulate")
	t.each(func(r, h int, acc string) {
		a.Do("VMULPS %s, %s, %s", acc, t.Reg(0), acc)
		a.Do("VADDPS %d(BX), %s, %s", h*t.Vector.Width, acc, acc)
		a.Do("VMOVUPS %s, %d(BX)", acc, h*t.Vector.Width)
		if h == 1 && r+1 < t.rows {
			a.Do("ADDQ CX, BX")
		}
	})
	a.Return()
}

// function begins a function, with a comment of any number of lines.
func function(a *asm.File, name, signature string, frame int, comment string) {
	lines := strings.Split(strings.TrimSpace(comment), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	a.Function(name, strings.Join(lines, "\n// "), signature, frame)
}

// loop begins a place to jump to often: at the start of a cache line.
func loop(a *asm.File, name string) { a.Put("", "\tPCALIGN $64", name+":") }
