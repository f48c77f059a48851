package measure

import (
	"math"
	"slices"
)

// SelfBLEU is the mean, over the texts, of the BLEU score of each against all the others as references: 0 to 1,
// and the higher, the more alike they are (Zhu et al. 2018, "Texygen", section 3). BLEU is that of Papineni et
// al. 2002 with n-grams of 1 to 4 words, equal weights and the brevity penalty of the closest reference (the
// shorter of two), a count of no matches taken as 0.1 (Chen & Cherry 2014, method 1), and 0 if not one word
// matches: nltk's sentence_bleu with SmoothingFunction().method1, which Texygen calls. It depends on the number
// of texts: compare as many. It is NaN for fewer than two.
//
// A reference matters by its highest count of an n-gram alone, so one table of the two highest counts serves
// every text, and time is linear instead of quadratic.
func SelfBLEU(texts []string) float64 {
	if len(texts) < 2 {
		return math.NaN()
	}
	tokens := make([][]uint64, len(texts))
	lengths := make([]int, len(texts))
	for i, s := range texts {
		tokens[i] = words(s)
		lengths[i] = len(tokens[i])
	}
	slices.Sort(lengths)

	matches := make([][bleuOrder]int, len(texts))
	for n := range bleuOrder {
		best := map[uint64]record{}
		counts := map[uint64]int{}
		for i := range texts {
			clear(counts)
			grams(tokens[i], n+1, func(hash uint64) { counts[hash]++ })
			for hash, count := range counts {
				best[hash] = best[hash].with(i, count)
			}
		}
		for i := range texts {
			clear(counts)
			grams(tokens[i], n+1, func(hash uint64) { counts[hash]++ })
			for hash, count := range counts {
				matches[i][n] += min(count, best[hash].without(i))
			}
		}
	}
	sum := 0.0
	for i := range texts {
		sum += bleu(matches[i], len(tokens[i]), closest(lengths, len(tokens[i])))
	}
	return sum / float64(len(texts))
}

const bleuOrder = 4

// record is the highest count of an n-gram, whose it is, and the highest of all others.
type record struct{ count, owner, second int }

func (r record) with(owner, count int) record {
	if count > r.count {
		return record{count, owner, r.count}
	}
	r.second = max(r.second, count)
	return r
}

func (r record) without(owner int) int {
	if r.owner == owner {
		return r.second
	}
	return r.count
}

// closest returns the length nearest to length, which is one of the sorted lengths, of all the others.
func closest(lengths []int, length int) int {
	i, _ := slices.BinarySearch(lengths, length)
	switch {
	case i == 0:
		return lengths[1]
	case i == len(lengths)-1 || length-lengths[i-1] <= lengths[i+1]-length:
		return lengths[i-1]
	}
	return lengths[i+1]
}

func bleu(matches [bleuOrder]int, length, reference int) float64 {
	if matches[0] == 0 {
		return 0
	}
	logs := 0.0
	for n, m := range matches {
		numerator := float64(m)
		if m == 0 {
			numerator = 0.1
		}
		logs += math.Log(numerator / float64(max(1, length-n)))
	}
	penalty := 0.0
	if length < reference {
		penalty = 1 - float64(reference)/float64(length)
	}
	return math.Exp(penalty + logs/bleuOrder)
}
