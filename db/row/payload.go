package row

import (
	"encoding/binary"
	"math/bits"
)

// The three bytes with a meaning in a payload. As all are below 0x80 they never
// occur inside a multi-byte UTF-8 sequence, so escaping works on bytes.
const (
	escape     = 0x1B
	roleEnd    = 0x1E // between a turn's role and its content
	fieldBreak = 0x1F // between the fields of a triple, and between turns
)

// AppendPayload appends the payload of c, the bytes that row_hash is the
// SHA-256 of, to dst and returns the extended slice. Roles are written as they
// are, which keeps payloads unambiguous because each must be Valid. It takes
// time linear in the text and allocates only to grow dst.
func AppendPayload(dst []byte, c *Content) []byte {
	if !c.IsConversation() {
		dst = appendEscaped(dst, c.Instruction)
		dst = append(dst, fieldBreak)
		dst = appendEscaped(dst, c.Input)
		dst = append(dst, fieldBreak)
		return appendEscaped(dst, c.Output)
	}
	for i := range c.Turns {
		if i > 0 {
			dst = append(dst, fieldBreak)
		}
		dst = append(dst, c.Turns[i].Role...)
		dst = append(dst, roleEnd)
		dst = appendEscaped(dst, c.Turns[i].Content)
	}
	return dst
}

// appendEscaped appends esc(text). Almost no text needs escaping, so it copies
// first and looks for a reason to escape in the copy.
func appendEscaped(dst []byte, text string) []byte {
	start := len(dst)
	dst = append(dst, text...)
	first := indexSpecial(dst[start:])
	if first < 0 {
		return dst
	}
	dst = dst[:start+first]
	for i := first; i < len(text); i++ {
		switch b := text[i]; b {
		case escape:
			dst = append(dst, escape, '0')
		case roleEnd:
			dst = append(dst, escape, '1')
		case fieldBreak:
			dst = append(dst, escape, '2')
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

// indexSpecial returns the index of the first byte of text in 1B..1F, or -1. It
// also stops at 1C and 1D, which need no escape: the wider range costs fewer
// operations, and the caller treats them rightly.
//
// Eight bytes are tested at a time. With its top bit cleared, a byte plus 65
// (plus 60) has the top bit set exactly when the byte was at least 1B (at least
// 20), and no sum carries into its neighbour.
func indexSpecial(text []byte) int {
	const (
		ones = 0x0101010101010101
		low7 = 0x7F * ones
		top  = 0x80 * ones
	)
	i := 0
	for ; i+8 <= len(text); i += 8 {
		v := binary.LittleEndian.Uint64(text[i:])
		low := v & low7
		found := (low + 0x65*ones) &^ (low + 0x60*ones) &^ v & top
		if found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(text); i++ {
		if text[i]-escape <= fieldBreak-escape {
			return i
		}
	}
	return -1
}
