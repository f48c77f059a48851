package scan

import "math/bits"

// IndexSeparator returns the index of the first byte of src that is 1B, 1E or 1F,
// the three with a meaning in a row's payload, or -1.
func IndexSeparator(src []byte) int { return indexSeparator(src) }

// The generic form looks for 1B to 1F first, which is cheaper, and at 1C and 1D
// twice. With its top bit cleared, a byte plus 65 (plus 60) has the top bit set
// exactly if the byte was at least 1B (at least 20), and no sum carries into its
// neighbour.
func indexSeparatorGeneric(src []byte) int {
	i := 0
	for ; i+8 <= len(src); i += 8 {
		w := load64(src, i)
		low := w &^ tops
		if (low+0x65*ones)&^(low+0x60*ones)&^w&tops == 0 {
			continue
		}
		// 1E and 1F are one with the lowest bit set.
		if found := below(w^0x1b*ones, 1) | below((w|ones)^0x1f*ones, 1); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(src); i++ {
		if c := src[i]; c == 0x1b || c|1 == 0x1f {
			return i
		}
	}
	return -1
}
