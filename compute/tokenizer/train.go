package tokenizer

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxWords      = 1 << 20 // different words that Train counts at once
	maxTrainWord  = 128     // bytes of a word that Train looks at; longer ones are no words
	minPairs      = 2       // how often a pair must stand in the text to be merged
	maxVocabulary = 1 << 24
)

// Train makes a byte-level tokenizer of the family smollm for texts: the special tokens have the ids from 0 on,
// then come the 256 bytes in the order of the characters that stand for them, then what the most frequent
// pair of tokens makes, again and again, until there are size tokens or no pair occurs twice. Of pairs that
// are as frequent, that of the smaller ids comes first. So the same texts give the same tokenizer, the one that
// BpeTrainer of Hugging Face gives with min_frequency=2.
//
// It holds no text but up to 2^20 different words of at most 128 bytes; beyond that, the rarest are forgotten,
// again and again, which leaves the frequent ones with nearly their counts. Time is linear in the text, and then
// goes with the words that each merge changes. When ctx ends it returns ctx's error, within the time of a text or a merge.
func Train(ctx context.Context, texts iter.Seq[string], size int, special ...string) (*Tokenizer, error) {
	if least := len(special) + 256; size < least || size > maxVocabulary {
		return nil, fmt.Errorf("train: a vocabulary of %d tokens: from %d, for the special tokens and the bytes, to %d can be made",
			size, least, maxVocabulary)
	}
	for _, s := range special {
		if utf8.RuneCountInString(s) < 2 || !utf8.ValidString(s) {
			return nil, fmt.Errorf("train: the special token %.80q must be two or more characters in UTF-8", s)
		}
	}
	b := newBuilder()
	t := b.t
	t.byteLevel = true
	t.useSplit(splitDigits)
	t.normalizer, t.postProcessor, t.decoder = "null", "null", byteLevelJSON
	w := wordCounts{split: &t.split, counts: map[string]int64{}, most: maxWords}
	for text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
		w.add(text)
	}
	tr := newTrainer(ctx, w.counts, special)
	for ctx.Err() == nil && len(tr.tokens) < size && tr.mergeNext() {
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	for id, s := range tr.tokens {
		b.token(id, []byte(s))
	}
	if err := b.seal(); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	for i, p := range tr.merges {
		b.mergeIDs(p[0], p[1], tr.made[i])
	}
	for id, s := range special {
		if err := b.addToken(added{id: id, content: s, flags: isSpecial}); err != nil {
			return nil, fmt.Errorf("train: %w", err)
		}
	}
	return b.finish()
}

// wordCounts counts the words of texts.
type wordCounts struct {
	split  *splitter
	counts map[string]int64
	most   int // different words
}

func (w *wordCounts) add(text string) {
	if !utf8.ValidString(text) {
		e := encoder{}
		text = e.repair(view{s: text}).s
	}
	part := 0
	for i := 0; i < len(text); {
		var end int
		end, part = w.split.end(text, i, part)
		if end-i <= maxTrainWord {
			w.count(text[i:end])
		}
		i = end
	}
}

func (w *wordCounts) count(word string) {
	if n, ok := w.counts[word]; ok {
		w.counts[word] = n + 1
		return
	}
	for rare := int64(1); len(w.counts) >= w.most; rare *= 2 {
		maps.DeleteFunc(w.counts, func(_ string, n int64) bool { return n <= rare })
	}
	w.counts[strings.Clone(word)] = 1
}

// trainer merges pairs of tokens in words.
type trainer struct {
	tokens  []string
	ids     map[string]int32
	special int32 // how many tokens, the first, are special
	merges  [][2]int32
	made    []int32 // by each merge
	words   []trainWord
	pairs   map[[2]int32]*pairCount
	queue   pairQueue
	grown   [][2]int32 // pairs that the last merge made more of
}

type trainWord struct {
	ids   []int32
	count int64
}

// pairCount says how often a pair occurs, and which words had it at some time; some may be listed twice.
type pairCount struct {
	count int64
	words []int32
}

