package kernel

import (
	"math"
	"unsafe"
)

// Panels are what the kernels read: words of 32 bits, each an fp32 or two bf16 of
// successive k (the earlier one in the lower half).
//
//	A  [panel][k][12]   12 rows of a, as the columns of a panel
//	B  [panel][k][32]   32 columns of b
//
// Places of a last panel beyond the matrix are zero, and so is the upper half of a
// last word of an odd K.
const (
	tileRows  = 12
	tileCols  = 32
	tileWords = tileRows * tileCols
)

// source is a part of a matrix that is packed: lines of numbers, ld apart. If
// alongK, a line is a place of the panels and runs along k; else a line is one k
// and runs along the panels' places.
type source struct {
	data   []float32
	ld     int
	alongK bool
}

// at returns the number at a place and k.
func (s source) at(place, k int) float32 {
	if s.alongK {
		return s.data[place*s.ld+k]
	}
	return s.data[k*s.ld+place]
}

// from returns what begins at a place and k.
func (s source) from(place, k int) source {
	if s.alongK {
		s.data = s.data[place*s.ld+k:]
	} else {
		s.data = s.data[k*s.ld+place:]
	}
	return s
}

// words returns how many words k numbers of one place take.
func (p Precision) words(k int) int {
	if p == BF16 {
		return (k + 1) / 2
	}
	return k
}

// packFunc packs n > 0 places of k > 0 numbers into panels of width places, tileRows
// or tileCols.
type packFunc func(dst []uint32, width int, s source, n, k int)

// packStoredFunc packs n > 0 columns of b, of bf16, from col on into panels of pairs, in
// k > 0 rows from k0 on. What it packs of b.alongK are pairs there, too.
type packStoredFunc func(dst []uint32, b *right, col, k0, n, k int)

func packGeneric(dst []uint32, width int, s source, n, k int) {
	for first := 0; first < n; first += width {
		packPart(dst[first*k:][:width*k], width, s.from(first, 0), 0, width, min(width, n-first), 0, k)
	}
}

// packPairsGeneric is packGeneric for panels of bf16.
func packPairsGeneric(dst []uint32, width int, s source, n, k int) {
	words := BF16.words(k)
	for first := 0; first < n; first += width {
		panel := dst[first*words:][:width*words]
		clear(panel)
		for place := range min(width, n-first) {
			for at := range k {
				half := roundBF16(math.Float32bits(s.at(first+place, at))) >> 16
				panel[at/2*width+place] |= half << (16 * (at & 1))
			}
		}
	}
}

// packPart fills the places from lo to hi of one panel, of which the first n are the
// source's, from k = k0 to k1.
func packPart(panel []uint32, width int, s source, lo, hi, n, k0, k1 int) {
	for k := k0; k < k1; k++ {
		row := panel[k*width:][:width]
		for i := lo; i < hi; i++ {
			row[i] = 0
			if i < n {
				row[i] = math.Float32bits(s.at(i, k))
			}
		}
	}
}

// roundBF16 rounds the bits of an fp32 to those of a bf16, in the upper half: to
// nearest, ties to even; denormals to zero, as AVX512_BF16 does; NaN stays NaN.
func roundBF16(x uint32) uint32 {
	switch {
	case x&0x7f800000 == 0:
		return x & 0x80000000
	case x&0x7fffffff > 0x7f800000:
		return (x | 0x00400000) & 0xffff0000
	}
	return (x + 0x7fff + x>>16&1) & 0xffff0000
}

// roundPanels rounds fp32 panels, for tiers that multiply bf16 as fp32.
func roundPanels(words []uint32) {
	for i, x := range words {
		words[i] = roundBF16(x)
	}
}

// widenPanel makes a panel of k fp32 of a panel of bf16 of the same width.
func widenPanel(dst, src []uint32, width, k int) {
	for at := range k {
		from := src[at/2*width:][:width]
		row := dst[at*width:][:width]
		if at&1 == 0 {
			for i, w := range from {
				row[i] = w << 16
			}
		} else {
			for i, w := range from {
				row[i] = w & 0xffff0000
			}
		}
	}
}

// alignedWords returns n words at the start of a cache line: a load of 64 bytes
// that crosses two lines takes twice as long.
func alignedWords(n int) []uint32 {
	const line = 64
	words := make([]uint32, n+line/4)
	skip := 0
	if off := int(uintptr(unsafe.Pointer(unsafe.SliceData(words))) % line); off != 0 {
		skip = (line - off) / 4
	}
	return words[skip:][:n:n]
}

// floats returns words as the numbers whose bits they are.
func floats(words []uint32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(words))), len(words))
}
