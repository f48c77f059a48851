package container

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"smelt/compute/jsontext"
)

// A continuation example is a part of a prose text and the part after it, each
// of whole paragraphs:
//
//	{"prompt":"...","completion":"..."}
//
// A part ends when it has partWords words, or partLeast if the next paragraph
// would take it beyond partMost; so most have 200 to 400. A paragraph of more
// than partMost words is cut after the last sentence, else line, else word that
// keeps it to that. Parts do not overlap and nothing is left out: what remains
// at the end is one example more, cut in its middle, or belongs to the one
// before if it is a single paragraph. A word is what stands between blanks, but
// no less than one in wordBytes bytes, for texts in scripts without blanks.
//
// Paragraphs are separated by empty lines; in a part there is one between two.
// Line breaks within a paragraph stay, since verse needs them, as line feeds.
// Of a text of Project Gutenberg only what is between its START and END lines
// is read. The rows' _source is left to be the file's name, which is no part of
// the lines, so that a copy under another name is the same file.
const (
	partWords = 200
	partLeast = 100
	partMost  = 400
	wordBytes = 12
	// maxParagraph is how much of a paragraph is held before it is cut.
	maxParagraph = 32 << 10
)

const (
	notUTF8   = "the text is not valid UTF-8: convert the file with iconv -t UTF-8"
	oneBlock  = "a text of one paragraph has nothing to continue it with"
	startLine = "STARTOFTH"
	endLine   = "ENDOFTH"
)

// prose cuts a text into continuation examples.
type prose struct {
	in       *input
	marked   bool  // the text has a START line, so it has an END line
	skip     int64 // up to the end of the START line
	finished bool  // past the END line

	paragraph []byte
	line      int // where in paragraph the line being read begins
	after     string

	example example // being put together
	part    int     // words in its part
	last    example // complete, and kept for what may remain at the end
}

// example is the pieces of a prompt and its completion.
type example struct {
	pieces []piece
	prompt int // so many of them; 0 while the prompt is not complete
}

// piece is a paragraph, or a part of one.
type piece struct {
	between string // it and the piece before
	text    []byte
	words   int
}

// newProse reads the text that begins with head.
func newProse(in *input, head []byte) *prose {
	p := &prose{in: in, after: "\n\n"}
	for at := 0; at < len(head); {
		end := bytes.IndexByte(head[at:], '\n')
		if end < 0 {
			break
		}
		if isGutenberg(head[at:at+end], startLine) {
			p.marked, p.skip = true, int64(at+end+1)
			break
		}
		at += end + 1
	}
	return p
}

// isGutenberg recognises the lines around a text of Project Gutenberg:
//
//	*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***
//
// which were also written with "THIS", and without the spaces.
func isGutenberg(line []byte, what string) bool {
	if !bytes.HasPrefix(line, []byte("***")) || len(line) > 500 {
		return false
	}
	line = bytes.ToUpper(bytes.ReplaceAll(bytes.Trim(line, "* \r"), []byte{' '}, nil))
	return bytes.HasPrefix(line, []byte(what)) && bytes.Contains(line, []byte("PROJECTGUTENBERG"))
}

// BeginsGutenberg reports whether line is the one that a text of Project
// Gutenberg begins after.
func BeginsGutenberg(line []byte) bool { return isGutenberg(line, startLine) }

func (p *prose) fill(dst []byte) ([]byte, error) {
	if p.in.pos == len(p.in.buf) {
		if err := p.in.more(); err != nil {
			if !errors.Is(err, io.EOF) {
				return dst, err
			}
			return p.end(dst), io.EOF
		}
		if p.in.err != nil && !errors.Is(p.in.err, io.EOF) {
			// Where a long paragraph is cut depends on where blocks end, and this
			// one is not whole.
			return dst, p.in.err
		}
	}
	if skip := p.skip - p.in.offset(); skip > 0 {
		p.in.pos += int(min(skip, int64(len(p.in.buf)-p.in.pos)))
	}
	if p.finished {
		p.in.pos = len(p.in.buf) // to its end, to see that it is whole
		return dst, nil
	}
	for !p.finished && p.in.pos < len(p.in.buf) {
		rest := p.in.buf[p.in.pos:]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			p.paragraph = append(p.paragraph, rest...)
			p.in.pos = len(p.in.buf)
		} else {
			p.paragraph = append(p.paragraph, rest[:end]...)
			p.in.pos += end + 1
			dst = p.endLine(dst)
		}
		for len(p.paragraph) > maxParagraph {
			dst = p.cut(dst)
		}
	}
	return dst, nil
}

// endLine ends a line, and the paragraph if the line is empty.
func (p *prose) endLine(dst []byte) []byte {
	line := bytes.TrimRight(p.paragraph[p.line:], "\r")
	if p.marked && isGutenberg(line, endLine) {
		p.finished = true
		line = nil
	}
	p.paragraph = p.paragraph[:p.line+len(line)]
	if len(bytes.TrimSpace(line)) > 0 {
		p.paragraph = append(p.paragraph, '\n')
		p.line = len(p.paragraph)
		return dst
	}
	p.paragraph = p.paragraph[:p.line]
	return p.endParagraph(dst)
}

// endParagraph adds the paragraph, which may be empty, to the example.
func (p *prose) endParagraph(dst []byte) []byte {
	p.paragraph = bytes.TrimRight(p.paragraph, "\n")
	for words := countWords(p.paragraph); words > 0; words = countWords(p.paragraph) {
		if words > partMost {
			dst = p.cut(dst)
			continue
		}
		dst = p.add(dst, p.paragraph)
		break
	}
	p.paragraph, p.line, p.after = p.paragraph[:0], 0, "\n\n"
	return dst
}

