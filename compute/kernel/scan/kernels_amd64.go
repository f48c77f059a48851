package scan

import "smelt/compute/kernel/cpu"

// width returns the bytes in a block of the active tier, 0 for the generic one.
func width() int {
	switch t := cpu.Active(); {
	case t >= cpu.AVX512:
		return 64
	case t == cpu.AVX2:
		return 32
	}
	return 0
}

//go:noescape
func stringEndAVX2(src []byte) (n int, marks Marks)

//go:noescape
func stringEndAVX512(src []byte) (n int, marks Marks)

func stringEnd(src []byte) (n int, marks Marks) {
	switch w := width(); {
	case w == 64:
		return stringEndAVX512(src)
	case w == 32 && len(src) >= 32:
		return stringEndAVX2(src)
	}
	return stringEndGeneric(src)
}

//go:noescape
func unescapeAVX2(dst, src []byte) (written, read int)

//go:noescape
func unescapeAVX512(dst, src []byte) (written, read int)

func unescape(dst, src []byte) (written, read int) {
	switch w := width(); {
	case w == 64:
		return unescapeAVX512(dst, src)
	case w == 32 && len(src) >= 32:
		w, r := unescapeAVX2(dst, src)
		written, read = unescapeGeneric(dst[w:], src[r:])
		return w + written, r + read
	}
	return unescapeGeneric(dst, src)
}

//go:noescape
func indexSeparatorAVX2(src []byte) (n int)

//go:noescape
func indexSeparatorAVX512(src []byte) (n int)

func indexSeparator(src []byte) int {
	switch w := width(); {
	case w == 64:
		return indexSeparatorAVX512(src)
	case w == 32 && len(src) >= 32:
		return indexSeparatorAVX2(src)
	}
	return indexSeparatorGeneric(src)
}

//go:noescape
func validUTF8AVX2(src []byte) (ok bool)

//go:noescape
func validUTF8AVX512(src []byte) (ok bool)

// leastUTF8 is a block of AVX2 and the three bytes before it, all of which
// validUTF8AVX2 reads for the last block.
const leastUTF8 = 32 + 3

func validUTF8(src []byte) bool {
	switch w := width(); {
	case w == 64:
		return validUTF8AVX512(src)
	case w == 32 && len(src) >= leastUTF8:
		return validUTF8AVX2(src) && !cutShort(src)
	}
	return validUTF8Generic(src)
}

// cutShort reports whether src, of three bytes or more, ends in the first bytes
// of a longer character.
func cutShort(src []byte) bool {
	end := src[len(src)-3:]
	return end[0] >= 0xf0 || end[1] >= 0xe0 || end[2] >= 0xc0
}
