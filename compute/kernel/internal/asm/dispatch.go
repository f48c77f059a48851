package asm

import (
	"fmt"
	"strings"
)

// Choice is a function of package kernel that calls the active tier's kernel: the one
// of its own name and the tier's, or the portable one, whose name ends in Generic.
type Choice struct {
	Name string
	Signature
	Tiers []string // that have a kernel of their own, the largest first
	AVX2  string   // what AVX2 does, if more than to call its kernel
}

// Dispatch returns the Go file for machines with kernels: it declares these, and for
// each choice the function that makes it.
func Dispatch(by, tags string, choices []Choice) string {
	var b strings.Builder
	b.WriteString(Header(by, tags) + "\npackage kernel\n\nimport \"smelt/compute/kernel/cpu\"\n")
	for _, c := range choices {
		for _, tier := range c.Tiers {
			fmt.Fprintf(&b, "\n//go:noescape\nfunc %s%s%s\n", c.Name, tier, c.Signature)
		}
		fmt.Fprintf(&b, "\nfunc %s%s {\n\tswitch t := cpu.Active(); {\n", c.Name, c.Signature)
		for _, tier := range c.Tiers {
			does := c.call(tier)
			if tier == "AVX2" && c.AVX2 != "" {
				does = c.AVX2
			}
			fmt.Fprintf(&b, "\tcase t >= cpu.%s:\n\t\t%s\n", tier, does)
		}
		fmt.Fprintf(&b, "\tdefault:\n\t\t%s\n\t}\n}\n", c.call("Generic"))
	}
	return b.String()
}

// Fallback returns the Go file for machines without kernels.
func Fallback(by string, choices []Choice) string {
	var b strings.Builder
	b.WriteString(Header(by, "!amd64 || noasm") + "\npackage kernel\n")
	for _, c := range choices {
		fmt.Fprintf(&b, "\nfunc %s%s {\n\t%s\n}\n", c.Name, c.Signature, c.call("Generic"))
	}
	return b.String()
}

// call calls a variant, and returns what it returns.
func (c Choice) call(variant string) string {
	call := fmt.Sprintf("%s%s(%s)", c.Name, variant, c.Names())
	if len(c.Results) > 0 {
		call = "return " + call
	}
	return call
}