// newTrainer counts the pairs of the words, or of some of them if ctx ends.
func newTrainer(ctx context.Context, counts map[string]int64, special []string) *trainer {
	tr := &trainer{ids: map[string]int32{}, pairs: map[[2]int32]*pairCount{}}
	for _, s := range special {
		tr.token(s)
	}
	tr.special = int32(len(tr.tokens))
	var chars []string
	for c := range 256 {
		chars = append(chars, string(charOfByte(byte(c))))
	}
	slices.Sort(chars)
	for _, c := range chars {
		tr.token(c)
	}
	for i, word := range slices.Sorted(maps.Keys(counts)) {
		if i%4096 == 0 && ctx.Err() != nil {
			break
		}
		ids := make([]int32, len(word))
		for i := range len(word) {
			ids[i] = tr.ids[string(charOfByte(word[i]))]
		}
		tr.words = append(tr.words, trainWord{ids, counts[word]})
		tr.count(int32(len(tr.words)-1), +1, true)
	}
	for pair, c := range tr.pairs {
		tr.queue = append(tr.queue, queued{c.count, pair})
	}
	heap.Init(&tr.queue)
	return tr
}

// token returns the id of a token, a new one if there is none.
func (tr *trainer) token(s string) int32 {
	id, ok := tr.ids[s]
	if !ok {
		id = int32(len(tr.tokens))
		tr.ids[s] = id
		tr.tokens = append(tr.tokens, s)
	}
	return id
}

// count adds the pairs of a word to the counts, or takes them away with sign -1. With list, the word is listed with
// them.
func (tr *trainer) count(word int32, sign int64, list bool) {
	w := &tr.words[word]
	for i := range len(w.ids) - 1 {
		pair := [2]int32(w.ids[i:])
		c := tr.pairs[pair]
		if c == nil {
			c = &pairCount{}
			tr.pairs[pair] = c
		}
		c.count += sign * w.count
		if list && (len(c.words) == 0 || c.words[len(c.words)-1] != word) {
			c.words = append(c.words, word)
		}
	}
}

// mergeNext makes a token of the most frequent pair; false if there is none that is frequent enough.
func (tr *trainer) mergeNext() bool {
	for len(tr.queue) > 0 {
		top := heap.Pop(&tr.queue).(queued)
		c := tr.pairs[top.pair]
		switch {
		case c == nil || c.count < minPairs || c.count > top.count: // if more, it is queued with that count, too
			continue
		case c.count < top.count:
			heap.Push(&tr.queue, queued{c.count, top.pair})
			continue
		}
		delete(tr.pairs, top.pair)
		made := tr.tokens[top.pair[0]] + tr.tokens[top.pair[1]]
		if id, ok := tr.ids[made]; ok && id < tr.special {
			continue // text must not become a special token
		}
		id := tr.token(made)
		tr.merges, tr.made = append(tr.merges, top.pair), append(tr.made, id)
		tr.grown = tr.grown[:0]
		for _, word := range c.words {
			tr.apply(word, top.pair, id)
		}
		slices.SortFunc(tr.grown, comparePairs)
		for _, pair := range slices.Compact(tr.grown) {
			heap.Push(&tr.queue, queued{tr.pairs[pair].count, pair})
		}
		return true
	}
	return false
}

// apply merges pair to id in a word.
func (tr *trainer) apply(word int32, pair [2]int32, id int32) {
	w := &tr.words[word]
	at := -1
	for i := range len(w.ids) - 1 {
		if [2]int32(w.ids[i:]) == pair {
			at = i
			break
		}
	}
	if at < 0 {
		return
	}
	tr.count(word, -1, false)
	out := w.ids[:at]
	for i := at; i < len(w.ids); i++ {
		if i+1 < len(w.ids) && [2]int32(w.ids[i:]) == pair {
			out = append(out, id)
			i++
		} else {
			out = append(out, w.ids[i])
		}
	}
	w.ids = out
	tr.count(word, +1, false)
	for i := range len(out) - 1 {
		if p := [2]int32(out[i:]); p[0] == id || p[1] == id {
			c := tr.pairs[p]
			if len(c.words) == 0 || c.words[len(c.words)-1] != word {
				c.words = append(c.words, word)
			}
			tr.grown = append(tr.grown, p)
		}
	}
	delete(tr.pairs, pair) // which taking it away brought back
}

// pairQueue is a heap of pairs, the most frequent first, those as frequent by their ids.
type pairQueue []queued

type queued struct {
	count int64
	pair  [2]int32
}

func comparePairs(a, b [2]int32) int {
	return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
}

func (q pairQueue) Len() int { return len(q) }
func (q pairQueue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[j].count, q[i].count), comparePairs(q[i].pair, q[j].pair)) < 0
}
func (q pairQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *pairQueue) Push(x any)   { *q = append(*q, x.(queued)) }
func (q *pairQueue) Pop() any {
	last := len(*q) - 1
	x := (*q)[last]
	*q = (*q)[:last]
	return x
}
