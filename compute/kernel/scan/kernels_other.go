//go:build !amd64

package scan

func stringEnd(src []byte) (n int, marks Marks)    { return stringEndGeneric(src) }
func unescape(dst, src []byte) (written, read int) { return unescapeGeneric(dst, src) }
func indexSeparator(src []byte) int                { return indexSeparatorGeneric(src) }
func validUTF8(src []byte) bool                    { return validUTF8Generic(src) }
