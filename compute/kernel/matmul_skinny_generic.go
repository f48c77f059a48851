package kernel

import (
	"math"
	"unsafe"
)

var skinnyGeneric = skinnyKernels{
	rows:    []skinnyKernel{{longTile, 4, rowsGeneric}},
	columns: []skinnyKernel{{longTile, 4, columnsGeneric}},
}

// rowsGeneric and columnsGeneric are the reference, four columns at a time.
func rowsGeneric(k int, thin *uint32, x, _ *float32, ldx int, part *float32, resumed int) {
	lines, sums := unsafe.Slice(x, (longTile-1)*ldx+k), unsafe.Slice(part, longTile*tileCols-tileCols+4)
	for i := range longTile {
		sum := sums[i*tileCols:][:4]
		fourSums(k, thin, lines[i*ldx:], 1, sum, 1, resumed)
	}
}

func columnsGeneric(k int, thin *uint32, x, _ *float32, ldx int, part *float32, resumed int) {
	lines, sums := unsafe.Slice(x, (k-1)*ldx+longTile), unsafe.Slice(part, 4*tileCols)
	for i := range longTile {
		fourSums(k, thin, lines[i:], ldx, sums[i:], tileCols, resumed)
	}
}

// fourSums adds up one place of x, whose k are step apart, with four columns of a
// panel, into sums that are apart from one another. As in tileGeneric, the conversions
// keep compilers from fusing.
func fourSums(k int, thin *uint32, x []float32, step int, sums []float32, apart, resumed int) {
	panel := unsafe.Slice(thin, (k-1)*tileCols+4)
	var s0, s1, s2, s3 float32
	if resumed != 0 {
		s0, s1, s2, s3 = sums[0], sums[apart], sums[2*apart], sums[3*apart]
	}
	for at := range k {
		word, number := panel[at*tileCols:][:4], x[at*step]
		s0 += float32(number * math.Float32frombits(word[0]))
		s1 += float32(number * math.Float32frombits(word[1]))
		s2 += float32(number * math.Float32frombits(word[2]))
		s3 += float32(number * math.Float32frombits(word[3]))
	}
	sums[0], sums[apart], sums[2*apart], sums[3*apart] = s0, s1, s2, s3
}
