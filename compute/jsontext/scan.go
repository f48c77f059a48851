package jsontext

import (
	"hash/maphash"
	"strconv"
	"unicode/utf8"
)

// scanner checks one text. It keeps what is open on a stack of its own rather than Go's, so that the
// deepest text costs it a slice of MaxDepth integers.
type scanner struct {
	open []int    // a container each: where an object's keys begin in keys, or inArray
	keys keyStack // of every open object

	collect bool    // whether to append the members of the outermost object to fields
	fields  []Field // the caller's
	valueAt int     // where the value of the last of fields begins
}

const inArray = -1

func newScanner() *scanner {
	return &scanner{keys: keyStack{seed: maphash.MakeSeed()}}
}

// release empties the scanner, so that it holds on to nothing of the caller's, and puts it back.
func (s *scanner) release() {
	s.open = s.open[:0]
	s.keys.reset()
	s.collect, s.fields = false, nil
	scanners.Put(s)
}

// scan checks that src is one value. Each turn of the outer loop reads what begins a value; the inner
// loop then closes and separates until the next value begins.
func (s *scanner) scan(src []byte) *Error {
	s.keys.src = src
	i := skipSpace(src, 0)
	for {
		if i == len(src) {
			return endOfText(src)
		}
		var bad *Error
		switch c := src[i]; c {
		case '"':
			i, _, bad = scanString(src, i)
		case '{', '[':
			if len(s.open) == MaxDepth {
				return &Error{i, "nested deeper than " + strconv.Itoa(MaxDepth)}
			}
			i = skipSpace(src, i+1)
			if i < len(src) && src[i] == closerOf(c) {
				i++
				break
			}
			if c == '[' {
				s.open = append(s.open, inArray)
				continue
			}
			s.open = append(s.open, s.keys.mark())
			if i, bad = s.scanKey(src, i); bad != nil {
				return bad
			}
			continue
		case 't':
			i, bad = scanWord(src, i, "true")
		case 'f':
			i, bad = scanWord(src, i, "false")
		case 'n':
			i, bad = scanWord(src, i, "null")
		default:
			if c != '-' && !isDigit(c) {
				return unexpected(src, i, "a value")
			}
			i, bad = scanNumber(src, i)
		}
		if bad != nil {
			return bad
		}

		for { // A value ends at i.
			if len(s.open) == 0 {
				if i = skipSpace(src, i); i < len(src) {
					return &Error{i, "text after the value"}
				}
				return nil
			}
			if s.collect && len(s.open) == 1 && s.open[0] != inArray {
				f := &s.fields[len(s.fields)-1]
				f.Value = src[s.valueAt:i:i]
				f.Kind = KindOf(f.Value)
			}
			if i = skipSpace(src, i); i == len(src) {
				return endOfText(src)
			}
			base := s.open[len(s.open)-1]
			opener := byte('{')
			if base == inArray {
				opener = '['
			}
			if src[i] == ',' {
				i = skipSpace(src, i+1)
				if i < len(src) && src[i] == closerOf(opener) {
					return &Error{i, "nothing after a comma"}
				}
				if base != inArray {
					if i, bad = s.scanKey(src, i); bad != nil {
						return bad
					}
				}
				break
			}
			if src[i] != closerOf(opener) {
				return unexpected(src, i, "',' or '"+string(closerOf(opener))+"'")
			}
			i++
			if base != inArray {
				s.keys.drop(base)
			}
			s.open = s.open[:len(s.open)-1]
		}
	}
}

// scanKey reads a key and its colon, up to the value.
func (s *scanner) scanKey(src []byte, i int) (next int, bad *Error) {
	if i == len(src) {
		return i, endOfText(src)
	}
	if src[i] != '"' {
		return i, unexpected(src, i, "a key in double quotes")
	}
	end, escaped, bad := scanString(src, i)
	if bad != nil {
		return i, bad
	}
	name, fresh := s.keys.push(s.open[len(s.open)-1], i, end, escaped)
	if !fresh {
		return i, &Error{i, "duplicate key " + quoteShort(name)}
	}
	i = skipSpace(src, end)
	if i == len(src) {
		return i, endOfText(src)
	}
	if src[i] != ':' {
		return i, unexpected(src, i, "':'")
	}
	i = skipSpace(src, i+1)
	if s.collect && len(s.open) == 1 {
		if escaped {
			name = append([]byte(nil), name...) // It is the scanner's until here.
		}
		s.fields = append(s.fields, Field{Key: name})
		s.valueAt = i
	}
	return i, nil
}

// closerOf gives what closes a container: '}' and ']' each stand two after what they close.
func closerOf(opener byte) byte { return opener + 2 }

func isDigit(c byte) bool { return c-'0' <= 9 }

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func skipSpace(src []byte, i int) int {
	for i < len(src) && isSpace(src[i]) {
		i++
	}
	return i
}

func scanWord(src []byte, i int, word string) (end int, bad *Error) {
	for k := range len(word) {
		if i+k == len(src) {
			return i, endOfText(src)
		}
		if src[i+k] != word[k] {
			return i, unexpected(src, i+k, word)
		}
	}
	return i + len(word), nil
}

func endOfText(src []byte) *Error {
	return &Error{len(src), "unexpected end of text"}
}

// unexpected describes the byte at src[i], where want should have been.
func unexpected(src []byte, i int, want string) *Error {
	c := src[i]
	if c >= utf8.RuneSelf {
		n := runeLen(src, i)
		if n == 0 {
			return &Error{i, invalidUTF8}
		}
		r, _ := utf8.DecodeRune(src[i : i+n])
		if r == '\ufeff' {
			return &Error{i, "a byte order mark instead of " + want}
		}
		return &Error{i, strconv.QuoteRune(r) + " instead of " + want}
	}
	return &Error{i, strconv.QuoteRune(rune(c)) + " instead of " + want}
}

// quoteShort quotes the beginning of a name, for a message.
func quoteShort(name []byte) string {
	const most = 64
	if len(name) <= most {
		return string(AppendQuoted(nil, name))
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(name[cut]) {
		cut--
	}
	return string(AppendQuoted(nil, name[:cut])) + "..."
}
