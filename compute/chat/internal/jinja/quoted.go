package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// quoted reads a string literal; its escapes are Python's.
func (l *lexer) quoted(quote byte) error {
	open := l.pos
	end := open + 1
	for ; end < len(l.src) && l.src[end] != quote; end++ {
		if l.src[end] == '\\' {
			end++
		}
	}
	if end >= len(l.src) {
		return l.fail(open, "string is not closed: expected %c", quote)
	}
	l.pos = end + 1
	body := l.src[open+1 : end]
	if strings.IndexByte(body, '\\') >= 0 {
		var err error
		if body, err = l.unescape(body, open+1); err != nil {
			return err
		}
	}
	l.add(kindString, body, open)
	return nil
}

// unescape decodes the escapes of body, which begins at offset pos. An escape
// Python does not know stands for itself, backslash and all.
func (l *lexer) unescape(body string, pos int) (string, error) {
	b := make([]byte, 0, len(body))
	for i := 0; i < len(body); {
		c := body[i]
		if c != '\\' {
			b = append(b, c)
			i++
			continue
		}
		c = body[i+1]
		i += 2
		digits := 0
		switch c {
		case '\n':
			continue
		case '\\', '\'', '"':
			b = append(b, c)
			continue
		case 'a', 'b', 'f', 'n', 'r', 't', 'v':
			b = append(b, "\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
			continue
		case '0', '1', '2', '3', '4', '5', '6', '7':
			n := i
			for n < len(body) && n < i+2 && body[n] >= '0' && body[n] <= '7' {
				n++
			}
			code, _ := strconv.ParseUint(body[i-1:n], 8, 32) // at most three octal digits
			b = utf8.AppendRune(b, rune(code))
			i = n
			continue
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		case 'N':
			return "", l.fail(pos+i-2, `\N{name} is not supported: write the character`)
		default:
			b = append(b, '\\', c)
			continue
		}
		if i+digits > len(body) {
			return "", l.fail(pos+i-2, `\%c needs %d hexadecimal digits`, c, digits)
		}
		code, err := strconv.ParseUint(body[i:i+digits], 16, 32)
		if err != nil || !utf8.ValidRune(rune(code)) {
			return "", l.fail(pos+i-2, `\%c%s is no character`, c, body[i:i+digits])
		}
		b = utf8.AppendRune(b, rune(code))
		i += digits
	}
	return string(b), nil
}
