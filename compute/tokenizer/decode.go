package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Decode appends the text that ids stand for to dst: their exact bytes, which need not be UTF-8 where ids end inside
// a character. Special tokens are left out if skipSpecial; ids without a token are.
func (t *Tokenizer) Decode(dst []byte, ids []int32, skipSpecial bool) []byte {
	begun := false
	for _, id := range ids {
		dst = t.appendToken(dst, id, skipSpecial, &begun)
	}
	return dst
}

// appendToken appends what id stands for. begun tells, and is told, whether there was text before.
func (t *Tokenizer) appendToken(dst []byte, id int32, skipSpecial bool, begun *bool) []byte {
	if !t.has(id) || skipSpecial && t.flags[id]&isSpecial != 0 {
		return dst
	}
	s := t.decoded[id]
	if !*begun && s != "" {
		*begun = true
		if t.stripSpace {
			s = strings.TrimPrefix(s, " ")
		}
	}
	return append(dst, s...)
}

// Decoder turns ids into text one by one, as they are generated. What it appends is always whole characters.
type Decoder struct {
	t           *Tokenizer
	skipSpecial bool
	begun       bool
	held        []byte // the beginning of a character
}

// NewDecoder returns a decoder at the beginning of a text. With skipSpecial, special tokens are left out.
func (t *Tokenizer) NewDecoder(skipSpecial bool) *Decoder {
	return &Decoder{t: t, skipSpecial: skipSpecial}
}

// Skip passes over ids that come before what is to be decoded. If they have any text, the space that is left out at
// its beginning is theirs.
func (d *Decoder) Skip(ids []int32) {
	for i := 0; i < len(ids) && !d.begun; i++ {
		d.held = d.t.appendToken(d.held[:0], ids[i], d.skipSpecial, &d.begun)
	}
	d.held = d.held[:0]
}

// Append appends what id adds to the text to dst. The beginning of a character is held back until the rest of
// it comes; what cannot become a character is U+FFFD, one for each maximal subpart.
func (d *Decoder) Append(dst []byte, id int32) []byte {
	d.held = d.t.appendToken(d.held, id, d.skipSpecial, &d.begun)
	rest := d.held
	for len(rest) > 0 {
		if !utf8.FullRune(rest) {
			break
		}
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			size = badUTF8(rest)
		}
		dst = utf8.AppendRune(dst, r)
		rest = rest[size:]
	}
	d.held = d.held[:copy(d.held, rest)]
	return dst
}

// Flush appends U+FFFD to dst if the text ended inside a character, and begins a new text.
func (d *Decoder) Flush(dst []byte) []byte {
	if len(d.held) > 0 {
		dst = utf8.AppendRune(dst, utf8.RuneError)
	}
	d.held, d.begun = d.held[:0], false
	return dst
}

// decodings computes the text that each id stands for.
func (b *builder) decodings() {
	t := b.t
	var arena strings.Builder
	ends := make([]int, len(t.text))
	for id, s := range t.text {
		if t.flags[id]&isNormalized != 0 {
			s = t.normalize(s) // as Hugging Face decodes them
		}
		if b.decode == decodeByteLevel {
			writeBytes(&arena, s)
		} else if c, ok := byteToken(s); ok {
			arena.WriteByte(c)
		} else {
			arena.WriteString(strings.ReplaceAll(s, blank, " "))
		}
		ends[id] = arena.Len()
	}
	t.decoded = make([]string, len(t.text))
	start := 0
	for id, end := range ends {
		t.decoded[id] = arena.String()[start:end]
		start = end
	}
}

// writeBytes writes the bytes that the characters of s stand for, or s if one stands for none.
func writeBytes(w *strings.Builder, s string) {
	for _, r := range s {
		if _, ok := byteOfChar(r); !ok {
			w.WriteString(s)
			return
		}
	}
	for _, r := range s {
		c, _ := byteOfChar(r)
		w.WriteByte(c)
	}
}

// byteToken returns the byte of a token <0x00> to <0xFF>.
func byteToken(s string) (c byte, ok bool) {
	if len(s) != 6 || s[:3] != "<0x" || s[5] != '>' {
		return 0, false
	}
	for _, d := range []byte(s[3:5]) {
		switch {
		case d >= '0' && d <= '9':
			d -= '0'
		case d|0x20 >= 'a' && d|0x20 <= 'f':
			d = d | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		c = c<<4 | d
	}
	return c, true
}
