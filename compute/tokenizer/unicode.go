package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// The classes of characters that splitting depends on, as bits, in the order of testdata/tables.py.
const (
	letter   = 1 << iota // \p{L}
	number               // \p{N}
	space                // \s
	mark                 // \p{M}
	numeric              // set apart by Digits
	wordChar             // \w: a single_word token is not matched beside it
	unstable             // NFC may change it, or something before it
)

const (
	classBlock = 1 << 7
	classLimit = 0xe0200 // all characters from here on are of no class
)

// classTable gives the class of a character in two steps: its block of 128 characters, then its place there.
// ASCII is the first block.
type classTable struct {
	block [classLimit / classBlock]uint8
	class [][classBlock]uint8
}

// classes is the table of all characters. It is computed at its first use, from 13 KB of runs.
var classes = sync.OnceValue(func() *classTable {
	t := &classTable{}
	seen := map[[classBlock]uint8]uint8{}
	next := 0 // the run that begins after the character
	for b := range t.block {
		var cells [classBlock]uint8
		for i := range cells {
			for next < len(classRuns) && classRuns[next]>>8 <= uint32(b*classBlock+i) {
				next++
			}
			cells[i] = uint8(classRuns[next-1])
		}
		id, ok := seen[cells]
		if !ok {
			id = uint8(len(t.class))
			seen[cells] = id
			t.class = append(t.class, cells)
		}
		t.block[b] = id
	}
	return t
})

// of returns the class of r.
func (t *classTable) of(r rune) uint8 {
	if uint32(r) >= classLimit {
		return 0
	}
	return t.class[t.block[r/classBlock]][r%classBlock]
}

// at returns the class of the character of s at i, and its length in bytes. s is UTF-8.
func (t *classTable) at(s string, i int) (class uint8, size int) {
	if c := s[i]; c < utf8.RuneSelf {
		return t.class[0][c], 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return t.of(r), size
}

// badUTF8 returns how many bytes of s, which does not begin with a character in UTF-8, are replaced by one
// U+FFFD: as many as begin a character, or one (the maximal subparts of the Unicode standard, section 3.9).
func badUTF8[T string | []byte](s T) int {
	low, high, need := byte(0x80), byte(0xbf), 0
	switch c := s[0]; {
	case c >= 0xc2 && c <= 0xdf:
		need = 1
	case c >= 0xe0 && c <= 0xef:
		need = 2
	case c >= 0xf0 && c <= 0xf4:
		need = 3
	}
	switch s[0] { // no overlong forms, no surrogates, nothing beyond U+10FFFF
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	n := 1
	for n <= need && n < len(s) && s[n] >= low && s[n] <= high {
		low, high = 0x80, 0xbf
		n++
	}
	return n
}
