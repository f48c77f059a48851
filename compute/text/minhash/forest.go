package minhash

import "sync/atomic"

// A forest is a set of disjoint sets of ids (union-find) that goroutines may join at the same time
// (after Anderson & Woll 1991). The root of a set is its least id, whatever the order of joining.
type forest struct {
	parent []atomic.Uint32 // of id; never greater than id, and id itself for a root
}

func newForest(n int) *forest {
	f := &forest{parent: make([]atomic.Uint32, n)}
	for i := range f.parent {
		f.parent[i].Store(uint32(i))
	}
	return f
}

// root returns the root of id's set, and shortens the way there.
func (f *forest) root(id uint32) uint32 {
	for {
		up := f.parent[id].Load()
		if up == id {
			return id
		}
		upper := f.parent[up].Load()
		if upper != up {
			f.parent[id].CompareAndSwap(up, upper) // it is as well if another was first
		}
		id = up
	}
}

// joined reports whether a and b are known to be in one set. Another goroutine may be joining them.
func (f *forest) joined(a, b uint32) bool { return f.root(a) == f.root(b) }

// join makes one set of a's and b's.
func (f *forest) join(a, b uint32) {
	for {
		a, b = f.root(a), f.root(b)
		if a == b {
			return
		}
		if a > b {
			a, b = b, a
		}
		if f.parent[b].CompareAndSwap(b, a) {
			return
		}
	}
}

// groups returns the sets of two or more, by their least ids, ids ascending. None may be joining.
func (f *forest) groups() [][]uint32 {
	sizes := make([]uint32, len(f.parent)) // by root
	for i := range f.parent {
		sizes[f.root(uint32(i))]++
	}
	var total, count int
	for _, n := range sizes {
		if n >= 2 {
			total, count = total+int(n), count+1
		}
	}
	flat := make([]uint32, total)
	groups := make([][]uint32, 0, count)
	number := sizes // of a root's group, plus one: a size is read once, when the root comes up
	for i := range f.parent {
		id := uint32(i)
		root := f.root(id)
		if root == id {
			n := sizes[id]
			number[id] = 0
			if n >= 2 {
				groups = append(groups, flat[:0:n])
				flat = flat[n:]
				number[id] = uint32(len(groups))
			}
		}
		if k := number[root]; k > 0 {
			groups[k-1] = append(groups[k-1], id)
		}
	}
	return groups
}
