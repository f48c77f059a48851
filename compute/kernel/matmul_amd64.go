//go:build amd64 && !noasm

package kernel

import (
	"unsafe"

	"smelt/compute/kernel/cpu"
)

//go:noescape
func tileAVX2(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func tileAVX512(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func tileBF16AVX512(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func storeAVX512(part, c *float32, ldc, rows, cols int, alpha float32, mode int)

// packRowsFunc packs k lines of n numbers that run along the panels' places. Those
// of AVX2 take an n that is a multiple of the panel's width.
type packRowsFunc func(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRows12AVX2(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRows32AVX2(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRows12AVX512(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRows32AVX512(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRowPairs12AVX512(dst *uint32, src *float32, ld, k, n int)

//go:noescape
func packRowPairs32AVX512(dst *uint32, src *float32, ld, k, n int)

// packStoredRowPairs32AVX512 is packRowPairs32AVX512 of bf16.
//
//go:noescape
func packStoredRowPairs32AVX512(dst *uint32, src *uint16, ld, k, n int)

// packColumnsFunc packs rows lines of k numbers that run along k into 12 or 16 places
// of a panel of width; places beyond the rows get zeros.
type packColumnsFunc func(dst *uint32, width int, src *float32, ld, rows, k int)

//go:noescape
func packColumns12AVX512(dst *uint32, width int, src *float32, ld, rows, k int)

//go:noescape
func packColumns16AVX512(dst *uint32, width int, src *float32, ld, rows, k int)

//go:noescape
func packColumnPairs12AVX512(dst *uint32, width int, src *float32, ld, rows, k int)

//go:noescape
func packColumnPairs16AVX512(dst *uint32, width int, src *float32, ld, rows, k int)

//go:noescape
func packColumns8AVX2(dst *uint32, width int, src *float32, ld, k int)

//go:noescape
func packColumns4AVX2(dst *uint32, width int, src *float32, ld, k int)

//go:noescape
func roundPanelsAVX2(words *uint32, n int)

// activeEngine returns the best that the active tier has.
func activeEngine() engine {
	e := genericEngine
	tier := cpu.Active()
	if tier >= cpu.AVX2 {
		e.round = roundVectors
	}
	switch {
	case tier >= cpu.AVX512:
		e.name, e.tile, e.pack = "avx512", tileAVX512, packAVX512
		e.store, e.skinnyKernels = storeAVX512, skinnyAVX512
	case tier == cpu.AVX2:
		e.name, e.tile, e.pack = "avx2", tileQuadrantsAVX2, packAVX2
		e.skinnyKernels = skinnyAVX2
	}
	if tier >= cpu.AVX512BF16 {
		e.name, e.tilePairs, e.packPairs = "avx512bf16", tileBF16AVX512, packPairsAVX512
		e.packStored = packStoredAVX512
		e.skinnyKernels = skinnyAVX512BF16
	}
	return e
}

// tileQuadrantsAVX2 is four times the 6x16 that fit into 16 registers.
func tileQuadrantsAVX2(k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int) {
	const rows, cols = tileRows / 2, tileCols / 2
	for i := range 2 {
		a := (*uint32)(unsafe.Add(unsafe.Pointer(a), 4*rows*i))
		for j := range 2 {
			b := (*uint32)(unsafe.Add(unsafe.Pointer(b), 4*cols*j))
			part := (*float32)(unsafe.Add(unsafe.Pointer(part), 4*(rows*i*tileCols+cols*j)))
			c := c
			if mode&(overwrite|addTo) != 0 {
				c = (*float32)(unsafe.Add(unsafe.Pointer(c), 4*(rows*i*ldc+cols*j)))
			}
			tileAVX2(k, a, b, next, part, c, ldc, alpha, mode)
		}
	}
}

// roundVectors is roundPanels of AVX2, and of an AVX-512 without bf16.
func roundVectors(words []uint32) {
	whole := len(words) &^ 7
	if whole > 0 {
		roundPanelsAVX2(&words[0], whole)
	}
	roundPanels(words[whole:])
}

func packAVX512(dst []uint32, width int, s source, n, k int) {
	if width == tileRows {
		pack512(packRows12AVX512, packColumns12AVX512, dst, width, k, s, n, k)
	} else {
		pack512(packRows32AVX512, packColumns16AVX512, dst, width, k, s, n, k)
	}
}

func packPairsAVX512(dst []uint32, width int, s source, n, k int) {
	if width == tileRows {
		pack512(packRowPairs12AVX512, packColumnPairs12AVX512, dst, width, BF16.words(k), s, n, k)
	} else {
		pack512(packRowPairs32AVX512, packColumnPairs16AVX512, dst, width, BF16.words(k), s, n, k)
	}
}

func packStoredAVX512(dst []uint32, b *right, col, k0, n, k int) {
	if !b.alongK {
		packStoredRowPairs32AVX512(&dst[0], &b.words[k0*b.ld+col], b.ld, k, n)
		return
	}
	pairs := unsafe.Slice((*float32)(unsafe.Pointer(&b.words[0])), len(b.words)/2)
	packAVX512(dst, tileCols, source{pairs, b.ld / 2, true}.from(col, k0/2), n, k/2)
}

// pack512 packs with the functions given; a place of a panel takes so many words.
func pack512(rows packRowsFunc, columns packColumnsFunc, dst []uint32, width, words int, s source, n, k int) {
	if !s.alongK {
		rows(&dst[0], &s.data[0], s.ld, k, n)
		return
	}
	for first := 0; first < n; first += width {
		panel := dst[first*words:][:width*words]
		for place := 0; place < width; place += 16 { // 12 are done at once
			left := min(max(n-first-place, 0), 16)
			from := min(first+place, n-1) // not read if none is left
			columns(&panel[place], width, &s.data[from*s.ld], s.ld, left, k)
		}
	}
}

func packAVX2(dst []uint32, width int, s source, n, k int) {
	if s.alongK {
		for first := 0; first < n; first += width {
			packColumnsAVX2(dst[first*k:][:width*k], width, s.from(first, 0), min(width, n-first), k)
		}
		return
	}
	rows := packRows32AVX2
	if width == tileRows {
		rows = packRows12AVX2
	}
	whole := n - n%width
	if whole > 0 {
		rows(&dst[0], &s.data[0], s.ld, k, whole)
	}
	if whole < n {
		packGeneric(dst[whole*k:], width, s.from(whole, 0), n-whole, k)
	}
}

// packColumnsAVX2 packs one panel: what is not a multiple of 8 by 4 or 8, in Go.
func packColumnsAVX2(panel []uint32, width int, s source, n, k int) {
	even := k &^ 7
	place := 0
	if even > 0 {
		for ; place+8 <= n; place += 8 {
			packColumns8AVX2(&panel[place], width, &s.data[place*s.ld], s.ld, even)
		}
		if place+4 <= n {
			packColumns4AVX2(&panel[place], width, &s.data[place*s.ld], s.ld, even)
			place += 4
		}
	}
	packPart(panel, width, s, place, width, n, 0, even)
	packPart(panel, width, s, 0, width, n, even, k)
}
