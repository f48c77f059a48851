package linear

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Odd constants that mix bits under multiplication (from the golden ratio and
// its kin).
const (
	mixWord = 0x9E3779B97F4A7C15
	mixPair = 0xC2B2AE3D27D4EB4F
	mixLast = 0xD6E8FEB86659FD93

	// Seeds that make the sides' features differ.
	seedAsked    = 0x5851F42D4C957F2D
	seedAnswered = 0x14057B7EF767814F
)

// class of a byte.
const (
	isSpace = iota
	isLetter
	isDigit
	isLine
	isSymbol
)

// classes of all bytes, as a string because a string cannot be written to.
const classes = "" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04\x04" +
	"\x02\x02\x02\x02\x02\x02\x02\x02\x02\x02\x04\x04\x04\x04\x04\x04" +
	"\x04\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x04\x04\x04\x04\x04" +
	"\x04\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x04\x04\x04\x04\x00" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01" +
	"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"

// symbolCounters says which counter a run of symbols counts for besides
// Symbols, by its first byte; none is one that nobody reads.
const symbolCounters = "" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f" +
	"\x0f\x09\x08\x0f\x0f\x0f\x0f\x08\x0f\x0f\x0f\x0f\x0f\x0f\x09\x0f" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0c\x0f\x09" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f" +
	"\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f\x0f"

// Counter is something a side of a row has more or less of.
type Counter int

// The counters. Each is taken as its share of the side's tokens.
const (
	Numbers  Counter = iota // numbers
	Symbols                 // runs of symbols
	Long                    // words of nine letters or more
	Capital                 // words that begin with a capital letter
	Past                    // words that end in "ed"
	Lines                   // line breaks
	Indented                // lines that begin with white space
	Blank                   // empty lines
	Quotes                  // symbol runs that begin with a quotation mark
	Stops                   // symbol runs that begin with . ! or ?
	Commas                  // line ends after a comma or semicolon
	Bare                    // line ends after a letter: verse, lists, code without semicolons
	Equals                  // symbol runs with an equals sign in front
	numCounters
	tokens // all tokens of the side: what the others are shares of
	none   // see symbolCounters
)

// counts are the counters of one side.
type counts [none + 1]uint32

// scan reads one piece of text.
type scan struct {
	text string
	pos  int
	side int
	prev uint64 // token before; 0 at the beginning
}

// batch is as many features as are made before they are looked up.
type batch [256]uint32

// fill writes the features of the next tokens to b, one or two a token, and
// returns how many there are; 0 at the end of the text. What it counts is added
// to counts.
func (s *scan) fill(b *batch, counts *counts) int {
	text, pos, prev := s.text, s.pos, s.prev
	seed := uint64(seedAsked)
	if s.side == answered {
		seed = seedAnswered
	}
	n := 0
	var all, long, capital, past uint32 // here rather than in memory: no branches then
	for pos < len(text) && n <= len(b)-2 {
		var h uint64
		switch class := classes[text[pos]]; class {
		case isSpace:
			pos++
			continue
		case isLetter:
			start := pos
			for {
				v, m := letters(load(text, pos))
				h = (h ^ v) * mixWord
				h ^= h >> 32
				pos += m
				if m < 8 {
					break
				}
			}
			long += b2i(pos-start >= 9)
			capital += b2i(text[start] <= 'Z')
			past += b2i(text[pos-1] == 'd') & b2i(text[max(pos-2, start)] == 'e') & b2i(pos-start > 3)
			if pos < len(text) {
				pos += int(b2i(text[pos] == ' ')) // what follows most words
			}
		case isDigit:
			size := digits(load(text, pos))
			h = mixLast * uint64(1+min(size, 4))
			for pos += size; size == 8; pos += size {
				size = digits(load(text, pos))
			}
			counts[Numbers]++
		case isLine:
			if pos > 0 {
				switch c := text[pos-1]; {
				case classes[c] == isLetter:
					counts[Bare]++
				case c == ',' || c == ';':
					counts[Commas]++
				}
			}
			kind := uint64(11)
			pos++
			counts[Lines]++
			if pos < len(text) {
				switch text[pos] {
				case ' ', '\t':
					kind = 12
					counts[Indented]++
				case '\n', '\r':
					kind = 13
					counts[Blank]++
					for pos++; pos < len(text) && text[pos] == '\n'; pos++ {
					}
				}
			}
			h = mixLast * kind
		case isSymbol:
			v := load(text, pos)
			size := symbols(v)
			h = (v&(1<<(8*size)-1) | 1<<32) * mixWord
			h ^= h >> 32
			counts[Symbols]++
			counts[symbolCounters[v&0x7F]]++
			pos += size
		}
		all++
		b[n] = uint32(((h ^ seed) * mixLast) >> 32)
		n++
		if prev != 0 {
			b[n] = uint32(((prev*mixPair ^ h ^ seed) * mixLast) >> 32)
			n++
		}
		prev = h
	}
	s.pos, s.prev = pos, prev
	counts[tokens] += all
	counts[Long] += long
	counts[Capital] += capital
	counts[Past] += past
	return n
}

// b2i is 1 for true, without a branch.
func b2i(b bool) (n uint32) {
	if b {
		n = 1
	}
	return n
}

// load returns the eight bytes from text[pos] on, the first one lowest; zeros
// stand for those beyond its end.
func load(text string, pos int) uint64 {
	if len(text)-pos < 8 {
		return loadEnd(text[pos:])
	}
	return binary.LittleEndian.Uint64(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.StringData(text)), pos)), 8))
}

func loadEnd(text string) (v uint64) {
	for i := len(text) - 1; i >= 0; i-- {
		v = v<<8 | uint64(text[i])
	}
	return v
}

// letters returns the letters at the beginning of eight bytes, in lower case,
// and how many there are.
//
// With its top bit cleared, a byte plus 1F has the top bit set exactly when the
// byte was at least 'a', plus 05 when it was above 'z'; no sum carries into its
// neighbour. Upper case is brought to lower by bit 5, which moves no other
// ASCII byte into a..z: '@' and '[' to '_' become '`' and '{' to DEL.
func letters(v uint64) (packed uint64, n int) {
	const (
		ones = 0x0101010101010101
		top  = 0x80 * ones
	)
	v |= 0x20 * ones
	low := v &^ top
	letter := (low+0x1F*ones)&^(low+0x05*ones) | v
	end := uint(bits.TrailingZeros64(^letter & top)) // the first other byte's top bit; 64: none
	return v & (1<<(end&^7) - 1), int(end / 8)
}

// digits returns how many digits eight bytes begin with.
func digits(v uint64) int {
	const (
		ones = 0x0101010101010101
		top  = 0x80 * ones
	)
	low := v &^ top
	digit := (low + 0x50*ones) &^ (low + 0x46*ones) &^ v
	return bits.TrailingZeros64(^digit&top) / 8
}

// symbols returns how many symbols eight bytes begin with, the first being one,
// but three at most.
func symbols(v uint64) int {
	second := b2i(classes[v>>8&0xFF] == isSymbol)
	third := b2i(classes[v>>16&0xFF] == isSymbol)
	return int(1 + second + second&third)
}
