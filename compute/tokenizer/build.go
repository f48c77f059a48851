package tokenizer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// builder makes a Tokenizer, in this order: its settings are written into t; token for each token of the
// model; merge for each merge, by rank; addToken for each added token; finish.
type builder struct {
	t       *Tokenizer
	arena   strings.Builder // the text of all tokens
	entries []entry
	joined  []byte
	made    []int32 // by each merge
	nextID  int32   // of an added token that the model does not have
	decode  decoding
	unk     string // the unknown token, or ""
}

type entry struct{ id, start, end int }

// decoding says how tokens become text.
type decoding uint8

const (
	decodeByteLevel decoding = iota
	decodeBlanks             // "▁" is a space, <0x0A> a byte
)

func newBuilder() *builder {
	t := &Tokenizer{bos: -1, eos: -1}
	t.unk = -1
	return &builder{t: t}
}

// token notes a token of the model.
func (b *builder) token(id int, text []byte) {
	start := b.arena.Len()
	b.arena.Write(text)
	b.entries = append(b.entries, entry{id, start, b.arena.Len()})
}

// seal ends the list of the model's tokens.
func (b *builder) seal() error {
	t := b.t
	size := 0
	for _, e := range b.entries {
		size = max(size, e.id+1)
	}
	if size > 2*len(b.entries)+1024 {
		return fmt.Errorf("token id %d with %d tokens: ids must be close together", size-1, len(b.entries))
	}
	text := b.arena.String()
	t.text = make([]string, size)
	t.flags = make([]uint8, size)
	t.ids = make(map[string]int32, len(b.entries))
	for _, e := range b.entries {
		s := text[e.start:e.end]
		if t.flags[e.id] != 0 {
			return fmt.Errorf("tokens %.80q and %.80q have the same id %d", t.text[e.id], s, e.id)
		}
		if other, ok := t.ids[s]; ok {
			return fmt.Errorf("token %.80q has two ids, %d and %d", s, other, e.id)
		}
		t.text[e.id], t.flags[e.id] = s, inModel
		t.ids[s] = int32(e.id)
		t.longest = max(t.longest, len(s))
	}
	b.nextID = int32(len(b.entries))
	b.entries = nil
	return nil
}

// merge adds the next merge.
func (b *builder) merge(left, right []byte) error {
	t := b.t
	b.joined = append(append(b.joined[:0], left...), right...)
	l, ok := t.ids[string(left)]
	if !ok {
		return fmt.Errorf("merge %d: %.80q is no token", len(t.pairs), left)
	}
	r, ok := t.ids[string(right)]
	if !ok {
		return fmt.Errorf("merge %d: %.80q is no token", len(t.pairs), right)
	}
	made, ok := t.ids[string(b.joined)]
	if !ok {
		return fmt.Errorf("merge %d of %.80q and %.80q: %.80q is no token", len(t.pairs), left, right, b.joined)
	}
	b.mergeIDs(l, r, made)
	return nil
}

func (b *builder) mergeIDs(left, right, made int32) {
	b.t.pairs = append(b.t.pairs, [2]int32{left, right})
	b.made = append(b.made, made)
}

// added is an entry of added_tokens.
type added struct {
	id      int
	content string
	flags   uint8
}

// addToken adds a token to those of the model. Hugging Face numbers tokens that the model does not have from the
// number of the model's tokens on, whatever id they are listed with.
func (b *builder) addToken(a added) error {
	t := b.t
	if a.content == "" {
		return fmt.Errorf("added token %d is empty", a.id)
	}
	id, ok := t.ids[a.content]
	if !ok {
		id = b.nextID
		b.nextID++
	}
	switch {
	case a.id != int(id):
		return fmt.Errorf("added token %.80q is listed with the id %d and would get %d", a.content, a.id, id)
	case ok && t.flags[id]&isAdded != 0:
		return fmt.Errorf("added token %.80q is listed twice", a.content)
	case !ok && int(id) < len(t.text) && t.flags[id] != 0:
		return fmt.Errorf("added token %.80q would get the id %d, which %.80q has", a.content, id, t.text[id])
	}
	for int(id) >= len(t.text) {
		t.text, t.flags = append(t.text, ""), append(t.flags, 0)
	}
	t.text[id] = a.content
	t.flags[id] |= isAdded | a.flags
	t.ids[a.content] = id
	return nil
}

