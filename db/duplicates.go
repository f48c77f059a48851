package db

import "context"

// duplicateChunk is how many new rows Duplicates compares at once: it bounds
// its memory to 64 MB.
const duplicateChunk = 2 << 20

// Duplicates counts the rows from address first on whose row_hash an earlier
// row has.
func (s *Snapshot) Duplicates(ctx context.Context, first uint64) (n int64, err error) {
	err = s.DuplicateRows(ctx, first, func(addrs []uint32) error {
		n += int64(len(addrs))
		return nil
	})
	return n, err
}

// DuplicateRows calls fn with the addresses, ascending, of the rows from address
// first on whose row_hash an earlier row has, some of one segment at a time. It
// compares the first 64 bits of the hashes; among 20 million distinct rows the
// chance that any two agree in those is one in 90,000. addrs is valid during
// the call only. Time: one pass over the heads of all rows for every 2 million
// new ones, and two over those.
func (s *Snapshot) DuplicateRows(ctx context.Context, first uint64, fn func(addrs []uint32) error) error {
	var addrs []uint32
	for from := first; ; {
		set := newHeadSet(duplicateChunk)
		next, rows, err := s.collectHeads(ctx, from, set)
		if err != nil || rows == 0 {
			return err
		}
		err = s.eachHead(ctx, 0, from, func(_, head uint64) { set.remove(head) })
		if err != nil {
			return err
		}
		if rows == int64(set.live) {
			from = next
			continue
		}
		// Of the new rows the first of each hash that no older row has is none.
		for at := from; at < next; {
			_, end := s.SegmentRange(s.SegmentOf(uint32(at)))
			end = min(end, next)
			addrs = addrs[:0]
			err = s.eachHead(ctx, at, end, func(addr, head uint64) {
				if !set.remove(head) {
					addrs = append(addrs, uint32(addr))
				}
			})
			if err == nil && len(addrs) > 0 {
				err = fn(addrs)
			}
			if err != nil {
				return err
			}
			at = end
		}
		from = next
	}
}

// collectHeads adds the heads from address from on to set until it is full,
// and returns where to go on and how many rows it saw.
func (s *Snapshot) collectHeads(ctx context.Context, from uint64, set *headSet) (next uint64, rows int64, err error) {
	for next = from; next < s.Addresses(); {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		segment := s.SegmentOf(uint32(next))
		first, last := s.SegmentRange(segment)
		if rows > 0 && rows+int64(last-first) > duplicateChunk {
			break
		}
		heads, err := s.Heads(segment)
		if err != nil {
			return 0, 0, err
		}
		for _, h := range heads[next-first:] {
			set.add(h)
		}
		rows += int64(last - next)
		next = last
	}
	return next, rows, nil
}

// eachHead calls fn for the heads of the rows at addresses [from, to).
func (s *Snapshot) eachHead(ctx context.Context, from, to uint64, fn func(addr, head uint64)) error {
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		segment := s.SegmentOf(uint32(from))
		heads, err := s.Heads(segment)
		if err != nil {
			return err
		}
		first, last := s.SegmentRange(segment)
		for end := min(last, to); from < end; from++ {
			fn(from, heads[from-first])
		}
	}
	return nil
}

// headSet is an open-addressing set of hash heads, which are already uniform.
type headSet struct {
	slots []uint64 // 0 is empty; a head of 0 is kept as 1
	dead  []bool   // removed, but still a link in its probe chain
	mask  uint64
	live  int
}

func newHeadSet(capacity int) *headSet {
	size := 1
	for size < 2*capacity {
		size *= 2
	}
	return &headSet{slots: make([]uint64, size), dead: make([]bool, size), mask: uint64(size - 1)}
}

func (t *headSet) find(head uint64) (slot uint64, found bool) {
	for slot = head & t.mask; t.slots[slot] != 0; slot = (slot + 1) & t.mask {
		if t.slots[slot] == head {
			return slot, true
		}
	}
	return slot, false
}

func (t *headSet) add(head uint64) {
	head = max(head, 1)
	if slot, found := t.find(head); !found {
		t.slots[slot] = head
		t.live++
	}
}

// remove reports whether the head was there.
func (t *headSet) remove(head uint64) bool {
	slot, found := t.find(max(head, 1))
	if !found || t.dead[slot] {
		return false
	}
	t.dead[slot] = true
	t.live--
	return true
}
