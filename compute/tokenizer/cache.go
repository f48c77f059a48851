package tokenizer

import (
	"encoding/binary"
	"math/bits"
)

// A word's ids are looked up before they are computed. The cache has one place for a word, chosen by
// its hash; another word that comes to the same place takes it over. It belongs to one encoder, so that
// reading it needs no lock.

const (
	cacheBits   = 13
	cachedBytes = 23 // longest word kept
	cachedIDs   = 7  // most ids kept
	maxEncoders = 32 // that are kept, each with a cache
)

// cached is one place: 64 bytes, one cache line.
type cached struct {
	key  [3]uint64 // the word's bytes, zeros after them; the last byte is its length, 0 in a free place
	ids  [cachedIDs + 1]int32
	ends [cachedIDs + 1]uint8 // in the word; the last is how many ids there are
}

// keyOf returns the key of s[i:j], a word of 1 to cachedBytes bytes.
func keyOf(s string, i, j int) (key [3]uint64) {
	n := j - i
	if i+24 > len(s) {
		var b [24]byte
		copy(b[:], s[i:j])
		b[23] = byte(n)
		for k := range key {
			key[k] = binary.LittleEndian.Uint64(b[8*k:])
		}
		return key
	}
	key[0] = load(s, i) & low(n)
	if n > 8 {
		key[1] = load(s, i+8) & low(n-8)
		if n > 16 {
			key[2] = load(s, i+16) & low(n-16)
		}
	}
	key[2] |= uint64(n) << 56
	return key
}

// low returns a mask of the first n bytes of a word of memory, or all.
func low(n int) uint64 {
	if n >= 8 {
		return 1<<64 - 1
	}
	return 1<<(8*n) - 1
}

func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

func hash(key [3]uint64) uint64 {
	hi, lo := bits.Mul64(key[0]^0x9e3779b97f4a7c15, key[1]^0xc2b2ae3d27d4eb4f)
	return (hi ^ lo ^ key[2]) * 0xff51afd7ed558ccd
}

// word encodes v.s[i:j], a whole word.
func (e *encoder) word(v *view, i, j int) {
	if e.cache == nil || j-i > cachedBytes {
		e.putAll(v, i, e.merged(v.s[i:j]))
		return
	}
	key := keyOf(v.s, i, j)
	c := &e.cache[hash(key)>>(64-cacheBits)]
	if c.key != key {
		syms := e.merged(v.s[i:j])
		if len(syms) > cachedIDs {
			e.putAll(v, i, syms)
			return
		}
		c.key = key
		for k, s := range syms {
			c.ids[k], c.ends[k] = s.id, uint8(s.end)
		}
		c.ends[cachedIDs] = uint8(len(syms))
	}
	n := int(c.ends[cachedIDs])
	e.ids = append(e.ids, c.ids[:n]...)
	if e.spans {
		for _, end := range c.ends[:n] {
			e.ends = append(e.ends, v.end(i+int(end)))
		}
	}
}

func (e *encoder) putAll(v *view, i int, syms []symbol) {
	for _, s := range syms {
		e.put(s.id, v.end(i+int(s.end)))
	}
}

// acquire returns an encoder that no one else uses.
func (t *Tokenizer) acquire() *encoder {
	t.free.Lock()
	defer t.free.Unlock()
	if n := len(t.free.encoders); n > 0 {
		e := t.free.encoders[n-1]
		t.free.encoders = t.free.encoders[:n-1]
		return e
	}
	e := &encoder{t: t}
	if t.free.made < maxEncoders {
		t.free.made++
		e.cache = make([]cached, 1<<cacheBits)
	}
	return e
}

// release gives an encoder back.
func (t *Tokenizer) release(e *encoder) {
	e.ids, e.ends, e.spans = nil, nil, false
	if e.cache == nil {
		return
	}
	e.trim()
	t.free.Lock()
	t.free.encoders = append(t.free.encoders, e)
	t.free.Unlock()
}

// trim lets go of scratch space that one large text needed.
func (e *encoder) trim() {
	const most = 1 << 20 // bytes
	e.syms = keep(e.syms, most/24)
	e.heap = keep(e.heap, most/8)
	e.counted = keep(e.counted, most/4)
	e.unasked = keep(e.unasked, most/8)
	e.runes = keep(e.runes, most/4)
	for _, w := range []*rewrite{&e.repaired, &e.normal, &e.pieces} {
		w.buf, w.ends = keep(w.buf, most), keep(w.ends, most/8)
	}
}

func keep[T any](s []T, most int) []T {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}
