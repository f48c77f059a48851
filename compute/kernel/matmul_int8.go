package kernel

//go:generate go run ./gen/int8

// A product of Int8 rounds the rows of a to int8 in blocks of 32 as [Int8Vector] rounds
// them; a block with an infinity or a NaN makes its row of c NaN. Of these numbers and
// the weights as their format's Dequantize gives them, with e = 2^-24,
//
//	|c - exact| <= (K/16 + 8) e |Alpha| sum |a| |b|   [AVX2, AVX512: (K + 8) e]
//
// where |b| is |d*s*q| + |e*t| in Q4_K and |d*q| + |m| in Q4_1. For the products of 32
// elements, in Q6_K of 16, are added as integers, exactly; the sum, times both scales,
// is rounded two to four times before it is added to the others, in ascending order
// (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1). That holds as
// long as nothing overflows or is denormal. Where a scale of a weight is not finite,
// neither is the result. AVX2 and AVX512 have no instructions for this: there the same
// numbers are multiplied in fp32.
//
// Weights that are not Packed are unpacked anew in each product, which costs as much as
// three to six more rows of a. Up to four rows, in Q4_K and Q6_K one, are better served
// by [BlockFormat.MatVecs].

// packInt8 lays out weights: [panel][group][word][32], see int8Form.
func packInt8(p *Pool, b right) []uint32 {
	form, pack := b.format.int8Form(), activeEngine().pack
	panel := form.wordsB(b.rows) * tileCols
	words := alignedWords(ceil(b.cols, tileCols) * panel)
	space := make([]scratch, p.Threads())
	p.Run(ceil(b.cols, tileCols), func(thread, task int) {
		room := space[thread].get(form.unpackRoom())
		form.unpack(pack, words[task*panel:][:panel], room, int8Weights{format: b.format, stored: b.blocks}, task*tileCols, b.cols, 0, b.rows, b.rows)
	})
	return words
}
