package tokenizer

// splitting says how a byte-level tokenizer cuts text into words, which are then encoded one by one.
type splitting uint8

const (
	splitNone splitting = iota // the text is one word
	splitGPT2
	splitDigits // every numeric character by itself, GPT-2's expression between them
	splitLlama3
	splitQwen2
	splitQwen35
)

// The regular expressions, as tokenizer.json has them. The first is also what ByteLevel uses by itself.
const (
	regexGPT2   = `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
	regexLlama3 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexQwen2  = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
	regexQwen35 = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
)

var splitByRegex = map[string]splitting{
	regexGPT2: splitGPT2, regexLlama3: splitLlama3, regexQwen2: splitQwen2, regexQwen35: splitQwen35,
}

// splitter finds the words of one text after the other. All its text is UTF-8.
type splitter struct {
	classes *classTable
	how     splitting
	letters uint8 // what counts as a letter: \p{L}, for some \p{M} too
	digits  int   // how many numbers are one word, but for GPT-2's expression
}

func newSplitter(how splitting) splitter {
	s := splitter{classes: classes(), how: how, letters: letter, digits: 1}
	switch how {
	case splitLlama3:
		s.digits = 3
	case splitQwen35:
		s.letters |= mark
	}
	return s
}

// end returns where the word of s that begins at i < len(s) ends. part is where the part of s ends that is
// split by itself: 0 at first, then what end returned.
func (p *splitter) end(s string, i, part int) (end, nextPart int) {
	switch p.how {
	case splitNone:
		return len(s), part
	case splitGPT2:
		return p.gpt2(s, i), part
	case splitDigits:
		if i >= part {
			class, size := p.classes.at(s, i)
			if class&numeric != 0 {
				return i + size, part
			}
			part = p.run(s, i+size, numeric, 0)
		}
		return p.gpt2(s[:part], i), part
	}
	return p.modern(s, i), part
}

// gpt2 is one match of regexGPT2 at i.
func (p *splitter) gpt2(s string, i int) int {
	if s[i] == '\'' {
		if n := contraction(s[i:], 0); n > 0 {
			return i + n
		}
	}
	class, size := p.classes.at(s, i)
	j := i + size
	if s[i] == ' ' && j < len(s) {
		if next, size := p.classes.at(s, j); next&space == 0 {
			class = next
			j += size
		}
	}
	if class&space != 0 {
		return p.spaces(s, i, false)
	}
	return p.run(s, j, letter|number|space, class&(letter|number))
}

// modern is one match of the other expressions at i.
func (p *splitter) modern(s string, i int) int {
	c := s[i]
	if c == '\'' {
		if n := contraction(s[i:], 'a'-'A'); n > 0 {
			return i + n
		}
	}
	class, size := p.classes.at(s, i)
	j := i + size
	switch {
	case class&p.letters != 0:
		return p.letterRun(s, j)
	case class&number != 0:
		for n := 1; n < p.digits && j < len(s); n++ {
			class, size := p.classes.at(s, j)
			if class&number == 0 {
				break
			}
			j += size
		}
		return j
	}
	if c != '\r' && c != '\n' && j < len(s) {
		next, size := p.classes.at(s, j)
		if next&p.letters != 0 {
			return p.letterRun(s, j+size)
		}
		if c == ' ' && next&(p.letters|number|space) == 0 {
			class = next
			j += size
		}
	}
	if class&space != 0 {
		return p.spaces(s, i, true)
	}
	for j = p.run(s, j, p.letters|number|space, 0); j < len(s) && (s[j] == '\r' || s[j] == '\n'); {
		j++
	}
	return j
}

// run returns the end of the characters from i on whose class, in the bits of mask, is kind.
func (p *splitter) run(s string, i int, mask, kind uint8) int {
	for i < len(s) {
		class, size := p.classes.at(s, i)
		if class&mask != kind {
			break
		}
		i += size
	}
	return i
}

func (p *splitter) letterRun(s string, i int) int {
	for i < len(s) {
		class, size := p.classes.at(s, i)
		if class&p.letters == 0 {
			break
		}
		i += size
	}
	return i
}

// spaces matches `\s*[\r\n]+|\s+(?!\S)|\s+` at i, or without newlines the last two of these.
func (p *splitter) spaces(s string, i int, newlines bool) int {
	last, newline := i, -1
	j := i
	for j < len(s) {
		class, size := p.classes.at(s, j)
		if class&space == 0 {
			break
		}
		last = j
		j += size
		if s[last] == '\r' || s[last] == '\n' {
			newline = j
		}
	}
	switch {
	case newlines && newline >= 0:
		return newline
	case j < len(s) && last > i:
		return last // what follows takes the last one, if it is a space
	}
	return j
}

// contraction returns the length of 's, 't, 're, 've, 'm, 'll or 'd at the beginning of s, which begins with an
// apostrophe, or 0. With fold = 'a'-'A' case makes no difference, and U+017F is an s.
func contraction(s string, fold byte) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] | fold {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) < 3 {
		return 0
	}
	switch [2]byte{s[1] | fold, s[2] | fold} {
	case [2]byte{'r', 'e'}, [2]byte{'v', 'e'}, [2]byte{'l', 'l'}:
		return 3
	}
	if fold != 0 && s[1:3] == "ſ" {
		return 3
	}
	return 0
}
