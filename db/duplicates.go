package db

import "context"

// duplicateChunk is how many new rows Duplicates compares at once: it bounds
// its memory to 64 MB.
const duplicateChunk = 2 << 20

// Duplicates counts the rows from address first on whose row_hash an earlier
// row has. It compares the first 64 bits of the hashes; among 20 million
// distinct rows the chance that any two agree in those is one in 90,000.
// Time: one pass over the heads of all rows for every 2 million new ones.
func (s *Snapshot) Duplicates(ctx context.Context, first uint32) (int64, error) {
	duplicates := int64(0)
	for from := uint64(first); ; {
		set := newHeadSet(duplicateChunk)
		next, rows, err := s.collectHeads(ctx, from, set)
		if err != nil || rows == 0 {
			return duplicates, err
		}
		err = s.eachHead(ctx, 0, from, func(head uint64) { set.remove(head) })
		if err != nil {
			return duplicates, err
		}
		duplicates += rows - int64(set.live)
		from = next
	}
}

// collectHeads adds the heads from address from on to set until it is full,
// and returns where to go on and how many rows it saw.
func (s *Snapshot) collectHeads(ctx context.Context, from uint64, set *headSet) (next uint64, rows int64, err error) {
	for segment := int(from >> 16); segment < len(s.m.Segments); segment++ {
		if err := ctx.Err(); err != nil {
			return 0, 0, err
		}
		if rows > 0 && rows+int64(s.m.Segments[segment].Rows) > duplicateChunk {
			return uint64(segment) << 16, rows, nil
		}
		heads, err := s.Heads(segment)
		if err != nil {
			return 0, 0, err
		}
		if uint64(segment) == from>>16 {
			heads = heads[min(int(from&0xFFFF), len(heads)):]
		}
		for _, h := range heads {
			set.add(h)
		}
		rows += int64(len(heads))
	}
	return uint64(len(s.m.Segments)) << 16, rows, nil
}

// eachHead calls fn for the heads of the rows at addresses [from, to).
func (s *Snapshot) eachHead(ctx context.Context, from, to uint64, fn func(uint64)) error {
	for segment := int(from >> 16); segment < len(s.m.Segments) && uint64(segment)<<16 < to; segment++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		heads, err := s.Heads(segment)
		if err != nil {
			return err
		}
		if limit := to - uint64(segment)<<16; limit < uint64(len(heads)) {
			heads = heads[:limit]
		}
		for _, h := range heads {
			fn(h)
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

func (t *headSet) remove(head uint64) {
	if slot, found := t.find(max(head, 1)); found && !t.dead[slot] {
		t.dead[slot] = true
		t.live--
	}
}
