package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// element is what keys and values are stored as.
type element struct {
	name, goType string
	size         int // in bytes
}

var elements = []element{{"F32", "float32", 4}, {"BF16", "uint16", 2}}

// heads is how many queries are multiplied with a row at once.
const heads = 4

// load reads a vector at an operand, as float32, or what K1 says of it.
func (e element) load(f *asm.File, at string, into int, masked bool) {
	switch {
	case e.size == 4 && masked:
		f.Do("VMOVUPS.Z %s, K1, V%d", at, into)
	case e.size == 4:
		f.Do("VMOVUPS %s, V%d", at, into)
	case masked:
		f.Do(`VMOVDQU16.Z %s, K1, H%[2]d
			VPMOVZXWD H%[2]d, V%[2]d
			VPSLLD $16, V%[2]d, V%[2]d`, at, into)
	default:
		f.Do(`VPMOVZXWD %s, V%[2]d
			VPSLLD $16, V%[2]d, V%[2]d`, at, into)
	}
}

// shift is how far an index is shifted to be one in bytes.
func (e element) shift() int { return e.size / 2 }

// touchPages asks for one line of each page of rows, stride bytes apart and n of them,
// that lie far bytes after base. It uses R13 and R15.
func touchPages(f *asm.File, s asm.Signature, base, stride, n string) {
	f.Do(`MOVQ %s, R15
		ADDQ %s, R15
		MOVQ %s, R13
		IMULQ %s, R13`, s.Arg("far").Operand(""), base, n, stride)
	f.Label("touch")
	f.Do(`PREFETCHT0 (R15)
		ADDQ $4096, R15
		SUBQ $4096, R13
		JGT touch`)
}

// keyScores multiplies four rows of keys with all heads, or with half of them at a
// time where the registers are short, so that each vector of the keys is used several
// times. A sum is a register until all its products are in; then the sums of all are
// added up together, the lanes of a register becoming those of its four keys.
//
//	SI, R8, R9, R10     four keys  R14 how many are left
//	DX, R11, R12, R13   the heads' queries  DI where the scores go
//	CX, AX, BX          see asm.Loop; else scratch  R15 scratch
//	V0 to V3 keys  V4 and on queries  from sum(0, 0) on sums, by head and key
func keyScores(f *asm.File, e element) {
	keys := []string{"SI", "R8", "R9", "R10"}
	s := asm.Layout([]string{"s []float32", "q []float32", "k []" + e.goType, "dim int", "stride int", "n int", "ld int", "ahead int", "far int"}, nil)
	begin(f, "keyScores"+e.name, fmt.Sprintf("See keyScoresGeneric. n is a multiple of %d.", len(keys)), s, [2]string{"s", "DI"}, [2]string{"q", "DX"},
		[2]string{"k", "SI"}, [2]string{"dim", "CX"}, [2]string{"stride", "AX"}, [2]string{"n", "R14"})
	f.Do("SHLQ $%d, AX", e.shift())
	touchPages(f, s, "SI", "AX", "R14")
	f.Do(`LEAQ (SI)(AX*1), R8
		LEAQ (SI)(AX*2), R9
		LEAQ (R8)(AX*2), R10
		LEAQ (DX)(CX*4), R11
		LEAQ (R11)(CX*4), R12
		LEAQ (R12)(CX*4), R13`)
	queries := []string{"DX", "R11", "R12", "R13"}
	atOnce := f.Lanes() / len(keys)
	sum := func(head, key int) int { return 4 + atOnce + len(keys)*head + key }
	f.Label("keys")
	f.Do(`SUBQ $%d, R14
		JLT done`, len(keys))
	for _, key := range keys { // line by line, in the order in which they lie
		f.Do(`MOVQ %s, R15
			LEAQ (CX*%d), BX`, s.Arg("ahead").Operand(""), e.size)
		f.Label("fetch" + key)
		f.Do(`PREFETCHT0 (%s)(R15*1)
			ADDQ $64, R15
			SUBQ $64, BX
			JGT fetch%[1]s`, key)
	}
	for first := 0; first < heads; first += atOnce {
		zero(f, sum(0, 0), len(keys)*atOnce)
		f.Loop(asm.Loop{Name: fmt.Sprintf("dim%d", first), Unroll: 2}, func(b asm.Block) {
			for i, key := range keys {
				e.load(f, b.At(key, e.size), i, b.Tail && f.Wide())
			}
			for h := range atOnce {
				b.Load(queries[first+h], 4+h)
				for i := range keys {
					f.Do("VFMADD231PS V%d, V%d, V%d", i, 4+h, sum(h, i))
				}
			}
		})
		f.Do("MOVQ %s, AX", s.Arg("ld").Operand(""))
		if first == 0 {
			f.Do("MOVQ DI, BX")
		} else {
			f.Do("LEAQ (DI)(AX*%d), BX", 4*first)
		}
		addLanes(f, sum(0, 0), atOnce)
		for h := range atOnce {
			switch {
			case h == 0:
				f.Do("VMOVUPS X%d, (BX)", sum(0, 0))
			case f.Wide():
				f.Do("VEXTRACTF32X4 $%d, Z%d, (BX)", h, sum(0, 0))
			default:
				f.Do("VEXTRACTF128 $%d, Y%d, (BX)", h, sum(0, 0))
			}
			if h+1 < atOnce {
				f.Do("LEAQ (BX)(AX*4), BX")
			}
		}
	}
	f.Do(`ADDQ $%d, DI
		MOVQ %s, AX
		SHLQ $%d, AX`, 4*len(keys), s.Arg("stride").Operand(""), e.shift()+2)
	for _, key := range keys {
		f.Do("ADDQ AX, %s", key)
	}
	f.Do("JMP keys")
	f.Label("done")
	f.Return()
}

