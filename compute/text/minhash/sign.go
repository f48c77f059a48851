package minhash

import (
	"encoding/binary"
	"slices"

	"smelt/compute/text"
)

const (
	// Permutations is how many hash functions a signature has.
	Permutations = 128
	// ShingleWords is the number of words in a shingle. A text of fewer words has one shingle, of all.
	ShingleWords = 5
)

// A Signature stands for the set of a text's shingles. Signatures are frozen: the same words give the
// same signature in every release.
type Signature [Permutations]uint8

// A lane holds two of the hash functions, x -> a*x+b, so that a shingle is read once for both. Four
// would not fit the registers.
type lane struct{ a, b [2]uint64 }

// family is 128 functions from the splitmix64 sequence that starts at 0: a (made odd), b, a, b, ...
// The family is 2-universal in the high bits, and the shingles it is given are well mixed.
var family = func() (lanes [Permutations / 2]lane) {
	var state uint64
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	for i := range lanes {
		for k := range 2 {
			lanes[i].a[k] = next() | 1
			lanes[i].b[k] = next()
		}
	}
	return lanes
}()

// Sign returns the signature of text. ok is false if text has no word: such a text has no signature and
// is similar to none. It takes time linear in text, some 60 ns for each word, and does not allocate.
func Sign(s []byte) (sig Signature, ok bool) {
	var least [Permutations]uint64
	for i := range least {
		least[i] = 1<<64 - 1
	}
	var batch [256]uint64
	n := 0
	for hash := range shingles(s) {
		if n == len(batch) {
			lower(&least, batch[:])
			n = 0
		}
		batch[n] = hash
		n++
	}
	if n == 0 {
		return sig, false
	}
	lower(&least, batch[:n])
	for i, v := range least {
		sig[i] = uint8(v >> 32) // the lowest bits of a product are weak, the highest of a least one mostly 0
	}
	return sig, true
}

// shingles yields the hashes of the shingles of s, as often as they occur.
func shingles(s []byte) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		grams := text.NewGrams(ShingleWords)
		var hash uint64
		words, full := text.Scan(s), false
		some := false
		for words.Next() {
			some = true
			if hash, full = grams.Push(words.Hash); full && !yield(hash) {
				return
			}
		}
		if some && !full {
			yield(hash)
		}
	}
}

// lower lowers each least hash to that of any of the shingles.
func lower(least *[Permutations]uint64, shingles []uint64) {
	for i := range family {
		f := &family[i]
		a0, a1, b0, b1 := f.a[0], f.a[1], f.b[0], f.b[1]
		m0, m1 := least[2*i], least[2*i+1]
		for _, x := range shingles {
			m0 = min(m0, a0*x+b0)
			m1 = min(m1, a1*x+b1)
		}
		least[2*i], least[2*i+1] = m0, m1
	}
}

// Similarity estimates the Jaccard similarity of the texts that s and other stand for; the package's
// comment gives the error. It may be slightly negative, and is exactly 1 for equal signatures.
func (s *Signature) Similarity(other *Signature) float64 {
	return estimate(s.equalBytes(other))
}

// equalBytes counts the positions at which s and other agree.
func (s *Signature) equalBytes(other *Signature) int {
	const (
		ones = 0x0101010101010101
		low  = 0x7f * ones
	)
	var differ uint64 // in each byte, how many of the bytes in its place differ: at most 16
	for i := 0; i < len(s); i += 8 {
		x := binary.LittleEndian.Uint64(s[i:]) ^ binary.LittleEndian.Uint64(other[i:])
		differ += (x&low + low | x) >> 7 & ones
	}
	return len(s) - int(differ%255) // the sum of the bytes; at most 128
}

// estimate returns the similarity that is likeliest when n bytes are equal.
func estimate(n int) float64 {
	return (256*float64(n)/Permutations - 1) / 255
}

// Shingles is the set of the hashes of a text's shingles, in ascending order.
type Shingles []uint64

// ShinglesOf returns the shingles of text: none if it has no word. 8 bytes for each word.
func ShinglesOf(s []byte) Shingles {
	var set Shingles
	for hash := range shingles(s) {
		set = append(set, hash)
	}
	slices.Sort(set)
	return slices.Compact(set)
}

// Jaccard returns the exact similarity of two sets, in time linear in their sizes: 0 if both are empty.
// Exact, that is, but for two shingles of one hash, which a pair of texts of 1,000 words each has with a
// chance below 1 in 10^13.
func (s Shingles) Jaccard(other Shingles) float64 {
	both, i, k := 0, 0, 0
	for i < len(s) && k < len(other) {
		x, y := s[i], other[k]
		if x == y {
			both++
		}
		if x <= y {
			i++
		}
		if y <= x {
			k++
		}
	}
	if both == 0 {
		return 0
	}
	return float64(both) / float64(len(s)+len(other)-both)
}
