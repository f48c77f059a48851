// The vector command writes the assembly of package kernel's element-wise and
// row-wise operations, and the Go code that chooses among it:
//
//	go generate ./compute/kernel
//
// Each kernel is written down once, in the file of its operation here, for one
// vector of elements; [asm.Loop] makes a loop over slices of it, and the registers'
// width makes the tier. The result is checked in, so that building needs no
// generator, and a test compares the two.
package main

import (
	"fmt"
	"os"

	"smelt/compute/kernel/internal/asm"
)

const (
	command = "go run ./gen/vector"
	tags    = "!noasm"
)

// operations are in the order of the generated Go code.
var operations = []operation{convert, exponential, softmax, norm, rope, silu, adamw, adamw8, axpy}

// operation is a group of kernels, and the beginning of their files' names.
type operation struct {
	name    string
	kernels []kernel
}

// kernel is a function over slices. The first argument is a slice, its length is
// the number of elements in all others unless the comment says something else.
type kernel struct {
	name, comment string
	asm.Signature
	emit  func(*function)
	whole bool            // AVX2 takes multiples of 8 elements only, as it has no masks for 16 bits
	bf16  func(*function) // for the instructions of AVX512BF16, if they help
}

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// files returns the text of every generated file by its name, in the folder of
// package kernel.
func files() map[string]string {
	text := map[string]string{
		"vector_amd64.go": asm.Dispatch(command, tags, choices()),
		"vector_other.go": asm.Fallback(command, choices()),
	}
	for _, op := range operations {
		avx2, avx512, bf16 := newFile(asm.AVX2), newFile(asm.AVX512), newFile(asm.AVX512)
		for _, k := range op.kernels {
			emit(avx2, k, "AVX2", k.emit)
			emit(avx512, k, "AVX512", k.emit)
			if k.bf16 != nil {
				emit(bf16, k, "AVX512BF16", k.bf16)
				text[op.name+"_avx512bf16_amd64.s"] = bf16.String()
			}
		}
		text[op.name+"_avx2_amd64.s"] = avx2.String()
		text[op.name+"_avx512_amd64.s"] = avx512.String()
	}
	return text
}

func newFile(v asm.Vector) *asm.File { return asm.NewFile(v, command, tags) }

// function is a kernel being written to a file.
type function struct {
	*asm.File
	kernel
	constants map[string]string // operands of those in registers
}

func emit(file *asm.File, k kernel, tier string, body func(*function)) {
	file.Function(k.name+tier, k.comment, k.Signature.String(), k.Size)
	body(&function{file, k, map[string]string{}})
}

// slices reads the addresses of the arguments, slices or pointers, into general
// registers, in the arguments' order, and the length of the first into CX.
func (f *function) slices(registers ...string) {
	for i, reg := range registers {
		part := "base"
		if f.Args[i].Type[0] == '*' {
			part = ""
		}
		f.Do("MOVQ %s, %s", f.Args[i].Operand(part), reg)
	}
	f.Do("MOVQ %s, CX", f.Args[0].Operand("len"))
}

// scalar fills V(reg) with the float32 argument of that name.
func (f *function) scalar(name string, reg int) {
	f.Do("VBROADCASTSS %s, V%d", f.Arg(name).Operand(""), reg)
}
