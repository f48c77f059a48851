package scan

import "math/bits"

// Marks say what a stretch of text contains.
type Marks uint8

const (
	NonASCII Marks = 1 << iota // a byte of 0x80 or more
	Escape                     // a backslash
)

// StringEnd reads the inside of a JSON string, from after its opening quote or
// after any complete escape, as far as it goes by itself: over every byte from
// 0x20 on, and over the escapes of two bytes, \" \\ \/ \b \f \n \r \t. It returns
// the length of that and what is in it. At src[n] then stands
//
//   - the closing quote;
//   - a byte below 0x20, which a string must not contain;
//   - the backslash of an escape that wants a closer look, such as \u00e9, or is
//     none, such as \x, or the last byte of src;
//   - or nothing, n being len(src).
//
// Bytes beyond ASCII are only marked: give src[:n] to [ValidUTF8]. No character
// can go on at src[n].
func StringEnd(src []byte) (n int, marks Marks) { return stringEnd(src) }

func stringEndGeneric(src []byte) (n int, marks Marks) {
	high := uint64(0)
	for i := 0; ; {
		for ; i+8 <= len(src); i += 8 {
			w := load64(src, i)
			// Flipping bit 1 puts the quote at 0x20, next to the control
			// characters, and no other byte of ASCII below 0x21.
			if stop := below(w^0x02*ones, 0x21) | below(w^'\\'*ones, 1); stop != 0 {
				high |= w & (stop&-stop - 1)
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			high |= w
		}
		for i < len(src) && src[i] >= ' ' && src[i] != '"' && src[i] != '\\' {
			high |= uint64(src[i])
			i++
		}
		if i+1 >= len(src) || src[i] != '\\' || escapeValue(src[i+1]) == 0 {
			if high&tops != 0 {
				marks |= NonASCII
			}
			return i, marks
		}
		marks |= Escape
		i += 2
	}
}

// escapeValue returns what c means after a backslash, or zero if that is not one
// byte.
func escapeValue(c byte) byte {
	switch c {
	case '"', '\\', '/':
		return c
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return 0
}
