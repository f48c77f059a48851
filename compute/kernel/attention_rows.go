package kernel

import "unsafe"

// cacheRows is where keys or values lie, as KVCache says: one of both kinds of pages.
type cacheRows struct {
	f32                          [][]float32
	bf16                         [][]uint16
	pageRows, stride, headStride int
}

// rowsOfCache returns where pages of a cache with its strides lie.
func rowsOfCache[T CacheElement](c KVCache[T], pages [][]T) cacheRows {
	s := cacheRows{pageRows: c.PageRows, stride: c.Stride, headStride: c.HeadStride}
	switch pages := any(pages).(type) {
	case [][]float32:
		s.f32 = pages
	case [][]uint16:
		s.bf16 = pages
	}
	return s
}

// elementSize returns how many bytes a number has.
func (s *cacheRows) elementSize() int {
	if s.f32 != nil {
		return 4
	}
	return 2
}

// chunk is some positions from one on that lie in a page, with a head's numbers.
type chunk struct{ at, n, page, offset int }

// chunk returns that of the positions from at on, up to end and at most most.
func (s *cacheRows) chunk(head, at, end, most int) chunk {
	page, row := at/s.pageRows, at%s.pageRows
	return chunk{at, min(s.pageRows-row, end-at, most), page, row*s.stride + head*s.headStride}
}

// address returns that of the first number of a position that is there.
func (s *cacheRows) address(head, at int) uintptr {
	c := s.chunk(head, at, at+1, 1)
	if s.f32 != nil {
		return uintptr(unsafe.Pointer(&s.f32[c.page][c.offset]))
	}
	return uintptr(unsafe.Pointer(&s.bf16[c.page][c.offset]))
}

// lines returns dim numbers of each of n positions from one on, a line each: where they
// lie if they can be read there, or else in room, of n*dim numbers.
func (s *cacheRows) lines(room []float32, head, from, n, dim int) source {
	if c := s.chunk(head, from, from+n, n); c.n == n && s.f32 != nil {
		return source{data: s.f32[c.page][c.offset:], ld: s.stride}
	}
	for at := from; at < from+n; {
		c := s.chunk(head, at, from+n, n)
		at += c.n
		for i := range c.n {
			to := room[(c.at-from+i)*dim:][:dim]
			if s.f32 != nil {
				copy(to, s.f32[c.page][c.offset+i*s.stride:])
			} else {
				fromBF16(to, s.bf16[c.page][c.offset+i*s.stride:][:dim])
			}
		}
	}
	return source{data: room, ld: dim}
}
