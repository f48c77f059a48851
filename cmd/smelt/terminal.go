package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

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
type progress struct{ bar *pb.ProgressBar }

// newProgress starts a bar. total is -1 when not known; bytes says what is
// counted.
func (a *app) newProgress(what string, total int64, bytes bool) *progress {
	if !isTerminal(a.stderr) {
		return &progress{}
	}
	template := `{{string . "what"}} {{counters . }} {{bar . }} {{percent . }} {{speed . }} {{rtime . "ETA %s"}} {{string . "note"}}`
	if total < 0 {
		template = `{{string . "what"}} {{counters . }} {{speed . }} {{etime . }} {{string . "note"}}`
	}
	bar := pb.ProgressBarTemplate(template).New(int(max(total, 0)))
	bar.SetWriter(a.stderr).SetRefreshRate(200 * time.Millisecond)
	bar.Set("what", what).Set(pb.Bytes, bytes)
	return &progress{bar.Start()}
}

func (p *progress) set(done int64, note string) {
	if p.bar != nil {
		p.bar.Set("note", note)
		p.bar.SetCurrent(done)
	}
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
