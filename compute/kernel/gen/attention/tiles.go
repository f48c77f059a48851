package main

import (
	"fmt"
	"math"
	"slices"

	"smelt/compute/kernel/internal/asm"
)

const columns = 32 // of a tile

// registers returns how many vectors a row of a tile is.
func registers(f *asm.File) int { return columns / f.Lanes() }

// series is what 2^r is, for r from -1/2 to 1/2, of r^6 to r^0: see exp2 in
// attention_generic.go.
var series = []float64{
	0.0001532647293061018, 0.0013390806270763278, 0.009618505835533142, 0.05550359934568405,
	0.24022647738456726, 0.6931471824645996, 1,
}

// powers emits powers of 2. Its constants are in registers from V13 on, if there are
// enough of them, else in memory.
type powers struct {
	*asm.File
	bias   string
	series []string
}

func newPowers(f *asm.File) powers {
	p := powers{File: f}
	const lowest, first = 13, 14
	reg := first
	constant := func(name string, bits uint32) string {
		if !f.Wide() {
			return f.Words(name, slices.Repeat([]uint32{bits}, f.Lanes())...)
		}
		f.Do("VBROADCASTSS %s, V%d", f.Words(name, bits), reg)
		reg++
		return fmt.Sprintf("Z%d", reg-1)
	}
	// With AVX-512, 2^-200 is rounded to 0. AVX2 makes the power of its exponent's bits,
	// of which those of 2^-127 are 0.
	least := float32(-200)
	if !f.Wide() {
		least = -127
		p.bias = constant("exponentBias", 127<<23)
	}
	f.Do("VBROADCASTSS %s, V%d", f.Words("lowestPower", math.Float32bits(least)), lowest)
	for i, c := range series {
		p.series = append(p.series, constant(fmt.Sprintf("series%d", len(series)-1-i), math.Float32bits(float32(c))))
	}
	return p
}

// of replaces V0 by 2 to its power. It uses V1 and V2. An operand that is NaN must be
// VMAXPS's first to get through.
func (p powers) of() {
	round := "VROUNDPS"
	if p.Wide() {
		round = "VRNDSCALEPS"
	}
	p.Do(`VMAXPS V0, V13, V0
		%s $8, V0, V1
		VSUBPS V1, V0, V0
		VMOVUPS %s, V2`, round, p.series[0])
	for _, c := range p.series[1:] {
		p.Do("VFMADD213PS %s, V0, V2", c)
	}
	if p.Wide() {
		p.Do("VSCALEFPS V1, V2, V0")
		return
	}
	p.Do(`VCVTPS2DQ V1, V1
		VPSLLD $23, V1, V1
		VPADDD %s, V1, V1
		VMULPS V1, V2, V0`, p.bias)
}

// softmaxTile goes over the columns, two registers of them at a time: their largest
// score, then the exponentials.
//
//	DI  the scores of those columns  CX  rows
//	R8, R9, R10  largest, sum, factor of those columns
//	SI, AX  the row, and how many are left
//	V4 to V11  largest scores, in turn; then V4 and V5 largest*c, V6 and V7 sums
//	V12  c
func softmaxTile(f *asm.File) {
	const wide = 2
	s := asm.Layout([]string{"s []float32", "largest *float32", "sum *float32", "factor *float32", "c float32"}, nil)
	begin(f, "softmaxTile", "See softmaxTileGeneric.", s,
		[2]string{"s", "DI"}, [2]string{"s_len", "CX"}, [2]string{"largest", "R8"}, [2]string{"sum", "R9"}, [2]string{"factor", "R10"})
	f.Do(`SHRQ $5, CX
		VBROADCASTSS %s, V12`, s.Arg("c").Operand(""))
	p := newPowers(f)
	passes := registers(f) / wide
	if passes > 1 {
		f.Do("MOVQ $%d, BX", passes)
		f.Label("columns")
	}
	at := func(row, r int, base string) string {
		return fmt.Sprintf("%d(%s)", row*columns*4+r*f.Width, base)
	}
	const unroll = 4
	for i := range unroll {
		for r := range wide {
			f.Do("VMOVUPS %s, V%d", at(0, r, "R8"), 4+wide*i+r)
		}
	}
	f.Do(`MOVQ DI, SI
		MOVQ CX, AX
		SUBQ $%d, AX
		JLT maxRest`, unroll)
	loop(f, "max")
	for i := range unroll {
		for r := range wide {
			f.Do("VMAXPS %s, V%[2]d, V%[2]d", at(i, r, "SI"), 4+wide*i+r)
		}
	}
	f.Do(`ADDQ $%d, SI
		SUBQ $%d, AX
		JGE max`, unroll*columns*4, unroll)
	f.Label("maxRest")
	f.Do(`ADDQ $%d, AX
		JEQ maxDone`, unroll)
	f.Label("maxRow")
	for r := range wide {
		f.Do("VMAXPS %s, V%[2]d, V%[2]d", at(0, r, "SI"), 4+r)
	}
	f.Do(`ADDQ $%d, SI
		DECQ AX
		JNE maxRow`, columns*4)
	f.Label("maxDone")
	for i := unroll / 2; i > 0; i /= 2 {
		for j := range wide * i {
			f.Do("VMAXPS V%d, V%[2]d, V%[2]d", 4+wide*i+j, 4+j)
		}
	}
	for r := range wide {
		f.Do(`VMOVUPS %s, V0
			VMOVUPS V%d, %s
			VMULPS V12, V%[2]d, V%[2]d
			VFMSUB213PS V%[2]d, V12, V0`, at(0, r, "R8"), 4+r, at(0, r, "R8"))
		p.of()
		f.Do("VMOVUPS V0, %s", at(0, r, "R10"))
	}
	zero(f, 6, wide)
	f.Do(`MOVQ DI, SI
		MOVQ CX, AX
		TESTQ AX, AX
		JEQ expDone`)
	loop(f, "exp")
	for r := range wide {
		f.Do(`VMOVUPS %s, V0
			VFMSUB213PS V%d, V12, V0`, at(0, r, "SI"), 4+r)
		p.of()
		f.Do(`VMOVUPS V0, %s
			VADDPS V0, V%[2]d, V%[2]d`, at(0, r, "SI"), 6+r)
	}
	f.Do(`ADDQ $%d, SI
		DECQ AX
		JNE exp`, columns*4)
	f.Label("expDone")
	for r := range wide {
		f.Do(`VMOVUPS %s, V0
			VFMADD231PS %s, V0, V%d
			VMOVUPS V%[3]d, %[2]s`, at(0, r, "R10"), at(0, r, "R9"), 6+r)
	}
	if passes > 1 {
		f.Do("ADDQ $%d, DI", wide*f.Width)
		for _, reg := range []string{"R8", "R9", "R10"} {
			f.Do("ADDQ $%d, %s", wide*f.Width, reg)
		}
		f.Do(`DECQ BX
			JNE columns`)
	}
	f.Return()
}

