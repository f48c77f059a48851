package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// Encode appends the ids of text to dst. What of text is not UTF-8 is taken as U+FFFD, once for each maximal
// subpart. A text has up to 2^31-1 bytes.
func (t *Tokenizer) Encode(dst []int32, text string, o Options) []int32 {
	e := t.acquire()
	e.ids = dst
	e.encode(text, o)
	dst = e.ids
	t.release(e)
	return dst
}

// EncodeSpans does what Encode does and appends to ends, for every id, how many bytes of text it and those
// before it stand for. So the token i stands for text[ends[i-1]:ends[i]]: nothing for the tokens that
// Options.Special puts around and for a "▁" put before, else bytes, not always whole characters. White space that an
// added token strips belongs to the token. The tokens of what normalisation or repair changed all end
// where that began, but for the last.
func (t *Tokenizer) EncodeSpans(dst []int32, ends []int, text string, o Options) ([]int32, []int) {
	e := t.acquire()
	e.ids, e.ends, e.spans = dst, ends, true
	e.encode(text, o)
	dst, ends = e.ids, e.ends
	t.release(e)
	return dst, ends
}

// Count returns how many ids text has.
func (t *Tokenizer) Count(text string, o Options) int {
	e := t.acquire()
	e.ids = e.counted[:0]
	e.encode(text, o)
	n := len(e.ids)
	e.counted = e.ids[:0]
	t.release(e)
	return n
}

// encoder encodes one text at a time.
type encoder struct {
	t     *Tokenizer
	ids   []int32
	ends  []int
	spans bool // fill ends

	cache    []cached // nil in an encoder that is not kept
	syms     []symbol
	heap     []uint64
	counted  []int32
	repaired rewrite
	normal   rewrite
	pieces   rewrite
	runes    []rune
	name     []byte
	unasked  []int // ends that no one asked for
}

func (e *encoder) encode(text string, o Options) {
	t := e.t
	if len(o.LiteralIn) > 0 && !e.spans { // changed text must remember where it came from
		e.ends, e.spans = e.unasked[:0], true
		defer func() { e.unasked = e.ends[:0] }()
	}
	if o.Special {
		e.around(t.prefix, 0)
	}
	v := view{s: text, first: true}
	if !utf8.ValidString(text) {
		v = e.repair(v)
	}
	find := search{matcher: &t.plain, view: v, o: &o}
	for {
		from := find.taken
		start, end, id, ok := find.next()
		if !ok {
			e.section(v.sub(from, len(v.s)), &o)
			break
		}
		if from < start {
			e.section(v.sub(from, start), &o)
		}
		e.put(id, v.end(end))
	}
	if o.Special {
		e.around(t.suffix, len(text))
	}
}

func (e *encoder) around(ids []int32, end int) {
	for _, id := range ids {
		e.put(id, end)
	}
}

// put appends one id.
func (e *encoder) put(id int32, end int) {
	e.ids = append(e.ids, id)
	if e.spans {
		e.ends = append(e.ends, end)
	}
}

// repair replaces what is not UTF-8.
func (e *encoder) repair(v view) view {
	w := &e.repaired
	w.reset()
	done := 0
	for i := 0; i < len(v.s); {
		r, size := utf8.DecodeRuneInString(v.s[i:])
		if r != utf8.RuneError || size != 1 {
			i += size
			continue
		}
		w.copy(&v, done, i, e.spans)
		done = i + badUTF8(v.s[i:])
		w.buf = utf8.AppendRune(w.buf, utf8.RuneError)
		w.placed(&v, i, done, e.spans)
		i = done
	}
	w.copy(&v, done, len(v.s), e.spans)
	return w.view(&v, e.spans)
}

// section encodes text that has no added tokens but normalized ones.
func (e *encoder) section(v view, o *Options) {
	t := e.t
	if v.s == "" {
		return
	}
	switch {
	case t.nfc != nil:
		v = e.compose(v)
	case t.escape || t.prepend:
		v = e.escaped(&e.normal, v, t.prepend, t.escape)
	}
	find := search{matcher: &t.normalized, view: v, o: o}
	for {
		from := find.taken
		start, end, id, ok := find.next()
		if !ok {
			e.piece(v.sub(from, len(v.s)))
			return
		}
		if from < start {
			e.piece(v.sub(from, start))
		}
		e.put(id, v.end(end))
	}
}

