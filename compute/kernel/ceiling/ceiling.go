// Package ceiling runs the machine's arithmetic and its memory as fast as they go,
// doing nothing useful: what kernels are measured against.
//
// The loops are written by compute/kernel/gen/matmul.
package ceiling

import (
	"encoding/binary"
	"runtime"

	"smelt/compute/kernel/cpu"
)

// Loop is work of one kind on registers alone.
type Loop struct {
	// Run does n rounds, on the calling thread, without a pause: keep n below a
	// million.
	Run func(n int)
	// Operations are those of one round; a multiply-add is two.
	Operations int
}

// Independent multiply-adds of a round: as many as there are registers for, less a
// few, which is beyond what the pipes hold.
const (
	inFlight    = 12
	inFlight512 = 28
)

// FMA returns the loop of fp32 multiply-adds of a tier, which this machine must
// have (see cpu.Tiers). Without vector code it is one of portable Go.
func FMA(t cpu.Tier) Loop { return fma(t) }

// BF16 returns the loop of bf16 dot products, and whether the tier has one.
func BF16(t cpu.Tier) (l Loop, ok bool) { return dotBF16(t) }

// Int8 returns the loop of dot products of int8, and whether the tier has one.
func Int8(t cpu.Tier) (l Loop, ok bool) { return dotInt8(t) }

// readStep is how many bytes Read reads at once, a page.
const readStep = 4096

// Read reads data once, with the widest loads of the tier, and returns a word that
// depends on all of it but a last part of less than 4096 bytes. To measure DRAM, data
// should be many times what caches hold; several threads read parts of it each.
func Read(t cpu.Tier, data []byte) uint64 {
	data = data[:len(data)&^(readStep-1)]
	if len(data) == 0 {
		return 0
	}
	return read(t, data)
}

// fmaGeneric multiplies and adds one number at a time, as Go does. Each chain feeds
// back into itself, so that the compiler can leave nothing out.
func fmaGeneric(n int) {
	s0, s1, s2, s3 := float32(0), float32(1), float32(2), float32(3)
	s4, s5, s6, s7 := float32(4), float32(5), float32(6), float32(7)
	s8, s9, s10, s11 := float32(8), float32(9), float32(10), float32(11)
	const x, y = 0.5, 0.25
	for range n {
		s0 = float32(s0*x) + y
		s1 = float32(s1*x) + y
		s2 = float32(s2*x) + y
		s3 = float32(s3*x) + y
		s4 = float32(s4*x) + y
		s5 = float32(s5*x) + y
		s6 = float32(s6*x) + y
		s7 = float32(s7*x) + y
		s8 = float32(s8*x) + y
		s9 = float32(s9*x) + y
		s10 = float32(s10*x) + y
		s11 = float32(s11*x) + y
	}
	runtime.KeepAlive(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11)
}

func readGeneric(data []byte) uint64 {
	var a, b, c, d uint64
	for ; len(data) >= 32; data = data[32:] {
		a ^= binary.LittleEndian.Uint64(data)
		b ^= binary.LittleEndian.Uint64(data[8:])
		c ^= binary.LittleEndian.Uint64(data[16:])
		d ^= binary.LittleEndian.Uint64(data[24:])
	}
	return a ^ b ^ c ^ d
}
