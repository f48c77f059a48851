package main

import "fmt"

// Constants of the products in AVX-512.
const (
	headWords  = 9 + iota // which words are the scales of a group's blocks, and what else is
	quantWords            // which words are the quants
	bits                  // the lower 4 bits of each byte; the upper one for Q8_0
	offsets               // a byte each
	ones                  // 16-bit ones
)

const (
	groups    = 4  // done at once
	laneBlock = 16 // Z16 and up: which of a few groups' blocks the lanes of each group are of
	groupSum  = 20 // Z20 and up: the sums of each group
)

// emitWide writes the product for AVX-512, in groups of a vector of quants. Four
// groups, if a row has as many, share the work on their scales.
//
//	Z2   quants                     K1, K2  words that the last blocks have
//	Z3   the group's last bytes     K3      lanes of a group's blocks
//	Z4   heads of the group         K5-K7   where groups but the first have their heads
//	Z8   heads of all groups        K4      fifth bits
func (r blockRows) emitWide(f *function, tier string) {
	values, sums := halvesOf, startsOf
	if r.eight() {
		values = valuesOf
	}
	if r.least() {
		sums = sumsOf
	}
	f.beginBlocks(r.name+tier, values, sums)
	r.constants(f)
	f.eachRow(2, func() {
		f.rowOfBlocks()
		f.Label("many")
		f.Do(`CMPQ CX, $%d
			JLT few`, groups*r.wide())
		r.products(f, groups, false)
		f.advance(groups*r.wide(), r.size)
		f.Do("JMP many")
		f.Label("few")
		f.Do(`CMPQ CX, $%d
			JLT tail`, r.wide())
		r.products(f, 1, false)
		f.advance(r.wide(), r.size)
		f.Do("JMP few")
		f.Label("tail")
		// What would be beyond the last blocks is zero, as are values and scales there.
		f.Do(`TESTQ CX, CX
			JEQ fold`)
		r.products(f, 1, true)
		f.Do(`IMUL3Q $%d, CX, CX
			ADDQ CX, SI`, r.size)
		f.Label("fold")
	})
}

// wide returns how many blocks are a group.
func (r blockRows) wide() int {
	if r.eight() {
		return 2
	}
	return 4
}

// rest returns how many of a group's last bytes are read beside the first 64: the size
// of a register. A whole vector would not cost more instructions, but twice the time
// for rows from memory.
func (r blockRows) rest() int {
	size := 4
	for size < r.wide()*r.size-64 {
		size *= 2
	}
	return size
}

// word returns the index of a group's 16-bit word in its first 64 bytes or its last,
// which follow them.
func (r blockRows) word(block, offset int) int {
	at := (block*r.size + offset) / 2
	if at >= 32 {
		at += 32 - (r.wide()*r.size-r.rest())/2
	}
	return at
}

// constants fills Z9 and up, and masks.
func (r blockRows) constants(f *function) {
	wide := r.wide()
	f.words(headWords, r.name+"Head", func(i int) int {
		switch block := i % wide; {
		case r.five() && i < 8: // bits of the blocks' first halves, then of the second
			return r.word(block, 2+i/4*2)
		case r.least() && i >= 16:
			return r.word(block, 2)
		default:
			return r.word(block, 0)
		}
	})
	lane := 16 / wide // of a block
	f.words(quantWords, r.name+"Quants", func(i int) int { return r.word(i/(2*lane), r.quants+i%(2*lane)*2) })
	for j := range groups {
		f.vector(laneBlock+j, fmt.Sprintf("blocks%d_%d", wide, j), func(i int) uint32 { return uint32(j*wide + i/lane) })
	}
	switch {
	case !r.eight():
		f.bytes(bits, 0x0f)
	case f.vnni:
		f.bytes(bits, 0x80)
	default:
		f.Do("VPXOR X%[1]d, X%[1]d, X%[1]d", bits)
	}
	if r.five() {
		f.bytes(offsets, r.offset)
	}
	if !f.vnni {
		f.vector(ones, "ones16", func(int) uint32 { return 0x00010001 })
	}

	f.Do(`MOVQ R11, CX
		ANDQ $%d, CX
		IMUL3Q $%d, CX, CX
		MOVL $1, BX
		SHLQ CX, BX
		SUBQ $1, BX
		KMOVD BX, K1
		SHRQ $%d, BX
		KMOVD BX, K2`, wide-1, r.size/2, (wide*r.size-r.rest())/2)
	for j := range groups {
		if j == 0 && !r.least() {
			continue
		}
		f.Do(`MOVL $%#x, BX
			KMOVD BX, K%d`, (0x10001<<wide-0x10001)<<(j*wide), []int{3, 5, 6, 7}[j])
	}
}

