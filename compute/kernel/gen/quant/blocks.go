package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

var blockSignature = asm.Layout([]string{"y []float32", "w []byte", "values []int8", "scales []float32", "sums []int32", "blocks int"}, nil)

// blockRows is a matrix of rows of blocks, 32 elements in size bytes, the first two
// the scale.
//
// A group of blocks makes one vector of elements: one of 256 bits, or a few of 512
// bits, which are brought together by a permutation of 16-bit words, the scales by
// another. Elements times those of the other vector are added up in the groups'
// lanes of 32 bits, of which a block has some; so the product of a row is
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
//	R9   all scales
//	R11  blocks of a row                BX       scales of the next group
//	V0, V1  sums, of groups in turn     V2-V6    of a group
//	V8-V15  constants
type blockRows struct {
	name    string
	size    int // of a block, in bytes
	wide    int // blocks of a group in AVX-512
	product func(f *function, b group)
}

// ahead is how many bytes before their use weights are fetched. Processors do so
// themselves, but not across pages of 4096 bytes, which blocks show more than numbers:
// there is more to do for each byte. Nothing happens at addresses that are not there.
const ahead = 8192

// group is where a group's parts are.
type group struct {
	index   int    // in the order of the groups done at once
	weights string // operands
	values  func(vector int) string
	scales  string
}

var blocks = []blockRows{
	{"matVecQ8", 34, 2, (*function).productQ8},
	{"matVecQ4", 18, 4, (*function).productQ4},
}

// Constants in registers.
const (
	scaleWords = 8 + iota // which words are the scales, a lane each
	quantWords            // which words are the quants
	lanes                 // which block each lane is of
	ones                  // 16-bit ones
	mask                  // 4 bits of each byte, or the upper one
	eights                // a byte each
)

func (r blockRows) emit(f *function, tier string) {
	count := 1
	if f.Wide() {
		count = r.wide
	}
	f.begin(r.name+tier, "Sets y[i] to the product of row i of w with values, in blocks of 32 with scales.",
		map[string]string{"y": "DI", "w": "SI", "values": "DX", "scales": "R9"})
	f.Do("MOVQ %s, R11", f.Arg("blocks").Operand(""))
	r.constants(f, count)

	f.Label("row")
	f.Do(`SUBQ $1, R8
		JLT end
		VXORPS V0, V0, V0
		VXORPS V1, V1, V1
		MOVQ R11, CX
		MOVQ DX, AX
		XORL BX, BX`)
	f.Label("pair")
	f.Do(`CMPQ CX, $%d
		JLT single`, 2*count)
	r.group(f, count, 0)
	r.group(f, count, 1)
	r.advance(f, 2*count)
	f.Do("JMP pair")
	f.Label("single")
	f.Do(`CMPQ CX, $%d
		JLT tail`, count)
	r.group(f, count, 0)
	r.advance(f, count)
	f.Label("tail")
	if f.Wide() {
		r.tail(f)
	}
	f.Do("VADDPS V1, V0, V0")
	f.Fold("VADDPS", 0, 1)
	f.Do(`VMOVSS X0, (DI)
		ADDQ $4, DI
		JMP row`)
	f.Label("end")
	f.Return()
}

func (r blockRows) at(count, index int) group {
	return group{
		index:   index,
		weights: fmt.Sprintf("%d(SI)", index*count*r.size),
		values:  func(vector int) string { return fmt.Sprintf("%d(AX)", index*count*32+vector*64) },
		scales:  fmt.Sprintf("%d(R9)(BX*4)", index*count*4),
	}
}

func (r blockRows) advance(f *function, blocks int) {
	f.Do(`ADDQ $%d, SI
		ADDQ $%d, AX
		ADDQ $%d, BX
		SUBQ $%d, CX`, blocks*r.size, blocks*32, blocks, blocks)
}

// group adds the products of a whole group to V0 or V1.
func (r blockRows) group(f *function, count, index int) {
	g := r.at(count, index)
	f.Do("PREFETCHT0 %d(SI)", ahead+index*count*r.size)
	if f.Wide() {
		// A group is a vector and a few bytes.
		f.Do("VMOVDQU32 %s, Z2", g.weights)
		rest := fmt.Sprintf("%d(SI)", index*count*r.size+64)
		if count*r.size-64 == 4 {
			f.Do("VMOVD %s, X3", rest)
		} else {
			f.Do("VMOVQ %s, X3", rest)
		}
		f.arrange()
	}
	r.product(f, g)
}

// tail adds the products of the last blocks, if they make no whole group. Then they
// have less bytes than a vector; what would be beyond them is zero, as are values and
// scales there.
func (r blockRows) tail(f *function) {
	f.Do(`TESTQ CX, CX
		JEQ fold
		IMUL3Q $%[1]d, CX, R13
		XCHGQ CX, R13
		MOVL $1, R12
		SHLQ CX, R12
		SUBQ $1, R12
		KMOVD R12, K1
		VMOVDQU16.Z (SI), K1, Z2
		VPXOR X3, X3, X3
		LEAQ (SI)(CX*2), SI`, r.size/2)
	f.arrange()
	r.product(f, r.at(r.wide, 0))
	f.Label("fold")
}

// arrange makes quants of the words in Z2 and X3, in Z2, and scales in Z4.
func (f *function) arrange() {
	f.Do(`VPERMW Z2, Z%d, Z4
		VCVTPH2PS Y4, Z4
		VPERMT2W Z3, Z%d, Z2`, scaleWords, quantWords)
}

