package tokenizer

import "math"

// merges maps a pair of ids to the rank of its merge (the lower, the sooner) and the id it makes: an open
// hash table of twice as many places as there are merges or more.
type merges struct {
	slots []mergeSlot
	shift uint8
}

type mergeSlot struct {
	pair uint64 // left<<32 | right; noPair in a free place
	rank uint32
	id   int32
}

const (
	noPair = math.MaxUint64
	noRank = math.MaxUint32
)

func newMerges(n int) *merges {
	bits := uint8(1)
	for 1<<bits < 2*n {
		bits++
	}
	m := &merges{slots: make([]mergeSlot, 1<<bits), shift: 64 - bits}
	for i := range m.slots {
		m.slots[i].pair = noPair
	}
	return m
}

func pairOf(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// place returns where the pair is or would be.
func (m *merges) place(pair uint64) *mergeSlot {
	for i := pair * 0x9e3779b97f4a7c15 >> m.shift; ; i++ {
		s := &m.slots[i&uint64(len(m.slots)-1)]
		if s.pair == pair || s.pair == noPair {
			return s
		}
	}
}

func (m *merges) set(left, right int32, rank uint32, id int32) {
	*m.place(pairOf(left, right)) = mergeSlot{pairOf(left, right), rank, id}
}

// rank returns the rank of a pair, or noRank.
func (m *merges) rank(left, right int32) uint32 {
	if s := m.place(pairOf(left, right)); s.pair != noPair {
		return s.rank
	}
	return noRank
}

// symbol is a part of a word that has an id: first a character or a byte, then what those merge to.
type symbol struct {
	id         int32
	rank       uint32 // of the merge with the next symbol, or noRank
	end        int32  // in the word, in bytes
	prev, next int32  // in a long word: the neighbours' places, or -1
}

// shortWord is up to how many symbols looking through all of them for the next merge beats keeping a heap.
const shortWord = 32

// mergeShort applies all merges to the symbols, lowest rank first, of equal ranks the leftmost first, and returns
// what is left of them. It takes quadratic time.
func (m *merges) mergeShort(syms []symbol) []symbol {
	for i := range syms[:max(len(syms)-1, 0)] {
		syms[i].rank = m.rank(syms[i].id, syms[i+1].id)
	}
	for len(syms) > 1 {
		best := 0
		for i := 1; i < len(syms)-1; i++ {
			if syms[i].rank < syms[best].rank {
				best = i
			}
		}
		if syms[best].rank == noRank {
			break
		}
		syms[best].id = m.place(pairOf(syms[best].id, syms[best+1].id)).id
		syms[best].end = syms[best+1].end
		syms = append(syms[:best+1], syms[best+2:]...)
		if best+1 < len(syms) {
			syms[best].rank = m.rank(syms[best].id, syms[best+1].id)
		}
		if best > 0 {
			syms[best-1].rank = m.rank(syms[best-1].id, syms[best].id)
		}
	}
	return syms
}

// mergeLong does the same in n log n time, with a heap of possible merges as rank<<32 | place. An entry whose
// symbol has another rank by now, or is gone, is passed over.
func (m *merges) mergeLong(syms []symbol, heap []uint64) ([]symbol, []uint64) {
	heap = heap[:0]
	link := func(i int32) { // gives symbol i the rank of its merge with the next one
		s := &syms[i]
		s.rank = noRank
		if s.next >= 0 {
			if s.rank = m.rank(s.id, syms[s.next].id); s.rank != noRank {
				heap = push(heap, uint64(s.rank)<<32|uint64(uint32(i)))
			}
		}
	}
	for i := range syms {
		syms[i].prev, syms[i].next = int32(i-1), int32(i+1)
	}
	syms[len(syms)-1].next = -1
	for i := range syms {
		link(int32(i))
	}
	for len(heap) > 0 {
		var top uint64
		top, heap = pop(heap)
		i := int32(uint32(top))
		s := &syms[i]
		if s.rank != uint32(top>>32) {
			continue
		}
		right := &syms[s.next]
		s.id = m.place(pairOf(s.id, right.id)).id
		s.end = right.end
		s.next = right.next
		right.rank, right.id = noRank, gone
		if s.next >= 0 {
			syms[s.next].prev = i
		}
		link(i)
		if s.prev >= 0 {
			link(s.prev)
		}
	}
	left := syms[:0]
	for _, s := range syms {
		if s.id != gone {
			left = append(left, s)
		}
	}
	return left, heap
}

const gone = -1 // the id of a symbol that has become part of another

func push(heap []uint64, x uint64) []uint64 {
	heap = append(heap, x)
	i := len(heap) - 1
	for i > 0 {
		up := (i - 1) / 4
		if heap[up] <= x {
			break
		}
		heap[i] = heap[up]
		i = up
	}
	heap[i] = x
	return heap
}

func pop(heap []uint64) (uint64, []uint64) {
	top := heap[0]
	x := heap[len(heap)-1]
	heap = heap[:len(heap)-1]
	i := 0
	for {
		first := 4*i + 1
		if first >= len(heap) {
			break
		}
		least := first
		for k := first + 1; k < min(first+4, len(heap)); k++ {
			if heap[k] < heap[least] {
				least = k
			}
		}
		if x <= heap[least] {
			break
		}
		heap[i] = heap[least]
		i = least
	}
	if len(heap) > 0 {
		heap[i] = x
	}
	return top, heap
}
