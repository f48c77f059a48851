package jsontext

import (
	"bytes"
	"cmp"
	"slices"
	"sync"
	"unicode/utf8"
)

// AppendCanonical appends the canonical text of an accepted value, as the package comment defines it.
// Two values have the same canonical text if and only if they have the same members, elements,
// strings and numbers, however they were written.
func AppendCanonical(dst, raw []byte) []byte {
	o := outlines.Get().(*outline)
	o.read(raw)
	if len(o.nodes) > 0 {
		dst = o.append(dst, 0, 0)
	}
	o.release()
	return dst
}

var outlines = sync.Pool{New: func() any { return new(outline) }}

// keptNodes bounds the scratch that is kept for the next value.
const keptNodes = 1 << 14

// outline is a text's values in the order they are written, each with where the next one on its own
// level is. It lets objects be written in another order than they were read, with every byte
// of the text looked at once on the way in and once on the way out, however deep it lies.
//
//	{"b": [1, 2], "a": 3}          nodes    0 {}   1 b:[]   2 1   3 2   4 a:3
//	                               after    5      4        3     4     5
type outline struct {
	raw   []byte
	nodes []node
	open  []int // containers that are being read
	order []int // members of the objects that are being written, sorted
}

type node struct {
	key    []byte // decoded, of an object's member
	lo, hi int    // the value's text
	after  int    // the node after the value's last descendant
}

func (o *outline) release() {
	clear(o.nodes) // The keys are the caller's text.
	o.raw, o.nodes, o.open, o.order = nil, o.nodes[:0], o.open[:0], o.order[:0]
	if cap(o.nodes) > keptNodes {
		*o = outline{}
	}
	outlines.Put(o)
}

// read takes the outline of an accepted text. Of separators, only what is needed to tell a key from a
// value matters: a string is a key if it opens an object or follows a comma in one.
func (o *outline) read(raw []byte) {
	o.raw = raw
	var key []byte
	keyNext := false
	for i := 0; i < len(raw); {
		switch c := raw[i]; c {
		case ' ', '\n', '\t', '\r', ':':
			i++
		case '{', '[':
			o.open = append(o.open, len(o.nodes))
			o.nodes = append(o.nodes, node{key: key, lo: i})
			key, keyNext = nil, c == '{'
			i++
		case '}', ']':
			i++
			if n := len(o.open); n > 0 {
				k := o.open[n-1]
				o.nodes[k].hi, o.nodes[k].after = i, len(o.nodes)
				o.open = o.open[:n-1]
			}
			keyNext = false
		case ',':
			n := len(o.open)
			keyNext = n > 0 && raw[o.nodes[o.open[n-1]].lo] == '{'
			i++
		default:
			end := skipValue(raw, i)
			if keyNext {
				key, keyNext = nameOf(raw[i:end:end]), false
			} else {
				o.nodes = append(o.nodes, node{key: key, lo: i, hi: end, after: len(o.nodes) + 1})
				key = nil
			}
			i = end
		}
	}
	for _, k := range o.open { // none, in accepted text
		o.nodes[k].hi, o.nodes[k].after = len(raw), len(o.nodes)
	}
}

// append writes the value of node k. The recursion ends at MaxDepth, below which accepted text has
// nothing.
func (o *outline) append(dst []byte, k, depth int) []byte {
	n := o.nodes[k]
	if depth > MaxDepth {
		return append(dst, o.raw[n.lo:n.hi]...)
	}
	switch c := o.raw[n.lo]; c {
	case '[':
		dst = append(dst, '[')
		for e := k + 1; e < n.after; e = o.nodes[e].after {
			if e > k+1 {
				dst = append(dst, ',')
			}
			dst = o.append(dst, e, depth+1)
		}
		return append(dst, ']')
	case '{':
		base := len(o.order)
		for m := k + 1; m < n.after; m = o.nodes[m].after {
			o.order = append(o.order, m)
		}
		slices.SortFunc(o.order[base:], func(a, b int) int {
			return compareUTF16(o.nodes[a].key, o.nodes[b].key)
		})
		dst = append(dst, '{')
		for i := base; i < len(o.order); i++ {
			if i > base {
				dst = append(dst, ',')
			}
			m := o.order[i]
			dst = AppendQuoted(dst, o.nodes[m].key)
			dst = append(dst, ':')
			dst = o.append(dst, m, depth+1)
		}
		o.order = o.order[:base]
		return append(dst, '}')
	case '"':
		return appendCanonicalString(dst, o.raw[n.lo:n.hi])
	default:
		if c == '-' || isDigit(c) {
			return AppendCanonicalNumber(dst, o.raw[n.lo:n.hi])
		}
		return append(dst, o.raw[n.lo:n.hi]...)
	}
}

// appendCanonicalString rewrites the escapes of a string; all else in an accepted string is canonical.
func appendCanonicalString(dst, raw []byte) []byte {
	for {
		run := bytes.IndexByte(raw, '\\')
		if run < 0 {
			return append(dst, raw...)
		}
		dst = append(dst, raw[:run]...)
		r, end := unescape(raw, run)
		if r < ' ' || r == '"' || r == '\\' {
			dst = appendEscaped(dst, byte(r))
		} else {
			dst = utf8.AppendRune(dst, r)
		}
		raw = raw[end:]
	}
}

// compareUTF16 compares two texts in UTF-8 by their UTF-16 code units. That is the order of the bytes,
// but that the characters beyond U+FFFF, whose first byte is F0 to F4, come before U+E000 to U+FFFF,
// whose first byte is EE or EF. Only first bytes are that large.
func compareUTF16(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xee && y >= 0xee && (x < 0xf0) != (y < 0xf0) {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	}
	return cmp.Compare(len(a), len(b))
}
