package main

import (
	"fmt"
	"strings"

	"smelt/compute/kernel/internal/asm"
)

// variants is a function that package kernel calls, and the tiers that have a kernel
// for it, the best first.
type variants struct {
	name string
	asm.Signature
	tiers []string
	whole bool // AVX2 takes rows of multiples of 8 elements only
}

// kernels returns what there is.
func kernels() []variants {
	all := []variants{{"roundInt8", roundSignature, []string{"AVX512", "AVX2"}, false}, {"splitInt8", splitSignature, []string{"AVX2"}, false}}
	for _, d := range dense {
		all = append(all, variants{d.name, d.signature(), []string{"AVX512", "AVX2"}, d.size == 2})
	}
	tiers := []string{"AVX512BF16", "AVX512", "AVX2"}
	for _, b := range blocks {
		all = append(all, variants{b.name, blockSignature, tiers, false})
	}
	for _, b := range superblocks(false) {
		all = append(all, variants{b.name, blockSignature, tiers, false})
	}
	return all
}

// dispatch returns the Go file that declares every kernel, and for each a function
// that calls the active tier's.
func dispatch() string {
	var b strings.Builder
	b.WriteString(asm.Header(command, tags) + "\npackage kernel\n\nimport \"smelt/compute/kernel/cpu\"\n")
	for _, k := range kernels() {
		for _, tier := range k.tiers {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s%s\n", k.name, tier, k.Signature)
		}
		fmt.Fprintf(&b, "\nfunc %s%s {\n\tswitch t := cpu.Active(); {\n", k.name, k.Signature)
		for _, tier := range k.tiers {
			call := k.call(tier)
			if k.whole && tier == "AVX2" {
				call = fmt.Sprintf("n := len(x) &^ 7\n\t\t%[1]sAVX2(y, w, x[:n], stride)\n\t\t%[1]sRest(y, w, x, stride, n)", k.name)
			}
			fmt.Fprintf(&b, "\tcase t >= cpu.%s:\n\t\t%s\n", tier, call)
		}
		fmt.Fprintf(&b, "\tdefault:\n\t\t%s\n\t}\n}\n", k.call("Generic"))
	}
	return b.String()
}

// fallback returns the Go file for machines without kernels.
func fallback() string {
	var b strings.Builder
	b.WriteString(asm.Header(command, "!amd64 || noasm") + "\npackage kernel\n")
	for _, k := range kernels() {
		fmt.Fprintf(&b, "\nfunc %s%s {\n\t%s\n}\n", k.name, k.Signature, k.call("Generic"))
	}
	return b.String()
}

func (k variants) call(variant string) string {
	return fmt.Sprintf("%s%s(%s)", k.name, variant, k.Names())
}
