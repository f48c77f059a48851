package bench

import (
	"hash/fnv"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
)

// rng is SplitMix64 (Steele, Lea and Flood 2014): eight bytes of state, cheap to
// start anew for every row, and written here because the corpus must not change
// when a library does.
type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	return mix(uint64(*r))
}

// below returns a number from 0 to n-1, n > 0.
func (r *rng) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// newRNG starts the stream of that number under seed.
func newRNG(seed, number uint64) rng { return rng(mix(seed ^ mix(number+0x9e3779b97f4a7c15))) }

// nameSeed is a bucket's own seed.
func nameSeed(seed uint64, name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name)) // never fails
	return mix(seed + h.Sum64())
}

// The vocabulary's size is that of the everyday words in instruction data. More
// words, or flatter frequencies, make the text harder to compress.
const (
	vocabulary = 6000
	ordinary   = 120 // the first so many are "the", "of", ...: never a topic or a name in code
	topics     = 16  // words a row keeps coming back to
)

// lexicon is the vocabulary, the same for every corpus. Words are JSON text, in
// two spellings that differ where a word is not ASCII: as it is, and as \uXXXX.
type lexicon struct {
	plain   [vocabulary]string
	escaped [vocabulary]string
	pick    [1 << 16]uint16 // uniform 16 bits -> a word, by Zipf's law
	ascii   []uint16        // words of a-z alone, fit for names in code
}

// newLexicon lists written words first, most frequent first, and makes up the
// rest from word parts. It computes in integers, so that every machine agrees.
func newLexicon() *lexicon {
	lex := new(lexicon)
	words := make([]string, 0, vocabulary)
	seen := make(map[string]bool, vocabulary)
	add := func(w string) {
		if !seen[w] && len(words) < vocabulary {
			seen[w] = true
			words = append(words, w)
		}
	}
	foreign := strings.Fields(foreignWords)
	for i, w := range strings.Fields(commonWords) {
		add(w)
		if n := i - ordinary; n >= 0 && n%8 == 0 && n/8 < len(foreign) {
			add(foreign[n/8])
		}
	}
	prefixes, roots, suffixes := strings.Split(wordPrefixes, " "), strings.Fields(wordRoots), strings.Split(wordSuffixes, " ")
	for r := newRNG(0, 0); len(words) < vocabulary; {
		add(prefixes[r.below(uint64(len(prefixes)))] + roots[r.below(uint64(len(roots)))] + suffixes[r.below(uint64(len(suffixes)))])
	}

	var total uint64
	weight := func(rank int) uint64 { return (1 << 40) / uint64(10*rank+27) } // Zipf and Mandelbrot: 1/(rank+2.7)
	for i := range words {
		total += weight(i)
	}
	var sum, slot uint64
	for i, w := range words {
		sum += weight(i)
		for end := sum * uint64(len(lex.pick)) / total; slot < end; slot++ {
			lex.pick[slot] = uint16(i)
		}
		lex.plain[i], lex.escaped[i] = w, escape(w)
		if i >= ordinary && lex.plain[i] == lex.escaped[i] && !strings.Contains(w, "-") {
			lex.ascii = append(lex.ascii, uint16(i))
		}
	}
	return lex
}

// escape writes the characters of s that are not ASCII as JSON's \uXXXX.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			b.WriteString(`\u`)
			b.WriteString(strconv.FormatUint(0x10000|uint64(unit), 16)[1:])
		}
	}
	return b.String()
}

// scribe writes text of a row into buf, as the inside of JSON strings.
type scribe struct {
	lex   *lexicon
	words *[vocabulary]string // of lex, in this row's spelling
	topic [topics]uint16
	rng   rng
	buf   []byte
}

// begin starts a row that is appended to dst and follows r.
func (s *scribe) begin(dst []byte, r rng) {
	s.buf, s.rng = dst, r
	s.words = &s.lex.plain
	if s.rng.next()&3 == 0 {
		s.words = &s.lex.escaped
	}
	n := uint64(len(s.lex.ascii))
	for i := range s.topic {
		s.topic[i] = s.lex.ascii[min(s.rng.below(n), s.rng.below(n))] // rather a frequent word
	}
}

