package kernel

import "math"

// Q4_K and Q6_K look for the scales, of 32 and 16 numbers, that leave the smallest
// weighted squares of errors (ggml's make_qkx2_quants and make_qx_quants), and then
// express these by the scale of the block. Sums are taken in ggml's order, for its
// bytes.

// tooLarge are the bits of 2^30, beyond all that a block can hold.
const tooLarge = 0x4e800000

// nearest returns the integer nearest to x, of two the even one, cut to the range from
// low to high. The sum has no room for a fraction, and so is rounded; the integer is in
// its last bits, where |x| is below 2^22. Of any other x comes what ggml makes of it.
func nearest(x float32, low, high int32) int32 {
	bits := math.Float32bits(float32(x) + 0x1.8p23)
	return max(low, min(high, int32(bits&(1<<23-1))-1<<22))
}

func encodeQ4K(block []byte, x *[256]float32) {
	clear(block)
	if largestMagnitude(x[:]) >= tooLarge {
		putHalf(block, float32(math.NaN()))
		putHalf(block[2:], float32(math.NaN()))
		return
	}
	var q [256]float32
	var scale, least [8]float32
	var largestScale, largestLeast float32
	for j := range 8 {
		part := (*[32]float32)(x[32*j:])
		scale[j], least[j] = fitWithLeast(part, (*[32]float32)(q[32*j:]))
		largestScale, largestLeast = max(largestScale, scale[j]), max(largestLeast, least[j])
	}
	putHalf(block, largestScale/63)
	putHalf(block[2:], largestLeast/63)
	var inverseScale, inverseLeast float32
	if largestScale > 0 {
		inverseScale = 63 / largestScale
	}
	if largestLeast > 0 {
		inverseLeast = 63 / largestLeast
	}
	scales := block[4:16]
	for j := range 8 {
		s, t := byte(nearest(inverseScale*scale[j], 0, 63)), byte(nearest(inverseLeast*least[j], 0, 63))
		if j < 4 {
			scales[j], scales[j+4] = s, t
			continue
		}
		scales[j+4] = s&15 | t<<4
		scales[j-4] |= s >> 4 << 6
		scales[j] |= t >> 4 << 6
	}
	d, e := half(block), half(block[2:])
	for j := range 8 {
		s, t := scalesQ4K(scales, j)
		step, least := d*float32(s), float32(e*float32(t))
		if step == 0 {
			continue
		}
		for i, v := range x[32*j:][:32] {
			q[32*j+i] = float32(nearest((v+least)/step, 0, 15))
		}
	}
	for i := range 128 {
		low := q[i/32*64+i%32:]
		block[16+i] = byte(low[0]) | byte(low[32])<<4
	}
}

// fitWithLeast sets q to integers from 0 to 15 and returns s and m, for which s*q - m
// is near x. The weight of an error is its number's magnitude, and their root of the
// mean square. From 21 steps around the one that takes 15 from the least to the largest
// number come quants, of these by least squares a step and a least number, which then
// replace the previous ones if they are better.
func fitWithLeast(x, q *[32]float32) (s, m float32) {
	var weight, trial [32]float32
	var squares float32
	for _, v := range x {
		squares += float32(v * v)
	}
	mean := float32(math.Sqrt(float64(squares / 32)))
	least, most := x[0], x[0]
	var sumW, sumX float32
	for i, v := range x {
		if v < least {
			least = v
		}
		if v > most {
			most = v
		}
		weight[i] = mean + float32(math.Abs(float64(v)))
		sumW += weight[i]
		sumX += float32(weight[i] * v)
	}
	least = min(least, 0)
	if most == least {
		return 0, -least
	}
	inverse := 15 / (most - least)
	s = 1 / inverse
	for i, v := range x {
		q[i] = float32(nearest(inverse*(v-least), 0, 15))
	}
	best := errorOf(x, &weight, q, s, least)
	for step := range 21 {
		inverse = (float32(float32(0.1)*float32(step)) - 1 + 15) / (most - least)
		var sumQ, sumQQ, sumXQ float32
		for i, v := range x {
			l := float32(nearest(inverse*(v-least), 0, 15))
			trial[i] = l
			w := float32(weight[i] * l)
			sumQ += w
			sumQQ += float32(w * l)
			sumXQ += float32(w * v)
		}
		determinant := float32(sumW*sumQQ) - float32(sumQ*sumQ)
		if !(determinant > 0) {
			continue
		}
		scale := (float32(sumW*sumXQ) - float32(sumX*sumQ)) / determinant
		lowest := (float32(sumQQ*sumX) - float32(sumQ*sumXQ)) / determinant
		if lowest > 0 {
			scale, lowest = sumXQ/sumQQ, 0
		}
		if e := errorOf(x, &weight, &trial, scale, lowest); e < best {
			*q, best, s, least = trial, e, scale, lowest
		}
	}
	return s, -least
}

