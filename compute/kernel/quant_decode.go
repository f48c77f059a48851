package kernel

// Dequantize sets dst to the numbers src stands for, with the same bits on every tier
// and as ggml's reference, where a compiler has not fused its products and sums. (Which
// NaN comes of several, or of an infinity times zero, is the processor's choice.) The
// length of dst must be whole blocks, and src have Bytes of it.
func (f BlockFormat) Dequantize(dst []float32, src []byte) {
	k := f.kind()
	src = prefix(src, f.Bytes(len(dst)))
	for from, to := range pieces(len(dst)) {
		f.decodeLines(dst[from:to], 0, src[from/k.elements*k.bytes:], 0, 1, (to-from)/k.elements)
	}
}

// decodeLines dequantises lines > 0 of some blocks, which begin stride bytes apart in
// src, to lines that begin ld numbers apart in dst.
func (f BlockFormat) decodeLines(dst []float32, ld int, src []byte, stride, lines, blocks int) {
	if blocks == 0 {
		return
	}
	k := f.kind()
	dst = dst[:(lines-1)*ld+blocks*k.elements]
	src = src[:(lines-1)*stride+blocks*k.bytes]
	if decodeKernel(f, dst, ld, src, stride, lines, blocks) {
		return
	}
	for line := range lines {
		for b := range blocks {
			f.decode(dst[line*ld+b*k.elements:][:k.elements], src[line*stride+b*k.bytes:][:k.bytes])
		}
	}
}

// widenLines makes float32 of lines > 0 of n bfloat16 numbers, which begin stride
// numbers apart in src, to lines that begin ld numbers apart in dst.
func widenLines(dst []float32, ld int, src []uint16, stride, lines, n int) {
	dst = dst[:(lines-1)*ld+n]
	src = src[:(lines-1)*stride+n]
	const block = 32
	whole := n - n%block
	if whole > 0 && !widenKernel(dst, ld, src, stride, lines, whole/block) {
		whole = 0
	}
	if whole == n {
		return
	}
	for i := range lines {
		FromBF16(dst[i*ld:][whole:n], src[i*stride:][whole:n])
	}
}
