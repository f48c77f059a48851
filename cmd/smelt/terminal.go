package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cheggaaa/pb/v3"
	"golang.org/x/term"
)

// isTerminal reports whether w is a terminal that shows text to a person.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress is a bar with an estimate of the time left on a terminal, and
// nothing anywhere else.
type progress struct {
	bar   *pb.ProgressBar
	total int64
	count func(int64) string
}

// newProgress starts a bar. total is -1 when not known; bytes says whether they
// or rows are counted.
func (a *app) newProgress(what string, total int64, bytes bool) *progress {
	if !isTerminal(a.stderr) {
		return &progress{}
	}
	speed, count := `{{speed . "%s rows/s" "? rows/s"}}`, thousands
	if bytes {
		speed, count = `{{speed . "%s/s" "? MB/s"}}`, megabytes
	}
	template := `{{string . "what"}} {{string . "counts"}} {{bar . }} {{percent . }} ` + speed + ` {{rtime . "ETA %s" "%s" "ETA ?"}} {{string . "note"}}`
	if total < 0 {
		template = `{{string . "what"}} {{string . "counts"}} ` + speed + ` {{etime . }} {{string . "note"}}`
	}
	bar := pb.ProgressBarTemplate(template).New(int(max(total, 0)))
	bar.SetWriter(a.stderr).SetRefreshRate(200 * time.Millisecond)
	bar.Set("what", what).Set(pb.Bytes, bytes).Set(pb.SIBytesPrefix, true)
	if columns, _, err := term.GetSize(int(a.stderr.(*os.File).Fd())); err == nil && columns <= 0 {
		bar.SetWidth(80) // a terminal that does not know its size
	}
	p := &progress{bar, total, count}
	p.set(0, "")
	bar.Start()
	return p
}

func (p *progress) set(done int64, note string) {
	if p.bar == nil {
		return
	}
	counts := p.count(done)
	if p.total >= 0 {
		counts += " / " + p.count(p.total)
	}
	p.bar.Set("counts", counts).Set("note", note)
	p.bar.SetCurrent(done)
}

func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// megabytes writes a size in units of a million bytes, as disks are sold.
func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// counted writes a number of things: "1 row", "1,200 rows".
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return thousands(n) + " " + thing + "s"
}

// visible makes text fit for one line of a terminal: control characters, which
// could move the cursor or write the line anew, are shown as Go writes them
// (\x1b), bytes that are not UTF-8 as U+FFFD.
func visible(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// visibleLines is visible for text of several lines.
func visibleLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// isControl reports whether r acts on a terminal rather than shows: controls of
// ASCII and Latin-1, line separators, and what turns the direction of text.
func isControl(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}
