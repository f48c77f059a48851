// Package kernel computes on slices of numbers what a language model needs, as
// fast as the machine can.
//
// Operations on elements and rows run on the caller's goroutine, over whatever range of
// them it gives:
//
//	file             what there is                                  generator
//	convert.go       ToBF16 FromBF16 ToFP16 FromFP16                gen/vector
//	exp.go           Exp
//	softmax.go       Softmax SoftmaxBackward
//	entropy.go       LogSoftmax LogSum CrossEntropy CrossEntropyLoss
//	norm.go          RMSNorm RMSNormBackward
//	rope.go          RoPE RoPEBackward RoPEAngles
//	silu.go          SiLUMul SiLUMulBackward
//	adamw.go         AdamW.Step
//	adamw8.go        AdamW.Step8, on Moments8
//	axpy.go          Axpy Scale Add SumSquares
//	quant.go         BlockFormat: weights in GGUF's blocks
//	quant_decode.go  BlockFormat.Dequantize                         gen/dequant
//	quant_encode.go  BlockFormat.Quantize                           none: portable only
//	quant_matvec.go  MatVec and MatVecs of float32, bfloat16 and    gen/quant
//	                 BlockFormat, which takes an Int8Vector
//
// These share their work among the threads of a [Pool], of pool.go:
//
//	matmul.go           MatMul of FP32 and BF16                     gen/matmul
//	matmul_factor.go    the forms its right factor may have
//	matmul_packed.go    Pack, which lays one out for good
//	matmul_int8_*.go    MatMul of Int8                              gen/int8
//	attention.go        Attention.Forward and Backward              gen/attention
//	attention_cache.go  AttendCached, over the pages of KV caches
//
// Each has a portable form (x_generic.go), which serves machines without kernels
// and the tests as the reference, and assembly for the tiers of
// [smelt/compute/kernel/cpu] (x_avx2_amd64.s, x_avx512_amd64.s, x_avx512bf16_amd64.s),
// which the generators print. The build tag noasm leaves the assembly out.
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
//go:generate go run ./gen/quant
//go:generate go run ./gen/dequant
//go:generate go run ./gen/int8

// rowCount returns how many rows of cols elements n elements are. A wrong shape is
// a mistake of the program, like an index out of range.
func rowCount(n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		panic(fmt.Sprintf("kernel: %d elements are not rows of %d", n, cols))
	}
	return n / cols
}

// prefix returns the first n elements of s. They must be within its length: s[:n] may
// go on to its capacity, into what is another's.
func prefix[T any](s []T, n int) []T { return s[:n:len(s)] }

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
