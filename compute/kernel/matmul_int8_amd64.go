//go:build !noasm

package kernel

import "smelt/compute/kernel/cpu"

//go:noescape
func tileInt8AVX512BF16(height, k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func tileInt8LeastAVX512BF16(height, k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func tileInt8HalvesAVX512BF16(height, k int, a, b, next *uint32, part, c *float32, ldc int, alpha float32, mode int)

//go:noescape
func roundInt8PanelAVX512BF16(dst *uint32, x *[12]*float32, blocks int, offset uint32)

//go:noescape
func roundInt8PanelLeastAVX512BF16(dst *uint32, x *[12]*float32, blocks int, offset uint32)

//go:noescape
func roundInt8PanelHalvesAVX512BF16(dst *uint32, x *[12]*float32, blocks int, offset uint32)

//go:noescape
func unpackQ8AVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func unpackQ4AVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func unpackQ41AVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func unpackQ5AVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func unpackQ4KAVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func unpackQ6KAVX2(dst *uint32, ld int, w *byte, stride, rows, blocks, ahead int)

//go:noescape
func widenAAVX2(dst, src *uint32, groups, words, least int, offset float32)

//go:noescape
func widenBAVX2(dst, src *uint32, groups, words, least int, offset float32)

// activeInt8Tile returns the tile function of the active tier for a form, or nil: then
// panels are made fp32 for the tier's tileFunc.
func activeInt8Tile(m int8Form) tileInt8Func {
	switch tier := cpu.Active(); {
	case tier == cpu.Generic:
		return m.tile
	case tier < cpu.AVX512BF16:
		return nil
	case m.least:
		return tileInt8LeastAVX512BF16
	case m.words == 4:
		return tileInt8HalvesAVX512BF16
	}
	return tileInt8AVX512BF16
}

func roundPanel(m int8Form, dst []uint32, x *[tileRows]*float32, blocks int) {
	if cpu.Active() < cpu.AVX512BF16 {
		roundPanelGeneric(m, dst, x, blocks)
		return
	}
	_ = dst[m.wordsA(blocks*int8Block)*tileRows-1]
	switch {
	case m.least:
		roundInt8PanelLeastAVX512BF16(&dst[0], x, blocks, 0x01010101)
	case m.words == 4:
		roundInt8PanelHalvesAVX512BF16(&dst[0], x, blocks, uint32(m.offset)*0x01010101)
	default:
		roundInt8PanelAVX512BF16(&dst[0], x, blocks, uint32(m.offset)*0x01010101)
	}
}

func unpackRows(f BlockFormat, dst []uint32, ld int, w []byte, stride, rows, blocks, ahead int) {
	if cpu.Active() < cpu.AVX2 {
		unpackRowsGeneric(f, dst, ld, w, stride, rows, blocks, ahead)
		return
	}
	_ = dst[(rows-1)*ld+f.int8Form().wordsB(blocks*f.Elements())-1]
	_ = w[(rows-1)*stride+blocks*f.kind().bytes-1]
	switch f {
	case Q8_0:
		unpackQ8AVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	case Q4_0:
		unpackQ4AVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	case Q4_1:
		unpackQ41AVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	case Q5_0:
		unpackQ5AVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	case Q4K:
		unpackQ4KAVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	case Q6K:
		unpackQ6KAVX2(&dst[0], ld, &w[0], stride, rows, blocks, ahead)
	}
}

func (m int8Form) widenA(dst, src []uint32, k int) {
	if cpu.Active() < cpu.AVX2 {
		m.widenAGeneric(dst, src, k)
		return
	}
	_, _ = dst[k*tileRows-1], src[m.wordsA(k)*tileRows-1]
	widenAAVX2(&dst[0], &src[0], m.groups(k), m.words, 0, 0)
}

func (m int8Form) widenB(dst, src []uint32, k int) {
	if cpu.Active() < cpu.AVX2 {
		m.widenBGeneric(dst, src, k)
		return
	}
	_, _ = dst[k*tileCols-1], src[m.wordsB(k)*tileCols-1]
	least := 0
	if m.least {
		least = 1
	}
	widenBAVX2(&dst[0], &src[0], m.groups(k), m.words, least, float32(m.offset))
}