// errorOf returns the weighted squares of s*q + least - x.
func errorOf(x, weight, q *[32]float32, s, least float32) (sum float32) {
	for i, v := range x {
		d := float32(s*q[i]) + least - v
		sum += float32(weight[i] * float32(d*d))
	}
	return sum
}

func encodeQ6K(block []byte, x *[256]float32) {
	clear(block)
	if largestMagnitude(x[:]) >= tooLarge {
		putHalf(block[208:], float32(math.NaN()))
		return
	}
	var q [256]byte
	var scale [16]float32
	var largest float32
	for j := range scale {
		scale[j] = fit((*[16]float32)(x[16*j:]), (*[16]byte)(q[16*j:]))
		if magnitude(scale[j]) > magnitude(largest) {
			largest = scale[j]
		}
	}
	if magnitude(largest) < negligible {
		return
	}
	inverse := -128 / largest
	putHalf(block[208:], 1/inverse)
	d := half(block[208:])
	for j := range scale {
		s := int8(nearest(inverse*scale[j], -128, 127))
		block[192+j] = byte(s)
		step := d * float32(s)
		if step == 0 {
			continue
		}
		for i, v := range x[16*j:][:16] {
			q[16*j+i] = byte(32 + nearest(v/step, -32, 31))
		}
	}
	for part := range 2 {
		q, low, high := q[128*part:], block[64*part:], block[128+32*part:]
		for i := range 32 {
			a, b, c, d := q[i], q[i+32], q[i+64], q[i+96]
			low[i] = a&15 | c<<4
			low[i+32] = b&15 | d<<4
			high[i] = a>>4 | b>>4<<2 | c>>4<<4 | d>>4<<6
		}
	}
}

// negligible is the magnitude below which numbers of Q6_K count as zeros.
const negligible = float32(1e-15)

func magnitude(x float32) float32 { return float32(math.Abs(float64(x))) }

// fit sets q to integers from 0 to 63 and returns s, for which s*(q-32) is near x. The
// weight of an error is its number's square. Of 19 steps around the one that takes
// the number of largest magnitude to -32, the best by least squares is kept.
func fit(x *[16]float32, q *[16]byte) (s float32) {
	var largest float32
	for _, v := range x {
		if magnitude(v) > magnitude(largest) {
			largest = v
		}
	}
	if magnitude(largest) < negligible {
		*q = [16]byte{}
		return 0
	}
	var square, cube [16]float32
	for i, v := range x {
		square[i] = v * v
		cube[i] = square[i] * v
	}
	// try returns the sums of products with x and of squares of the quants at a step.
	try := func(inverse float32) (sumXQ, sumQQ float32) {
		for i, v := range x {
			l := float32(nearest(inverse*v, -32, 31))
			sumXQ += float32(cube[i] * l)
			sumQQ += float32(float32(square[i]*l) * l)
		}
		return sumXQ, sumQQ
	}
	kept := -32 / largest
	sumXQ, sumQQ := try(kept)
	if sumQQ != 0 {
		s = sumXQ / sumQQ
	}
	best := s * sumXQ
	for step := -9; step <= 9; step++ {
		if step == 0 {
			continue
		}
		inverse := -(32 + float32(float32(0.1)*float32(step))) / largest
		sumXQ, sumQQ = try(inverse)
		if sumQQ > 0 && float32(sumXQ*sumXQ) > float32(best*sumQQ) {
			kept, s = inverse, sumXQ/sumQQ
			best = s * sumXQ
		}
	}
	for i, v := range x {
		q[i] = byte(32 + nearest(kept*v, -32, 31))
	}
	return s
}
