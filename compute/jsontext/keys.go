package jsontext

import (
	"bytes"
	"hash/maphash"
)

// fewKeys is how many keys of an object are compared pair by pair. Rows have fewer; beyond, hashing
// is cheaper.
const fewKeys = 16

// keptKeys bounds the scratch that is kept for the next text.
const keptKeys = 1 << 14

// keyStack finds the second key of the same name in an object. It holds the keys of all open objects,
// the innermost object's last:
//
//	{"a": 1, "b": {"c": {}, "d": <here>        keys   a  b │ c  d
//	└ base 0      └ base 2                            0     2
//
// An object with more than fewKeys keys is listed: all its keys are in table, an open-addressed hash
// table that the listed objects share. Keys leave it in the reverse of the order in which they
// came, so to take one out is to clear its slot: no key that is still there was placed later.
type keyStack struct {
	src   []byte
	keys  []key
	arena []byte // decoded names of the keys that are written with escapes
	table []int  // 1 + an index into keys, or 0 where free; the length is a power of two
	used  int    // slots of table
	seed  maphash.Seed
}

type key struct {
	lo, hi  int // the decoded name, in src or, if escaped, in arena
	hash    uint64
	escaped bool
	listed  bool
}

// mark returns the base for an object that is about to open.
func (k *keyStack) mark() int { return len(k.keys) }

// push adds the key src[lo:hi], quotes included, to the innermost object, whose keys begin at base. It
// returns the decoded name, which is the stack's own if escaped, and whether it is new to the object.
func (k *keyStack) push(base, lo, hi int, escaped bool) (name []byte, fresh bool) {
	added := key{lo: lo + 1, hi: hi - 1}
	if escaped {
		added = key{lo: len(k.arena), escaped: true}
		k.arena = AppendUnquoted(k.arena, k.src[lo:hi])
		added.hi = len(k.arena)
	}
	name = k.name(&added)

	siblings := k.keys[base:]
	if len(siblings) < fewKeys {
		for i := range siblings {
			if o := &siblings[i]; o.hi-o.lo == len(name) && bytes.Equal(k.name(o), name) {
				return name, false
			}
		}
		k.keys = append(k.keys, added)
		return name, true
	}
	if len(siblings) == fewKeys {
		for i := range siblings {
			siblings[i].hash = k.hash(base, k.name(&siblings[i]))
			k.list(base + i)
		}
	}
	added.hash = k.hash(base, name)
	if k.listed(base, added.hash, name) {
		return name, false
	}
	k.keys = append(k.keys, added)
	k.list(len(k.keys) - 1)
	return name, true
}

// drop forgets the keys of the innermost object, which closes.
func (k *keyStack) drop(base int) {
	for i := len(k.keys) - 1; i >= base && k.keys[i].listed; i-- {
		slot := k.slot(k.keys[i].hash)
		for k.table[slot] != i+1 {
			slot = k.after(slot)
		}
		k.table[slot] = 0
		k.used--
	}
	k.keys = k.keys[:base]
}

// reset forgets everything.
func (k *keyStack) reset() {
	if k.used > 0 {
		clear(k.table)
		k.used = 0
	}
	k.src, k.keys, k.arena = nil, k.keys[:0], k.arena[:0]
	if cap(k.keys) > keptKeys || cap(k.arena) > keptKeys || len(k.table) > 4*keptKeys {
		*k = keyStack{seed: k.seed}
	}
}

func (k *keyStack) name(o *key) []byte {
	if o.escaped {
		return k.arena[o.lo:o.hi:o.hi]
	}
	return k.src[o.lo:o.hi:o.hi]
}

// hash spreads the same name in different objects, which share the table, to different places.
func (k *keyStack) hash(base int, name []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return maphash.Bytes(k.seed, name) ^ uint64(base)*odd
}

func (k *keyStack) slot(hash uint64) int { return int(hash & uint64(len(k.table)-1)) }

func (k *keyStack) after(slot int) int { return (slot + 1) & (len(k.table) - 1) }

// listed reports whether the listed object with that base has that name.
func (k *keyStack) listed(base int, hash uint64, name []byte) bool {
	for slot := k.slot(hash); k.table[slot] != 0; slot = k.after(slot) {
		i := k.table[slot] - 1
		if o := &k.keys[i]; i >= base && o.hash == hash && bytes.Equal(k.name(o), name) {
			return true
		}
	}
	return false
}

// list puts keys[i], the last one listed, into the table, which stays at most half full.
func (k *keyStack) list(i int) {
	k.keys[i].listed = true
	if k.used++; 2*k.used > len(k.table) {
		k.table = make([]int, max(8*fewKeys, 2*len(k.table)))
		for j := range i {
			if k.keys[j].listed {
				k.place(j)
			}
		}
	}
	k.place(i)
}

func (k *keyStack) place(i int) {
	slot := k.slot(k.keys[i].hash)
	for k.table[slot] != 0 {
		slot = k.after(slot)
	}
	k.table[slot] = i + 1
}
