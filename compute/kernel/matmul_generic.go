package kernel

import (
	"math"
	"unsafe"
)

// What a tile function begins and ends with.
const (
	resume    = 1 // the sums go on from part, else from zero
	overwrite = 2 // c = alpha * sum
	addTo     = 4 // c = c + alpha * sum, rounded twice; without either, part = sum
)

// tileFunc adds up 12x32 sums over k words of a panel of A and one of B. part is a
// tile [12][32], c the place of the tile in a matrix with rows ldc numbers apart;
// mode says which of them are used, save that part may be written to in any case. next
// is what is wanted in cache afterwards, 16 bytes for each k; it is not read.
type tileFunc func(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

// tileGeneric is the reference. Go's compilers may fuse x*y + z on some machines; the
// conversion forbids it, so that this tier means the same on all.
func tileGeneric(k int, a, b, _ *uint32, part, c *float32, ldc int, alpha float32, mode int) {
	sums := unsafe.Slice(part, tileWords)
	if mode&resume == 0 {
		clear(sums)
	}
	sumTile(k, unsafe.Slice(a, k*tileRows), unsafe.Slice(b, k*tileCols), sums)
	if mode&(overwrite|addTo) != 0 {
		storeGeneric(part, c, ldc, tileRows, tileCols, alpha, mode)
	}
}

// sumTile adds k products to each of the sums, eight at a time.
func sumTile(k int, a, b []uint32, sums []float32) {
	for i := 0; i < tileRows; i += 2 {
		for j := 0; j < tileCols; j += 4 {
			top, low := sums[i*tileCols+j:][:4], sums[(i+1)*tileCols+j:][:4]
			t0, t1, t2, t3 := top[0], top[1], top[2], top[3]
			l0, l1, l2, l3 := low[0], low[1], low[2], low[3]
			for at := range k {
				x, y := a[at*tileRows+i:][:2], b[at*tileCols+j:][:4]
				xt, xl := math.Float32frombits(x[0]), math.Float32frombits(x[1])
				y0, y1 := math.Float32frombits(y[0]), math.Float32frombits(y[1])
				y2, y3 := math.Float32frombits(y[2]), math.Float32frombits(y[3])
				t0 += float32(xt * y0)
				t1 += float32(xt * y1)
				t2 += float32(xt * y2)
				t3 += float32(xt * y3)
				l0 += float32(xl * y0)
				l1 += float32(xl * y1)
				l2 += float32(xl * y2)
				l3 += float32(xl * y3)
			}
			top[0], top[1], top[2], top[3] = t0, t1, t2, t3
			low[0], low[1], low[2], low[3] = l0, l1, l2, l3
		}
	}
}

// storeFunc puts rows x cols > 0 numbers, of lines of 32, into c as mode says.
type storeFunc func(part, c *float32, ldc, rows, cols int, alpha float32, mode int)

func storeGeneric(part, c *float32, ldc, rows, cols int, alpha float32, mode int) {
	sums, to := unsafe.Slice(part, (rows-1)*tileCols+cols), unsafe.Slice(c, (rows-1)*ldc+cols)
	for i := range rows {
		row := to[i*ldc:][:cols]
		if mode&overwrite != 0 {
			for j, sum := range sums[i*tileCols:][:cols] {
				row[j] = float32(alpha * sum)
			}
			continue
		}
		for j, sum := range sums[i*tileCols:][:cols] {
			row[j] += float32(alpha * sum)
		}
	}
}
