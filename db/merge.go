package db

import "github.com/RoaringBitmap/roaring/v2"

// segmentRows is rows of the segment of addresses [first, last), numbered from 0.
type segmentRows struct {
	first, last uint64
	rows        *roaring.Bitmap
}

// merger makes one bitmap of addresses of the rows of many segments. It is for
// one goroutine.
type merger struct {
	addresses uint64   // of the store
	words     []uint64 // a bit an address
	page      []uint64 // a bit a row of a segment
}

// merge returns the addresses of rows of segments, each given once. Of many rows
// the bits are put side by side, which takes less than half the time of the union of
// as many bitmaps; of few it would cost more than they do.
func (m *merger) merge(parts []segmentRows) *roaring.Bitmap {
	const arrayShare = 16 // a roaring container of fewer rows than 1 in 16 is a list
	rows := uint64(0)
	for _, p := range parts {
		rows += p.rows.GetCardinality()
	}
	if rows*arrayShare >= m.addresses {
		return m.dense(parts)
	}
	shifted := make([]*roaring.Bitmap, len(parts))
	for i, p := range parts {
		shifted[i] = roaring.AddOffset64(p.rows, int64(p.first))
	}
	return roaring.FastOr(shifted...)
}

func (m *merger) dense(parts []segmentRows) *roaring.Bitmap {
	if m.words == nil {
		m.words = make([]uint64, m.addresses/64+2) // one more, for what is shifted out of the last
		m.page = make([]uint64, MaxSegmentRows/64)
	}
	clear(m.words)
	for _, p := range parts {
		page := m.page[:(p.last-p.first+63)/64]
		clear(page)
		p.rows.WriteDenseTo(page)
		to, shift := m.words[p.first/64:], p.first%64
		for i, w := range page {
			to[i] |= w << shift
			to[i+1] |= w >> (64 - shift) // 0 for a shift of 0
		}
	}
	return roaring.FromDense(m.words, true)
}
