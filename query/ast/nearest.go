package ast

import "strings"

// Nearest returns the entry of among that word is most likely a slip of, and whether there is one: the least number of
// letters added, dropped, changed or swapped with their neighbour, regardless of case. Words of up to two letters must
// match but for case, longer ones may differ by one edit for every three letters or part of them, counted on the shorter
// word and at most three. Of equally near entries the first wins. It takes time proportional to the product of
// the two lengths for each entry of a similar length, and none for the others.
func Nearest(word string, among []string) (string, bool) {
	w := []rune(strings.ToLower(word))
	best, least := "", -1
	for _, candidate := range among {
		c := []rune(strings.ToLower(candidate))
		allowed := slips(min(len(w), len(c)))
		if max(len(w), len(c))-min(len(w), len(c)) > allowed {
			continue
		}
		if d := distance(w, c); d <= allowed && (least < 0 || d < least) {
			best, least = candidate, d
		}
	}
	return best, least >= 0
}

// slips is the number of edits still taken for a typing error in a word of n letters.
func slips(n int) int {
	if n <= 2 {
		return 0
	}
	return min(3, (n+1)/3)
}

// distance is the Damerau-Levenshtein distance in its restricted form, in which no letter is edited twice. It keeps
// three rows of the table: row i holds the distances of a[:i] to each b[:j].
func distance(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}
