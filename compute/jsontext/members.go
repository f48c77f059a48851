package jsontext

import "bytes"

// Members appends the members of an accepted object to dst, as Object does but without checking
// again. Of a value other than an object it appends nothing.
func Members(raw []byte, dst []Field) []Field {
	i := skipSpace(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return dst
	}
	for {
		i = skipSpace(raw, i+1) // what opens the object, then each comma
		if i == len(raw) || raw[i] != '"' {
			return dst
		}
		end := skipString(raw, i)
		key := nameOf(raw[i:end:end])
		i = skipSpace(raw, end)
		if i == len(raw) || raw[i] != ':' {
			return dst
		}
		i = skipSpace(raw, i+1)
		end = skipValue(raw, i)
		if end == i {
			return dst
		}
		value := raw[i:end:end]
		dst = append(dst, Field{Key: key, Value: value, Kind: KindOf(value)})
		if i = skipSpace(raw, end); i == len(raw) || raw[i] != ',' {
			return dst
		}
	}
}

// Elements appends the elements of an accepted array to dst, each as it is written with no white
// space around it. Of a value other than an array it appends nothing.
func Elements(raw []byte, dst [][]byte) [][]byte {
	i := skipSpace(raw, 0)
	if i == len(raw) || raw[i] != '[' {
		return dst
	}
	for {
		i = skipSpace(raw, i+1) // what opens the array, then each comma
		end := skipValue(raw, i)
		if end == i {
			return dst
		}
		dst = append(dst, raw[i:end:end])
		if i = skipSpace(raw, end); i == len(raw) || raw[i] != ',' {
			return dst
		}
	}
}

// nameOf decodes a key; it allocates only if the key has escapes.
func nameOf(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return inner(literal)
	}
	return AppendUnquoted(make([]byte, 0, len(literal)), literal)
}

// skipValue returns where the value at raw[i:] ends, or i if none begins there.
func skipValue(raw []byte, i int) int {
	if i == len(raw) {
		return i
	}
	switch raw[i] {
	case '"':
		return skipString(raw, i)
	case '{', '[':
		return skipContainer(raw, i)
	}
	return skipScalar(raw, i)
}

// skipContainer returns where what opens at raw[i] is closed. In accepted text it is enough to count.
func skipContainer(raw []byte, i int) int {
	for depth := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			i = skipString(raw, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(raw)
}

// skipString returns where the string that begins with the quote at raw[i] ends: after the first quote
// with an even number of backslashes before it.
func skipString(raw []byte, i int) int {
	body := i + 1
	for i = body; ; i++ {
		run := bytes.IndexByte(raw[i:], '"')
		if run < 0 {
			return len(raw)
		}
		i += run
		k := i
		for k > body && raw[k-1] == '\\' {
			k--
		}
		if (i-k)%2 == 0 {
			return i + 1
		}
	}
}

// skipScalar returns where a number, true, false or null ends.
func skipScalar(raw []byte, i int) int {
	for i < len(raw) {
		switch raw[i] {
		case ',', ':', ']', '}', '[', '{', '"', ' ', '\n', '\t', '\r':
			return i
		}
		i++
	}
	return i
}
