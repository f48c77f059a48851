package ast

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
)

// Error is something wrong with a statement, and where. It is what Parse returns, and what the binding of a statement
// to a store should return, by NewError.
type Error struct {
	Span
	Message string // what is wrong, in one line
	Hint    string // the way out, in one line; may be empty
	Source  string // the whole text that was parsed
}

// NewError makes an error about the bytes span of src. The message is formatted as by fmt.Sprintf. A span outside src
// is brought inside it.
func NewError(src string, span Span, hint, format string, args ...any) *Error {
	start := min(max(span.Start, 0), len(src))
	end := min(max(span.End, start), len(src))
	return &Error{Span: Span{start, end}, Message: fmt.Sprintf(format, args...), Hint: hint, Source: src}
}

// Error returns the message, the place and the hint in one line.
func (e *Error) Error() string {
	line, column := e.Position()
	s := fmt.Sprintf("%s (line %d, column %d)", e.Message, line, column)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Position returns the line and the column of the first character of the span, both from 1; a column is a character.
func (e *Error) Position() (line, column int) {
	before := e.Source[:min(e.Start, len(e.Source))]
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// Detail returns the error drawn over several lines, without a newline at the end:
//
//	line 1, column 25: WEIGTHED is not a clause of SAMPLE
//	  SAMPLE 500 FROM buckets WEIGTHED BY PHASE balanced
//	                          ^~~~~~~~
//	  did you mean WEIGHTED?
//
// The carets cover the span as far as it lies on its first line. A long line is cut to what surrounds the span. Tabs
// become spaces and control characters visible, and characters two columns wide are counted as such.
func (e *Error) Detail() string {
	line, column := e.Position()
	text, carets := e.excerpt()
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s\n  %s\n  %s", line, column, e.Message, text, carets)
	if e.Hint != "" {
		b.WriteString("\n  " + e.Hint)
	}
	return b.String()
}

// The widths of an excerpt, in terminal columns: a line up to excerptWidth is shown whole; of a longer one, up to
// excerptBefore columns before the span are kept.
const (
	excerptWidth  = 100
	excerptBefore = 60
	tabWidth      = 4
)

// excerpt returns the line the span starts on, and a line of carets to put under it.
func (e *Error) excerpt() (text, carets string) {
	start := min(e.Start, len(e.Source))
	first := strings.LastIndexByte(e.Source[:start], '\n') + 1
	last := len(e.Source)
	if i := strings.IndexByte(e.Source[start:], '\n'); i >= 0 {
		last = start + i
	}
	end := min(max(e.End, start), last)
	before := cells(e.Source[first:start])
	under := cells(e.Source[start:end])
	after := cells(strings.TrimSuffix(e.Source[end:last], "\r"))

	if columns(before)+columns(under)+columns(after) > excerptWidth {
		before = keepEnd(before, excerptBefore)
	}
	room := excerptWidth - columns(before)
	width := min(columns(under), room)
	text = strings.Join(before, "") + strings.Join(keepStart(append(under, after...), room), "")
	carets = strings.Repeat(" ", columns(before)) + "^" + strings.Repeat("~", max(width-1, 0))
	return strings.TrimRight(text, " "), carets
}

// cells returns the characters of s as a terminal can show them, combining marks joined to what they stand on.
func cells(s string) []string {
	var out []string
	for _, r := range s {
		switch {
		case r == '\t':
			for range tabWidth {
				out = append(out, " ")
			}
		case unicode.Is(unicode.Mn, r) && len(out) > 0:
			out[len(out)-1] += string(r)
		case !unicode.IsGraphic(r):
			out = append(out, string(utf8.RuneError))
		default:
			out = append(out, string(r))
		}
	}
	return out
}

// columns is the width of cells on a terminal. It does not depend on the locale: ambiguous characters count as narrow.
func columns(cells []string) int {
	var narrow runewidth.Condition
	n := 0
	for _, c := range cells {
		r, _ := utf8.DecodeRuneInString(c)
		n += narrow.RuneWidth(r)
	}
	return n
}

const ellipsis = "…"

// keepStart cuts cells to a width of at most n, ending in an ellipsis if anything was lost.
func keepStart(cells []string, n int) []string {
	if columns(cells) <= n {
		return cells
	}
	kept, width := 0, columns([]string{ellipsis})
	for kept < len(cells) && width+columns(cells[kept:kept+1]) <= n {
		width += columns(cells[kept : kept+1])
		kept++
	}
	return append(cells[:kept:kept], ellipsis)
}

// keepEnd is keepStart from the other end.
func keepEnd(cells []string, n int) []string {
	slices.Reverse(cells)
	kept := keepStart(cells, n)
	slices.Reverse(kept)
	return kept
}

// shown is the most characters of the text that a message quotes.
const shown = 40

// show makes a piece of the text fit for a message: on one line, and short.
func show(raw string) string {
	var b strings.Builder
	n := 0
	for _, r := range raw {
		if n++; n > shown {
			b.WriteString(ellipsis)
			break
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
