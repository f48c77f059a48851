// Package like matches text with SQL's LIKE patterns:
//
//	%    any text, the empty one included
//	_    any one character
//	\x   the character x itself, so that \% is a percent sign
//	x    any other character stands for itself; so does a backslash at the end
//
// A pattern speaks of the whole text: to look inside, write '%word%'.
package like

import (
	"strings"
	"unicode/utf8"
)

// Compile returns a function that says whether the whole of a text matches the
// pattern; every pattern has a meaning. With fold, case is ignored (ILIKE), by
// comparing both in lower case. The function is safe for concurrent use. It
// takes time linear in the text for most patterns, and at worst proportional
// to the product of the two lengths.
func Compile(pattern string, fold bool) func(text string) bool {
	if fold {
		pattern = strings.ToLower(pattern)
	}
	pieces := parse(pattern)
	if !fold {
		return func(text string) bool { return match(pieces, text) }
	}
	return func(text string) bool { return match(pieces, strings.ToLower(text)) }
}

// piece is what stands before, between or after the % of a pattern: a text, or
// single characters where some may be any.
type piece struct {
	text  string
	chars []rune // anyChar for _; nil if it has none and text is all
}

const anyChar = -1

func parse(pattern string) []piece {
	var pieces []piece
	var chars []rune
	plain, wild := false, false
	end := func() {
		p := piece{chars: chars}
		if !wild {
			p = piece{text: string(chars)}
		}
		pieces = append(pieces, p)
		chars, wild = nil, false
	}
	for _, c := range pattern {
		switch {
		case plain:
			chars, plain = append(chars, c), false
		case c == '\\':
			plain = true
		case c == '%':
			end()
		case c == '_':
			chars, wild = append(chars, anyChar), true
		default:
			chars = append(chars, c)
		}
	}
	if plain {
		chars = append(chars, '\\')
	}
	end()
	return pieces
}

// match finds each piece as early as it can be, the first at the start of the
// text and the last at its end.
func match(pieces []piece, text string) bool {
	first, last := pieces[0], pieces[len(pieces)-1]
	at := first.begins(text)
	if at < 0 || len(pieces) == 1 {
		return at == len(text)
	}
	text = text[at:]
	for _, p := range pieces[1 : len(pieces)-1] {
		end := p.find(text)
		if end < 0 {
			return false
		}
		text = text[end:]
	}
	return last.ends(text)
}

// begins returns how much of the beginning of text the piece is; -1 if text does
// not begin with it.
func (p piece) begins(text string) int {
	if p.chars == nil {
		if strings.HasPrefix(text, p.text) {
			return len(p.text)
		}
		return -1
	}
	at := 0
	for _, want := range p.chars {
		if at == len(text) {
			return -1
		}
		c, size := utf8.DecodeRuneInString(text[at:])
		if want != anyChar && want != c {
			return -1
		}
		at += size
	}
	return at
}

// find returns where the first occurrence of the piece in text ends; -1 if there
// is none.
func (p piece) find(text string) int {
	if p.chars == nil {
		at := strings.Index(text, p.text)
		if at < 0 {
			return -1
		}
		return at + len(p.text)
	}
	for at := range text {
		if n := p.begins(text[at:]); n >= 0 {
			return at + n
		}
	}
	return -1
}

// ends reports whether text ends with the piece.
func (p piece) ends(text string) bool {
	if p.chars == nil {
		return strings.HasSuffix(text, p.text)
	}
	at := len(text)
	for range p.chars {
		if at == 0 {
			return false
		}
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return p.begins(text[at:]) >= 0
}
