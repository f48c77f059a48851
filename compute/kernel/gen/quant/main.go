// The quant command writes the assembly of package kernel's products of matrices and
// vectors, where each weight is read once: of block-quantised weights with int8, of
// float32 and of bfloat16.
//
//	go generate ./compute/kernel
//
// The result is checked in, so that building needs no generator, and a test compares
// the two.
package main

import (
	"fmt"
	"os"

	"smelt/compute/kernel/internal/asm"
)

const (
	command = "go run ./gen/quant"
	tags    = "!noasm"
)

// function is a kernel being written to a file.
type function struct {
	*asm.File
	asm.Signature
	vnni bool // of the tier AVX512BF16
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
		"quant_amd64.go": asm.Dispatch(command, tags, choices()),
		"quant_other.go": asm.Fallback(command, choices()),
	}
	for _, v := range []asm.Vector{asm.AVX2, asm.AVX512} {
		f := asm.NewFile(v, command, tags)
		for _, d := range dense {
			d.emit(&function{f, d.signature(), false})
		}
		round(&function{f, roundSignature, false})
		if !v.Wide() {
			split(&function{f, splitSignature, false})
		}
		blockProducts(f, v.Tier, false)
		text["quant_"+map[bool]string{false: "avx2", true: "avx512"}[v.Wide()]+"_amd64.s"] = f.String()
	}
	f := asm.NewFile(asm.AVX512, command, tags)
	blockProducts(f, "AVX512BF16", true)
	text["quant_avx512bf16_amd64.s"] = f.String()
	return text
}

// blockProducts writes the products of all block formats.
func blockProducts(file *asm.File, tier string, vnni bool) {
	f := &function{file, blockSignature, vnni}
	for _, b := range blocks {
		if file.Wide() {
			b.emitWide(f, tier)
		} else {
			b.emit(f)
		}
	}
	for _, b := range superblocks(file.Wide()) {
		b.emit(f, tier)
	}
}

// begin begins the function of that name and loads its slices' addresses into the
// registers given for them, and the length of the first into R8.
func (f *function) begin(name, comment string, registers map[string]string) {
	f.Function(name, comment, f.Signature.String(), f.Size)
	for _, a := range f.Args {
		if reg, ok := registers[a.Name]; ok {
			f.Do("MOVQ %s, %s", a.Operand("base"), reg)
		}
	}
	f.Do("MOVQ %s, R8", f.Args[0].Operand("len"))
}
