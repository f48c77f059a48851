package main

import (
	"fmt"

	"smelt/compute/kernel/internal/asm"
)

// choices are the functions that choose among the kernels' variants.
func choices() []asm.Choice {
	all := []asm.Choice{
		{Name: "roundInt8", Signature: roundSignature, Tiers: []string{"AVX512", "AVX2"}},
		{Name: "splitInt8", Signature: splitSignature, Tiers: []string{"AVX2"}},
	}
	for _, d := range dense {
		c := asm.Choice{Name: d.name, Signature: d.signature(), Tiers: []string{"AVX512", "AVX2"}}
		if d.size == 2 { // AVX2 takes rows of multiples of 8 elements only
			c.AVX2 = fmt.Sprintf("n := len(x) &^ 7\n\t\t%[1]sAVX2(y, w, x[:n], stride)\n\t\t%[1]sRest(y, w, x, stride, n)", d.name)
		}
		all = append(all, c)
	}
	tiers := []string{"AVX512BF16", "AVX512", "AVX2"}
	for _, b := range blocks {
		all = append(all, asm.Choice{Name: b.name, Signature: blockSignature, Tiers: tiers})
	}
	for _, b := range superblocks(false) {
		all = append(all, asm.Choice{Name: b.name, Signature: blockSignature, Tiers: tiers})
	}
	return all
}
