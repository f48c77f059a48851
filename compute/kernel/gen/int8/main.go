// The int8 command writes the assembly of package kernel's matrix products of
// quantised weights and activations rounded to int8:
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
			fmt.Fprintln(os.Stderr, "gen/int8:", err)
			os.Exit(1)
		}
	}
}

// files returns the text of every generated file by its name, in the folder of
// package kernel.
func files() map[string]string {
	newFile := func(v asm.Vector) *asm.File { return asm.NewFile(v, "go run ./gen/int8", "!noasm") }
	narrow, wide := newFile(asm.AVX2), newFile(asm.AVX512)
	for _, u := range unpacks {
		u.emit(narrow)
	}
	widen(narrow, "widenAAVX2", rowA)
	widen(narrow, "widenBAVX2", rowB)
	for _, t := range tiles {
		t.emit(wide)
		t.round(wide)
	}
	return map[string]string{
		"matmul_int8_avx2_amd64.s":       narrow.String(),
		"matmul_int8_avx512bf16_amd64.s": wide.String(),
	}
}
