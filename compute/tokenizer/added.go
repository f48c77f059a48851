package tokenizer

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// maxAdded is how long an added token may be, in bytes. Searching looks at no more bytes from any place of a
// text on, so that no tokenizer makes encoding quadratic.
const maxAdded = 256

// matcher finds added tokens in text: the leftmost, of several there the longest.
type matcher struct {
	content []string // sorted
	ids     []int32
	starts  [257]int32 // content[starts[b]:starts[b+1]] begins with the byte b
	firsts  string     // the bytes that begin some content
	flags   []uint8    // of the vocabulary, by id
	classes *classTable
}

// newMatcher makes a matcher of tokens with these contents.
func newMatcher(content map[string]int32, flags []uint8) (matcher, error) {
	m := matcher{flags: flags, classes: classes()}
	for c := range content {
		if len(c) > maxAdded {
			return m, fmt.Errorf("added token %d has %d bytes: more than %d are %w", content[c], len(c), maxAdded, ErrUnsupported)
		}
		m.content = append(m.content, c)
	}
	slices.Sort(m.content)
	var firsts []byte
	for i, c := range m.content {
		m.ids = append(m.ids, content[c])
		if len(firsts) == 0 || firsts[len(firsts)-1] != c[0] {
			firsts = append(firsts, c[0])
		}
		m.starts[int(c[0])+1] = int32(i + 1)
	}
	m.firsts = string(firsts)
	for b := range 256 {
		m.starts[b+1] = max(m.starts[b+1], m.starts[b])
	}
	return m, nil
}

// search is one pass of a matcher over a text.
type search struct {
	*matcher
	view
	o     *Options
	from  int // where to look on
	taken int // the end of the last token, white space it strips included
}

// next returns the span and the id of the next added token, white space that it strips included. The token
// may begin before the last one ended, if that stripped white space.
func (s *search) next() (start, end int, id int32, ok bool) {
	for len(s.content) > 0 {
		start, end, id, ok = s.find(s.s, s.from)
		if !ok {
			break
		}
		s.from = end
		flags := s.flags[id]
		if flags&isSpecial != 0 && s.isText(start, end) || flags&singleWord != 0 && s.inWord(start, end) {
			continue
		}
		if flags&leftStrip != 0 {
			for start > s.taken {
				r, size := utf8.DecodeLastRuneInString(s.s[:start])
				if s.classes.of(r)&space == 0 {
					break
				}
				start -= size
			}
			start = max(start, s.taken)
		}
		if flags&rightStrip != 0 {
			end = max(end, s.taken) // white space that the token before has taken
			for end < len(s.s) {
				class, size := s.classes.at(s.s, end)
				if class&space == 0 {
					break
				}
				end += size
			}
		}
		s.taken = end
		if start < end { // else it is all white space that the token before has taken
			return start, end, id, true
		}
	}
	return 0, 0, 0, false
}

// isText tells whether a special token from start to end is to be taken for text.
func (s *search) isText(start, end int) bool {
	if s.o.Literal || len(s.o.LiteralIn) == 0 {
		return s.o.Literal
	}
	start, end = s.end(start), s.end(end)
	in := s.o.LiteralIn
	i := sort.Search(len(in), func(i int) bool { return in[i][1] > start })
	return i < len(in) && in[i][0] < end
}

// inWord tells whether a word goes on before start or after end.
func (s *search) inWord(start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(s.s[:start])
	after, _ := utf8.DecodeRuneInString(s.s[end:])
	return start > 0 && s.classes.of(before)&wordChar != 0 || end < len(s.s) && s.classes.of(after)&wordChar != 0
}

// find returns the first token in text at from or after it.
func (m *matcher) find(text string, from int) (start, end int, id int32, ok bool) {
	for i := from; i < len(text); i++ {
		if len(m.firsts) == 1 {
			skip := strings.IndexByte(text[i:], m.firsts[0])
			if skip < 0 {
				break
			}
			i += skip
		}
		lo, hi := m.starts[text[i]], m.starts[int(text[i])+1]
		best := int32(-1)
		for k := 1; lo < hi; k++ {
			if len(m.content[lo]) == k { // the shortest of those that agree so far comes first
				best = lo
				lo++
			}
			if i+k == len(text) {
				break
			}
			lo, hi = m.narrow(lo, hi, k, text[i+k])
		}
		if best >= 0 {
			return i, i + len(m.content[best]), m.ids[best], true
		}
	}
	return 0, 0, 0, false
}

// narrow returns which of content[lo:hi], all longer than k, have c at k.
func (m *matcher) narrow(lo, hi int32, k int, c byte) (first, end int32) {
	first = lo + lowerBound(m.content[lo:hi], k, int(c))
	return first, first + lowerBound(m.content[first:hi], k, int(c)+1)
}

// lowerBound returns how many of the sorted strings have less than c at k.
func lowerBound(sorted []string, k, c int) int32 {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := (lo + hi) / 2
		if int(sorted[mid][k]) < c {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return int32(lo)
}
