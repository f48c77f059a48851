package measure

import (
	"compress/gzip"
	"io"
	"math"

	"smelt/compute/text"
)

// Distinct is distinct-n: of all n-grams of the texts together, the share that is different (Li et al. 2016, "A
// Diversity-Promoting Objective Function for Neural Conversation Models", who divide by words where nearly all
// since divide by n-grams, as here). It falls with the length of the texts: compare equal amounts. n is 1 to
// text.MaxGram; of any other n there is nothing.
func Distinct(texts []string, n int) Ratio {
	if n < 1 || n > text.MaxGram {
		return Ratio{}
	}
	seen := map[uint64]struct{}{}
	total := 0
	for _, s := range texts {
		grams(words(s), n, func(hash uint64) {
			seen[hash] = struct{}{}
			total++
		})
	}
	return Ratio{len(seen), total}
}

// Repetition is rep-n: of the n-grams of one text, the share that has come before in it (seq-rep-n of Welleck
// et al. 2020, "Neural Text Generation with Unlikelihood Training", section 6): 1 - different/all. n as for
// Distinct.
func Repetition(s string, n int) Ratio {
	d := Distinct([]string{s}, n)
	return Ratio{d.Whole - d.Part, d.Whole}
}

// Diversity is the product for n = 2, 3, 4 of 1 - Repetition(s, n), 0 to 1 (Su et al. 2022, "A Contrastive
// Framework for Neural Text Generation", section 5.1). It is NaN for fewer than four words.
func Diversity(s string) float64 {
	product := 1.0
	for n := 2; n <= 4; n++ {
		product *= 1 - Repetition(s, n).Value()
	}
	return product
}

// MATTR is the moving-average type-token ratio: the mean, over all runs of window words, of the share of
// different ones, 0 to 1 (Covington & McFall 2010, "Cutting the Gordian Knot", Journal of Quantitative
// Linguistics 17). Unlike the plain ratio it does not fall with length. A text shorter than the window is one
// run. 50 is a usual window for short texts, 500 for literature. It is NaN for no words or a window below 1.
func MATTR(s string, window int) float64 {
	all := words(s)
	window = min(window, len(all))
	if window < 1 {
		return math.NaN()
	}
	counts := map[uint64]int{}
	types := 0 // different words over all runs: a whole number, so that no rounding adds up
	for i, w := range all {
		counts[w]++
		if i >= window {
			old := all[i-window]
			if counts[old]--; counts[old] == 0 {
				delete(counts, old)
			}
		}
		if i >= window-1 {
			types += len(counts)
		}
	}
	return float64(types) / float64(window) / float64(len(all)-window+1)
}

// CompressionRatio is the size of the texts, each with a line feed after it, over their size as gzip at level 9,
// headers included (Shaib et al. 2024, "Standardizing the Measurement of Text Diversity", arXiv:2403.00553): the
// higher, the more the texts repeat themselves and each other, within gzip's 32 KiB. Ordinary English is at 2
// to 3. The gzip is Go's compress/gzip; another release of Go may compress otherwise, so compare what one
// binary computed, on equal amounts of text. It is NaN if there are no texts.
func CompressionRatio(texts []string) float64 {
	if len(texts) == 0 {
		return math.NaN()
	}
	var packed counter
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return math.NaN() // the level exists
	}
	size := 0
	for _, s := range texts {
		a, err := io.WriteString(z, s)
		b, err2 := io.WriteString(z, "\n")
		if err != nil || err2 != nil {
			return math.NaN() // a counter takes everything
		}
		size += a + b
	}
	if z.Close() != nil {
		return math.NaN()
	}
	return float64(size) / float64(packed)
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
