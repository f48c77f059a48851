package main

import (
	"fmt"
	"strings"
)

// superblockRows is a matrix of rows of blocks of 256 elements, which have scales of
// their own for every 32 or 16 of them. Registers are those of [blockRows], but that
// R11 and CX count blocks of 256 and BX is 32 a block; constants are in V6 to V15,
// or Z20 to Z31 in AVX-512.
type superblockRows struct {
	name             string
	size             int // of a block, in bytes
	sums             int // of products, in V0 and up
	constants, block func(f *function)
}

// superblocks returns the formats for one width of registers.
func superblocks(wide bool) []superblockRows {
	if wide {
		return []superblockRows{
			{"matVecQ4K", 144, 3, (*function).constantsQ4KWide, (*function).blockQ4KWide},
			{"matVecQ6K", 210, 2, (*function).constantsQ6KWide, (*function).blockQ6KWide},
		}
	}
	return []superblockRows{
		{"matVecQ4K", 144, 3, (*function).constantsQ4K, (*function).blockQ4K},
		{"matVecQ6K", 210, 2, (*function).constantsQ6K, (*function).blockQ6K},
	}
}

func (r superblockRows) emit(f *function, tier string) {
	f.beginBlocks(r.name+tier, valuesOf, sumsOf)
	r.constants(f)
	f.eachRow(r.sums, func() {
		f.rowOfBlocks()
		f.Label("block")
		f.Do(`SUBQ $1, CX
			JLT fold`)
		for line := 0; line < r.size; line += 64 {
			f.prefetch(line)
		}
		r.block(f)
		f.Do(`ADDQ $%d, SI
			ADDQ $256, AX
			ADDQ $32, BX
			JMP block`, r.size)
		f.Label("fold")
	})
}

// pattern returns the operand of a vector that repeats bytes.
func (f *function) pattern(name, bytes string) string {
	return f.Constant(name, []byte(strings.Repeat(bytes, f.Width/len(bytes)))...)
}

// eachLane fills V8 to V15 with the numbers of the eight lanes, to spread one of them.
func (f *function) eachLane() {
	for i := range uint32(8) {
		f.Do("VPBROADCASTD %s, Y%d", f.Words(fmt.Sprintf("lane%d", i), i), 8+i)
	}
}

// onesWide is the register of 16-bit ones for [function.dotWide].
const onesWide = 31

// dotWide multiplies unsigned weights of up to 6 bits with values, to sums of four
// products. Two of them fit 16 bits.
func (f *function) dotWide(weights, values, sums int) {
	if f.vnni {
		f.Do(`VPXORD Z%[3]d, Z%[3]d, Z%[3]d
			VPDPBUSD Z%[2]d, Z%[1]d, Z%[3]d`, weights, values, sums)
	} else {
		f.Do(`VPMADDUBSW Z%[2]d, Z%[1]d, Z%[3]d
			VPMADDWD Z%[4]d, Z%[3]d, Z%[3]d`, weights, values, sums, onesWide)
	}
}
