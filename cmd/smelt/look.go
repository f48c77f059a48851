package main

import (
	"cmp"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// look is how results are drawn. The zero value is for files and pipes: plain
// text of any width, without bars, whatever the terminal and its language.
type look struct {
	terminal bool
	width    int  // columns of the window; 0 when there is no window to fit
	unicode  bool // whether the terminal shows more than ASCII
	colour   bool
	// values says that numbers are values of rows: they stand as they are, to be
	// copied into conditions, where counts have their digits in groups of three.
	values bool
}

// look finds out how to draw on w.
func (a *app) look(w io.Writer) look {
	if !isTerminal(w) {
		return look{}
	}
	l := look{terminal: true, width: 80, unicode: utf8Locale(), colour: a.colour(w)}
	if columns, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil && columns > 0 {
		l.width = columns
	}
	return l
}

// colour reports whether to colour what is written to w. See no-color.org.
func (a *app) colour(w io.Writer) bool {
	return isTerminal(w) && !a.NoColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && text.ANSICodesSupported
}

// utf8Locale reports whether the user's locale is of UTF-8, by the variable
// that decides (POSIX). On Windows text goes to the console as UTF-16.
func utf8Locale() bool {
	if runtime.GOOS == "windows" {
		return true
	}
	locale := strings.ToLower(cmp.Or(os.Getenv("LC_ALL"), os.Getenv("LC_CTYPE"), os.Getenv("LANG")))
	return strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
}

// ink is a style of text on a terminal, as the parameters of an SGR sequence.
type ink string

const (
	plain  ink = ""
	bold   ink = "1"
	faint  ink = "2"
	green  ink = "32"
	yellow ink = "33"
	cyan   ink = "36"
)

// paint puts visible text into an ink, where there are colours.
func (l look) paint(s string, with ink) string {
	if !l.colour || with == plain || s == "" {
		return s
	}
	return "\x1b[" + string(with) + "m" + s + "\x1b[0m"
}

// ellipsis stands for what was cut off.
func (l look) ellipsis() string {
	if l.unicode || !l.terminal {
		return "…"
	}
	return "..."
}

// shorten cuts one line of visible text to a width in columns.
func (l look) shorten(s string, width int) string {
	if text.StringWidth(s) <= width {
		return s
	}
	return text.Snip(s, width, l.ellipsis())
}

// eighths are the left parts of a block, from one eighth to seven.
const eighths = "▏▎▍▌▋▊▉"

// bar draws have of whole as a bar of at most width columns, and behind it in a
// light shade what is missing from want. All are counts, and whole at least as
// large as the others. What is there at all can be seen: it gets at least the
// smallest part.
func (l look) bar(have, want, whole int64, width int) string {
	if whole <= 0 || width <= 0 {
		return ""
	}
	full, empty, parts := "█", "░", 8
	if !l.unicode {
		full, empty, parts = "#", ".", 1
	}
	steps := func(n int64) int {
		if n <= 0 {
			return 0
		}
		return max(1, int(float64(n)/float64(whole)*float64(width*parts)+0.5))
	}
	filled := steps(have)
	s := strings.Repeat(full, filled/parts)
	if rest := filled % parts; rest > 0 {
		s += string([]rune(eighths)[rest-1])
	}
	drawn := (filled + parts - 1) / parts
	if missing := (steps(want)+parts-1)/parts - drawn; want > have && missing > 0 {
		s += strings.Repeat(empty, missing)
	}
	return s
}
