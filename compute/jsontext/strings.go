package jsontext

import (
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"smelt/compute/kernel/scan"
)

const invalidUTF8 = "invalid UTF-8"

const hexDigits = "0123456789abcdef"

// text is what can be read byte by byte.
type text interface{ ~string | ~[]byte }

const (
	lowBits  = 0x0101010101010101
	highBits = 0x80 * lowBits
)

// special sets the high bit of the first byte of w, lowest first, that does not simply stand for
// itself in a string: a quote, a backslash, a control character, or anything beyond ASCII. Bits above
// that one mean nothing; zero means that there is no such byte.
//
// Flipping bit 1 puts the quote at 0x20, next to the control characters, and no other byte of ASCII
// below 0x21, so that one subtraction finds both.
func special(w uint64) uint64 {
	return (((w ^ 0x02*lowBits) - 0x21*lowBits) | ((w ^ '\\'*lowBits) - lowBits) | w) & highBits
}

func isSpecial(c byte) bool {
	return c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf
}

// load64 is binary.LittleEndian.Uint64(s[i:]), for strings as well; it compiles to one load.
func load64[T text](s T, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// skipPlain returns the index of the first special byte of s at or after i, or len(s).
func skipPlain[T text](s T, i int) int {
	for ; i+8 <= len(s); i += 8 {
		if w := special(load64(s, i)); w != 0 {
			return i + bits.TrailingZeros64(w)/8
		}
	}
	for i < len(s) && !isSpecial(s[i]) {
		i++
	}
	return i
}

// runeLen returns the length in bytes, 2 to 4, of the character beyond ASCII that s[i:] begins with,
// or 0 if it begins with none. In each case the first mask picks the marks of the leading and the
// continuation bytes, and the second the bits that tell overlong forms, surrogates and what lies beyond
// U+10FFFF.
func runeLen[T text](s T, i int) int {
	var w uint32
	if i+4 <= len(s) {
		w = uint32(s[i]) | uint32(s[i+1])<<8 | uint32(s[i+2])<<16 | uint32(s[i+3])<<24
	} else {
		for k := range len(s) - i {
			w |= uint32(s[i+k]) << (8 * k)
		}
	}
	switch {
	case w&0xc0e0 == 0x80c0:
		if w&0x1e != 0 {
			return 2
		}
	case w&0xc0c0f0 == 0x8080e0:
		if x := w & 0x200f; x != 0 && x != 0x200d {
			return 3
		}
	case w&0xc0c0c0f8 == 0x808080f0:
		if x := w & 0x3007; x != 0 && (x&7 < 4 || x == 4) {
			return 4
		}
	}
	return 0
}

// skipRunes skips characters beyond ASCII. It stops at the end, at a byte of ASCII, or at one that begins
// no character.
func skipRunes[T text](s T, i int) int {
	for i < len(s) && s[i] >= utf8.RuneSelf {
		n := runeLen(s, i)
		if n == 0 {
			break
		}
		i += n
	}
	return i
}

// scanString checks the string that begins with the quote at src[i]; end is after its closing quote.
func scanString(src []byte, i int) (end int, escaped bool, bad *Error) {
	i++
	for range 2 { // Most keys and many values are short, and the call would cost more.
		if i+8 > len(src) {
			break
		}
		w := special(load64(src, i))
		if w == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(w) / 8; src[i] == '"' {
			return i + 1, false, nil
		}
		break
	}
	for {
		n, marks := scan.StringEnd(src[i:])
		if marks&scan.NonASCII != 0 && !scan.ValidUTF8(src[i:i+n]) {
			return i, escaped, &Error{i + firstInvalid(src[i:i+n]), invalidUTF8}
		}
		escaped = escaped || marks&scan.Escape != 0
		if i += n; i == len(src) {
			return i, escaped, endOfText(src)
		}
		switch c := src[i]; c {
		case '"':
			return i + 1, escaped, nil
		case '\\':
			escaped = true
			for i < len(src) && src[i] == '\\' { // text in which all of an alphabet is escaped has many in a row
				if i, bad = scanEscape(src, i); bad != nil {
					return i, escaped, bad
				}
			}
		default:
			return i, escaped, &Error{i, "raw control character 0x" + hexByte(c) + " in a string"}
		}
	}
}

// firstInvalid returns where the first bytes of s stand that are not UTF-8.
func firstInvalid(s []byte) int {
	i := 0
	for i < len(s) {
		if i = skipRunes(s, i); i < len(s) && s[i] >= utf8.RuneSelf {
			break
		}
		for i < len(s) && s[i] < utf8.RuneSelf {
			i++
		}
	}
	return i
}

// scanEscape checks the escape that begins with the backslash at src[i].
func scanEscape(src []byte, i int) (end int, bad *Error) {
	if i+1 == len(src) {
		return i, endOfText(src)
	}
	switch src[i+1] {
	case 'n', '"', '\\', 't', '/', 'b', 'f', 'r':
		return i + 2, nil
	case 'u':
		return scanHexEscape(src, i)
	}
	return i, unexpected(src, i+1, `one of "\/bfnrtu after a backslash`)
}

// scanHexEscape checks the \uXXXX at src[i], or two of them if they are a surrogate pair.
func scanHexEscape(src []byte, i int) (end int, bad *Error) {
	r, n := hex4(src, i+2)
	if n < 4 {
		if i+2+n == len(src) {
			return i, endOfText(src)
		}
		return i, unexpected(src, i+2+n, `a hex digit after \u`)
	}
	if !utf16.IsSurrogate(r) {
		return i + 6, nil
	}
	if _, ok := surrogatePair(src, i, r); !ok {
		return i, &Error{i, `lone surrogate \u` + strconv.FormatInt(int64(r), 16)}
	}
	return i + 12, nil
}

// surrogatePair combines the surrogate that is escaped at src[i] with the one escaped after it.
func surrogatePair(src []byte, i int, high rune) (r rune, ok bool) {
	low, n := hex4(src, i+8)
	if n < 4 || src[i+6] != '\\' || src[i+7] != 'u' {
		return utf8.RuneError, false
	}
	r = utf16.DecodeRune(high, low)
	return r, r != utf8.RuneError
}

// hex4 reads up to four hex digits at src[i:]; n is how many there are.
func hex4(src []byte, i int) (r rune, n int) {
	for ; n < 4 && i+n < len(src); n++ {
		c := src[i+n]
		switch {
		case isDigit(c):
			c -= '0'
		case (c|0x20)-'a' < 6:
			c = (c | 0x20) - 'a' + 10
		default:
			return r, n
		}
		r = r<<4 | rune(c)
	}
	return r, n
}

func hexByte(c byte) string { return string([]byte{hexDigits[c>>4], hexDigits[c&15]}) }

// inner takes the quotes off a string.
func inner(raw []byte) []byte {
	if len(raw) > 0 && raw[0] == '"' {
		raw = raw[1:]
	}
	if n := len(raw); n > 0 && raw[n-1] == '"' {
		raw = raw[:n-1]
	}
	return raw
}

// AppendUnquoted appends the decoded bytes, UTF-8, of an accepted string; raw includes its quotes. It
// appends no more than len(raw) bytes, and uses as many of dst's spare capacity on the way.
func AppendUnquoted(dst, raw []byte) []byte {
	raw = inner(raw)
	dst = slices.Grow(dst, len(raw))
	for {
		written, read := scan.Unescape(dst[len(dst):len(dst)+len(raw)], raw)
		dst, raw = dst[:len(dst)+written], raw[read:]
		if len(raw) == 0 {
			return dst
		}
		for len(raw) > 0 && raw[0] == '\\' {
			r, end := unescape(raw, 0)
			dst = utf8.AppendRune(dst, r)
			raw = raw[end:]
		}
	}
}

// unescape decodes the escape that begins with the backslash at src[i]. U+FFFD stands for what no
// accepted string contains.
func unescape(src []byte, i int) (r rune, end int) {
	if i+1 == len(src) {
		return utf8.RuneError, i + 1
	}
	switch c := src[i+1]; c {
	case 'n':
		return '\n', i + 2
	case 't':
		return '\t', i + 2
	case 'r':
		return '\r', i + 2
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'u':
		r, n := hex4(src, i+2)
		if n < 4 {
			return utf8.RuneError, i + 2 + n
		}
		if !utf16.IsSurrogate(r) {
			return r, i + 6
		}
		if r, ok := surrogatePair(src, i, r); ok {
			return r, i + 12
		}
		return utf8.RuneError, i + 6
	default:
		return rune(c), i + 2
	}
}

// AppendQuoted appends s as a JSON string in the form of RFC 8785: \b \t \n \f \r \" and \\ for those
// seven characters, \u00xx in lower case for the other control characters, and everything else as it
// is. Bytes of s that are not UTF-8 become U+FFFD, one each, so that the result is always acceptable.
func AppendQuoted[T text](dst []byte, s T) []byte {
	dst = append(dst, '"')
	run := 0 // where the part not yet appended begins
	for i := skipPlain(s, 0); i < len(s); i = skipPlain(s, i) {
		if s[i] >= utf8.RuneSelf {
			if i = skipRunes(s, i); i == len(s) || s[i] < utf8.RuneSelf {
				continue
			}
			dst = append(dst, s[run:i]...)
			dst = append(dst, "\ufffd"...)
		} else {
			dst = append(dst, s[run:i]...)
			dst = appendEscaped(dst, s[i])
		}
		i++
		run = i
	}
	dst = append(dst, s[run:]...)
	return append(dst, '"')
}

// appendEscaped appends the escape of a quote, a backslash or a control character.
func appendEscaped(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
	case '\n':
		c = 'n'
	case '\t':
		c = 't'
	case '\r':
		c = 'r'
	case '\b':
		c = 'b'
	case '\f':
		c = 'f'
	default:
		return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
	}
	return append(dst, '\\', c)
}
