package scan

import "bytes"

// Unescape copies src, from the inside of a JSON string, to dst with each escape
// of two bytes, \" \\ \/ \b \f \n \r \t, replaced by the byte it stands for. It
// stops at the backslash of any other escape, which the caller deals with before
// it calls again, or at the end. read bytes of src became the first written bytes
// of dst, and written <= read.
//
// dst needs len(src) bytes, of which those after the first written are left with
// no meaning, and must not overlap src. Nothing is checked: a quote or a control
// character is copied as it is.
func Unescape(dst, src []byte) (written, read int) { return unescape(dst[:len(src)], src) }

func unescapeGeneric(dst, src []byte) (written, read int) {
	for {
		run := bytes.IndexByte(src[read:], '\\')
		if run < 0 {
			run = len(src) - read
		}
		copy(dst[written:], src[read:read+run])
		written += run
		read += run
		if read+1 >= len(src) {
			return written, read
		}
		value := escapeValue(src[read+1])
		if value == 0 {
			return written, read
		}
		dst[written] = value
		written++
		read += 2
	}
}
