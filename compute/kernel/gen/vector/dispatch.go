package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// choices are the functions that choose among the kernels' variants.
func choices() []asm.Choice {
	var all []asm.Choice
	for _, op := range operations {
		for _, k := range op.kernels {
			c := asm.Choice{Name: k.name, Signature: k.Signature, Tiers: []string{"AVX512", "AVX2"}}
			if k.bf16 != nil {
				c.Tiers = []string{"AVX512BF16", "AVX512", "AVX2"}
			}
			if k.whole {
				c.AVX2 = fmt.Sprintf("n := len(%[2]s) &^ 7\n\t\t%[1]sAVX2(%[2]s[:n], %[3]s[:n])\n\t\t%[1]sGeneric(%[2]s[n:], %[3]s[n:])",
					k.name, k.Args[0].Name, k.Args[1].Name)
			}
			all = append(all, c)
		}
	}
	return all
}
