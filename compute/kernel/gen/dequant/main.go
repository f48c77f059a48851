// The dequant command writes the assembly that decodes block-quantised weights, and
// widens those in bfloat16:
//
//	go generate ./compute/kernel
//
// A kernel differs from the next in how it makes 32 signed bytes and their scales of a
// block; how those become float32 is written down once, here. AVX-512 looks values of
// four bits up instead. The result is checked in, so that building needs no generator,
// and a test compares the two.
package main

import (
	"fmt"
	"os"
	"strings"

	"smelt/compute/kernel/internal/asm"
)

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen/dequant:", err)
			os.Exit(1)
		}
	}
}

// files returns the text of every generated file by its name, in the folder of
// package kernel.
func files() map[string]string {
	text := map[string]string{}
	for _, v := range []asm.Vector{asm.AVX2, asm.AVX512} {
		file := asm.NewFile(v, "go run ./gen/dequant", "!noasm")
		for _, k := range kernels {
			(&function{file, k}).emit()
		}
		text["quant_decode_"+strings.ToLower(v.Tier)+"_amd64.s"] = file.String()
	}
	return text
}

var signature = asm.Layout([]string{"dst *float32", "ld int", "src *byte", "stride int", "lines int", "blocks int"}, nil)

// kernel decodes the blocks of one format.
type kernel struct {
	name            string
	elements, bytes int    // of a block
	offset          string // the instruction that applies V7 after the scale, or ""
	levels          []int  // the least of each sixteen values that AVX-512 looks up
	block           func(*function)
}

// function is a kernel being written to a file. Its registers are
//
//	DI   where the line goes       R12  where the block goes
//	SI   the line                  R13  the block
//	R8   bytes of a line of dst    R9   bytes from a line of src to the next
//	R10  lines to come             R11  blocks of a line, CX to come
//	V0   32 signed bytes           V1-V3  scratch
//	V4, V5  scales of a superblock
//	V6, V7  scale and offset of the elements at hand, or tables
//	V16, V17  levels (AVX-512)
type function struct {
	*asm.File
	kernel
}

func (f *function) emit() {
	f.Function(f.name+f.Tier, "Decodes lines of blocks; see decodeKernel.", signature.String(), signature.Size)
	for _, a := range []struct{ name, reg string }{
		{"dst", "DI"}, {"ld", "R8"}, {"src", "SI"}, {"stride", "R9"}, {"lines", "R10"}, {"blocks", "R11"},
	} {
		f.Do("MOVQ %s, %s", signature.Arg(a.name).Operand(""), a.reg)
	}
	f.Do("SHLQ $2, R8")
	f.loadLevels()
	f.Label("line")
	f.Do(`SUBQ $1, R10
		JLT end
		MOVQ DI, R12
		MOVQ SI, R13
		MOVQ R11, CX`)
	f.Label("block")
	f.Do(`SUBQ $1, CX
		JLT next`)
	f.block(f)
	f.Do(`ADDQ $%d, R12
		ADDQ $%d, R13
		JMP block`, 4*f.elements, f.bytes)
	f.Label("next")
	f.Do(`ADDQ R8, DI
		ADDQ R9, SI
		JMP line`)
	f.Label("end")
	f.Return()
}

// expand makes float32 of the bytes in V0, which are the elements from first on of the
// block; scale, unless nil, is called before each 16.
func (f *function) expand(first int, scale func(part int)) {
	for at := 0; at < 32; at += f.Lanes() {
		from := "X0"
		switch at {
		case 8:
			f.Do("VPSRLDQ $8, X0, X1")
			from = "X1"
		case 16:
			f.Do("VEXTRACTI128 $1, Y0, X0")
		case 24:
			f.Do("VPSRLDQ $8, X0, X1")
			from = "X1"
		}
		if scale != nil && at%16 == 0 {
			scale(at / 16)
		}
		f.store(first+at, from)
	}
}

// store makes float32 of the bytes in from, a register or memory, which are the
// elements from first on of the block.
func (f *function) store(first int, from string) {
	f.Do(`VPMOVSXBD %s, V1
		VCVTDQ2PS V1, V1
		VMULPS V6, V1, V1`, from)
	if f.offset != "" {
		f.Do("%s V7, V1, V1", f.offset)
	}
	f.Do("VMOVUPS V1, %d(R12)", 4*first)
}

// half fills V(reg) with the fp16 number at that byte of the block.
func (f *function) half(at, reg int) {
	f.Do(`VPBROADCASTW %d(R13), H%d
		VCVTPH2PS H%[2]d, V%[2]d`, at, reg)
}

// spread fills V(reg) with one lane of V(from).
func (f *function) spread(from, lane, reg int) {
	lanes := make([]uint32, 16)
	for i := range lanes {
		lanes[i] = uint32(i)
	}
	operand := strings.Replace(f.Words("lanes", lanes...), "(SB)", fmt.Sprintf("+%d(SB)", 4*lane), 1)
	f.Do(`VPBROADCASTD %s, V%d
		VPERMPS V%d, V%[2]d, V%[2]d`, operand, reg, from)
}
