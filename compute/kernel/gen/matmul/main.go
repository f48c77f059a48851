// The gen/matmul command writes the assembly of the matrix products and of the
// loops that measure the machine's ceilings:
//
//	go generate ./compute/kernel
//
// The inner loop, of which the fp32 and bf16 products of all tiers are cases, is
// written down once, in tile.go; those of skinny products in skinny.go and quads.go;
// packing in pack.go, transpose.go and round.go. The result is checked in, so that building
// needs no generator, and a test compares the two.
package main

import (
	"fmt"
	"os"

	"smelt/compute/kernel/internal/asm"
)

func main() {
	for _, f := range files() {
		if err := os.WriteFile(f.name, []byte(f.text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen/matmul:", err)
			os.Exit(1)
		}
	}
}

type file struct {
	name string // from the folder of package kernel
	text string
}

// files returns everything this command writes.
func files() []file {
	newFile := func(v asm.Vector) *asm.File { return asm.NewFile(v, "go run ./gen/matmul", "!noasm") }
	narrow, wide := newFile(asm.AVX2), newFile(asm.AVX512)
	tileAVX2.emit(narrow)
	packRows(narrow, 12)
	packRows(narrow, 32)
	packColumns8(narrow)
	roundPanels(narrow)

	tileAVX512.emit(wide)
	tileBF16AVX512.emit(wide)
	for _, width := range []int{12, 32} {
		packRows(wide, width)
		packRowPairs(wide, width, false)
	}
	packRowPairs(wide, 32, true)
	for _, places := range []int{12, 16} {
		packColumns16(wide, places, false)
		packColumns16(wide, places, true)
	}

	emitQuads(narrow, 4, 1, false)
	emitQuads(narrow, 4, 2, false)
	emitRows(narrow, 4)
	emitColumns(narrow, 4, false)
	for _, pair := range []bool{false, true} {
		for _, blocks := range []int{1, 2, 4} {
			emitQuads(wide, 4, blocks, pair)
		}
		for _, cols := range []int{4, 8} {
			emitColumns(wide, cols, pair)
		}
	}
	emitRows(wide, 8)
	emitStore(wide)

	narrowLoops, wideLoops := newFile(asm.AVX2), newFile(asm.AVX512)
	for _, a := range []*asm.File{narrowLoops, wideLoops} {
		peakLoop(a, "fma")
		readLoop(a)
	}
	peakLoop(wideLoops, "dotBF16")
	peakLoop(wideLoops, "dotInt8")
	return []file{
		{"matmul_avx2_amd64.s", narrow.String()},
		{"matmul_avx512_amd64.s", wide.String()},
		{"ceiling/loops_avx2_amd64.s", narrowLoops.String()},
		{"ceiling/loops_avx512_amd64.s", wideLoops.String()},
	}
}
