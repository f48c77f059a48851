package scan

import "unicode/utf8"

// ValidUTF8 reports whether src is UTF-8 from end to end, as unicode/utf8 defines
// it: in the shortest form, without surrogates, up to U+10FFFF.
func ValidUTF8(src []byte) bool { return validUTF8(src) }

func validUTF8Generic(src []byte) bool { return utf8.Valid(src) }
