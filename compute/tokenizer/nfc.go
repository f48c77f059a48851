package tokenizer

import (
	"sync"
	"unicode/utf8"
)

// normalForm is Unicode's normalisation form C by the tables of the library whose ids we give.
// golang.org/x/text/unicode/norm follows another version of Unicode, and breaks long runs of marks apart.
type normalForm struct {
	classes  *classTable
	ccc      map[rune]uint8   // canonical combining classes other than 0
	parts    map[rune][]rune  // whole canonical decompositions
	composed map[[2]rune]rune // primary composites
}

// The arithmetic of Hangul syllables: section 3.12 of the Unicode standard.
const (
	hangulS, hangulL, hangulV, hangulT = 0xac00, 0x1100, 0x1161, 0x11a7
	leading, vowels, trailing          = 19, 21, 28 // how many, trailing ones with none
)

var nfc = sync.OnceValue(func() *normalForm {
	f := &normalForm{
		classes: classes(),
		ccc:     map[rune]uint8{}, parts: map[rune][]rune{}, composed: map[[2]rune]rune{},
	}
	for i, run := range combiningRuns {
		if class := uint8(run); class != 0 { // a run of a class other than 0 is followed by another run
			for r := run >> 8; r < combiningRuns[i+1]>>8; r++ {
				f.ccc[rune(r)] = class
			}
		}
	}
	for i := 0; i < len(composePairs); i += 3 {
		f.composed[[2]rune{composePairs[i], composePairs[i+1]}] = composePairs[i+2]
	}
	for _, d := range onlyDecomposed {
		f.parts[d.char] = []rune(d.parts)
	}
	var whole func(first, second rune) []rune
	firsts := map[rune][2]rune{}
	for pair, r := range f.composed {
		firsts[r] = pair
	}
	whole = func(first, second rune) []rune {
		if pair, ok := firsts[first]; ok {
			return append(whole(pair[0], pair[1]), second)
		}
		return []rune{first, second}
	}
	for r, pair := range firsts {
		f.parts[r] = whole(pair[0], pair[1])
	}
	return f
})

// next returns the first place in s[from:] that NFC might change, as a span of s that may be normalised by
// itself: it begins with a character that nothing combines with from the left, or at from, and ends before one.
// Without such a place, start is len(s).
func (f *normalForm) next(s string, from int) (start, end int) {
	before := from // where the last character began
	for i := from; i < len(s); {
		class, size := f.classes.at(s, i)
		if class&unstable == 0 {
			before = i
			i += size
			continue
		}
		for i < len(s) && class&unstable != 0 {
			if i += size; i < len(s) {
				class, size = f.classes.at(s, i)
			}
		}
		return before, i
	}
	return len(s), len(s)
}

// appendTo appends the normal form of a span that next gave to dst, through runes as scratch space.
func (f *normalForm) appendTo(dst []byte, span string, runes []rune) ([]byte, []rune) {
	runes = runes[:0]
	for _, r := range span {
		switch parts, ok := f.parts[r]; {
		case ok:
			runes = append(runes, parts...)
		case r >= hangulS && r < hangulS+leading*vowels*trailing:
			i := r - hangulS
			runes = append(runes, hangulL+i/(vowels*trailing), hangulV+i/trailing%vowels)
			if i%trailing != 0 {
				runes = append(runes, hangulT+i%trailing)
			}
		default:
			runes = append(runes, r)
		}
	}
	f.order(runes)
	for _, r := range f.compose(runes) {
		dst = utf8.AppendRune(dst, r)
	}
	return dst, runes
}

// order sorts every run of combining characters by class, keeping the order of those of one class.
func (f *normalForm) order(runes []rune) {
	for i := 0; i < len(runes); i++ {
		if f.ccc[runes[i]] == 0 {
			continue
		}
		end := i + 1
		sorted := true
		for end < len(runes) && f.ccc[runes[end]] != 0 {
			sorted = sorted && f.ccc[runes[end-1]] <= f.ccc[runes[end]]
			end++
		}
		if !sorted {
			f.sortMarks(runes[i:end])
		}
		i = end
	}
}

// sortMarks is a stable sort in n log n: text may have any number of marks in a row.
func (f *normalForm) sortMarks(runes []rune) {
	if len(runes) <= 16 {
		for i := 1; i < len(runes); i++ {
			for j := i; j > 0 && f.ccc[runes[j-1]] > f.ccc[runes[j]]; j-- {
				runes[j-1], runes[j] = runes[j], runes[j-1]
			}
		}
		return
	}
	var counts [257]int
	for _, r := range runes {
		counts[int(f.ccc[r])+1]++
	}
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
	sorted := make([]rune, len(runes))
	for _, r := range runes {
		c := f.ccc[r]
		sorted[counts[c]] = r
		counts[c]++
	}
	copy(runes, sorted)
}

// compose puts characters together, in place, by the canonical composition algorithm.
func (f *normalForm) compose(runes []rune) []rune {
	out := 0
	starter := -1
	for _, r := range runes {
		class := f.ccc[r]
		// The starter is blocked from r by a character between them of class 0 or of r's class or a higher one;
		// the last one between has the highest class, since they are in order.
		if starter >= 0 && (out == starter+1 || f.ccc[runes[out-1]] != 0 && f.ccc[runes[out-1]] < class) {
			if c, ok := f.pair(runes[starter], r); ok {
				runes[starter] = c
				continue
			}
		}
		if class == 0 {
			starter = out
		}
		runes[out] = r
		out++
	}
	return runes[:out]
}

// pair returns the character that a and b make.
func (f *normalForm) pair(a, b rune) (rune, bool) {
	if l, v := a-hangulL, b-hangulV; l >= 0 && l < leading && v >= 0 && v < vowels {
		return hangulS + (l*vowels+v)*trailing, true
	}
	if s, t := a-hangulS, b-hangulT; s >= 0 && s < leading*vowels*trailing && s%trailing == 0 && t > 0 && t < trailing {
		return a + t, true
	}
	c, ok := f.composed[[2]rune{a, b}]
	return c, ok
}
