//go:build amd64 && !noasm

package kernel

import (
	"unsafe"

	"smelt/compute/kernel/cpu"
)

// decodeKernel is decodeLines by the tier's kernels, on slices that are as long as
// needed. It reports false if the tier has none.
func decodeKernel(f BlockFormat, dst []float32, ld int, src []byte, stride, lines, blocks int) bool {
	to, from := &dst[0], &src[0]
	switch tier := cpu.Active(); {
	case tier >= cpu.AVX512:
		switch f {
		case Q8_0:
			decodeQ8_0AVX512(to, ld, from, stride, lines, blocks)
		case Q4_0:
			decodeQ4_0AVX512(to, ld, from, stride, lines, blocks)
		case Q4_1:
			decodeQ4_1AVX512(to, ld, from, stride, lines, blocks)
		case Q5_0:
			decodeQ5_0AVX512(to, ld, from, stride, lines, blocks)
		case Q4K:
			decodeQ4KAVX512(to, ld, from, stride, lines, blocks)
		case Q6K:
			decodeQ6KAVX512(to, ld, from, stride, lines, blocks)
		}
	case tier == cpu.AVX2:
		switch f {
		case Q8_0:
			decodeQ8_0AVX2(to, ld, from, stride, lines, blocks)
		case Q4_0:
			decodeQ4_0AVX2(to, ld, from, stride, lines, blocks)
		case Q4_1:
			decodeQ4_1AVX2(to, ld, from, stride, lines, blocks)
		case Q5_0:
			decodeQ5_0AVX2(to, ld, from, stride, lines, blocks)
		case Q4K:
			decodeQ4KAVX2(to, ld, from, stride, lines, blocks)
		case Q6K:
			decodeQ6KAVX2(to, ld, from, stride, lines, blocks)
		}
	default:
		return false
	}
	return true
}

// widenKernel is widenLines, like decodeKernel. Its blocks are of 32 numbers.
func widenKernel(dst []float32, ld int, src []uint16, stride, lines, blocks int) bool {
	to, from := &dst[0], (*byte)(unsafe.Pointer(&src[0]))
	switch tier := cpu.Active(); {
	case tier >= cpu.AVX512:
		decodeBF16AVX512(to, ld, from, 2*stride, lines, blocks)
	case tier == cpu.AVX2:
		decodeBF16AVX2(to, ld, from, 2*stride, lines, blocks)
	default:
		return false
	}
	return true
}

//go:noescape
func decodeQ8_0AVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4_0AVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4_1AVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ5_0AVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4KAVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ6KAVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeBF16AVX2(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ8_0AVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4_0AVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4_1AVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ5_0AVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ4KAVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeQ6KAVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)

//go:noescape
func decodeBF16AVX512(dst *float32, ld int, src *byte, stride, lines, blocks int)
