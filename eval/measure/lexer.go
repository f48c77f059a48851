package measure

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind of a token: + - * / ^ ( ) stand for themselves.
type kind byte

const (
	number  kind = 'n'
	name    kind = 'w' // a word
	unknown kind = '?' // a variable, or what is not understood
	equals  kind = '='
	stop    kind = '.' // no expression goes across it
)

// hangs reports whether an expression beside a token of this kind goes on with it.
func (k kind) hangs() bool {
	switch k {
	case '+', '-', '*', '/', '^', unknown:
		return true
	}
	return false
}

type token struct {
	kind     kind
	value    *big.Rat // of a number; a percentage is divided by 100
	decimals int
	percent  bool
}

// lexer reads text as tokens.
type lexer struct {
	text string
	at   int
}

// side reads the tokens up to an equals sign or a stop, which it returns; 0 at the end.
func (l *lexer) side() (side []token, end kind) {
	for l.at < len(l.text) {
		t, ok := l.token(side)
		switch {
		case !ok: // nothing that matters
		case t.kind == equals || t.kind == stop:
			return side, t.kind
		default:
			side = append(side, t)
		}
	}
	return side, 0
}

// maxDigits of a number.
const maxDigits = 18

// token reads one token, after those of the side; ok is false for what is skipped, such as white space.
func (l *lexer) token(side []token) (t token, ok bool) {
	rest := l.text[l.at:]
	r, size := utf8.DecodeRuneInString(rest)
	if isDigit(r) || r == '.' && len(rest) > 1 && isDigit(rune(rest[1])) {
		return l.number(rest), true
	}
	if unicode.IsLetter(r) {
		return l.word(rest, side)
	}
	l.at += size
	next := byte(0)
	if len(rest) > size {
		next = rest[size]
	}
	switch r {
	case '\n':
		// A line starts anew, unless it goes on with "=". Its bullet is no operator.
		ahead := strings.TrimLeft(rest[:min(len(rest), 64)], " \t\r\n")
		if strings.HasPrefix(ahead, "=") {
			return token{}, false
		}
		if len(ahead) > 1 && strings.IndexByte("-*+", ahead[0]) >= 0 && ahead[1] == ' ' {
			l.at += strings.IndexByte(rest[1:], ahead[0]) + 1
		}
		return token{kind: stop}, true
	case ' ', '\t', '\r', '\u00a0', '\u202f', '$', '€', '£', '¥', '₹', '`', '_', '~', '"', '\'', '’', '°':
		return token{}, false
	case '/':
		// $5/hour: a unit. 5/x is none.
		if letters := asciiLetters(rest[1:]); letters > 0 {
			l.at += letters
			return nameToken(rest[1 : 1+letters]), true
		}
		return token{kind: '/'}, true
	case '+', '^', '(', ')', '=':
		return token{kind: kind(r)}, true
	case '-', '−', '–':
		if l.dash(rest[size:]) {
			return token{kind: stop}, true
		}
		return token{kind: '-'}, true
	case '×', '·', '⋅', '∙', '∗':
		return token{kind: '*'}, true
	case '÷':
		return token{kind: '/'}, true
	case '*':
		if next != '*' {
			return token{kind: '*'}, true
		}
		l.at++
		// A power stands between its numbers without spaces; else it is emphasis.
		if len(rest) > 2 && (isDigit(rune(rest[2])) || rest[2] == '(') && l.at > 2 && (isDigit(rune(l.text[l.at-3])) || l.text[l.at-3] == ')') {
			return token{kind: '^'}, true
		}
		return token{}, false
	case '\\':
		return l.command(rest)
	case '%', '√':
		return token{kind: unknown}, true
	case '!':
		if strings.HasPrefix(strings.TrimLeft(rest[1:min(len(rest), 8)], " "), "=") {
			return token{kind: unknown}, true // a factorial, or not equal
		}
	}
	return token{kind: stop}, true
}

// dash reports whether a minus sign with the text after it is a dash: spaces around it and a word after.
func (l *lexer) dash(after string) bool {
	if len(after) < 3 || after[0] != ' ' {
		return false
	}
	return asciiLetters(after[1:3]) == 2
}

// command reads LaTeX.
func (l *lexer) command(rest string) (token, bool) {
	end := 1
	for end < len(rest) && end < 12 && 'a' <= rest[end] && rest[end] <= 'z' {
		end++
	}
	l.at += end - 1
	switch rest[1:end] {
	case "times", "cdot":
		return token{kind: '*'}, true
	case "div":
		return token{kind: '/'}, true
	case "":
		if len(rest) > 1 {
			switch rest[1] {
			case '(', ')', '[', ']': // where mathematics starts and ends
				l.at++
				return token{kind: stop}, true
			case '$', ',', ';', ' ', '!', '%':
				if rest[1] != '%' {
					l.at++
				}
				return token{}, false
			}
		}
	case "quad", "left", "right":
		return token{}, false
	}
	return token{kind: unknown}, true
}

