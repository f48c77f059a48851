package main

import (
	"fmt"
	"strings"

	"smelt/compute/kernel/internal/asm"
)

// dispatch returns the Go file that declares every kernel, and for each a
// function that calls the active tier's.
func dispatch() string {
	var b strings.Builder
	b.WriteString(asm.Header(command, tags) + "\npackage kernel\n\nimport \"smelt/compute/kernel/cpu\"\n")
	for _, k := range kernels() {
		tiers := []string{"AVX512", "AVX2"}
		if k.bf16 != nil {
			tiers = append([]string{"AVX512BF16"}, tiers...)
		}
		for _, tier := range tiers {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s%s\n", k.name, tier, k.Signature)
		}
		fmt.Fprintf(&b, "\nfunc %s%s {\n\tswitch t := cpu.Active(); {\n", k.name, k.Signature)
		for _, tier := range tiers {
			call := k.call(tier)
			if k.whole && tier == "AVX2" {
				call = fmt.Sprintf("n := len(%[2]s) &^ 7\n\t\t%[1]sAVX2(%[2]s[:n], %[3]s[:n])\n\t\t%[1]sGeneric(%[2]s[n:], %[3]s[n:])",
					k.name, k.Args[0].Name, k.Args[1].Name)
			}
			fmt.Fprintf(&b, "\tcase t >= cpu.%s:\n\t\t%s\n", tier, call)
		}
		fmt.Fprintf(&b, "\tdefault:\n\t\t%s\n\t}\n", k.call("Generic"))
		b.WriteString("}\n")
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

// call calls the kernel's variant, and returns what it returns.
func (k kernel) call(variant string) string {
	call := fmt.Sprintf("%s%s(%s)", k.name, variant, k.Names())
	if len(k.Results) > 0 {
		call = "return " + call
	}
	return call
}

func kernels() []kernel {
	var all []kernel
	for _, op := range operations {
		all = append(all, op.kernels...)
	}
	return all
}
