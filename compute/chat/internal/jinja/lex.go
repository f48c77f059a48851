package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind uint8

const (
	kindEOF      kind = iota
	kindData          // text outside tags, white space control applied
	kindVarBegin      // {{
	kindVarEnd        // }}
	kindTagBegin      // {%
	kindTagEnd        // %}
	kindName
	kindString // text is the decoded value
	kindInt
	kindFloat
	kindOp
)

// token is one lexical element; pos is its byte offset in the normalised source.
type token struct {
	kind kind
	text string
	pos  int
}

// normalise brings the line ends of a template to \n and, unless strict, drops one
// at its end, as Jinja does before it reads anything.
func normalise(src string, strict bool) string {
	if strings.IndexByte(src, '\r') >= 0 {
		src = strings.ReplaceAll(src, "\r\n", "\n")
		src = strings.ReplaceAll(src, "\r", "\n")
	}
	if strict {
		return src
	}
	return strings.TrimSuffix(src, "\n")
}

// lexer splits a normalised template into tokens. Unless strict, trim_blocks and
// lstrip_blocks are on: the first newline after a block or comment goes, and so does
// the white space before one that stands first on its line.
type lexer struct {
	src       string
	strict    bool
	pos       int
	lineStart bool // what was read last ended with a newline
	tokens    []token
}

func lex(src string, strict bool) ([]token, error) {
	l := &lexer{src: src, strict: strict, lineStart: true}
	for l.pos < len(src) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.add(kindEOF, "", len(src))
	return l.tokens, nil
}

func (l *lexer) add(k kind, text string, pos int) {
	l.tokens = append(l.tokens, token{k, text, pos})
}

func (l *lexer) fail(pos int, format string, a ...any) error { return fail(l.src, pos, format, a...) }

// next reads the text up to a tag, and the tag.
func (l *lexer) next() error {
	start := l.pos
	open := opening(l.src, start)
	if open < 0 {
		l.add(kindData, l.src[start:], start)
		l.pos = len(l.src)
		return nil
	}
	mark := l.src[open+1]
	l.pos = open + 2
	sign := l.sign()
	l.data(start, open, sign, mark != '{')
	switch mark {
	case '#':
		return l.comment(open)
	case '%':
		if end, ok := l.word(l.pos, "raw"); ok && l.src[end] != '+' {
			return l.raw(open, end)
		}
		l.add(kindTagBegin, "{%", open)
		return l.tag(open, "%}", kindTagEnd)
	default:
		l.add(kindVarBegin, "{{", open)
		return l.tag(open, "}}", kindVarEnd)
	}
}

// opening is the offset of the first {{, {% or {# at or after from, or -1.
func opening(src string, from int) int {
	for {
		i := strings.IndexByte(src[from:], '{')
		if i < 0 || from+i+1 >= len(src) {
			return -1
		}
		from += i
		switch src[from+1] {
		case '{', '%', '#':
			return from
		}
		from++
	}
}

// sign reads the white space control behind an opening mark.
func (l *lexer) sign() byte {
	if l.pos < len(l.src) && (l.src[l.pos] == '-' || l.src[l.pos] == '+') {
		l.pos++
		return l.src[l.pos-1]
	}
	return 0
}

// data adds the text src[from:to] that stands before a tag. strippable says that
// lstrip_blocks applies to the tag.
func (l *lexer) data(from, to int, sign byte, strippable bool) {
	text := l.src[from:to]
	if sign == '-' {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	} else if sign != '+' && strippable && !l.strict {
		line := strings.LastIndexByte(text, '\n') + 1
		if (line > 0 || l.lineStart) && strings.TrimSpace(text[line:]) == "" {
			text = text[:line]
		}
	}
	if text != "" {
		l.add(kindData, text, from)
	}
}

// closed moves behind an end mark that ends at end, and over the white space it
// takes with it: all of it after '-', one newline otherwise if trim says so.
func (l *lexer) closed(end int, sign byte, trim bool) {
	l.pos = end
	switch {
	case sign == '-':
		rest := strings.TrimLeftFunc(l.src[end:], unicode.IsSpace)
		l.pos = len(l.src) - len(rest)
	case sign != '+' && trim && !l.strict && end < len(l.src) && l.src[end] == '\n':
		l.pos++
	}
	l.lineStart = l.src[l.pos-1] == '\n'
}

func (l *lexer) comment(open int) error {
	i := strings.Index(l.src[l.pos:], "#}")
	if i < 0 {
		return l.fail(open, "comment is not closed: expected #}")
	}
	var sign byte
	if i > 0 {
		sign = l.src[l.pos+i-1]
	}
	l.closed(l.pos+i+2, sign, true)
	return nil
}