// finish computes what encoding needs.
func (b *builder) finish() (*Tokenizer, error) {
	t := b.t
	t.merges = newMerges(len(t.pairs))
	for rank, p := range t.pairs {
		if made := b.made[rank]; t.flags[made]&isSpecial == 0 { // Literal text must not become a special token
			t.merges.set(p[0], p[1], uint32(rank), made)
		}
	}
	if err := b.alphabet(); err != nil {
		return nil, err
	}
	t.cuts = t.newCuts(&t.vocab)
	if err := b.matchers(); err != nil {
		return nil, err
	}
	b.decodings()
	for _, id := range [...]*int32{&t.bos, &t.eos} {
		if *id >= 0 && !t.has(*id) {
			return nil, fmt.Errorf("the token %d that begins or ends a sequence does not exist", *id)
		}
	}
	for _, id := range slices.Concat(t.prefix, t.suffix) {
		if !t.has(id) {
			return nil, fmt.Errorf("post_processor: no token has the id %d", id)
		}
	}
	return t, nil
}

// model returns the token of the model with that text, or -1.
func (v *vocab) model(text string) int32 {
	if id, ok := v.ids[text]; ok && v.flags[id]&inModel != 0 {
		return id
	}
	return -1
}

// alphabet looks up the tokens of single bytes and characters.
func (b *builder) alphabet() error {
	t := b.t
	complete := true
	for c := range t.bytes {
		if t.byteLevel {
			t.bytes[c] = t.vocab.model(string(charOfByte(byte(c))))
		} else {
			t.bytes[c] = t.vocab.model(fmt.Sprintf("<0x%02X>", c))
		}
		complete = complete && t.bytes[c] >= 0
	}
	if !complete && t.byteLevel && t.byteWords {
		return fmt.Errorf("byte_fallback in a byte-level model without a token for every byte is %w", ErrUnsupported)
	}
	if b.unk != "" {
		t.unk = t.vocab.model(b.unk)
		if t.unk < 0 && !(complete && (t.byteLevel || t.byteWords)) {
			return fmt.Errorf("unk_token: %.80q is no token", b.unk)
		}
	}
	if t.byteLevel {
		return nil
	}
	t.runes = map[rune]int32{}
	for c := range t.ascii {
		t.ascii[c] = -1
	}
	for id, s := range t.text {
		if r, size := utf8.DecodeRuneInString(s); size == len(s) && size > 0 && t.flags[id]&inModel != 0 {
			if r < utf8.RuneSelf {
				t.ascii[r] = int32(id)
			} else {
				t.runes[r] = int32(id)
			}
		}
	}
	return nil
}

// matchers sorts the added tokens by whether they are found in text before or after normalisation.
func (b *builder) matchers() (err error) {
	t := b.t
	plain, normalized := map[string]int32{}, map[string]int32{}
	for id, s := range t.text {
		switch flags := t.flags[id]; {
		case flags&isAdded == 0:
		case flags&isNormalized == 0:
			plain[s] = int32(id)
		default:
			n := t.normalize(s)
			if other, ok := normalized[n]; ok {
				return fmt.Errorf("added tokens %.80q and %.80q are the same when normalised", t.text[other], s)
			}
			normalized[n] = int32(id)
		}
	}
	t.plain, err = newMatcher(plain, t.flags)
	if err == nil {
		t.normalized, err = newMatcher(normalized, t.flags)
	}
	return err
}

// normalize returns what the normalizer makes of s.
func (t *Tokenizer) normalize(s string) string {
	e := &encoder{t: t}
	v := view{s: s}
	switch {
	case t.nfc != nil:
		v = e.compose(v)
	case t.escape || t.prepend:
		v = e.escaped(&e.normal, v, t.prepend, t.escape)
	}
	return v.s
}

var errNoMerges = errors.New("a text of merges has no space, or more than one")

// splitMerge takes a merge written as "left right" apart.
func splitMerge(s []byte) (left, right []byte, err error) {
	at := -1
	for i, c := range s {
		if c == ' ' {
			if at >= 0 {
				return nil, nil, errNoMerges
			}
			at = i
		}
	}
	if at < 0 {
		return nil, nil, errNoMerges
	}
	return s[:at], s[at+1:], nil
}
