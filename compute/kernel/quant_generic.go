package kernel

import (
	"encoding/binary"
	"math"
)

// roundInt8Generic rounds x to blocks of int8 with scales and negated sums.
func roundInt8Generic(values []int8, scales []float32, sums []int32, x []float32) {
	for b := range len(x) / int8Block {
		block := x[b*int8Block:][:int8Block]
		scale, inverse := blockScale(math.Float32frombits(largestMagnitude(block)) / 127)
		var sum int32
		for i, v := range block {
			var q int8
			if inverse != 0 {
				q = roundEven(v * inverse)
			}
			values[b*int8Block+i] = q
			sum -= int32(q)
		}
		scales[b], sums[b] = scale, sum
	}
}

// roundEven returns the integer nearest to x, of two the even one; |x| is less than
// 2^22. The sum has no room for a fraction, and so is rounded.
func roundEven(x float32) int8 {
	const shift = 0x1.8p23
	return int8(float32(x+shift) - shift)
}

// splitInt8Generic arranges blocks of values by halves, and sums eight in each lane.
func splitInt8Generic(halves []int8, starts []int32, values []int8) {
	for b := range len(values) / int8Block {
		block := values[b*int8Block:][:int8Block]
		group := halves[b/int8Group*int8Group*int8Block:]
		at := b % int8Group * int8Block / 2
		copy(group[at:], block[:int8Block/2])
		copy(group[at+int8Group*int8Block/2:], block[int8Block/2:])
		for lane := range 4 {
			var sum int32
			for i := range 4 {
				sum -= int32(block[4*lane+i]) + int32(block[4*lane+i+16])
			}
			starts[4*b+lane] = sum
		}
	}
}

// matVecQ8_0Generic and its like multiply rows of that many blocks of a format with x.
func matVecQ8_0Generic(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, q := half(w), w[2:34]
			var dot int32
			for j, v := range x.values[b*int8Block:][:int8Block] {
				dot += int32(int8(q[j])) * int32(v)
			}
			sum += float32(float32(d*x.scales[b]) * float32(dot))
			w = w[34:]
		}
		y[i] = sum
	}
}

func matVecQ4_0Generic(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, v := half(w), x.values[b*int8Block:][:int8Block]
			dot := 8 * x.sums[b]
			for j, q := range w[2:18] {
				dot += int32(q&15)*int32(v[j]) + int32(q>>4)*int32(v[j+16])
			}
			sum += float32(float32(d*x.scales[b]) * float32(dot))
			w = w[18:]
		}
		y[i] = sum
	}
}

func matVecQ4_1Generic(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, m, v := half(w), half(w[2:]), x.values[b*int8Block:][:int8Block]
			var dot int32
			for j, q := range w[4:20] {
				dot += int32(q&15)*int32(v[j]) + int32(q>>4)*int32(v[j+16])
			}
			sum += float32(float32(d*x.scales[b]) * float32(dot))
			sum -= float32(float32(m*x.scales[b]) * float32(x.sums[b]))
			w = w[20:]
		}
		y[i] = sum
	}
}

func matVecQ5_0Generic(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, fifth, v := half(w), binary.LittleEndian.Uint32(w[2:]), x.values[b*int8Block:][:int8Block]
			dot := 16 * x.sums[b]
			for j, q := range w[6:22] {
				low, high := int32(q&15)|int32(fifth>>j&1<<4), int32(q>>4)|int32(fifth>>(j+16)&1<<4)
				dot += low*int32(v[j]) + high*int32(v[j+16])
			}
			sum += float32(float32(d*x.scales[b]) * float32(dot))
			w = w[22:]
		}
		y[i] = sum
	}
}

func matVecQ4KGeneric(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, e := half(w), half(w[2:])
			for j := range 8 {
				s, t := scalesQ4K(w[4:16], j)
				shift := j % 2 * 4
				v := x.values[b*256+j*int8Block:][:int8Block]
				var dot int32
				for k, q := range w[16+j/2*32:][:32] {
					dot += int32(q>>shift&15) * int32(v[k])
				}
				scale := x.scales[b*8+j]
				sum += float32(float32(float32(d*float32(s))*scale) * float32(dot))
				sum += float32(float32(float32(e*float32(t))*scale) * float32(x.sums[b*8+j]))
			}
			w = w[144:]
		}
		y[i] = sum
	}
}

func matVecQ6KGeneric(y []float32, w []byte, x *Int8Vector, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			low, high, s, d := w[:128], w[128:192], w[192:208], half(w[208:])
			for j := range 8 {
				part, quarter := j/4, j%4
				v := x.values[b*256+j*int8Block:][:int8Block]
				var dot int32
				for k := range int8Block {
					q := low[part*64+quarter%2*32+k]>>(quarter/2*4)&15 | high[part*32+k]>>(quarter*2)&3<<4
					dot += int32(int8(s[j*2+k/16])) * (int32(q) - 32) * int32(v[k])
				}
				sum += float32(float32(d*x.scales[b*8+j]) * float32(dot))
			}
			w = w[210:]
		}
		y[i] = sum
	}
}

// matVecF32Generic and matVecBF16Generic multiply rows of len(x) elements, which
// begin stride elements apart, with x.
func matVecF32Generic(y, w, x []float32, stride int) {
	for i := range y {
		y[i] = dotGeneric(w[i*stride:][:len(x)], x)
	}
}

func matVecBF16Generic(y []float32, w []uint16, x []float32, stride int) {
	for i := range y {
		var sum float32
		for j, v := range w[i*stride:][:len(x)] {
			sum += float32(math.Float32frombits(uint32(v)<<16) * x[j])
		}
		y[i] = sum
	}
}