func (s *scribe) str(t string) { s.buf = append(s.buf, t...) }
func (s *scribe) int(n int)    { s.buf = strconv.AppendInt(s.buf, int64(n), 10) }

// word writes a word, one in five of them the row's own, and returns random bits
// it left unused.
func (s *scribe) word() uint64 {
	r := s.rng.next()
	i := s.lex.pick[r&0xffff]
	if r>>16&15 < 3 {
		i = s.topic[r>>20%topics]
	}
	s.buf = append(s.buf, s.words[i]...)
	return r >> 24
}

// number writes a number as people do: mostly small, some with decimals.
func (s *scribe) number() {
	r := s.rng.next()
	n := int(r >> 32 & 0xffff)
	switch r & 7 {
	case 0:
		s.int(1900 + n%130)
	case 1:
		s.int(n % 100)
		s.buf = append(s.buf, '.', byte('0'+n>>8%10), byte('1'+n>>4%9))
	case 2:
		s.int(n)
	default:
		s.int(2 + n%64)
	}
}

// sentence writes a sentence of three words or more, which it ends soon after
// buf reaches limit bytes.
func (s *scribe) sentence(limit int) {
	start, words, gap := len(s.buf), 5+int(s.rng.below(15)), ""
	for i := 0; i < words && (i < 3 || len(s.buf) < limit); i++ {
		s.str(gap)
		gap = " "
		at := len(s.buf)
		switch r := s.word() & 127; {
		case r < 9:
			gap = ", "
		case r == 9:
			s.str(" ")
			s.number()
		case r == 10:
			s.str(` \"`)
			s.word()
			s.str(`\"`)
		case r == 11:
			s.str(" (")
			s.word()
			s.str(")")
		case r == 12:
			s.upper(at)
		}
	}
	s.upper(start)
	s.buf = append(s.buf, "................????!!:;"[s.rng.below(24)])
}

// upper makes the letter at i a capital, if it is one of a to z.
func (s *scribe) upper(i int) {
	if c := s.buf[i]; 'a' <= c && c <= 'z' {
		s.buf[i] = c - 'a' + 'A'
	}
}

// prose writes sentences until buf has about limit bytes. between holds what
// may stand between two of them; all are equally likely.
func (s *scribe) prose(limit int, between []string) {
	for {
		s.sentence(limit)
		if len(s.buf)+20 > limit {
			return
		}
		s.str(between[s.rng.below(uint64(len(between)))])
	}
}

// list writes numbered items, or dashed ones, until buf has about limit bytes.
func (s *scribe) list(limit int) {
	dashed := s.rng.next()&1 == 0
	for i := 1; ; i++ {
		if dashed {
			s.str(`\n-\t`)
		} else {
			s.str(`\n`)
			s.int(i)
			s.str(`. `)
		}
		s.sentence(limit)
		if len(s.buf)+20 > limit {
			return
		}
	}
}

// form writes a template: text in which $ and a letter stand for something drawn
// anew, $$ for a dollar sign.
//
//	$w word   $t word of the topic   $i name in code   $p phrase   $n small number   $m any number   $c person
func (s *scribe) form(t string) {
	for {
		i := strings.IndexByte(t, '$')
		if i < 0 {
			s.str(t)
			return
		}
		s.str(t[:i])
		switch t[i+1] {
		case 'w':
			s.word()
		case 't':
			s.str(s.words[s.topic[s.rng.below(topics)]])
		case 'i':
			s.name()
		case 'p':
			for n := s.rng.below(5); n > 0; n-- {
				s.word()
				s.str(" ")
			}
			s.word()
		case 'n':
			s.int(1 + int(s.rng.below(20)))
		case 'm':
			s.number()
		case 'c':
			s.str(one(&s.rng, people))
		case '$':
			s.str("$")
		}
		t = t[i+2:]
	}
}

// name writes a name as code has them: one topic word or two.
func (s *scribe) name() {
	r := s.rng.next()
	s.str(s.words[s.topic[r%topics]])
	if r>>8&3 == 0 {
		s.str("_")
		s.str(s.words[s.topic[r>>16%(topics/4)]])
	}
}

// one returns one of a list.
func one(r *rng, list []string) string { return list[r.below(uint64(len(list)))] }
