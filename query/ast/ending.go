package ast

import (
	"strings"
	"unicode"
)

// Ending follows text that comes line by line, and tells when it is Complete. It
// takes time linear in the text, whatever is in it. The zero Ending is that of
// no text.
type Ending struct {
	quote     rune // that the text is within; 0: none
	semicolon bool // the last token is one
}

// Add adds a line, or several, to the text.
func (e *Ending) Add(line string) {
	comment := false
	for i, r := range line {
		switch {
		case comment:
			comment = r != '\n'
		case e.quote != 0:
			if r == e.quote { // a doubled one opens the string again
				e.quote = 0
			}
		case strings.HasPrefix(line[i:], "--"):
			comment = true
		case r == '\'' || r == '"':
			e.quote, e.semicolon = r, false
		case !isSpace(r):
			e.semicolon = r == ';'
		}
	}
}

// isSpace reports whether r may stand between two tokens: see definition.
func isSpace(r rune) bool {
	return strings.ContainsRune("\t\n\v\f\r\uFEFF", r) || unicode.Is(unicode.Z, r)
}

// Complete reports whether the text is one or more whole statements: its last token
// is a semicolon, not counting comments.
func (e *Ending) Complete() bool { return e.quote == 0 && e.semicolon }

// Complete reports whether src is one or more whole statements, as Ending does.
func Complete(src string) bool {
	var e Ending
	e.Add(src)
	return e.Complete()
}
