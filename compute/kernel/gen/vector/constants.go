package main

import (
	"fmt"
	"math"
	"slices"
)

// A constant is a number that every lane of an operand has. With AVX-512 it stays
// in a register; AVX2 has too few of those, and reads it from memory each time,
// which costs it nothing.
type constant struct {
	name string
	bits uint32
}

func float(name string, x float64) constant { return constant{name, math.Float32bits(float32(x))} }

// Registers from here on hold constants, up to the one that tails use.
const firstConstant, lastConstant = 16, 30

// prepare makes the operands of constants, before a loop. With AVX-512 a function
// has room for 15.
func (f *function) prepare(constants ...constant) {
	for _, c := range constants {
		if _, done := f.constants[c.name]; done {
			continue
		}
		if !f.Wide() {
			f.constants[c.name] = f.Words(c.name, slices.Repeat([]uint32{c.bits}, f.Lanes())...)
			continue
		}
		reg := firstConstant + len(f.constants)
		f.Do("VBROADCASTSS %s, Z%d", f.Words(c.name, c.bits), reg)
		f.constants[c.name] = fmt.Sprintf("Z%d", reg)
	}
}

// c is the operand of a constant that was prepared. In memory it can only be an
// instruction's first operand.
func (f *function) c(k constant) string { return f.constants[k.name] }

// fill sets V(reg) to the constant.
func (f *function) fill(k constant, reg int) {
	if f.Wide() {
		f.Do("VBROADCASTSS %s, V%d", f.Words(k.name, k.bits), reg)
		return
	}
	f.Do("VMOVUPS %s, V%d", f.Words(k.name, slices.Repeat([]uint32{k.bits}, f.Lanes())...), reg)
}

var (
	one      = float("one", 1)
	infinity = float("minusInfinity", math.Inf(-1))
	signBit  = constant{"signBit", 1 << 31}
)