// cut takes the beginning of a paragraph that is too long.
func (p *prose) cut(dst []byte) []byte {
	end, next := cutAt(p.paragraph)
	after := string(p.paragraph[end:next])
	dst = p.add(dst, p.paragraph[:end])
	p.after = after
	p.paragraph = append(p.paragraph[:0], p.paragraph[next:]...)
	p.line = max(0, p.line-next)
	return dst
}

// cutAt finds where to end the first piece of a paragraph that is too long, and
// where the next begins: after the last sentence, else line, else word, that
// leaves a piece of partWords to partMost words, else anywhere.
func cutAt(text []byte) (end, next int) {
	words, sentence, line, word, i := 0, 0, 0, 0, 0
	for blank := true; i < len(text); i++ {
		enough := max(words, i/wordBytes) >= partWords
		switch c := text[i]; {
		case isBlank(c):
			if !blank && enough {
				word = i
				if c == '\n' {
					line = i
				}
				if endsSentence(text[:i]) {
					sentence = i
				}
			}
			blank = true
		case blank:
			blank = false
			words++
		case c >= utf8.RuneSelf && enough && endsWideSentence(text[:i+1]):
			sentence = i + 1
		}
		if max(words, i/wordBytes) > partMost {
			break
		}
	}
	switch {
	case sentence > 0:
		end = sentence
	case line > 0:
		end = line
	case word > 0:
		end = word
	default:
		end = min(i, len(text)-1)
		for n := 1; n < utf8.UTFMax && end > 1 && !utf8.RuneStart(text[end]); n++ {
			end--
		}
	}
	for next = end; next < len(text) && isBlank(text[next]); {
		next++
	}
	return end, next
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// endsSentence reports whether a text ends in a full stop, a question or an
// exclamation mark, with quotes or brackets closed after it.
func endsSentence(text []byte) bool {
	text = bytes.TrimRight(text, `"')]_*`)
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("”")), []byte("’"))
	return len(text) > 0 && (text[len(text)-1] == '.' || text[len(text)-1] == '?' || text[len(text)-1] == '!')
}

// endsWideSentence does for scripts that leave no blank after a sentence.
func endsWideSentence(text []byte) bool {
	return bytes.HasSuffix(text, []byte("。")) || bytes.HasSuffix(text, []byte("！")) || bytes.HasSuffix(text, []byte("？"))
}

// countWords is how long a text is.
func countWords(text []byte) (n int) {
	blank := true
	for _, c := range text {
		if isBlank(c) {
			blank = true
		} else if blank {
			blank = false
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return max(n, len(text)/wordBytes)
}

// add appends a piece to the example, and its line to dst once there is another.
func (p *prose) add(dst, text []byte) []byte {
	words := countWords(text)
	if words == 0 {
		return dst
	}
	if p.part >= partLeast && p.part+words > partMost {
		dst = p.endPart(dst)
	}
	p.example.pieces = append(p.example.pieces, piece{p.after, bytes.Clone(text), words})
	if p.part += words; p.part >= partWords {
		dst = p.endPart(dst)
	}
	return dst
}

func (p *prose) endPart(dst []byte) []byte {
	p.part = 0
	if p.example.prompt == 0 {
		p.example.prompt = len(p.example.pieces)
		return dst
	}
	dst = p.last.appendLine(dst)
	p.last, p.example = p.example, example{}
	return dst
}

// end makes what it can of what remains.
func (p *prose) end(dst []byte) []byte {
	if !p.finished {
		dst = p.endLine(dst)
		dst = p.endParagraph(dst)
	}
	rest := &p.example
	switch {
	case len(rest.pieces) > 1:
		if rest.prompt == 0 || p.part < partLeast {
			rest.prompt = rest.middle()
		}
		return rest.appendLine(p.last.appendLine(dst))
	case len(p.last.pieces) > 0:
		p.last.pieces = append(p.last.pieces, rest.pieces...)
		return p.last.appendLine(dst)
	case len(rest.pieces) == 1:
		dst = append(dst, `{"prompt":`...)
		dst = jsontext.AppendQuoted(dst, bytes.ToValidUTF8(rest.pieces[0].text, []byte("\ufffd")))
		dst = append(append(dst, '}', refused), oneBlock...)
		return append(dst, '\n')
	}
	return dst
}

// middle is the number of pieces whose words come nearest to half.
func (e *example) middle() int {
	all := 0
	for _, p := range e.pieces {
		all += p.words
	}
	best, bestOff, before := 1, all+1, 0
	for i := 1; i < len(e.pieces); i++ {
		before += e.pieces[i-1].words
		if off := max(2*before-all, all-2*before); off < bestOff {
			best, bestOff = i, off
		}
	}
	return best
}

// appendLine appends the line of an example, unless it is empty.
func (e *example) appendLine(dst []byte) []byte {
	if len(e.pieces) == 0 {
		return dst
	}
	prompt, completion := join(e.pieces[:e.prompt]), join(e.pieces[e.prompt:])
	valid := utf8.Valid(prompt) && utf8.Valid(completion)
	if !valid {
		prompt, completion = bytes.ToValidUTF8(prompt, []byte("\ufffd")), bytes.ToValidUTF8(completion, []byte("\ufffd"))
	}
	dst = jsontext.AppendQuoted(append(dst, `{"prompt":`...), prompt)
	dst = jsontext.AppendQuoted(append(dst, `,"completion":`...), completion)
	dst = append(dst, '}')
	if !valid {
		dst = append(append(dst, refused), notUTF8...)
	}
	return append(dst, '\n')
}

func join(pieces []piece) []byte {
	var text []byte
	for i, p := range pieces {
		if i > 0 {
			text = append(text, p.between...)
		}
		text = append(text, p.text...)
	}
	return text
}
