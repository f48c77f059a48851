// The attention command writes the assembly of package kernel's attention: what its
// tiles of scores go through between two matrix products, and the products of few
// queries with keys and values that are read from memory once.
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

func main() {
	for name, text := range files() {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen/attention:", err)
			os.Exit(1)
		}
	}
}

// files returns the text of every generated file by its name, in the folder of
// package kernel.
func files() map[string]string {
	text := map[string]string{}
	for _, v := range []asm.Vector{asm.AVX2, asm.AVX512} {
		f := asm.NewFile(v, "go run ./gen/attention", "!noasm")
		softmaxTile(f)
		gradientTile(f)
		scaleTile(f)
		for _, e := range elements {
			keyScores(f, e)
			addValues(f, e)
		}
		text[map[bool]string{false: "attention_avx2_amd64.s", true: "attention_avx512_amd64.s"}[v.Wide()]] = f.String()
	}
	return text
}

// begin begins a function and loads arguments into the registers given for them, a
// slice's address and, if its name is followed by "_len", its length.
func begin(f *asm.File, name, comment string, s asm.Signature, registers ...[2]string) {
	f.Function(name+f.Tier, comment, s.String(), s.Size)
	for _, r := range registers {
		name, part := r[0], ""
		if n := len(name) - len("_len"); n > 0 && name[n:] == "_len" {
			name, part = name[:n], "len"
		} else if s.Arg(name).Type[0] == '[' {
			part = "base"
		}
		f.Do("MOVQ %s, %s", s.Arg(name).Operand(part), r[1])
	}
}

// loop begins a place to jump to often: at the start of a cache line.
func loop(f *asm.File, name string) { f.Put("", "\tPCALIGN $64", name+":") }

// zero clears registers from first on.
func zero(f *asm.File, first, n int) {
	for i := range n {
		f.Do("VXORPS V%[1]d, V%[1]d, V%[1]d", first+i)
	}
}
