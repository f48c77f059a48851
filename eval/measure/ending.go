package measure

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"smelt/compute/text"
)

// Loop is a text's end that says the same again and again.
type Loop struct {
	Period int // words that are repeated; characters, if Characters
	Length int // words that the repetitions take, at least minRepeats times Period
	// Characters says that there is no such loop of words but one of characters, as in "!!!!" or "0000".
	Characters bool
}

const (
	minRepeats    = 4
	minWords      = 16
	minCharacters = 64
)

// FindLoop finds the longest end of a text that is one period repeated, four times or more, over at least 16
// words, or else 64 characters. The last repetition may be incomplete; so may the last word, which a limit of
// tokens may have cut, and half a character (U+FFFD) at the end is none. ok is false if there is none. The period of every suffix comes from the prefix function of
// the reversed text (Knuth, Morris & Pratt 1977): a text of length L whose longest border has length b has the
// smallest period L-b. A loop that counts ("Step 1 ... Step 2 ...") repeats nothing and is not found.
func FindLoop(s string) (loop Loop, ok bool) {
	all := words(s)
	loop.Period, loop.Length, ok = repeatedEnd(all, minWords)
	if !ok && len(all) > 0 {
		loop.Period, loop.Length, ok = repeatedEnd(all[:len(all)-1], minWords)
	}
	if !ok {
		loop.Characters = true
		loop.Period, loop.Length, ok = repeatedEnd([]rune(strings.TrimRight(strings.TrimSpace(s), "\uFFFD")), minCharacters)
	}
	if !ok {
		return Loop{}, false
	}
	return loop, true
}

// repeatedEnd returns the longest suffix of at least least elements that has minRepeats periods.
func repeatedEnd[T comparable](x []T, least int) (period, length int, ok bool) {
	at := func(i int) T { return x[len(x)-1-i] } // reversed, suffixes are prefixes
	border := make([]int, len(x)+1)              // of the prefix of each length
	for i := 1; i < len(x); i++ {
		b := border[i]
		for b > 0 && at(b) != at(i) {
			b = border[b]
		}
		if at(b) == at(i) {
			b++
		}
		border[i+1] = b
		if l := i + 1; l >= least && l >= minRepeats*(l-b) {
			period, length, ok = l-b, l, true
		}
	}
	return period, length, ok
}

// Ending says how a reply ends.
type Ending int

// The endings, from nothing to the most finished.
const (
	Empty  Ending = iota // nothing but white space
	Cut                  // in the midst of something
	Open                 // without a mark that ends a sentence: a number, a name, a title, or cut unnoticed
	Closed               // with such a mark, or the end of a code block
)

// EndingOf tells the ending of a text from its last characters. It is Cut if a line that starts with ``` opens
// a code block nothing closes; after a comma, semicolon, colon, dash, opening bracket or half a character; and
// after a word in small letters that cannot end a sentence (the, and, because, ...), in more than three words.
// Else it is Closed after a full stop, question mark, exclamation mark or ellipsis of any script, with closing
// quotes, brackets and emphasis after it or none, and at the end of a code block. Who knows that the model
// stopped because of a limit knows more than this: a text can be cut after a full stop.
func EndingOf(s string) Ending {
	trimmed := strings.TrimSpace(s)
	if trimmed == "" {
		return Empty
	}
	fences, last := 0, ""
	for line := range strings.Lines(trimmed) {
		if last = strings.TrimSpace(line); strings.HasPrefix(last, "```") {
			fences++
		}
	}
	if fences%2 == 1 {
		return Cut
	}
	if strings.HasPrefix(last, "```") {
		return Closed
	}
	if end, _ := utf8.DecodeLastRuneInString(trimmed); end == utf8.RuneError || strings.ContainsRune(",;:-–—([{，；：、（", end) {
		return Cut
	}
	core := strings.TrimRightFunc(trimmed, func(r rune) bool {
		return strings.ContainsRune(`"'*_~`+"`", r) || unicode.In(r, unicode.Pe, unicode.Pf, unicode.Pi)
	})
	mark, _ := utf8.DecodeLastRuneInString(core)
	if unicode.Is(unicode.Sentence_Terminal, mark) || mark == '…' {
		return Closed
	}
	var word string
	count := 0
	for w := text.Scan([]byte(trimmed)); w.Next(); count++ {
		word = trimmed[w.Start:w.End]
	}
	if count > 3 && strings.HasSuffix(trimmed, word) {
		switch word {
		case "a", "an", "the", "and", "or", "but", "because", "if", "than", "my", "your", "their", "our", "its", "into", "whose", "every":
			return Cut
		}
	}
	return Open
}
