// Package text says what the words of a text are, for all who compare texts by their words: the search
// for near-duplicates (minhash) and for evaluation items inside training data (ngram). Two texts that
// differ in case, punctuation, white space or line breaks only have the same words.
//
//	text      "Don't panic: the answer's 42!\n  – 深い"
//	           └─┬─┘ └─┬─┘  └┬┘ └──┬───┘ ││      ││
//	normal     dont  panic  the answers  42     深 い        AppendNormal, joined by single spaces
//	hash       w0    w1     w2  w3       w4     w5 w6        Words, 64 bits each
//	2-grams    g(w0,w1)  g(w1,w2)  g(w2,w3)  ...             Grams, 64 bits each
//
// # Words
//
// A word is a longest run of letters and digits (Unicode categories L and N), folded. All else
// separates words, with these exceptions, each there because the plain rule is wrong on real text:
//
//   - A mark (category M) belongs to the letter before it, so that words of Hindi or Arabic stay whole.
//   - An apostrophe (' or U+2019) between a letter or digit and a letter is dropped: don't is dont, as
//     in the literature, which strips punctuation and splits on white space.
//   - Format characters (category Cf: the soft hyphen, zero-width spaces and joiners) inside a word are
//     dropped. Nobody sees them, so they must not hide a copied sentence.
//   - Han, Hiragana, Katakana, Thai, Lao, Khmer and Myanmar are written without spaces: every letter is
//     a word, with its marks. An n-gram of such a text is therefore shorter than one of English.
//
// Where the literature joins what punctuation alone divides (x=3 becomes x3, state-of-the-art becomes
// stateoftheart), punctuation separates here: whether someone put spaces around an operator or a
// dash must not decide whether two texts are the same.
//
// Folding is Unicode's simple case folding, one character for one, written as the lower-case letter:
// Σ, σ and ς are σ. Composed and decomposed accents stay different, since the standard library does not
// normalise; so do letters that only look alike. A byte that is not UTF-8 separates.
//
// # Hashes
//
// They are public and frozen, by golden vectors, for all characters that Unicode had assigned when the
// Go release in use was made. With arithmetic modulo 2^64:
//
//	mix(h)        h ^= h>>33; h *= ff51afd7ed558ccd; h ^= h>>33; h *= c4ceb9fe1a85ec53; h ^= h>>33
//	word hash     from cbf29ce484222325 on, for every eight bytes of the folded word in UTF-8, read
//	              little-endian, zeros after its end: h = mix(h ^ eight bytes)
//	n-gram hash   mix(w[0]*B^(n-1) + w[1]*B^(n-2) + ... + w[n-1]) of word hashes w, B = 9e3779b97f4a7c15
//
// Eight bytes at a time, because words are short: hashing byte by byte, a mispredicted branch at the
// end of every word took most of the time. Two words of up to eight bytes never have the same hash. The
// hashes do not withstand someone who looks for collisions; who must be sure compares the words, as
// ngram does.
//
// Everything runs in linear time without allocating, and is safe for concurrent use as long as each
// goroutine has its own Words and Grams.
package text
