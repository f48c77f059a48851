package text

// MaxGram is the longest n-gram that Grams can make, in words.
const MaxGram = 64

// gramBase is odd, so that no word's bits are lost, however far it is from the end of the n-gram.
const gramBase = 0x9e3779b97f4a7c15

// Grams makes the hashes of n-grams out of the hashes of words, in constant time a word whatever n is.
type Grams struct {
	sum  uint64          // of the last n words, each times a power of gramBase
	drop uint64          // gramBase^n, the factor of the word that leaves
	n    int             // words in an n-gram
	seen int             // words pushed
	ring [MaxGram]uint64 // the last words; zeros before the first
}

// NewGrams returns a maker of n-grams that has seen no word. n is held to 1..MaxGram.
func NewGrams(n int) Grams {
	g := Grams{n: min(max(n, 1), MaxGram), drop: 1}
	for range g.n {
		g.drop *= gramBase
	}
	return g
}

// Push takes the next word's hash and returns the hash of the n-gram that ends with it. ok is false for
// the first n-1 words, which end none; then the hash is that of all the words so far, as an n-gram of
// fewer words.
func (g *Grams) Push(word uint64) (hash uint64, ok bool) {
	g.sum = g.sum*gramBase + word - g.drop*g.ring[(g.seen-g.n)&(MaxGram-1)]
	g.ring[g.seen&(MaxGram-1)] = word
	g.seen++
	return mix(g.sum), g.seen >= g.n
}
