package row

import "smelt/compute/kernel/scan"

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
	first := scan.IndexSeparator(dst[start:])
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
