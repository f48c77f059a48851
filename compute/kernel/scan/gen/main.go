// The gen command writes the assembly of package scan:
//
//	go generate ./compute/kernel/scan
//
// Each operation is written down once, in a file of its own here, for blocks of
// v.Width bytes; a vector v spells the few steps in which AVX2 and AVX-512
// differ. The result is checked in, so that building needs no generator, and a
// test compares the two.
package main

import (
	"fmt"
	"os"

	"smelt/compute/kernel/internal/asm"
)

func main() {
	for _, v := range vectors {
		if err := os.WriteFile(v.file(), []byte(v.source()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}

// source returns the whole assembly file of a tier.
func (v vector) source() string {
	a := asm.NewFile(v.Vector, "go run ./gen", "")
	v.stringEnd(a)
	v.unescape(a)
	v.indexSeparator(a)
	v.validUTF8(a)
	return a.String()
}
