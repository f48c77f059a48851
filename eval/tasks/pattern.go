package tasks

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// endGroup names the group that stands for Python's $ in a pattern.
const endGroup = "smelt_end"

// pattern is a regular expression of Python's re for text, run by Go's engine. Both
// prefer the same match among many, and \d \w \s \Z mean here what they mean there:
// all of Unicode, not ASCII. $ is allowed as a pattern's last character, where it
// matches before a newline at the end of the text, too. What Go's engine has not
// (looking around, backreferences, \D \W \S within brackets) is refused.
//
// One difference is left: findall does not give the empty matches that touch the match
// before them.
type pattern struct {
	re  *regexp.Regexp
	end int // the number of the group for $, or 0
}

func compilePattern(source string) (*pattern, error) {
	translated, err := translate(source)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", source, err)
	}
	re, err := regexp.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("the pattern %q: %w", source, err)
	}
	return &pattern{re, max(0, re.SubexpIndex(endGroup))}, nil
}

// classes are Python's for text, as what stands within brackets.
var classes = map[byte]string{
	'd': `\p{Nd}`,
	'w': `\p{L}\p{N}_`,
	's': `\t-\r\x1c-\x20\x{85}\p{Z}`,
}

var lookAround = regexp.MustCompile(`^\(\?<?[=!]`)

func translate(source string) (string, error) {
	var b strings.Builder
	in := false // brackets
	for i := 0; i < len(source); i++ {
		c := source[i]
		switch {
		case c == '\\' && i+1 < len(source):
			i++
			c = source[i]
			class, known := classes[c|0x20]
			switch {
			case known && c >= 'a' && in:
				b.WriteString(class)
			case known && c >= 'a':
				b.WriteString("[" + class + "]")
			case known && in:
				return "", fmt.Errorf("\\%c within brackets is not supported", c)
			case known:
				b.WriteString("[^" + class + "]")
			case c == 'Z':
				b.WriteString(`\z`)
			case c == 'b' && in:
				b.WriteString(`\x08`)
			case c == 'b' || c == 'B':
				return "", fmt.Errorf(`\%c is not supported: word boundaries differ between Python and Go`, c)
			case c >= '1' && c <= '9':
				return "", fmt.Errorf("the backreference \\%c is not supported", c)
			default:
				b.WriteByte('\\')
				b.WriteByte(c)
			}
		case in:
			in = c != ']'
			if c == '[' {
				b.WriteByte('\\') // a plain character in Python, a class's start in Go
			}
			b.WriteByte(c)
		case c == '(' && lookAround.MatchString(source[i:]):
			return "", errors.New("looking around is not supported: match what stands around, and put what is wanted into a group")
		case c == '[':
			in = true
			b.WriteByte(c)
			for _, first := range []string{"^", "]"} { // a ] here is a character
				if strings.HasPrefix(source[i+1:], first) {
					b.WriteString(strings.Replace(first, "]", `\]`, 1))
					i++
				}
			}
		case c == '$':
			if i+1 < len(source) {
				return "", fmt.Errorf("$ is supported at the end of a pattern only; \\Z is the end of the text anywhere")
			}
			b.WriteString(`(?P<` + endGroup + `>\n?\z)`)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// find are the matches in text: each the offsets of the whole and of its groups.
func (p *pattern) find(text string) [][]int {
	found := p.re.FindAllStringSubmatchIndex(text, -1)
	if p.end == 0 {
		return found
	}
	for i, m := range found {
		if at := m[2*p.end]; at >= 0 {
			m[1] = at
		}
		found[i] = m[:2*p.end]
	}
	return found
}

// remove is re.sub(pattern, "", text).
func (p *pattern) remove(text string) string {
	var b strings.Builder
	from := 0
	for _, m := range p.find(text) {
		b.WriteString(text[from:m[0]])
		from = m[1]
	}
	return b.String() + text[from:]
}

// findAll is re.findall: of each match the groups, or all of it if there are none.
func (p *pattern) findAll(text string) [][]string {
	var all [][]string
	for _, m := range p.find(text) {
		groups := m[2:]
		if len(groups) == 0 {
			groups = m
		}
		texts := make([]string, len(groups)/2)
		for i := range texts {
			if groups[2*i] >= 0 {
				texts[i] = text[groups[2*i]:groups[2*i+1]]
			}
		}
		all = append(all, texts)
	}
	return all
}
