package kernel

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// tile is the reference.
func (m int8Form) tile(height, k int, a, b, _ *uint32, part, c *float32, ldc int, alpha float32, mode int) {
	sums := unsafe.Slice(part, tileWords)
	if mode&resume == 0 {
		clear(sums)
	}
	panelA := unsafe.Slice(a, k*m.groupA()*tileRows)
	panelB := unsafe.Slice(b, k*m.groupB()*tileCols)
	for g := range k {
		groupA, groupB := panelA[g*m.groupA()*tileRows:], panelB[g*m.groupB()*tileCols:]
		for i := range height {
			scale, start := math.Float32frombits(groupA[m.words*tileRows+i]), groupA[(m.words+1)*tileRows+i]
			for j := range tileCols {
				var dot int32
				for w := range m.words {
					dot += dot4(groupB[w*tileCols+j], groupA[w*tileRows+i])
				}
				a := math.Float32frombits(groupB[m.words*tileCols+j])
				var product float32
				if m.least {
					b := math.Float32frombits(groupB[(m.words+1)*tileCols+j])
					product = float32(float32(dot)*a) + float32(b*math.Float32frombits(start))
				} else {
					product = float32(dot+int32(start)) * a
				}
				sums[i*tileCols+j] += float32(product * scale)
			}
		}
	}
	if mode&(overwrite|addTo) != 0 {
		storeGeneric(part, c, ldc, tileRows, tileCols, alpha, mode)
	}
}

// dot4 multiplies four unsigned bytes with four int8.
func dot4(q, v uint32) int32 {
	return int32(q&255)*int32(int8(v)) + int32(q>>8&255)*int32(int8(v>>8)) +
		int32(q>>16&255)*int32(int8(v>>16)) + int32(q>>24)*int32(int8(v>>24))
}

// roundPanelGeneric rounds blocks of 32 elements of 12 rows to a panel, with what the
// active tier has for a vector.
func roundPanelGeneric(m int8Form, dst []uint32, x *[tileRows]*float32, blocks int) {
	var values [int8Block]int8
	var scale [1]float32
	var sum [1]int32
	for place, row := range x {
		row := unsafe.Slice(row, blocks*int8Block)
		for block := range blocks {
			roundInt8(values[:], scale[:], sum[:], row[block*int8Block:][:int8Block])
			for g := range m.groups(int8Block) {
				group := dst[(block*m.wordsA(int8Block)+g*m.groupA())*tileRows+place:]
				var negated int32
				for w := range m.words {
					var word uint32
					for i, v := range values[(g*m.words+w)*4:][:4] {
						word |= uint32(byte(v)) << (8 * i)
						negated -= int32(v)
					}
					group[w*tileRows] = word
				}
				group[m.words*tileRows] = math.Float32bits(scale[0])
				start := uint32(negated * m.offset)
				if m.least {
					start = math.Float32bits(float32(negated))
				}
				group[(m.words+1)*tileRows] = start
			}
		}
	}
}

// unpackRowsGeneric turns rows of blocks, of which the first begins w and each is
// stride bytes after the one before, into rows of a form's words, ld words apart. What
// is ahead bytes later will be wanted next; it is not read.
func unpackRowsGeneric(f BlockFormat, dst []uint32, ld int, w []byte, stride, rows, blocks, _ int) {
	kind, words := f.kind(), f.int8Form().wordsB(f.Elements())
	for row := range rows {
		for block := range blocks {
			f.unpackBlock(dst[row*ld+block*words:][:words], w[row*stride+block*kind.bytes:][:kind.bytes])
		}
	}
}

// unpackBlock turns one block into the words of its form.
func (f BlockFormat) unpackBlock(dst []uint32, block []byte) {
	var q [int8Block]byte
	switch f {
	case Q8_0:
		for i := range q {
			q[i] = block[2+i] ^ 0x80
		}
		putGroup(dst, q[:], half(block))
	case Q4_0:
		nibbles(&q, block[2:])
		putGroup(dst, q[:], half(block))
	case Q4_1:
		nibbles(&q, block[4:])
		putGroup(dst, q[:], half(block), -half(block[2:]))
	case Q5_0:
		nibbles(&q, block[6:])
		fifth := binary.LittleEndian.Uint32(block[2:])
		for i := range q {
			q[i] |= byte(fifth >> i & 1 << 4)
		}
		putGroup(dst, q[:], half(block))
	case Q4K:
		d, e := half(block), half(block[2:])
		for j := range 8 {
			for i, b := range block[16+j/2*32:][:32] {
				q[i] = b >> (j % 2 * 4) & 15
			}
			s, t := scalesQ4K(block[4:16], j)
			putGroup(dst[j*10:], q[:], d*float32(s), e*float32(t))
		}
	case Q6K:
		low, high, scales, d := block[:128], block[128:192], block[192:208], half(block[208:])
		for j := range 8 {
			part, quarter := j/4, j%4
			for i := range q {
				q[i] = low[part*64+quarter%2*32+i]>>(quarter/2*4)&15 | high[part*32+i]>>(quarter*2)&3<<4
			}
			for h := range 2 {
				putGroup(dst[(2*j+h)*5:], q[16*h:][:16], d*float32(int8(scales[2*j+h])))
			}
		}
	}
}

// nibbles spreads 16 bytes, the upper halves after the lower.
func nibbles(q *[int8Block]byte, b []byte) {
	for i, both := range b[:16] {
		q[i], q[i+16] = both&15, both>>4
	}
}

// putGroup writes a group's bytes as words, and what belongs to them.
func putGroup(dst []uint32, q []byte, scales ...float32) {
	for w := range len(q) / 4 {
		dst[w] = binary.LittleEndian.Uint32(q[4*w:])
	}
	for i, s := range scales {
		dst[len(q)/4+i] = math.Float32bits(s)
	}
}

// widenAGeneric makes a panel of fp32, [k][12], of one of int8.
func (m int8Form) widenAGeneric(dst, src []uint32, k int) {
	for g := range m.groups(k) {
		group := src[g*m.groupA()*tileRows:]
		scale := group[m.words*tileRows:][:tileRows]
		for w := range m.words {
			for place, word := range group[w*tileRows:][:tileRows] {
				s := math.Float32frombits(scale[place])
				for i := range 4 {
					dst[((g*m.words+w)*4+i)*tileRows+place] = math.Float32bits(s * float32(int8(word>>(8*i))))
				}
			}
		}
	}
}

// widenBGeneric makes a panel of fp32, [k][32], of one of unsigned bytes.
func (m int8Form) widenBGeneric(dst, src []uint32, k int) {
	var none [tileCols]uint32
	for g := range m.groups(k) {
		group := src[g*m.groupB()*tileCols:]
		scale, least := group[m.words*tileCols:][:tileCols], none[:]
		if m.least {
			least = group[(m.words+1)*tileCols:][:tileCols]
		}
		for w := range m.words {
			for place, word := range group[w*tileCols:][:tileCols] {
				a, b := math.Float32frombits(scale[place]), math.Float32frombits(least[place])
				for i := range 4 {
					q := float32(int32(byte(word>>(8*i))) - m.offset)
					dst[((g*m.words+w)*4+i)*tileCols+place] = math.Float32bits(float32(a*q) - b)
				}
			}
		}
	}
}