// addLanes adds up the lanes of 4n registers from first on, n being the quarters of a
// register: lane i of quarter h of the first becomes the sum of register 4h+i. It uses
// V0 and V1.
func addLanes(f *asm.File, first, n int) {
	join := func(low, high string, to, a, b int) {
		f.Do("%s V%d, V%d, V0", low, b, a)
		f.Do("%s V%d, V%d, V1", high, b, a)
		f.Do("VADDPS V1, V0, V%d", to)
	}
	for h := range n {
		at := first + 4*h
		join("VUNPCKLPS", "VUNPCKHPS", at, at, at+1)
		join("VUNPCKLPS", "VUNPCKHPS", at+2, at+2, at+3)
		join("VUNPCKLPD", "VUNPCKHPD", at, at, at+2)
	}
	if !f.Wide() {
		join("VPERM2F128 $0x20,", "VPERM2F128 $0x31,", first, first, first+4)
		return
	}
	// Quarters 0 and 1 of both to 2 and 3; then the even quarters to the odd ones.
	join("VSHUFF32X4 $0x44,", "VSHUFF32X4 $0xee,", first, first, first+4)
	join("VSHUFF32X4 $0x44,", "VSHUFF32X4 $0xee,", first+8, first+8, first+12)
	join("VSHUFF32X4 $0x88,", "VSHUFF32X4 $0xdd,", first, first, first+8)
}

// addValues goes over the rows of values once for a block of their columns, of several
// registers or, for what is left, of one.
//
//	DI  the first head's sums  R8  bytes from one head's to the next's, a multiple of 64
//	SI  the block's first value  R9  bytes from a row of values to the next
//	R13  the row's  DX, R10, R11, R12  the heads' weights  AX the row  BX rows
//	CX  columns left  R14 scratch, then ahead  R15 scratch
//	V0 and on values  V4 a weight  from V5 on sums, by head and column
func addValues(f *asm.File, e element) {
	s := asm.Layout([]string{"o []float32", "p []float32", "v []" + e.goType, "dim int", "stride int", "n int", "ld int", "ahead int", "far int"}, nil)
	begin(f, "addValues"+e.name, "See addValuesGeneric.", s, [2]string{"o", "DI"}, [2]string{"p", "DX"}, [2]string{"v", "SI"},
		[2]string{"dim", "CX"}, [2]string{"stride", "R9"}, [2]string{"n", "BX"}, [2]string{"ld", "AX"})
	f.Do(`TESTQ BX, BX
		JEQ done
		LEAQ (DX)(AX*4), R10
		LEAQ (R10)(AX*4), R11
		LEAQ (R11)(AX*4), R12
		SHLQ $%d, R9
		LEAQ 60(CX*4), R8
		ANDQ $-64, R8`, e.shift())
	touchPages(f, s, "SI", "R9", "BX")
	wide := f.Lanes() / 4 // registers of a block
	addBlock(f, e, s, "block", wide)
	addBlock(f, e, s, "last", 1)
	f.Label("done")
	f.Return()
}

// addBlock emits the loop over blocks of so many registers. With one register, it is
// over all there is left, of which K1 says what to read: the sums have room for more.
func addBlock(f *asm.File, e element, s asm.Signature, name string, wide int) {
	masked := wide == 1 && f.Wide()
	sums := func(instruction string) { // with the operands of memory and register
		f.Do("MOVQ DI, R14")
		for h := range heads {
			for r := range wide {
				f.Do(instruction, r*f.Width, 5+h*wide+r)
			}
			if h+1 < heads {
				f.Do("ADDQ R8, R14")
			}
		}
	}
	f.Label(name)
	if wide > 1 {
		f.Do(`CMPQ CX, $%d
			JLT last`, wide*f.Lanes())
	} else {
		f.Do(`TESTQ CX, CX
			JLE done`)
	}
	if masked {
		f.Do(`MOVQ $1, R14
			SHLQ CX, R14
			DECQ R14
			KMOVW R14, K1`)
	}
	sums("VMOVUPS %d(R14), V%d")
	f.Do(`MOVQ SI, R13
		XORL AX, AX
		MOVQ %s, R14`, s.Arg("ahead").Operand(""))
	loop(f, name+"Row")
	for at := 0; at < wide*f.Lanes()*e.size; at += 64 {
		f.Do("PREFETCHT0 %d(R13)(R14*1)", at)
	}
	for r := range wide {
		e.load(f, fmt.Sprintf("%d(R13)", r*f.Lanes()*e.size), r, masked)
	}
	for h, weights := range []string{"DX", "R10", "R11", "R12"} {
		f.Do("VBROADCASTSS (%s)(AX*4), V4", weights)
		for r := range wide {
			f.Do("VFMADD231PS V%d, V4, V%d", r, 5+h*wide+r)
		}
	}
	f.Do(`ADDQ R9, R13
		INCQ AX
		CMPQ AX, BX
		JLT %sRow`, name)
	sums("VMOVUPS V%[2]d, %[1]d(R14)")
	f.Do(`ADDQ $%d, DI
		ADDQ $%d, SI
		SUBQ $%d, CX
		JMP %s`, wide*f.Width, wide*f.Lanes()*e.size, wide*f.Lanes(), name)
}
