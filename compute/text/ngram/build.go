package ngram

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"

	"smelt/compute/text"
)

// MaxNames is how many different names the items may have.
const MaxNames = 64

// An Item is one of an evaluation's: a question, say, under the name of the evaluation. A question and
// its answer are better two items: the row that quotes both may have something between them.
type Item struct {
	Name string
	Text []byte // not kept
}

// Coverage counts what Build made of the items of one name.
type Coverage struct {
	Name   string `json:"name"`
	Items  int    `json:"items"`  // given
	Copies int    `json:"copies"` // of these, the same words as an earlier one of the name
	Short  int    `json:"short"`  // fewer than MinWords words: not looked for
	Whole  int    `json:"whole"`  // fewer than N words: looked for as a whole
	Bare   int    `json:"bare"`   // nothing left to find them by: all their n-grams were left out

	Grams    int `json:"grams"`    // different n-grams and short items looked for
	Frequent int `json:"frequent"` // different n-grams left out, because more than MaxItems items have them
}

// Build makes a Matcher of items. Its errors are those of opts, of the sequence, and of limits: MaxNames
// names, 4 GiB of normalised text. What the Matcher finds does not depend on the order of the items.
func Build(items iter.Seq2[Item, error], opts Options) (*Matcher, error) {
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	b := builder{
		m:     &Matcher{opts: opts.withDefaults(), grams: newTable(16), wholes: newTable(16)},
		names: map[string]int{},
		seen:  map[uint64]int{},
	}
	for item, err := range items {
		if err == nil {
			err = b.add(item)
		}
		if err != nil {
			return nil, err
		}
	}
	b.finish()
	return b.m, nil
}

// A builder is a Matcher in the making.
type builder struct {
	m     *Matcher
	names map[string]int // index in m.names and m.report
	items []entry        // the different ones, with all their names
	seen  map[uint64]int // the item with a hash of all its words
	uses  []use          // of m.entries

	words  []uint64 // of the item being added: hashes,
	starts []uint32 // and where in m.normal each starts
}

// A use says how many different items have an entry, and which was the last.
type use struct{ items, last uint32 }

func (b *builder) add(item Item) error {
	m := b.m
	name, known := b.names[item.Name]
	if !known {
		if name = len(m.names); name == MaxNames {
			return fmt.Errorf("evaluation items of more than %d names (%q is one too many): look for them in several runs", MaxNames, item.Name)
		}
		b.names[item.Name] = name
		m.names = append(m.names, item.Name)
		m.report = append(m.report, Coverage{Name: item.Name})
	}
	coverage := &m.report[name]
	coverage.Items++

	it := entry{start: uint32(len(m.normal)), names: 1 << name}
	m.normal = text.AppendNormal(m.normal, item.Text)
	if int64(len(m.normal)) > math.MaxUint32 {
		return fmt.Errorf("evaluation items of more than 4 GiB: look for them in several runs")
	}
	it.end = uint32(len(m.normal))
	b.words, b.starts = b.words[:0], b.starts[:0]
	var all uint64
	for w := text.Scan(m.normal[it.start:]); w.Next(); {
		all = (all ^ w.Hash) * 0x9e3779b97f4a7c15
		b.words, b.starts = append(b.words, w.Hash), append(b.starts, it.start+uint32(w.Start))
	}
	if len(b.words) < m.opts.MinWords {
		m.normal = m.normal[:it.start]
		coverage.Short++
		return nil
	}

	number, copied := b.seen[all]
	if copied {
		other := &b.items[number]
		copied = bytes.Equal(m.normal[it.start:it.end], m.normal[other.start:other.end])
	}
	switch {
	case copied && b.items[number].names&it.names != 0:
		m.normal = m.normal[:it.start]
		coverage.Copies++
		return nil
	case copied:
		other := &b.items[number] // the same words, and so the same places after its start
		for i, start := range b.starts {
			b.starts[i] = start - it.start + other.start
		}
		m.normal = m.normal[:it.start]
		it.start, it.end = other.start, other.end
		other.names |= it.names
	default:
		number = len(b.items)
		b.seen[all] = number
		b.items = append(b.items, it)
	}

	if len(b.words) < m.opts.N {
		coverage.Whole++
		tails := text.NewGrams(m.opts.MinWords)
		var hash uint64
		for _, word := range b.words {
			hash, _ = tails.Push(word)
		}
		b.enter(&m.wholes, hash, it, number)
		return nil
	}
	grams := text.NewGrams(m.opts.N)
	for i, word := range b.words {
		hash, ok := grams.Push(word)
		if !ok {
			continue
		}
		gram := entry{start: b.starts[i+1-m.opts.N], end: it.end, names: it.names}
		if i+1 < len(b.words) {
			gram.end = b.starts[i+1] - 1
		}
		b.enter(&m.grams, hash, gram, number)
	}
	return nil
}

// enter counts e, which the item of the given number has, and puts it into the table if it is not there.
func (b *builder) enter(t *table, hash uint64, e entry, item int) {
	m := b.m
	for number := range t.find(hash) {
		same := &m.entries[number]
		if !bytes.Equal(m.normal[same.start:same.end], m.normal[e.start:e.end]) {
			continue
		}
		if u := &b.uses[number]; int(u.last) < item { // not the same item, perhaps under another name
			u.items, u.last = u.items+1, uint32(item)
		}
		same.names |= e.names
		return
	}
	t.insert(hash, uint32(len(m.entries)))
	m.entries = append(m.entries, e)
	b.uses = append(b.uses, use{items: 1, last: uint32(item)})
}

// finish leaves out what is too frequent and completes the report.
func (b *builder) finish() {
	m := b.m
	numbers := make([]uint32, len(m.entries)) // new number of an entry plus one, 0 if it is left out
	kept := m.entries[:0]
	for i, e := range m.entries {
		frequent := m.opts.MaxItems >= 0 && int(b.uses[i].items) > m.opts.MaxItems
		for name := range m.names {
			if e.names>>name&1 == 0 {
				continue
			}
			if frequent {
				m.report[name].Frequent++
			} else {
				m.report[name].Grams++
			}
		}
		if !frequent {
			kept = append(kept, e)
			numbers[i] = uint32(len(kept))
		}
	}
	if len(kept) < len(m.entries) {
		m.entries = slices.Clip(kept)
		m.grams, m.wholes = m.grams.renumber(numbers), m.wholes.renumber(numbers)
	}
	for _, item := range b.items {
		var found uint64
		for _, match := range m.Match(m.normal[item.start:item.end]) {
			found |= 1 << b.names[match.Name]
		}
		for name := range m.names {
			if (item.names&^found)>>name&1 != 0 {
				m.report[name].Bare++
			}
		}
	}
	slices.SortFunc(m.report, func(a, b Coverage) int { return cmp.Compare(a.Name, b.Name) })
}
