package train

import (
	"crypto/sha256"
	"encoding/binary"

	"smelt/compute/chat"
)

// contentHash hashes what an example says.
type contentHash struct {
	scratch []byte
	size    int // bytes of the last example
}

// of returns 128 bits of the SHA-256 of the bucket, the turns and the tools, each
// text with its length before it.
func (h *contentHash) of(e *chat.Example) [16]byte {
	b := h.scratch[:0]
	text := func(s string) { b = append(binary.AppendUvarint(b, uint64(len(s))), s...) }
	optional := func(s []byte) { // nil and empty differ
		if b = append(b, 0); s != nil {
			b[len(b)-1] = 1
			b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
		}
	}
	text(e.Bucket)
	optional(e.Tools)
	for i := range e.Turns {
		t := &e.Turns[i]
		text(string(t.Role))
		text(t.Content)
		optional(t.Extra)
	}
	h.scratch, h.size = b[:0], len(b)
	sum := sha256.Sum256(b)
	return [16]byte(sum[:16])
}

// contents numbers the conversations that came, from 0 on, by 128 bits of a hash:
// an open hash table of the numbers, by linear probing, some 22 bytes each.
type contents struct {
	hashes list[[16]byte]
	table  []uint32 // numbers + 1, or 0
}

// number returns the number of the conversation with that hash, which is a new one
// if it is not known.
func (c *contents) number(hash [16]byte) (number uint32, known bool) {
	if c.hashes.n >= len(c.table)/4*3 {
		c.table = make([]uint32, max(64, 2*len(c.table)))
		for i := range c.hashes.n {
			at, _ := c.find(*c.hashes.at(i))
			c.table[at] = uint32(i) + 1
		}
	}
	at, known := c.find(hash)
	if !known {
		c.hashes.add(hash)
		c.table[at] = uint32(c.hashes.n)
	}
	return c.table[at] - 1, known
}

// find returns where in the table a hash is, or is to be.
func (c *contents) find(hash [16]byte) (at int, known bool) {
	mask := len(c.table) - 1
	for at = int(uint32(hash[0])|uint32(hash[1])<<8|uint32(hash[2])<<16|uint32(hash[3])<<24) & mask; ; at = (at + 1) & mask {
		switch n := c.table[at]; {
		case n == 0:
			return at, false
		case *c.hashes.at(int(n) - 1) == hash:
			return at, true
		}
	}
}
