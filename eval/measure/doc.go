// Package measure judges texts without a judge: by formulas that anyone can compute again, for what a right
// answer does not show.
//
//	style        Distinct, MATTR, CompressionRatio, SelfBLEU     how varied
//	creative     Repetition, Diversity, Classes, Overlap         how much a text, or several, say again
//	edge cases   FindLoop, EndingOf                              loops; empty and cut replies
//	analytical   CountConnectives, BothSides, Concludes          the outward signs of an argument, in English
//	reasoning    CountEquations, Vote, ThinksAloud          sums that are right, answers that agree
//
// Lexical rules see words and not what they mean: a text can hold every sign of an argument and be nonsense. They
// are for comparing two models on the same prompts, not for praise of one.
//
// A word is one of package text: a run of letters and digits, in one case, without punctuation; every letter of
// a script without spaces. N-grams are of words and do not cross from one text to the next. They are compared
// by their 64-bit hashes.
//
// Everything takes any bytes, in time linear in their number (SelfBLEU and CompressionRatio: in all texts
// together). A figure of nothing, such as the repetition of a text of no words, is NaN.
package measure

import (
	"math"

	"smelt/compute/text"
)

// Ratio is a share with what it is a share of, so that the shares of several texts can be added, and given an
// interval (stats.Wilson) where the things counted are independent.
type Ratio struct{ Part, Whole int }

// Value is Part/Whole, 0 to 1; NaN if Whole is 0.
func (r Ratio) Value() float64 {
	if r.Whole == 0 {
		return math.NaN()
	}
	return float64(r.Part) / float64(r.Whole)
}

// Plus joins the shares of two texts into that of both.
func (r Ratio) Plus(other Ratio) Ratio { return Ratio{r.Part + other.Part, r.Whole + other.Whole} }

// words returns the hashes of the words of s.
func words(s string) []uint64 {
	var hashes []uint64
	for w := text.Scan([]byte(s)); w.Next(); {
		hashes = append(hashes, w.Hash)
	}
	return hashes
}

// grams calls visit for every n-gram of the words, in order. n is 1 to text.MaxGram.
func grams(words []uint64, n int, visit func(hash uint64)) {
	g := text.NewGrams(n)
	for _, w := range words {
		if hash, ok := g.Push(w); ok {
			visit(hash)
		}
	}
}
