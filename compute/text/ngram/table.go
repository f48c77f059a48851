package ngram

import "math/bits"

// A table finds the numbers of the entries that may have a hash: open addressing, at most half full,
// linear probing, behind a filter that turns away most hashes that are in no slot.
//
//	slot      │ high half of the hash │ number of the entry + 1 │    0 if empty
//	filter    eight bits for each slot; a bit is set if a hash begins with its number
//
// The highest bits of a hash say where it is looked for, so that a slot knows its own place when the
// table grows. The low half is not kept: the words are compared anyway.
//
// The filter is there for the cache. A million n-grams have 16 MB or more of slots, in which nearly
// every word of every row would miss, and 2 MB of filter.
type table struct {
	slots  []uint64 // a power of two of them, 16 at least
	shift  uint     // a hash begins its search at hash >> shift
	filter []uint64
	fine   uint // a hash's bit in the filter is hash >> fine
	count  int
}

// newTable returns an empty table of n slots, a power of two, 16 at least.
func newTable(n int) table {
	shift := 64 - uint(bits.TrailingZeros(uint(n)))
	fine := max(shift-3, 32) // a slot does not know more than the high half
	return table{slots: make([]uint64, n), shift: shift, filter: make([]uint64, 1<<(64-6-fine)), fine: fine}
}

// insert adds the number of an entry for hash.
func (t *table) insert(hash uint64, entry uint32) {
	if 2*(t.count+1) > len(t.slots) {
		larger := newTable(2 * len(t.slots))
		for _, s := range t.slots {
			if s != 0 {
				larger.place(s)
			}
		}
		*t = larger
	}
	t.place(hash&^(1<<32-1) | uint64(entry+1))
}

func (t *table) place(slot uint64) {
	i := slot >> t.shift
	for t.slots[i] != 0 {
		i = (i + 1) & uint64(len(t.slots)-1)
	}
	t.slots[i] = slot
	bit := slot >> t.fine
	t.filter[bit/64] |= 1 << (bit % 64)
	t.count++
}

// may reports whether find might yield something. It says so of all hashes that are in the table and of
// one in 16 or fewer of the others.
func (t *table) may(hash uint64) bool {
	bit := hash >> t.fine
	return t.filter[bit/64]>>(bit%64)&1 != 0
}

// find yields the entries that may have the hash: all that have it, and of the others one in many.
func (t *table) find(hash uint64) func(yield func(entry uint32) bool) {
	return func(yield func(uint32) bool) {
		for i := hash >> t.shift; t.slots[i] != 0; i = (i + 1) & uint64(len(t.slots)-1) {
			if t.slots[i]>>32 == hash>>32 && !yield(uint32(t.slots[i])-1) {
				return
			}
		}
	}
}

// renumber returns a table of the entries that get a new number: numbers[old] is that number plus one,
// or 0 for an entry to leave out.
func (t *table) renumber(numbers []uint32) table {
	renumbered := newTable(16)
	for _, s := range t.slots {
		if s == 0 {
			continue
		}
		if number := numbers[uint32(s)-1]; number != 0 {
			renumbered.insert(s, number-1)
		}
	}
	return renumbered
}
