package kernel

import "math"

// Pairing says which two elements of a head rotary position embedding turns
// together.
type Pairing uint8

const (
	Halves     Pairing = iota // i and i+d/2: checkpoints in Hugging Face's layout
	Neighbours                // 2i and 2i+1: Meta's layout, and GGUF's for Llama
)

// RoPE turns each pair (a, b) of each head of x by the angle of its place (Su and
// others, "RoFormer", 2021), in place:
//
//	a, b = a*cos[i] - b*sin[i], b*cos[i] + a*sin[i]
//
// x is the heads of one position, one after the other, each of 2*len(cos) elements;
// sin is as long as cos.
func RoPE(x, cos, sin []float32, p Pairing) { turn(x, cos, sin, p, 0) }

// RoPEBackward turns the derivatives of the loss by the result of RoPE into those by
// its input, in place: by the same angles backwards.
func RoPEBackward(dx, cos, sin []float32, p Pairing) { turn(dx, cos, sin, p, 1<<31) }

// turn xors sign to the sines.
func turn(x, cos, sin []float32, p Pairing, sign uint32) {
	if len(x) == 0 {
		return
	}
	rowCount(len(x), 2*len(cos))
	sin = prefix(sin, len(cos))
	if p == Neighbours {
		ropeNeighbours(x, cos, sin, sign)
		return
	}
	ropeHalves(x, cos, sin, sign)
}

// RoPEAngles sets cos and sin to those of position*frequency[i], rounded from double
// precision.
func RoPEAngles(cos, sin []float32, position int, frequency []float64) {
	cos, sin = prefix(cos, len(frequency)), prefix(sin, len(frequency))
	for i, f := range frequency {
		s, c := math.Sincos(float64(position) * f)
		cos[i], sin[i] = float32(c), float32(s)
	}
}
