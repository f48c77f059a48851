package train

// DefaultWindow is how many blocks are open at once if nothing else is said.
const DefaultWindow = 64

// packer puts sequences into blocks by first fit: each into the first of the last
// window blocks that has room for it, and if none has, into a new one. It takes
// O(log window) a sequence.
//
// Rooms of the open blocks are the leaves of a tree whose nodes have the larger of
// the two below. Block b is leaf b mod window; so the blocks from the oldest on are
// the leaves from next mod window on, and then those before.
type packer struct {
	size   int // tokens of a block
	window int
	leaves int // a power of two, no less than window
	room   []int32
	next   int // number of the block to be begun next
}

func newPacker(size, window int) *packer {
	p := &packer{size: size, window: window, leaves: 1}
	for p.leaves < window {
		p.leaves *= 2
	}
	p.room = make([]int32, 2*p.leaves)
	return p
}

// put returns the number of the block for a sequence of n tokens, n <= size.
func (p *packer) put(n int) (block int) {
	oldest := p.next % p.window
	leaf := p.find(oldest, n)
	if leaf < 0 {
		leaf = p.find(0, n)
	}
	if leaf < 0 {
		leaf = oldest
		p.set(leaf, p.size-n)
		p.next++
		return p.next - 1
	}
	p.set(leaf, int(p.room[p.leaves+leaf])-n)
	return p.next - 1 - (oldest-1-leaf+p.window)%p.window
}

// close begins a new epoch: no block of the old one is open.
func (p *packer) close() { clear(p.room) }

// find returns the first leaf from `from` on with room for n, or -1.
func (p *packer) find(from, n int) int {
	i := p.leaves + from
	for int(p.room[i]) < n {
		for i&1 == 1 { // to the right of all below the parent
			i >>= 1
		}
		if i == 0 {
			return -1
		}
		i++
	}
	for i < p.leaves {
		if i *= 2; int(p.room[i]) < n {
			i++
		}
	}
	return i - p.leaves
}

func (p *packer) set(leaf, room int) {
	i := p.leaves + leaf
	p.room[i] = int32(room)
	for i >>= 1; i > 0; i >>= 1 {
		p.room[i] = max(p.room[2*i], p.room[2*i+1])
	}
}

// pack orders items so that those of one block stand together, blocks in the order
// in which they were begun and items of a block in the order in which they came,
// and appends to ends where each block ends, counted from base.
func (p *packer) pack(items []uint32, length func(item uint32) int, base int, ends []uint32) []uint32 {
	first := p.next
	blocks := make([]uint32, len(items))
	for i, item := range items {
		blocks[i] = uint32(p.put(length(item)) - first)
	}
	p.close()
	at := make([]uint32, p.next-first+1) // where the next item of a block goes
	for _, b := range blocks {
		at[b+1]++
	}
	for b := 1; b < len(at); b++ {
		at[b] += at[b-1]
		ends = append(ends, uint32(base)+at[b])
	}
	sorted := make([]uint32, len(items))
	for i, b := range blocks {
		sorted[at[b]] = items[i]
		at[b]++
	}
	copy(items, sorted)
	return ends
}
