package jinja

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Flags say where a stretch of text comes from.
type Flags uint8

const (
	Content   Flags = 1 << iota // from the values a template was given, not from its own text
	Generated                   // inside {% generation %}
)

// run is a stretch of bytes [from, to) with flags other than 0.
type run struct {
	from, to int
	flags    Flags
}

// text is a string that knows where its bytes come from. The runs are in order,
// do not overlap, and neighbours that touch differ in their flags; bytes in no
// run have no flags. A text does not change once made.
type text struct {
	s      string
	runs   []run
	markup bool // of the filters safe and escape: + escapes what it is added to
}

func plain(s string) *text { return &text{s: s} }

// flagged is s with the same flags throughout.
func flagged(s string, flags Flags) *text {
	if s == "" || flags == 0 {
		return &text{s: s}
	}
	return &text{s: s, runs: []run{{0, len(s), flags}}}
}

// sub is t[from:to], in bytes.
func (t *text) sub(from, to int) *text {
	if from == 0 && to == len(t.s) {
		return t
	}
	out := &text{s: t.s[from:to], markup: t.markup}
	first := sort.Search(len(t.runs), func(i int) bool { return t.runs[i].to > from })
	for _, r := range t.runs[first:] {
		if r.from >= to {
			break
		}
		out.runs = append(out.runs, run{max(r.from, from) - from, min(r.to, to) - from, r.flags})
	}
	return out
}

// each calls f for every stretch of t of the same flags, in order.
func (t *text) each(f func(s string, flags Flags)) {
	at := 0
	for _, r := range t.runs {
		if r.from > at {
			f(t.s[at:r.from], 0)
		}
		f(t.s[r.from:r.to], r.flags)
		at = r.to
	}
	if at < len(t.s) {
		f(t.s[at:], 0)
	}
}

// mapped is t with f applied to each stretch.
func (t *text) mapped(f func(string) string) *text {
	if len(t.runs) == 0 {
		return plain(f(t.s))
	}
	var b builder
	t.each(func(s string, flags Flags) { b.write(f(s), flags) })
	return b.text()
}

// trim is t without the characters of cut (white space if cut is "") at the
// chosen sides.
func (t *text) trim(cut *text, left, right bool) *text {
	from, to := 0, len(t.s)
	gone := isSpace
	if cut != nil {
		gone = func(r rune) bool { return strings.ContainsRune(cut.s, r) }
	}
	if left {
		from = to - len(strings.TrimLeftFunc(t.s, gone))
	}
	if right {
		to = from + len(strings.TrimRightFunc(t.s[from:], gone))
	}
	return t.sub(from, to)
}

// isSpace reports what Python's str.isspace does.
func isSpace(r rune) bool {
	switch {
	case r == ' ' || r >= '\t' && r <= '\r' || r >= 0x1c && r <= 0x1f || r == 0x85 || r == 0xa0:
		return true
	case r < 0x1680:
		return false
	}
	return r == 0x1680 || r >= 0x2000 && r <= 0x200a || r == 0x2028 || r == 0x2029 ||
		r == 0x202f || r == 0x205f || r == 0x3000
}

// length is the number of characters.
func (t *text) length() int { return utf8.RuneCountInString(t.s) }

// offset is the byte offset of character i, which may be the length.
func offset(s string, i int) int {
	at := 0
	for ; i > 0; i-- {
		_, n := utf8.DecodeRuneInString(s[at:])
		at += n
	}
	return at
}

// builder makes texts.
type builder struct {
	buf  []byte
	runs []run
}

func (b *builder) mark(from, to int, flags Flags) {
	if from == to || flags == 0 {
		return
	}
	if n := len(b.runs); n > 0 && b.runs[n-1].to == from && b.runs[n-1].flags == flags {
		b.runs[n-1].to = to
		return
	}
	b.runs = append(b.runs, run{from, to, flags})
}

func (b *builder) write(s string, flags Flags) {
	b.buf = append(b.buf, s...)
	b.mark(len(b.buf)-len(s), len(b.buf), flags)
}

// add appends t, giving all of it the flags in extra, too.
func (b *builder) add(t *text, extra Flags) {
	at := len(b.buf)
	b.buf = append(b.buf, t.s...)
	if extra == 0 {
		for _, r := range t.runs {
			b.mark(at+r.from, at+r.to, r.flags)
		}
		return
	}
	t.each(func(s string, flags Flags) {
		b.mark(at, at+len(s), flags|extra)
		at += len(s)
	})
}

func (b *builder) text() *text { return &text{s: string(b.buf), runs: b.runs} }

// html is t with the characters escaped that mean something in HTML.
func (t *text) html() *text {
	if t.markup {
		return t
	}
	return t.mapped(htmlEscape.Replace).asMarkup()
}

var htmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;")

func (t *text) asMarkup() *text { return &text{t.s, t.runs, true} }

// join is a + b.
func join(a, b *text) *text {
	if a.markup != b.markup {
		return join(a.html(), b.html())
	}
	switch {
	case a.s == "":
		return b
	case b.s == "":
		return a
	case len(a.runs) == 0 && len(b.runs) == 0:
		return &text{s: a.s + b.s, markup: a.markup}
	}
	out := builder{buf: make([]byte, 0, len(a.s)+len(b.s))}
	out.add(a, 0)
	out.add(b, 0)
	joined := out.text()
	joined.markup = a.markup
	return joined
}
