package tokenizer

import "unicode/utf8"

// model turns a word into ids: into symbols of one byte or character each, which are then merged.
type model struct {
	merges    *merges
	pairs     [][2]int32 // the merges by rank
	byteLevel bool

	bytes     [256]int32     // byte-level: the token of each byte; else that of its <0x00> form; or -1
	ascii     [128]int32     // not byte-level: the token of each character, or -1
	runes     map[rune]int32 // and of those beyond ASCII
	byteWords bool           // characters without a token become bytes

	unk          int32 // what other characters without a token become, or -1: nothing
	fuseUnk      bool
	ignoreMerges bool // a word that is a token is that token
	longest      int  // token, in bytes as tokenizer.json writes it

	cuts *cuts
}

// symbols appends the symbols of a word to syms, unmerged. It follows BPE.merge_word of Hugging Face
// tokenizers to the letter: an unknown character is held back until the next character that has a
// token itself, so that with fuse_unk, and with bytes in between, its place moves.
func (m *model) symbols(syms []symbol, word string) []symbol {
	held := int32(-1) // end of an unknown character held back
	release := func() {
		if held >= 0 {
			if n := len(syms); n > 0 {
				held = max(held, syms[n-1].end)
			}
			syms = append(syms, symbol{id: m.unk, end: held})
			held = -1
		}
	}
	for i := 0; i < len(word); {
		id, size := int32(-1), 1
		if m.byteLevel {
			id = m.bytes[word[i]]
		} else if c := word[i]; c < utf8.RuneSelf {
			id = m.ascii[c]
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(word[i:])
			if known, ok := m.runes[r]; ok {
				id = known
			}
		}
		i += size
		switch {
		case id >= 0:
			release()
			syms = append(syms, symbol{id: id, end: int32(i)})
		case m.byteWords && m.hasBytes(word[i-size:i]):
			for k := i - size; k < i; k++ {
				syms = append(syms, symbol{id: m.bytes[word[k]], end: int32(k + 1)})
			}
		case m.unk >= 0:
			if !m.fuseUnk {
				release()
			}
			held = int32(i)
		}
	}
	release()
	return syms
}

func (m *model) hasBytes(char string) bool {
	for i := range len(char) {
		if m.bytes[char[i]] < 0 {
			return false
		}
	}
	return true
}

// cuts says where a text without a pre-tokenizer may be cut into words all the same: between two characters that
// no merged token has side by side, so that no merge reaches across. For characters beyond ASCII it
// keeps a hash of the pair only, and may miss a place to cut, but never cuts wrongly.
type cuts struct {
	ascii [128][2]uint64
	other [1 << 11]uint64
}

func (c *cuts) slot(a, b rune) (word *uint64, bit uint64) {
	if a|b < utf8.RuneSelf {
		return &c.ascii[a][b>>6&1], 1 << (b & 63)
	}
	h := (uint64(a)<<21 | uint64(b)) * 0x9e3779b97f4a7c15 >> 47
	return &c.other[h>>6], 1 << (h & 63)
}

// join notes that a and b stand side by side in a token.
func (c *cuts) join(a, b rune) {
	word, bit := c.slot(a, b)
	*word |= bit
}

// end returns the first place after i where s may be cut.
func (c *cuts) end(s string, i int) int {
	before, size := utf8.DecodeRuneInString(s[i:])
	for i += size; i < len(s); i += size {
		r := rune(s[i])
		size = 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:])
		}
		if word, bit := c.slot(before, r); *word&bit == 0 {
			return i
		}
		before = r
	}
	return len(s)
}

// newCuts returns where the model's merges let text be cut, or nil if tokens are not just their characters
// side by side: with merges of bytes or of the unknown token, or where unknown characters are put together.
func (m *model) newCuts(v *vocab) *cuts {
	if m.byteLevel || m.ignoreMerges || !m.byteWords {
		return nil
	}
	odd := map[int32]bool{m.unk: true}
	for _, id := range m.bytes {
		if id < 0 {
			return nil
		}
		odd[id] = true
	}
	c := &cuts{}
	for _, p := range m.pairs {
		if odd[p[0]] || odd[p[1]] {
			return nil
		}
		before := rune(-1)
		for _, r := range v.text[p[0]] + v.text[p[1]] {
			if before >= 0 {
				c.join(before, r)
			}
			before = r
		}
	}
	return c
}

// charOfByte returns the character that byte-level tokenizers write a byte as: printable bytes of Latin-1 as
// themselves, the others, in order, as U+0100 to U+0143 (bytes_to_unicode of GPT-2's encoder.py).
func charOfByte(b byte) rune {
	switch {
	case b <= ' ':
		return 0x100 + rune(b)
	case b >= 0x7f && b <= 0xa0:
		return 0x121 + rune(b-0x7f)
	case b == 0xad:
		return 0x143
	}
	return rune(b)
}

func byteOfChar(r rune) (b byte, ok bool) {
	switch {
	case r > ' ' && r < 0x7f, r > 0xa0 && r < 0x100 && r != 0xad:
		return byte(r), true
	case r >= 0x100 && r < 0x121:
		return byte(r - 0x100), true
	case r >= 0x121 && r < 0x143:
		return byte(r - 0x121 + 0x7f), true
	case r == 0x143:
		return 0xad, true
	}
	return 0, false
}
