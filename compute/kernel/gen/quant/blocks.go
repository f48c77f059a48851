package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

var blockSignature = asm.Layout([]string{"y []float32", "w []byte", "x *Int8Vector", "blocks int"}, nil)

// Where an Int8Vector has its slices.
const (
	valuesOf = 24 * iota
	halvesOf
	scalesOf
	sumsOf
	startsOf
)

// blockRows is a matrix of rows of blocks of 32 elements.
//
// A group of blocks makes one vector of quants: one block in AVX2, and in AVX-512 two
// or four, which are brought together by a permutation of 16-bit words. Elements times
// those of the other vector are added up in the group's lanes of 32 bits, of which a
// block has some; so the product of a row is
//
//	sum over blocks of (d * scale) * (lane 0 + lane 1 + ...)
//
// lane by lane, and the lanes are added at the end. Multiplications of bytes want one
// factor unsigned. Where weights are made so by adding an offset to each, offset
// times the other factors is taken off again in the same lane, before anything is
// rounded: shared out among lanes it would not be exact where weights are small.
//
//	DI   where the next result goes     R8       rows to come, without this
//	SI   the next group of weights      CX       blocks to come
//	DX   all values                     AX       values of the next group
//	R9   all scales                     BX       scales and sums of the next group
//	R10  all sums, or starts            R13      the next page to touch
//	R11  blocks of a row
//	V0, V1  sums, of groups in turn     V2-V8    of groups
type blockRows struct {
	name   string
	size   int // of a block, in bytes
	quants int // where in a block its quants begin
	offset int // what makes quants of 4 or 5 bits unsigned
}

var blocks = []blockRows{
	{"matVecQ8_0", 34, 2, 0},
	{"matVecQ4_0", 18, 2, 8},
	{"matVecQ4_1", 20, 4, 0},
	{"matVecQ5_0", 22, 6, 16},
}

func (r blockRows) eight() bool { return r.size == 34 } // bits a quant
func (r blockRows) five() bool  { return r.size == 22 }
func (r blockRows) least() bool { return r.size == 20 } // there is a least weight in each block

// emit writes the product for AVX2, a block at a time.
//
//	V10  16-bit ones   V11  4 bits of each byte   V12  offsets
//	V13  the bits of each byte in turn   V14  which byte of four has an element's bit
func (r blockRows) emit(f *function) {
	f.beginBlocks(r.name+"AVX2", valuesOf, sumsOf)
	f.vector(10, "ones16", func(int) uint32 { return 0x00010001 })
	if !r.eight() {
		f.bytes(11, 0x0f)
	}
	if r.offset > 0 {
		f.bytes(12, r.offset)
	}
	if r.five() {
		f.vector(13, "bits", func(i int) uint32 { return []uint32{0x08040201, 0x80402010}[i%2] })
		f.vector(14, "spread", func(i int) uint32 { return uint32(i/2) * 0x01010101 })
	}
	f.eachRow(2, func() {
		f.rowOfBlocks()
		f.Label("pair")
		f.Do(`CMPQ CX, $2
			JLT single`)
		r.block(f, 0)
		r.block(f, 1)
		f.advance(2, r.size)
		f.Do("JMP pair")
		f.Label("single")
		f.Do(`TESTQ CX, CX
			JEQ fold`)
		r.block(f, 0)
		f.advance(1, r.size)
		f.Label("fold")
	})
}

// block adds the products of a block to V0 or V1.
func (r blockRows) block(f *function, index int) {
	at := index * r.size
	f.prefetch(at)
	f.Do("VMOVDQU %d(AX), Y3", index*32)
	if r.eight() {
		// Magnitudes of weights times values with the weights' signs. Values are never
		// -128, so two products fit 16 bits.
		f.Do(`VMOVDQU %d(SI), Y2
			VPSIGNB Y2, Y3, Y3
			VPABSB Y2, Y2
			VPMADDUBSW Y3, Y2, Y5`, at+r.quants)
	} else {
		// The upper halves of a block's bytes are its second 16 elements.
		f.Do(`VMOVDQU %d(SI), X2
			VPSRLW $4, X2, X5
			VINSERTI128 $1, X5, Y2, Y2
			VPAND Y11, Y2, Y2`, at+r.quants)
		if r.five() {
			f.Do(`VPBROADCASTD %d(SI), Y5
				VPSHUFB Y14, Y5, Y5
				VPAND Y13, Y5, Y5
				VPCMPEQB Y13, Y5, Y5
				VPAND Y12, Y5, Y5
				VPOR Y5, Y2, Y2`, at+2)
		}
		f.Do("VPMADDUBSW Y3, Y2, Y5")
	}
	if r.offset > 0 {
		f.Do(`VPMADDUBSW Y3, Y12, Y6
			VPSUBW Y6, Y5, Y5`)
	}
	f.Do(`VPMADDWD Y10, Y5, Y5
		VCVTDQ2PS Y5, Y5
		VPBROADCASTW %d(SI), X4
		VCVTPH2PS X4, Y4
		VBROADCASTSS %d(R9)(BX*1), Y6
		VMULPS Y6, Y4, Y4
		VFMADD231PS Y5, Y4, Y%d`, at, index*4, index)
	if r.least() {
		// It is times the sum of the values, which comes negated.
		f.Do(`VPBROADCASTW %d(SI), X4
			VCVTPH2PS X4, X4
			VMULPS X6, X4, X4
			VMOVD %d(R10)(BX*1), X5
			VCVTDQ2PS X5, X5
			VFNMADD231PS Y5, Y4, Y%d`, at+2, index*4, index)
	}
}

// beginBlocks begins a function over rows of blocks.
func (f *function) beginBlocks(name string, values, sums int) {
	f.begin(name, "Sets y[i] to the product of row i of w, of so many blocks, with x.", map[string]string{"y": "DI", "w": "SI"})
	f.Do(`MOVQ %s, R11
		MOVQ %s, AX
		MOVQ %d(AX), DX
		MOVQ %d(AX), R9
		MOVQ %d(AX), R10`, f.Arg("blocks").Operand(""), f.Arg("x").Operand(""), values, scalesOf, sums)
}

// rowOfBlocks sets registers to the beginning of a row.
func (f *function) rowOfBlocks() {
	f.Do(`MOVQ R11, CX
		MOVQ DX, AX
		XORL BX, BX`)
}

// advance goes on by so many blocks of a size.
func (f *function) advance(blocks, size int) {
	f.Do(`ADDQ $%d, SI
		ADDQ $%d, AX
		ADDQ $%d, BX
		SUBQ $%d, CX`, blocks*size, blocks*32, blocks*4, blocks)
}

// vector fills register V(reg) with words.
func (f *function) vector(reg int, name string, word func(i int) uint32) {
	words := make([]uint32, f.Lanes())
	for i := range words {
		words[i] = word(i)
	}
	f.Do("VMOVUPS %s, V%d", f.Words(name, words...), reg)
}

// words is vector for words of 16 bits.
func (f *function) words(reg int, name string, word func(i int) int) {
	f.vector(reg, name, func(i int) uint32 { return uint32(word(2*i) | word(2*i+1)<<16) })
}

// bytes fills register V(reg) with the same byte everywhere.
func (f *function) bytes(reg, b int) {
	f.vector(reg, fmt.Sprintf("bytes%d", b), func(int) uint32 { return uint32(b) * 0x01010101 })
}
