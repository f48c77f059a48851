package ngram

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"smelt/compute/text"
)

// Options says what is looked for. The zero value is what the package's comment describes.
type Options struct {
	// N is the number of words in an n-gram: 2 to text.MaxGram, 0 means 13.
	N int
	// MinWords is how many words an item of fewer than N must have to be looked for as a whole: 1 to N. 0
	// means 8, or N if that is less.
	MinWords int
	// MaxItems is how many different items may have an n-gram before it counts as boilerplate. 0 means 10,
	// a negative number that there is no limit.
	MaxItems int
}

// DefaultN is what an N of 0 means.
const DefaultN = 13

func (o Options) withDefaults() Options {
	if o.N == 0 {
		o.N = DefaultN
	}
	if o.MinWords == 0 {
		o.MinWords = min(8, o.N)
	}
	if o.MaxItems == 0 {
		o.MaxItems = 10
	}
	return o
}

// Validate returns an error that says what is out of range, or nil.
func (o Options) Validate() error {
	o = o.withDefaults()
	if o.N < 2 || o.N > text.MaxGram {
		return fmt.Errorf("n-grams of %d words: give 2 to %d (%d is usual)", o.N, text.MaxGram, DefaultN)
	}
	if o.MinWords < 1 || o.MinWords > o.N {
		return fmt.Errorf("items of %d words or more as a whole: give 1 to %d, the words of an n-gram", o.MinWords, o.N)
	}
	return nil
}

// A Matcher knows the n-grams of evaluation items. Build makes one.
type Matcher struct {
	opts  Options
	names []string // bit i of an entry's names stands for names[i]

	normal  []byte // the items' words
	entries []entry
	grams   table // of n-grams, by their hash
	wholes  table // of items shorter than n words, by the hash of their last MinWords words
	report  []Coverage
}

// An entry is an n-gram or a short item.
type entry struct {
	start, end uint32 // of its words in normal
	names      uint64 // whose items have it, as bits
}

// A Match says that a text shares an n-gram, or a whole short item, with the items of a name.
type Match struct {
	Name string
	// Start and End are the bytes of the text that hold the first words shared.
	Start, End int
}

// Match returns what text shares with evaluation items, once for each name, by name; nil if nothing. It
// takes time linear in text.
func (m *Matcher) Match(s []byte) []Match {
	grams, tails := text.NewGrams(m.opts.N), text.NewGrams(m.opts.MinWords)
	short := m.wholes.count > 0
	var starts [text.MaxGram]int // of the last words
	var found []Match
	var names uint64 // of found
	words := 0
	for w := text.Scan(s); w.Next(); {
		starts[words%len(starts)] = w.Start
		words++
		if hash, ok := grams.Push(w.Hash); ok && m.grams.may(hash) {
			for number := range m.grams.find(hash) {
				start := starts[(words-m.opts.N)%len(starts)]
				names, found = m.compare(number, s, start, w.End, names, found)
			}
		}
		if !short {
			continue
		}
		if hash, ok := tails.Push(w.Hash); ok && m.wholes.may(hash) {
			for number := range m.wholes.find(hash) {
				n := m.words(number)
				if n > words {
					continue
				}
				start := starts[(words-n)%len(starts)]
				names, found = m.compare(number, s, start, w.End, names, found)
			}
		}
	}
	slices.SortFunc(found, func(a, b Match) int { return cmp.Compare(a.Name, b.Name) })
	return found
}

// compare adds matches for the names of an entry that are not yet among those found, if s[start:end] has
// the entry's words.
func (m *Matcher) compare(number uint32, s []byte, start, end int, names uint64, found []Match) (uint64, []Match) {
	e := &m.entries[number]
	if e.names&^names == 0 {
		return names, found
	}
	var buf [512]byte
	if !bytes.Equal(text.AppendNormal(buf[:0], s[start:end]), m.normal[e.start:e.end]) {
		return names, found
	}
	for i, name := range m.names {
		if bit := uint64(1) << i; e.names&bit != 0 && names&bit == 0 {
			names |= bit
			found = append(found, Match{Name: name, Start: start, End: end})
		}
	}
	return names, found
}

// words counts the words of an entry.
func (m *Matcher) words(number uint32) int {
	e := &m.entries[number]
	return 1 + bytes.Count(m.normal[e.start:e.end], []byte{' '})
}

// N returns the number of words in an n-gram.
func (m *Matcher) N() int { return m.opts.N }

// Report says, by name, what of the items is looked for and what is not.
func (m *Matcher) Report() []Coverage { return slices.Clone(m.report) }
