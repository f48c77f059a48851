package mix

// heap is a binary heap of indexes: none stands before items[0].
type heap struct {
	items  []int
	before func(i, j int) bool // a strict order of the indexes
}

// init makes a heap of items in any order.
func (h *heap) init() {
	for at := len(h.items)/2 - 1; at >= 0; at-- {
		h.down(at)
	}
}

// fixFirst restores the heap after what decides the place of items[0] has changed.
func (h *heap) fixFirst() { h.down(0) }

func (h *heap) push(item int) {
	h.items = append(h.items, item)
	for at := len(h.items) - 1; at > 0; {
		parent := (at - 1) / 2
		if !h.before(h.items[at], h.items[parent]) {
			return
		}
		h.items[at], h.items[parent] = h.items[parent], h.items[at]
		at = parent
	}
}

// pop removes and returns items[0].
func (h *heap) pop() int {
	first, last := h.items[0], len(h.items)-1
	h.items[0] = h.items[last]
	h.items = h.items[:last]
	h.down(0)
	return first
}

func (h *heap) down(at int) {
	for {
		child := 2*at + 1
		if child >= len(h.items) {
			return
		}
		if right := child + 1; right < len(h.items) && h.before(h.items[right], h.items[child]) {
			child = right
		}
		if !h.before(h.items[child], h.items[at]) {
			return
		}
		h.items[at], h.items[child] = h.items[child], h.items[at]
		at = child
	}
}