// gradientTile goes over the rows.
//
//	SI, DI  the scores and the derivatives of the row  CX  rows left
//	R8, R9  lse, delta of the row, which V4 and V5 have in all lanes
//	V12  c
func gradientTile(f *asm.File) {
	s := asm.Layout([]string{"s []float32", "dp []float32", "lse []float32", "delta []float32", "c float32"}, nil)
	begin(f, "gradientTile", "See gradientTileGeneric.", s,
		[2]string{"s", "SI"}, [2]string{"dp", "DI"}, [2]string{"lse", "R8"}, [2]string{"lse_len", "CX"}, [2]string{"delta", "R9"})
	f.Do("VBROADCASTSS %s, V12", s.Arg("c").Operand(""))
	p := newPowers(f)
	f.Do(`TESTQ CX, CX
		JEQ done`)
	loop(f, "row")
	f.Do(`VBROADCASTSS (R8), V4
		VBROADCASTSS (R9), V5`)
	for r := range registers(f) {
		f.Do(`VMOVUPS %d(SI), V0
			VFMSUB213PS V4, V12, V0`, r*f.Width)
		p.of()
		f.Do(`VMOVUPS V0, %[1]d(SI)
			VMOVUPS %[1]d(DI), V1
			VSUBPS V5, V1, V1
			VMULPS V0, V1, V1
			VMOVUPS V1, %[1]d(DI)`, r*f.Width)
	}
	f.Do(`ADDQ $4, R8
		ADDQ $4, R9
		ADDQ $%[1]d, SI
		ADDQ $%[1]d, DI
		DECQ CX
		JNE row`, columns*4)
	f.Label("done")
	f.Return()
}

// scaleTile goes over the rows. Zero times an element that is not finite is NaN, and
// stays in the sum.
//
//	DI  the row  CX  rows left
//	V4 and on  factors  V8 to V11  sums  V12  zeros
func scaleTile(f *asm.File) {
	s := asm.Layout([]string{"x []float32", "factor *float32"}, []string{"check float32"})
	begin(f, "scaleTile", "See scaleTileGeneric.", s, [2]string{"x", "DI"}, [2]string{"x_len", "CX"}, [2]string{"factor", "R8"})
	n := registers(f)
	for r := range n {
		f.Do("VMOVUPS %d(R8), V%d", r*f.Width, 4+r)
	}
	zero(f, 8, 5)
	f.Do(`SHRQ $5, CX
		JEQ done`)
	loop(f, "row")
	for r := range n {
		f.Do(`VMULPS %[1]d(DI), V%[2]d, V%[3]d
			VMOVUPS V%[3]d, %[1]d(DI)
			VFMADD231PS V%[3]d, V12, V%[4]d`, r*f.Width, 4+r, r, 8+r)
	}
	f.Do(`ADDQ $%d, DI
		DECQ CX
		JNE row`, columns*4)
	f.Label("done")
	f.Do(`VADDPS V9, V8, V8
		VADDPS V11, V10, V10
		VADDPS V10, V8, V8`)
	f.Fold("VADDPS", 8, 9)
	f.Do("VMOVSS X8, %s", s.Results[0].Operand(""))
	f.Return()
}
