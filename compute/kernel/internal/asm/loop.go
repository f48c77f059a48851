package asm

import "fmt"

// Loop is a loop over slices, a vector of 32-bit elements at a time: in groups of
// Unroll vectors as long as there are as many, then in single vectors of which
// the last may be partly masked off. So a function over any number of elements
// is written down as what happens to one vector.
//
//	CX  the number of elements, to be set before
//	AX  the element the vector begins at, for operands such as (SI)(AX*4)
//	BX  scratch
//	K1  the mask of a Block with Tail (AVX-512)
//	V15 the same (AVX2): all ones in the lanes that count
//
// The other registers are the body's. Labels begin with the loop's Name.
type Loop struct {
	Name   string
	Unroll int
}

// Block is one vector of a loop's elements.
type Block struct {
	file  *File
	Index int  // among those of the group, from 0
	Tail  bool // lanes outside K1 or V15 are outside the slices
}

// Loop emits l, calling body for each Block of a group and once for a tail.
func (f *File) Loop(l Loop, body func(b Block)) {
	group := l.Unroll * f.Lanes()
	f.Do("XORL AX, AX")
	f.Label(l.Name + "Group")
	f.Do(`LEAQ %d(AX), BX
		CMPQ BX, CX
		JGT %sTail`, group, l.Name)
	for i := range l.Unroll {
		body(Block{f, i, false})
	}
	f.Do(`MOVQ BX, AX
		JMP %sGroup`, l.Name)

	f.Label(l.Name + "Tail")
	f.Do(`MOVQ CX, BX
		SUBQ AX, BX
		JLE %sEnd`, l.Name)
	f.tailMask("BX")
	body(Block{f, 0, true})
	f.Do(`ADDQ $%d, AX
		JMP %[2]sTail`, f.Lanes(), l.Name)
	f.Label(l.Name + "End")
}

// tailMask sets the mask to the first lanes, as many as the register left says,
// which is less than 2^31.
func (f *File) tailMask(left string) {
	lane := make([]uint32, f.Lanes())
	for i := range lane {
		lane[i] = uint32(i)
	}
	lanes := f.Words("lanes", lane...)
	if f.Wide() {
		f.Do(`VPBROADCASTD %s, Z31
			VPCMPUD $6, %s, Z31, K1`, left, lanes)
		return
	}
	f.Do(`VMOVD %s, X15
		VPBROADCASTD X15, Y15
		VPCMPGTD %s, Y15, Y15`, left, lanes)
}

// At returns the operand of the Block in the slice whose address the register
// base holds and whose elements have size bytes.
func (b Block) At(base string, size int) string {
	offset := ""
	if n := b.Index * b.file.Lanes() * size; n > 0 {
		offset = fmt.Sprint(n)
	}
	return fmt.Sprintf("%s(%s)(AX*%d)", offset, base, size)
}

// Load reads 32-bit elements into register V(into); lanes of a tail that do not
// count become zero.
func (b Block) Load(base string, into int) {
	switch at := b.At(base, 4); {
	case !b.Tail:
		b.file.Do("VMOVUPS %s, V%d", at, into)
	case b.file.Wide():
		b.file.Do("VMOVUPS.Z %s, K1, V%d", at, into)
	default:
		b.file.Do("VMASKMOVPS %s, V15, V%d", at, into)
	}
}

// Store writes 32-bit elements from register V(from).
func (b Block) Store(from int, base string) {
	switch at := b.At(base, 4); {
	case !b.Tail:
		b.file.Do("VMOVUPS V%d, %s", from, at)
	case b.file.Wide():
		b.file.Do("VMOVUPS V%d, K1, %s", from, at)
	default:
		b.file.Do("VMASKMOVPS V%d, V15, %s", from, at)
	}
}

// Zero clears the lanes of register V(reg) that do not count.
func (b Block) Zero(reg int) {
	switch {
	case !b.Tail:
	case b.file.Wide():
		b.file.Do("VMOVAPS.Z V%[1]d, K1, V%[1]d", reg)
	default:
		b.file.Do("VANDPS V%[1]d, V15, V%[1]d", reg)
	}
}

// Fold reduces register V(reg) to its lowest lane by op, such as "VADDPS": halves,
// quarters and so on, always in the same order. It uses V(tmp).
func (f *File) Fold(op string, reg, tmp int) {
	if f.Wide() {
		f.Do(`VEXTRACTF64X4 $1, Z%[1]d, Y%[2]d
			%[3]s Y%[2]d, Y%[1]d, Y%[1]d`, reg, tmp, op)
	}
	f.Do(`VEXTRACTF128 $1, Y%[1]d, X%[2]d
		%[3]s X%[2]d, X%[1]d, X%[1]d
		VPERMILPS $0x0e, X%[1]d, X%[2]d
		%[3]s X%[2]d, X%[1]d, X%[1]d
		VPERMILPS $0x01, X%[1]d, X%[2]d
		%[3]s X%[2]d, X%[1]d, X%[1]d`, reg, tmp, op)
}
