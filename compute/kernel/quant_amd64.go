//go:build !noasm

package kernel

import "smelt/compute/kernel/cpu"

//go:noescape
func roundInt8AVX2(values []int8, scales []float32, sums []int32, x []float32)

//go:noescape
func roundInt8AVX512(values []int8, scales []float32, sums []int32, x []float32)

func roundInt8(values []int8, scales []float32, sums []int32, x []float32) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		roundInt8AVX512(values, scales, sums, x)
	case t >= cpu.AVX2:
		roundInt8AVX2(values, scales, sums, x)
	default:
		roundInt8Generic(values, scales, sums, x)
	}
}

//go:noescape
func matVecQ8AVX2(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

//go:noescape
func matVecQ8AVX512(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

//go:noescape
func matVecQ8AVX512BF16(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

func matVecQ8(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512BF16:
		matVecQ8AVX512BF16(y, w, values, scales, sums, blocks)
	case t >= cpu.AVX512:
		matVecQ8AVX512(y, w, values, scales, sums, blocks)
	case t >= cpu.AVX2:
		matVecQ8AVX2(y, w, values, scales, sums, blocks)
	default:
		matVecQ8Generic(y, w, values, scales, sums, blocks)
	}
}

//go:noescape
func matVecQ4AVX2(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

//go:noescape
func matVecQ4AVX512(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

//go:noescape
func matVecQ4AVX512BF16(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

func matVecQ4(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512BF16:
		matVecQ4AVX512BF16(y, w, values, scales, sums, blocks)
	case t >= cpu.AVX512:
		matVecQ4AVX512(y, w, values, scales, sums, blocks)
	case t >= cpu.AVX2:
		matVecQ4AVX2(y, w, values, scales, sums, blocks)
	default:
		matVecQ4Generic(y, w, values, scales, sums, blocks)
	}
}

//go:noescape
func matVecQ4KAVX2(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

func matVecQ4K(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	if cpu.Active() >= cpu.AVX2 {
		matVecQ4KAVX2(y, w, values, scales, sums, blocks)
	} else {
		matVecQ4KGeneric(y, w, values, scales, sums, blocks)
	}
}

//go:noescape
func matVecQ6KAVX2(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int)

func matVecQ6K(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	if cpu.Active() >= cpu.AVX2 {
		matVecQ6KAVX2(y, w, values, scales, sums, blocks)
	} else {
		matVecQ6KGeneric(y, w, values, scales, sums, blocks)
	}
}

//go:noescape
func matVecF32AVX2(y, w, x []float32, stride int)

//go:noescape
func matVecF32AVX512(y, w, x []float32, stride int)

func matVecF32(y, w, x []float32, stride int) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		matVecF32AVX512(y, w, x, stride)
	case t >= cpu.AVX2:
		matVecF32AVX2(y, w, x, stride)
	default:
		matVecF32Generic(y, w, x, stride)
	}
}

//go:noescape
func matVecBF16AVX2(y []float32, w []uint16, x []float32, stride int)

//go:noescape
func matVecBF16AVX512(y []float32, w []uint16, x []float32, stride int)

func matVecBF16(y []float32, w []uint16, x []float32, stride int) {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		matVecBF16AVX512(y, w, x, stride)
	case t >= cpu.AVX2:
		n := len(x) &^ 7
		matVecBF16AVX2(y, w, x[:n], stride)
		if n == len(x) {
			return
		}
		for i := range y {
			var rest [1]float32
			matVecBF16Generic(rest[:], w[i*stride+n:], x[n:], stride)
			y[i] += rest[0]
		}
	default:
		matVecBF16Generic(y, w, x, stride)
	}
}