// compose returns v in normal form C.
func (e *encoder) compose(v view) view {
	start, end := e.t.nfc.next(v.s, 0)
	if start == len(v.s) {
		return v
	}
	w := &e.normal
	w.reset()
	done := 0
	for start < len(v.s) {
		w.copy(&v, done, start, e.spans)
		at := len(w.buf)
		w.buf, e.runes = e.t.nfc.appendTo(w.buf, v.s[start:end], e.runes)
		if string(w.buf[at:]) == v.s[start:end] {
			w.buf = w.buf[:at]
			w.copy(&v, start, end, e.spans)
		} else {
			w.placed(&v, start, end, e.spans)
		}
		done = end
		start, end = e.t.nfc.next(v.s, end)
	}
	w.copy(&v, done, len(v.s), e.spans)
	return w.view(&v, e.spans)
}

const blank = "▁" // U+2581, which SentencePiece has for a space

// escaped returns v with "▁" for every space, if escape says so, and, if prepend does, one more before.
func (e *encoder) escaped(w *rewrite, v view, prepend, escape bool) view {
	w.reset()
	if prepend {
		w.buf = append(w.buf, blank...)
		w.placed(&v, 0, 0, e.spans)
	}
	for i := 0; i < len(v.s); {
		end := len(v.s)
		if escape {
			if n := strings.IndexByte(v.s[i:], ' '); n >= 0 {
				end = i + n
			}
		}
		w.copy(&v, i, end, e.spans)
		if i = end; i < len(v.s) {
			w.buf = append(w.buf, blank...)
			w.placed(&v, i, i+1, e.spans)
			i++
		}
	}
	return w.view(&v, e.spans)
}

// piece encodes normalised text without added tokens.
func (e *encoder) piece(v view) {
	t := e.t
	if v.s == "" {
		return
	}
	switch {
	case t.metaspace != metaspaceNone:
		begun := v.s[0] == ' ' || strings.HasPrefix(v.s, blank)
		prepend := t.metaspace == metaspaceAlways || t.metaspace == metaspaceFirst && v.first
		v = e.escaped(&e.pieces, v, prepend && !begun, true)
	case t.addSpace && v.s[0] != ' ':
		e.pieces.reset()
		e.pieces.buf = append(e.pieces.buf, ' ')
		e.pieces.placed(&v, 0, 0, e.spans)
		e.pieces.copy(&v, 0, len(v.s), e.spans)
		v = e.pieces.view(&v, e.spans)
	}
	if t.cuts != nil {
		for i := 0; i < len(v.s); {
			end := t.cuts.end(v.s, i)
			e.word(&v, i, end)
			i = end
		}
		return
	}
	part := 0
	for i := 0; i < len(v.s); {
		var end int
		end, part = t.split.end(v.s, i, part)
		e.word(&v, i, end)
		i = end
	}
}

// merged returns the symbols of a word, all merges done.
func (e *encoder) merged(word string) []symbol {
	m := &e.t.model
	if m.ignoreMerges {
		if id, ok := e.whole(word); ok {
			e.syms = append(e.syms[:0], symbol{id: id, end: int32(len(word))})
			return e.syms
		}
	}
	e.syms = m.symbols(e.syms[:0], word)
	if len(e.syms) <= shortWord {
		return m.merges.mergeShort(e.syms)
	}
	left, heap := m.merges.mergeLong(e.syms, e.heap)
	e.heap = heap
	return left
}

// whole returns the token that is the whole word.
func (e *encoder) whole(word string) (id int32, ok bool) {
	if len(word) > e.t.longest {
		return 0, false
	}
	if !e.t.byteLevel {
		id, ok = e.t.ids[word]
		return id, ok && e.t.flags[id]&(inModel|isSpecial) == inModel
	}
	e.name = e.name[:0]
	for i := range len(word) {
		e.name = utf8.AppendRune(e.name, charOfByte(word[i]))
	}
	id, ok = e.t.ids[string(e.name)]
	return id, ok && e.t.flags[id]&(inModel|isSpecial) == inModel
}
