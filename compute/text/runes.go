package text

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// A kind is what a character does to the words around it.
type kind uint8

const (
	separator  kind = iota
	letter          // of a word: a letter or digit
	alone           // a letter that is a word by itself
	mark            // belongs to the letter before it
	format          // invisible: passed over inside a word
	apostrophe      // passed over inside a word if a letter follows
	unknown         // in asciiKind: depends on the bytes that follow
)

// A char is what is to be known of a character: kind << 40 | bits of utf8 << 32 | the UTF-8 of its
// folded form, the first byte the lowest.
type char uint64

func (c char) kind() kind           { return kind(c >> 40) }
func (c char) utf8() (uint64, uint) { return uint64(c) & (1<<32 - 1), uint(c>>32) & 0xff }
func newChar(folded rune, k kind) char {
	var buf [utf8.UTFMax]byte
	size := utf8.EncodeRune(buf[:], folded)
	c := char(k)<<40 | char(8*size)<<32
	for i, b := range buf[:size] {
		c |= char(b) << (8 * i)
	}
	return c
}

// asciiKind gives the kind of a character by its first byte: unknown from 80 on.
var asciiKind = func() (table [256]kind) {
	for c := range table {
		if table[c] = unknown; c < utf8.RuneSelf {
			_, table[c] = classify(rune(c))
		}
	}
	return table
}()

// look returns the first character of s, which must not be empty, and its bytes.
func look(s []byte) (char, int) {
	r, size := utf8.DecodeRune(s)
	if uint(r) < planeSize {
		return planeZero()[r], size // U+FFFD, for what is not UTF-8, is a separator
	}
	return newChar(classify(r)), size
}

const planeSize = 1 << 16

// planeZero has the characters of the basic plane. Searching Unicode's range tables for every character
// made Russian and Chinese text several times slower.
var planeZero = sync.OnceValue(func() *[planeSize]char {
	table := new([planeSize]char)
	for r := range table {
		table[r] = newChar(classify(rune(r)))
	}
	return table
})

// letterFollows reports whether s begins with a letter that would go on with a word.
func letterFollows(s []byte) bool {
	r, _ := utf8.DecodeRune(s)
	_, k := classify(r)
	return k == letter && !unicode.IsNumber(r)
}

// unspaced are the scripts written without spaces between words.
var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// classify says from Unicode's tables how r folds and what it does.
func classify(r rune) (rune, kind) {
	switch {
	case r == '\'' || r == '’':
		return r, apostrophe
	case unicode.IsNumber(r):
		return fold(r), letter
	case unicode.IsLetter(r):
		if unicode.In(r, unspaced...) {
			return fold(r), alone
		}
		return fold(r), letter
	case unicode.IsMark(r):
		return r, mark
	case unicode.Is(unicode.Cf, r):
		return r, format
	}
	return r, separator
}

// fold returns the one character that stands for all that differ from the letter or number r in case
// only. A mark never does: U+0345 is the iota below a vowel, and a form of the letter ι to Unicode.
func fold(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		if !unicode.IsMark(other) {
			least = min(least, other)
		}
	}
	return unicode.ToLower(least)
}