// number reads one, with its percent sign and with what is written to it.
func (l *lexer) number(rest string) token {
	digits := make([]byte, 0, maxDigits+1)
	t := token{kind: number}
	i, group := 0, 0 // group: digits since the last comma, or the start
	for ; i < len(rest); i++ {
		if isDigit(rune(rest[i])) {
			if len(digits) <= maxDigits {
				digits = append(digits, rest[i])
			}
			group++
			continue
		}
		if rest[i] != ',' || group == 0 || group > 3 || !threeDigits(rest[i+1:]) {
			break
		}
		group = 0
	}
	if i+1 < len(rest) && rest[i] == '.' && isDigit(rune(rest[i+1])) {
		for i++; i < len(rest) && isDigit(rune(rest[i])); i++ {
			if len(digits) <= maxDigits {
				digits = append(digits, rest[i])
			}
			t.decimals++
		}
	}
	scale := t.decimals
	if strings.HasPrefix(rest[i:], "%") || strings.HasPrefix(rest[i:], `\%`) {
		i += strings.IndexByte(rest[i:], '%') + 1
		t.percent = true
		scale += 2
	}
	l.at += i
	if len(digits) > maxDigits {
		return token{kind: unknown}
	}
	whole := new(big.Int)
	whole.SetString(string(digits), 10)
	t.value = new(big.Rat).SetFrac(whole, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))

	// 5kg and 3rd have a unit; 2x and 5k do not mean 2 and 5.
	if asciiLetters(rest[i:]) == 1 {
		if rest[i]|0x20 == 'x' && startsOperand(rest[i+1:]) {
			return t // 3x4: a sign of multiplication, which word reads
		}
		if strings.IndexByte("abcdeknpqtuxyzBEKMXY", rest[i]) >= 0 {
			l.at++
			return token{kind: unknown}
		}
	}
	if i+1 < len(rest) && rest[i] == '.' && isDigit(rune(rest[i+1])) { // 1.2.3
		return token{kind: unknown}
	}
	return t
}

// word reads one. x between numbers is an operator, as is "of" after a percentage or a fraction.
func (l *lexer) word(rest string, side []token) (token, bool) {
	previous := func(back int) token {
		if len(side) < back {
			return token{}
		}
		return side[len(side)-back]
	}
	first := previous(1).kind
	if (rest[0] == 'x' || rest[0] == 'X') && startsOperand(rest[1:]) && (first == number || first == ')' || first == name && previous(2).kind == number) {
		l.at++
		return token{kind: '*'}, true
	}
	end := strings.IndexFunc(rest, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' && r != '\'' && r != '’'
	})
	if end < 0 {
		end = len(rest)
	}
	if rest[:end] == "of" && startsOperand(rest[end:]) &&
		(previous(1).percent || first == number && previous(2).kind == '/' && previous(3).kind == number) {
		l.at += end
		return token{kind: '*'}, true
	}
	written := rest[:end]
	if end+1 < len(rest) && rest[end] == '/' { // miles/hour is one unit
		if letters := asciiLetters(rest[end+1:]); letters > 0 {
			end += 1 + letters
		}
	}
	l.at += end
	if end < len(rest) && rest[end] == '(' { // a function's
		return token{kind: unknown}, true
	}
	return nameToken(written), true
}

// nameToken is the token of a word: unknown if it is one of the letters that mostly stand for a number.
func nameToken(word string) token {
	if len(word) == 1 && strings.IndexByte("bcknpqxyzXYZ", word[0]) >= 0 {
		return token{kind: unknown}
	}
	return token{kind: name}
}

// asciiLetters is how many letters s starts with.
func asciiLetters(s string) int {
	end := 0
	for end < len(s) && 'a' <= s[end]|0x20 && s[end]|0x20 <= 'z' {
		end++
	}
	return end
}

// startsOperand reports whether a number or bracket comes next, after up to a few spaces.
func startsOperand(s string) bool {
	s = strings.TrimLeft(s[:min(len(s), 16)], " $€£(-")
	return s != "" && isDigit(rune(s[0])) || len(s) > 1 && s[0] == '.' && isDigit(rune(s[1]))
}

func threeDigits(s string) bool {
	return len(s) >= 3 && isDigit(rune(s[0])) && isDigit(rune(s[1])) && isDigit(rune(s[2])) && (len(s) == 3 || !isDigit(rune(s[3])))
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
