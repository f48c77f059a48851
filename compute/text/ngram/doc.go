// Package ngram finds texts that contain evaluation items, or a telling part of one: rows that share an
// n-gram of words (of package text) with an item, 13 of them unless told otherwise.
//
//	items     "Natalia sold clips to 48 of her friends in April, and then she sold half as many ..."
//	           └──────────────────── 13-gram ─────────────────────────┘
//	                   └──────────────────── 13-gram ──────────────────────────┘         ...
//	          all into a hash table: hash of the n-gram -> its words, the names of its items
//
//	row       walk over the words once, look up every n-gram, compare the words where a hash is found
//
// # What counts
//
// The rule is GPT-3's (Brown et al. 2020, appendix C) on normalised words, with its choices spelt out:
//
//   - An item of n words or more: each of its n-grams.
//   - An item of fewer, but MinWords (8) or more: the whole of it, as one n-gram. GPT-3 too went down to 8.
//   - A shorter one is left out, and counted in the report: "What is the capital of France?" is in many
//     honest texts.
//   - An n-gram that more than MaxItems (10) different items have is boilerplate of the evaluation, such
//     as the instruction its questions begin with, and is left out and counted. Copies of an item under the
//     same words are one item. An item of which nothing else remains is counted too.
//
// GPT-3 instead ignored n-grams that more than 10 training documents had. That needs the counts of the
// whole corpus first, and makes one row's mark depend on all the others. Here it depends on the row and the items
// only: rows can be marked as they come in, in any order, by any number of goroutines.
//
// # No false matches
//
// A hash found is a hint. The words themselves are compared before anything is called a match, so what
// is reported is in the row, word for word, whatever hashes collide.
//
// # Time and space
//
// Looking at a row is linear in its text and allocates only to report a match. Each different
// n-gram takes 34 to 52 bytes, besides the items' normalised text. A Matcher does not change
// and is safe for concurrent use.
package ngram
