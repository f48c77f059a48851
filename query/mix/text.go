package mix

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

func noRows(names []string) string {
	switch len(names) {
	case 1:
		return quoted(names[0]) + " has no rows"
	case 2:
		return quoted(names[0]) + " and " + quoted(names[1]) + " have no rows"
	}
	return fmt.Sprintf("%s and %d others have no rows", quoted(names[0]), len(names)-1)
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return thousands(n) + " rows"
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return thousands(n) + " times"
}

// thousands writes n with a comma before every third digit: -1,234,567.
func thousands(n int64) string {
	text := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for i := len(text) - 3; i > first; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// quoted leaves an ordinary name as it is and puts one that would break the line, or not be seen, in quotes.
func quoted(name string) string {
	odd := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError }
	if name == "" || strings.ContainsFunc(name, odd) {
		return strconv.Quote(name)
	}
	return name
}

// writeColumns writes an indented table: the first column to the left, the others as pad places them, nothing after the
// last character of a line.
func writeColumns(b *strings.Builder, lines [][]string, pad func(text string, width int) string) {
	var widths []int
	for _, line := range lines {
		for c, text := range line {
			if c == len(widths) {
				widths = append(widths, 0)
			}
			// A line of a single cell is a sentence, not part of the columns.
			if len(line) > 1 {
				widths[c] = max(widths[c], utf8.RuneCountInString(text))
			}
		}
	}
	for _, line := range lines {
		text := " "
		for c, cell := range line {
			if c == 0 {
				cell = padRight(cell, widths[c])
			} else {
				cell = pad(cell, widths[c])
			}
			if c > 0 {
				text += " "
			}
			text += " " + cell
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
}

func padLeft(text string, width int) string {
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

func padRight(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}
