package kernel

import "math"

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

// matVecQ8Generic and matVecQ4Generic multiply rows of that many blocks in Q8_0 or
// Q4_0 with the vector of the values and scales.
func matVecQ8Generic(y []float32, w []byte, values []int8, scales []float32, _ []int32, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, q := half(w), w[2:34]
			var dot int32
			for j, v := range values[b*int8Block:][:int8Block] {
				dot += int32(int8(q[j])) * int32(v)
			}
			sum += float32(float32(d*scales[b]) * float32(dot))
			w = w[34:]
		}
		y[i] = sum
	}
}

func matVecQ4Generic(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, v := half(w), values[b*int8Block:][:int8Block]
			dot := 8 * sums[b]
			for j, q := range w[2:18] {
				dot += int32(q&15)*int32(v[j]) + int32(q>>4)*int32(v[j+16])
			}
			sum += float32(float32(d*scales[b]) * float32(dot))
			w = w[18:]
		}
		y[i] = sum
	}
}

// matVecQ4KGeneric is the same for Q4_K, in blocks of 256.
func matVecQ4KGeneric(y []float32, w []byte, values []int8, scales []float32, sums []int32, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			d, e := half(w), half(w[2:])
			for j := range 8 {
				s, t := scalesQ4K(w[4:16], j)
				shift := j % 2 * 4
				v := values[b*256+j*int8Block:][:int8Block]
				var dot int32
				for k, q := range w[16+j/2*32:][:32] {
					dot += int32(q>>shift&15) * int32(v[k])
				}
				scale := scales[b*8+j]
				sum += float32(float32(float32(d*float32(s))*scale) * float32(dot))
				sum += float32(float32(float32(e*float32(t))*scale) * float32(sums[b*8+j]))
			}
			w = w[144:]
		}
		y[i] = sum
	}
}

// matVecQ6KGeneric is the same for Q6_K.
func matVecQ6KGeneric(y []float32, w []byte, values []int8, scales []float32, _ []int32, blocks int) {
	for i := range y {
		var sum float32
		for b := range blocks {
			low, high, s, d := w[:128], w[128:192], w[192:208], half(w[208:])
			for j := range 8 {
				part, quarter := j/4, j%4
				v := values[b*256+j*int8Block:][:int8Block]
				var dot int32
				for k := range int8Block {
					q := low[part*64+quarter%2*32+k]>>(quarter/2*4)&15 | high[part*32+k]>>(quarter*2)&3<<4
					dot += int32(int8(s[j*2+k/16])) * (int32(q) - 32) * int32(v[k])
				}
				sum += float32(float32(d*scales[b*8+j]) * float32(dot))
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
