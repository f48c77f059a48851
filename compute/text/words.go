package text

import (
	"encoding/binary"
	"math/bits"
)

// hashStart is the state of a word's hash before its first bytes.
const hashStart = 0xcbf29ce484222325

// Words walks over the words of a text:
//
//	for w := text.Scan(s); w.Next(); {
//		use(w.Hash, s[w.Start:w.End])
//	}
type Words struct {
	// Hash, Start and End describe the word Next has found: its hash, and the bytes text[Start:End] it
	// was written as, from its first character to its last.
	Hash       uint64
	Start, End int

	text []byte
	next int // where to look for the next word
}

// Scan returns a walk over the words of text, before the first. The text must not change meanwhile.
func Scan(text []byte) Words { return Words{text: text} }

// Next finds the next word and reports whether there was one. It takes time linear in the bytes passed.
//
// Words of ASCII letters and digits are read eight bytes at a time here; from anything else on, rest
// reads one character at a time.
func (w *Words) Next() bool {
	s, i := w.text, w.next
	for i < len(s) && asciiKind[s[i]] != letter {
		if s[i] < 0x80 {
			i++
			continue
		}
		c, size := look(s[i:])
		if k := c.kind(); k == letter || k == alone {
			w.Start, w.End = i, i+size
			h := hasher{state: hashStart}
			h.add(c)
			w.rest(h, k == alone)
			return true
		}
		i += size
	}
	if i >= len(s) {
		w.next = i
		return false
	}

	w.Start = i
	state := uint64(hashStart)
	folded, n := asciiRun(s[i:])
	for ; n == 8; folded, n = asciiRun(s[i:]) {
		state = mix(state ^ folded)
		i += 8
	}
	i += n
	w.End, w.next = i, i
	if i < len(s) && asciiKind[s[i]] != separator {
		w.rest(hasher{state, folded, 8 * uint(n)}, false)
		return true
	}
	if n > 0 {
		state = mix(state ^ folded)
	}
	w.Hash = state
	return true
}

// rest reads on in a word that has the hash h so far and ends at w.End at the earliest. A word that is
// one character alone takes only marks.
func (w *Words) rest(h hasher, single bool) {
	s, i := w.text, w.End
loop:
	for i < len(s) {
		c, size := look(s[i:])
		switch c.kind() {
		case mark:
			h.add(c)
			w.End = i + size
		case letter:
			if single {
				break loop
			}
			h.add(c)
			w.End = i + size
		case apostrophe:
			if !letterFollows(s[i+size:]) {
				break loop
			}
		case format:
		default:
			break loop
		}
		i += size
	}
	w.Hash, w.next = h.sum(), i
}

// asciiRun returns how many of the first eight bytes of s are ASCII letters and digits, up to the first
// that is none, and those bytes folded, the first the lowest, with zeros above.
func asciiRun(s []byte) (folded uint64, n int) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	var x uint64
	if len(s) >= 8 {
		x = binary.LittleEndian.Uint64(s)
	} else {
		for i, c := range s {
			x |= uint64(c) << (8 * i)
		}
	}
	// Adding 80-k to seven bits sets the eighth if they are k or more, and carries nothing on.
	low := x &^ high
	lower := low | 0x20*ones
	letters := (lower + (0x80-'a')*ones) &^ (lower + (0x80-'z'-1)*ones) & high
	digits := (low + (0x80-'0')*ones) &^ (low + (0x80-'9'-1)*ones) & high
	others := high &^ ((letters | digits) &^ x)
	first := uint(bits.TrailingZeros64(others)) &^ 7 // 64 if there are none
	// The 80 of a letter becomes the 20 that makes it lower-case.
	return (x | letters>>2) & (1<<first - 1), int(first / 8)
}

// A hasher hashes a word given in pieces.
type hasher struct {
	state uint64
	chunk uint64 // bytes not yet hashed, the first the lowest
	bits  uint   // how many bits of chunk are in use, less than 64
}

// add goes on with the folded form of c.
func (h *hasher) add(c char) {
	encoded, size := c.utf8()
	h.chunk |= encoded << h.bits
	if h.bits += size; h.bits >= 64 {
		h.state = mix(h.state ^ h.chunk)
		h.bits -= 64
		h.chunk = encoded >> (size - h.bits)
	}
}

// sum returns the hash of all that was added.
func (h *hasher) sum() uint64 {
	if h.bits == 0 {
		return h.state
	}
	return mix(h.state ^ h.chunk)
}

// mix spreads every bit of h over all the others; it is a bijection.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}

// AppendNormal appends the words of text to dst, folded and joined by single spaces, and returns the
// longer slice. Texts of equal normal form have equal words, and the other way round; the normal form
// of a normal form is itself.
func AppendNormal(dst, text []byte) []byte {
	separate := false
	for w := Scan(text); w.Next(); {
		if separate {
			dst = append(dst, ' ')
		}
		separate = true
		for s := text[w.Start:w.End]; len(s) > 0; {
			if folded, n := asciiRun(s); n > 0 {
				dst = binary.LittleEndian.AppendUint64(dst, folded)
				dst, s = dst[:len(dst)-8+n], s[n:]
				continue
			}
			c, size := look(s)
			if k := c.kind(); k == letter || k == alone || k == mark {
				for encoded, size := c.utf8(); size > 0; size -= 8 {
					dst = append(dst, byte(encoded))
					encoded >>= 8
				}
			}
			s = s[size:]
		}
	}
	return dst
}
