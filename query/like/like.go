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

// step is what a pattern asks of the text next: a character, any one (any) or
// any number of any (many).
type step struct {
	char      rune
	any, many bool
}

// Compile returns a function that says whether the whole of a text matches the
// pattern; every pattern has a meaning. With fold, case is ignored (ILIKE), by
// comparing both in lower case. The function is safe for concurrent use. It
// takes time linear in the text for most patterns, and at worst proportional
// to the product of the two lengths.
func Compile(pattern string, fold bool) func(text string) bool {
	if fold {
		pattern = strings.ToLower(pattern)
	}
	steps := parse(pattern)
	if !fold {
		return func(text string) bool { return match(steps, text) }
	}
	return func(text string) bool { return match(steps, strings.ToLower(text)) }
}

func parse(pattern string) []step {
	var steps []step
	plain := false
	for _, c := range pattern {
		switch {
		case plain:
			steps, plain = append(steps, step{char: c}), false
		case c == '\\':
			plain = true
		case c == '%':
			if len(steps) == 0 || !steps[len(steps)-1].many {
				steps = append(steps, step{many: true})
			}
		default:
			steps = append(steps, step{char: c, any: c == '_'})
		}
	}
	if plain {
		steps = append(steps, step{char: '\\'})
	}
	return steps
}

// match is the usual walk with two pointers: on a mismatch, the last % takes
// one character more.
func match(steps []step, text string) bool {
	i, at, star, mark := 0, 0, -1, 0
	for i < len(text) {
		if at < len(steps) && steps[at].many {
			star, mark = at, i
			at++
			continue
		}
		c, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case at < len(steps) && (steps[at].any || steps[at].char == c):
			at++
			i += size
		case star >= 0:
			_, size = utf8.DecodeRuneInString(text[mark:])
			mark += size
			i, at = mark, star+1
		default:
			return false
		}
	}
	for at < len(steps) && steps[at].many {
		at++
	}
	return at == len(steps)
}
