package db

import (
	"fmt"
	"iter"
	"sort"
)

// MaxRows is the most rows a store can hold, deleted ones included: an address
// has 32 bits.
const MaxRows = 1 << 32

// segmentStarts are the addresses of the first rows of the segments, and after
// them the number of rows of all.
type segmentStarts []uint64

func (m *manifest) starts() segmentStarts {
	starts := make(segmentStarts, len(m.Segments)+1)
	for i, g := range m.Segments {
		starts[i+1] = starts[i] + uint64(g.Rows)
	}
	return starts
}

// find returns the segment that holds an address; the number of segments if
// none does. Time: O(log segments).
func (s segmentStarts) find(addr uint32) int {
	return sort.Search(len(s)-1, func(i int) bool { return uint64(addr) < s[i+1] })
}

// Addresses is the number of addresses: rows, deleted ones included, have the
// addresses below it. The rows of the next commit have those from it on.
func (s *Snapshot) Addresses() uint64 { return s.starts[len(s.starts)-1] }

// SegmentRange returns the address of a segment's first row, and the one past
// its last.
func (s *Snapshot) SegmentRange(segment int) (first, last uint64) {
	return s.starts[segment], s.starts[segment+1]
}

// SegmentOf returns the segment that holds an address; Segments() if none
// does. Time: O(log segments).
func (s *Snapshot) SegmentOf(addr uint32) int { return s.starts.find(addr) }

// BySegment cuts ascending addresses into runs of one segment each. Addresses
// that are in none come last, with Segments() for theirs.
func (s *Snapshot) BySegment(addrs []uint32) iter.Seq2[int, []uint32] {
	return func(yield func(int, []uint32) bool) {
		for len(addrs) > 0 {
			segment, end := s.SegmentOf(addrs[0]), len(addrs)
			if segment < s.Segments() {
				_, last := s.SegmentRange(segment)
				end = sort.Search(len(addrs), func(i int) bool { return uint64(addrs[i]) >= last })
			}
			if !yield(segment, addrs[:end:end]) {
				return
			}
			addrs = addrs[end:]
		}
	}
}

// rowsBySegment is BySegment with the rows' numbers in their segment, and
// the position in addrs of the first. It stops at an error of fn, which it returns, and at
// an address that the snapshot does not have.
func (s *Snapshot) rowsBySegment(addrs []uint32, fn func(segment, first int, rows []uint16) error) error {
	var rows []uint16
	at := 0
	for segment, part := range s.BySegment(addrs) {
		if segment == s.Segments() {
			return fmt.Errorf("address %d is in no segment of the snapshot", part[0])
		}
		start, _ := s.SegmentRange(segment)
		rows = rows[:0]
		for _, addr := range part {
			rows = append(rows, uint16(uint64(addr)-start))
		}
		if err := fn(segment, at, rows); err != nil {
			return err
		}
		at += len(part)
	}
	return nil
}
