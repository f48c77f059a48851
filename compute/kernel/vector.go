// Package kernel computes on slices of numbers what a language model needs, as
// fast as the machine can.
//
// The element-wise and row-wise operations here run on the caller's goroutine,
// over whatever range of elements or rows it gives them:
//
//	file         operations
//	convert.go   ToBF16 FromBF16 ToFP16 FromFP16
//	exp.go       Exp
//	softmax.go   Softmax SoftmaxBackward
//	entropy.go   LogSoftmax LogSum CrossEntropy
//	norm.go      RMSNorm RMSNormBackward
//	rope.go      RoPE RoPEBackward RoPEAngles
//	silu.go      SiLUMul SiLUMulBackward
//	adamw.go     AdamW.Step
//	adamw8.go    AdamW.Step8, on Moments8
//	axpy.go      Axpy Scale Add SumSquares
//
// Each has a portable form (x_generic.go), which serves machines without kernels
// and the tests as the reference, and assembly for the tiers of
// [smelt/compute/kernel/cpu] (x_avx2_amd64.s, x_avx512_amd64.s), which the command
// gen/vector prints. The build tag noasm leaves the assembly out.
//
// Matrix products run on the threads of a [Pool]: MatMul in matmul.go, with its right
// factor in any form of matmul_factor.go, and Pack in matmul_packed.go. The command
// gen/matmul prints their assembly.
//
// Attention runs on a Pool, too: Attention.Forward and Backward over packed documents,
// AttendCached over the pages of KV caches, in attention.go and attention_cache.go. The
// command gen/attention prints what they need beyond matrix products.
//
// Weights in GGUF's blocks are decoded and made in quant*.go; quant_matvec.go
// multiplies rows of them, or of float32 and bf16, with a vector, over the range of
// rows the caller gives. The command gen/quant prints the assembly. Matrices of them
// are multiplied in matmul_int8.go, on a Pool; gen/int8 prints that.
//
// # Bits
//
// What happens to an element does not depend on where in the slice it is, and a
// sum over a row is always taken in the same order; so the same input on the same
// tier gives the same bits, however the rows are shared out among threads. Tiers
// differ in the last bits of results, save those of conversions and of Step8. The portable
// form gives the same bits on every architecture: products that are added to
// something are rounded first, as float32(a*b) + c, or are exact.
//
// # Slices
//
// Lengths must be as each comment says. The first slice decides, in an element-wise
// operation; a shorter one among the others ends in Go's usual index error, before
// anything outside it is touched. Results may be written over an argument where
// both begin at the same element; slices that overlap otherwise give nonsense.
// Nothing is allocated. All functions are safe for concurrent use on slices of
// which none is another's result.
package kernel

import (
	"fmt"
	"iter"
)

//go:generate go run ./gen/vector
//go:generate go run ./gen/matmul
//go:generate go run ./gen/attention

// rowCount returns how many rows of cols elements n elements are. A wrong shape is
// a mistake of the program, like an index out of range.
func rowCount(n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		panic(fmt.Sprintf("kernel: %d elements are not rows of %d", n, cols))
	}
	return n / cols
}

// pieces divides n elements into runs of at most 64 Ki, from and to. Assembly cannot
// be interrupted, and a kernel at work on a whole tensor would keep the garbage
// collector waiting, and everybody with it; a run takes some 30 us at most.
func pieces(n int) iter.Seq2[int, int] {
	const most = 1 << 16
	return func(yield func(from, to int) bool) {
		for from := 0; from < n; from += most {
			if !yield(from, min(from+most, n)) {
				return
			}
		}
	}
}