// products adds the products of n groups to V0 and V1. Tail is whether there is but a
// part of one.
func (r blockRows) products(f *function, n int, tail bool) {
	for j := range n {
		at := j * r.wide() * r.size
		last := at + r.wide()*r.size - r.rest()
		if tail {
			f.Do(`VMOVDQU16.Z %d(SI), K1, Z2
				VMOVDQU16.Z %d(SI), K2, Z3`, at, last)
		} else {
			f.prefetch(at)
			f.Do("VMOVDQU32 %d(SI), Z2", at)
			f.Do(map[int]string{4: "VMOVD %d(SI), X3", 8: "VMOVQ %d(SI), X3", 16: "VMOVDQU %d(SI), X3", 32: "VMOVDQU %d(SI), Y3"}[r.rest()], last)
		}
		r.head(f, j)
		f.Do("VPERMT2W Z3, Z%d, Z2", quantWords)
		if r.eight() {
			r.dot8(f, j)
		} else {
			r.dot(f, j)
		}
	}

	if r.five() {
		f.Do("VEXTRACTI64X4 $1, Z8, Y8")
	}
	if r.least() {
		mask := ""
		if n == 1 {
			mask = "K3, "
		}
		f.Do(`VEXTRACTI64X4 $1, Z8, Y4
			VCVTPH2PS Y4, Z4
			VMULPS (R9)(BX*1), Z4, Z4
			VCVTDQ2PS%s (R10)(BX*1), %sZ5 // negated
			VFNMADD231PS Z5, Z4, Z1`, map[bool]string{true: ".Z"}[n == 1], mask)
	}
	f.Do(`VCVTPH2PS Y8, Z8
		VMULPS (R9)(BX*1), Z8, Z8`)
	for j := range n {
		f.Do(`VCVTDQ2PS Z%[1]d, Z%[1]d
			VPERMPS Z8, Z%[2]d, Z4
			VFMADD231PS Z%[1]d, Z4, Z%[3]d`, groupSum+j, laneBlock+j, j%2)
	}
}

// head puts the scales of group j to its place in Z8, and leaves fifth bits in X4.
func (r blockRows) head(f *function, j int) {
	if r.five() {
		f.Do(`VMOVDQA64 Z%d, Z4
			VPERMI2W Z3, Z2, Z4`, headWords)
	}
	switch {
	case r.five() && j == 0:
		f.Do("VMOVDQA64 Z4, Z8")
	case r.five():
		f.Do("VMOVDQU16 Z4, K%d, Z8", 4+j)
	case j == 0:
		f.Do("VPERMW Z2, Z%d, Z8", headWords)
	default:
		f.Do("VPERMW Z2, Z%d, K%d, Z8", headWords, 4+j)
	}
}

// dot8 multiplies int8 of weights, in Z2, with those of group j.
func (r blockRows) dot8(f *function, j int) {
	f.Do("VMOVDQU32 %d(AX), Z3", 64*j)
	sum := groupSum + j
	if f.vnni {
		// Offset 128.
		f.Do(`VPXORD Z%[1]d, Z%[1]d, Z%[1]d
			VPXORD Z6, Z6, Z6
			VPDPBUSD Z3, Z%[2]d, Z6
			VPXORD Z%[2]d, Z2, Z2
			VPDPBUSD Z3, Z2, Z%[1]d
			VPSUBD Z6, Z%[1]d, Z%[1]d`, sum, bits)
		return
	}
	// Magnitudes of weights times values with the weights' signs. Values are never
	// -128, so two products fit 16 bits.
	f.Do(`VPMOVB2M Z2, K4
		VPSUBB Z3, Z%d, K4, Z3
		VPABSB Z2, Z2
		VPMADDUBSW Z3, Z2, Z2
		VPMADDWD Z%d, Z2, Z%d`, bits, ones, sum)
}

// dot multiplies weights of 4 bits, or 4 and one, with the values of group j. Those of
// the blocks' first halves go to Z5, of the second to Z2.
func (r blockRows) dot(f *function, j int) {
	f.Do(`VPANDD Z%[1]d, Z2, Z5
		VPSRLW $4, Z2, Z2
		VPANDD Z%[1]d, Z2, Z2`, bits)
	if r.five() {
		f.Do(`VMOVQ X4, R12
			KMOVQ R12, K4
			VPADDB Z%[1]d, Z5, K4, Z5
			VPEXTRQ $1, X4, R12
			KMOVQ R12, K4
			VPADDB Z%[1]d, Z2, K4, Z2`, offsets)
	}
	sum, first, second := groupSum+j, fmt.Sprintf("%d(AX)", 128*j), fmt.Sprintf("%d(AX)", 128*j+64)
	shift := map[int]int{8: 3, 16: 4}[r.offset]
	if f.vnni {
		if r.offset > 0 {
			f.Do("VPSLLD $%d, %d(R10)(BX*4), Z%d", shift, 64*j, sum)
		} else {
			f.Do("VPXORD Z%[1]d, Z%[1]d, Z%[1]d", sum)
		}
		f.Do(`VPDPBUSD %[2]s, Z5, Z%[1]d
			VPDPBUSD %[3]s, Z2, Z%[1]d`, sum, first, second)
		return
	}
	// Four products of at most 31*127 fit 16 bits.
	f.Do(`VPMADDUBSW %s, Z5, Z5
		VPMADDUBSW %s, Z2, Z2
		VPADDW Z2, Z5, Z5
		VPMADDWD Z%d, Z5, Z%d`, first, second, ones, sum)
	if r.offset > 0 {
		f.Do(`VPSLLD $%d, %d(R10)(BX*4), Z4
			VPADDD Z4, Z%[3]d, Z%[3]d`, shift, 64*j, sum)
	}
}