// constants fills V8 and up.
func (r blockRows) constants(f *function, count int) {
	load := func(reg int, name string, word func(i int) uint32) {
		words := make([]uint32, f.Lanes())
		for i := range words {
			words[i] = word(i)
		}
		f.Do("VMOVUPS %s, V%d", f.Words(name, words...), reg)
	}
	if f.Wide() {
		lane := f.Lanes() / count // of a block
		scale := func(i int) uint32 { return uint32(i / lane * r.size / 2) }
		load(scaleWords, r.name+"Scales", func(i int) uint32 {
			if i >= f.Lanes()/2 {
				return 0
			}
			return scale(2*i) | scale(2*i+1)<<16
		})
		quant := func(i int) uint32 { return uint32(i/(2*lane)*r.size/2 + 1 + i%(2*lane)) }
		load(quantWords, r.name+"Quants", func(i int) uint32 { return quant(2*i) | quant(2*i+1)<<16 })
		load(lanes, r.name+"Lanes", func(i int) uint32 { return uint32(i / lane) })
	}
	if !f.vnni {
		load(ones, "ones", func(int) uint32 { return 0x00010001 })
	}
	switch {
	case r.size == 18:
		load(mask, "lower", func(int) uint32 { return 0x0f0f0f0f })
		load(eights, "eights", func(int) uint32 { return 0x08080808 })
	case f.vnni:
		load(mask, "upper", func(int) uint32 { return 0x80808080 })
	default:
		f.Do("VPXOR X%[1]d, X%[1]d, X%[1]d", mask)
	}
}

// productQ8 multiplies int8 of weights with int8 of values.
func (f *function) productQ8(g group) {
	switch {
	case f.vnni:
		// Offset 128.
		f.Do(`VMOVDQU32 %[1]s, Z3
			VPXORD Z5, Z5, Z5
			VPXORD Z6, Z6, Z6
			VPDPBUSD Z3, Z%[2]d, Z6
			VPXORD Z%[2]d, Z2, Z2
			VPDPBUSD Z3, Z2, Z5
			VPSUBD Z6, Z5, Z5`, g.values(0), mask)
	case f.Wide():
		// Magnitudes of weights times values with the weights' signs. Values are never
		// -128, so two products fit 16 bits.
		f.Do(`VMOVDQU32 %s, Z5
			VPMOVB2M Z2, K2
			VPSUBB Z5, Z%d, K2, Z5
			VPABSB Z2, Z2
			VPMADDUBSW Z5, Z2, Z5
			VPMADDWD Z%d, Z5, Z5`, g.values(0), mask, ones)
	default:
		f.Do(`VMOVDQU 2+%s, Y2
			VMOVDQU %s, Y5
			VPSIGNB Y2, Y5, Y5
			VPABSB Y2, Y2
			VPMADDUBSW Y5, Y2, Y5
			VPMADDWD Y%d, Y5, Y5`, g.weights, g.values(0), ones)
	}
	f.scale(g)
}

// productQ4 multiplies weights of 4 bits, with offset 8, with int8 of values.
func (f *function) productQ4(g group) {
	if !f.Wide() {
		// The upper halves of a block's bytes are its second 16 elements.
		f.Do(`VMOVDQU 2+%s, X2
			VPSRLW $4, X2, X3
			VINSERTI128 $1, X3, Y2, Y2
			VPAND Y%[3]d, Y2, Y2
			VMOVDQU %[2]s, Y3
			VPMADDUBSW Y3, Y2, Y5
			VPMADDUBSW Y3, Y%[5]d, Y6
			VPSUBW Y6, Y5, Y5
			VPMADDWD Y%[4]d, Y5, Y5`, g.weights, g.values(0), mask, ones, eights)
		f.scale(g)
		return
	}
	// Quarters of Z2 are blocks; so the first halves of the blocks of values go to Z3,
	// the second to Z6.
	f.Do(`VMOVDQU32 %s, Z5
		VMOVDQU32 %s, Z6
		VSHUFI64X2 $0x88, Z6, Z5, Z3
		VSHUFI64X2 $0xdd, Z6, Z5, Z6
		VPANDD Z%[3]d, Z2, Z7
		VPSRLW $4, Z2, Z2
		VPANDD Z%[3]d, Z2, Z2`, g.values(0), g.values(1), mask)
	if f.vnni {
		f.Do(`VPXORD Z5, Z5, Z5
			VPXORD Z16, Z16, Z16
			VPDPBUSD Z3, Z7, Z5
			VPDPBUSD Z3, Z%[1]d, Z16
			VPDPBUSD Z6, Z2, Z5
			VPDPBUSD Z6, Z%[1]d, Z16
			VPSUBD Z16, Z5, Z5`, eights)
	} else {
		f.Do(`VPMADDUBSW Z3, Z7, Z7
			VPMADDUBSW Z6, Z2, Z2
			VPMADDUBSW Z3, Z%[1]d, Z3
			VPMADDUBSW Z6, Z%[1]d, Z6
			VPADDW Z2, Z7, Z7
			VPADDW Z6, Z3, Z3
			VPSUBW Z3, Z7, Z7
			VPMADDWD Z%[2]d, Z7, Z5`, eights, ones)
	}
	f.scale(g)
}

// scale multiplies the sums in V5 with both scales and adds them to V0 or V1.
func (f *function) scale(g group) {
	if f.Wide() {
		f.Do("VPERMPS %s, Z%d, Z6", g.scales, lanes)
	} else {
		f.Do(`VPBROADCASTW %s, X4
			VCVTPH2PS X4, Y4
			VBROADCASTSS %s, Y6`, g.weights, g.scales)
	}
	f.Do(`VCVTDQ2PS V5, V5
		VMULPS V6, V4, V4
		VFMADD231PS V5, V4, V%d`, g.index)
}