// word reports where the tag's rest begins if its first word, at from, is name.
func (l *lexer) word(from int, name string) (end int, ok bool) {
	i := l.space(from)
	if !strings.HasPrefix(l.src[i:], name) {
		return 0, false
	}
	i = l.space(i + len(name))
	rest := l.src[i:]
	return i, strings.HasPrefix(rest, "%}") || strings.HasPrefix(rest, "-%}") || strings.HasPrefix(rest, "+%}")
}

func (l *lexer) space(i int) int {
	return len(l.src) - len(strings.TrimLeftFunc(l.src[i:], unicode.IsSpace))
}

// raw reads the text between {% raw %}, whose end mark is at end, and {% endraw %}.
func (l *lexer) raw(open, end int) error {
	if l.src[end] == '%' {
		l.closed(end+2, 0, false)
	} else {
		l.closed(end+3, l.src[end], false)
	}
	start := l.pos
	for from := start; ; {
		i := strings.Index(l.src[from:], "{%")
		if i < 0 {
			return l.fail(open, "raw block is not closed: expected {%% endraw %%}")
		}
		l.pos = from + i + 2
		sign := l.sign()
		if end, ok := l.word(l.pos, "endraw"); ok {
			l.data(start, from+i, sign, true)
			if l.src[end] == '%' {
				l.closed(end+2, 0, true)
			} else {
				l.closed(end+3, l.src[end], true)
			}
			return nil
		}
		from += i + 2
	}
}

// tag reads the tokens of a tag up to its end mark, which does not count inside
// brackets.
func (l *lexer) tag(open int, end string, k kind) error {
	var brackets []byte
	for {
		l.pos = l.space(l.pos)
		if l.pos >= len(l.src) {
			return l.fail(open, "tag is not closed: expected %s", end)
		}
		rest, c := l.src[l.pos:], l.src[l.pos]
		if len(brackets) == 0 {
			if strings.HasPrefix(rest, end) {
				l.add(k, end, l.pos)
				l.closed(l.pos+2, 0, k == kindTagEnd)
				return nil
			}
			if (c == '-' || c == '+' && k == kindTagEnd) && strings.HasPrefix(rest[1:], end) {
				l.add(k, end, l.pos)
				l.closed(l.pos+3, c, true)
				return nil
			}
		}
		switch c {
		case '(', '[', '{':
			brackets = append(brackets, ")]}"[strings.IndexByte("([{", c)])
		case ')', ']', '}':
			if len(brackets) == 0 || brackets[len(brackets)-1] != c {
				return l.fail(l.pos, "unexpected %q", c)
			}
			brackets = brackets[:len(brackets)-1]
		}
		if err := l.element(rest); err != nil {
			return err
		}
	}
}

// element reads one token inside a tag; rest is the source from here on.
func (l *lexer) element(rest string) error {
	c := rest[0]
	switch {
	case c == '"' || c == '\'':
		return l.quoted(c)
	case c >= '0' && c <= '9':
		l.number(rest)
		return nil
	}
	if n := nameLength(rest); n > 0 {
		l.add(kindName, rest[:n], l.pos)
		l.pos += n
		return nil
	}
	if len(rest) >= 2 {
		switch rest[:2] {
		case "==", "!=", "<=", ">=", "//", "**":
			l.add(kindOp, rest[:2], l.pos)
			l.pos += 2
			return nil
		}
	}
	if strings.IndexByte("+-*/%~<>=.,:|()[]{}", c) >= 0 {
		l.add(kindOp, rest[:1], l.pos)
		l.pos++
		return nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return l.fail(l.pos, "unexpected character %q", r)
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r)) {
			return i
		}
	}
	return len(s)
}

// number reads an integer or a float. A number behind a dot is an index
// (x.0.1), so that no float begins there.
func (l *lexer) number(rest string) {
	digits := func(i int) int {
		for i < len(rest) && (rest[i] >= '0' && rest[i] <= '9' || rest[i] == '_') {
			i++
		}
		return i
	}
	k, n := kindInt, 0
	if len(rest) > 2 && rest[0] == '0' && strings.IndexByte("bBoOxX", rest[1]) >= 0 {
		for n = 2; n < len(rest) && (rest[n] == '_' || isHex(rest[n])); n++ {
		}
	} else {
		n = digits(0)
		afterDot := l.tokens[len(l.tokens)-1].text == "." && l.tokens[len(l.tokens)-1].kind == kindOp
		if !afterDot && n+1 < len(rest) && rest[n] == '.' && digits(n+1) > n+1 {
			k, n = kindFloat, digits(n+1)
		}
		if !afterDot && n+1 < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
			e := n + 1
			if rest[e] == '+' || rest[e] == '-' {
				e++
			}
			if digits(e) > e {
				k, n = kindFloat, digits(e)
			}
		}
	}
	l.add(k, rest[:n], l.pos)
	l.pos += n
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
