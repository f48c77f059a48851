package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"unicode/utf8"

	"smelt/compute/chart"
	"smelt/eval/compare"
	"smelt/eval/results"
)

// Lengths of texts that are shown, in characters.
const (
	longest   = 1200
	lineRoom  = 160
	nameRoom  = 48
	replyRoom = 4000  // of one reply
	saidRoom  = 12000 // of all replies to an example
)

// functions are what the template calls.
var functions = template.FuncMap{
	"begin": begin, "before": before, "measured": measured, "reach": reach, "alike": results.Alike, "between": between, "replies": replies, "more": func(s compare.Said) int { return max(0, len(s.Replies)-mostReplies) }, "name": name, "metric": metric, "signed": signed,
	"text": block, "line": line, "percent": percent, "points": points, "nats": nats, "probability": probability,
	"count":    func(n int64) string { return chart.Count(n) },
	"whole":    func(n int) string { return chart.Fixed(float64(n), 0) },
	"pair":     func(f *flips, x compare.Flip) flipPair { return flipPair{f.A, f.B, x} },
	"percents": func(t compare.Task, m compare.Metric) bool { return t.Kind != results.Behaviour || m.Share },
}

// block is a text of several lines, fit to be shown.
func block(s string) string { return shown(s, longest, true) }

// reply is one of the replies that are shown of an example.
type reply struct{ Place, Text, End string }

// replies are those of an example, the more of them the shorter.
func replies(s compare.Said) []reply {
	var list []reply
	n := min(len(s.Replies), mostReplies)
	for i, r := range s.Replies[:n] {
		x := reply{Text: shown(r.Text, min(replyRoom, saidRoom/n), true), End: r.End}
		if len(s.Replies) > 1 {
			x.Place = fmt.Sprintf(" %d of %d", i+1, len(s.Replies))
		}
		list = append(list, x)
	}
	return list
}

// line is a text on one line, fit to be shown.
func line(s string) string { return shown(s, lineRoom, false) }

// name is the name of a task or a bucket, fit for a narrow column.
func name(s string) string { return shown(s, nameRoom, false) }

// begin is as much of a hash as tells two apart.
func begin(hash string) string {
	front, _ := take(hash, 16)
	return plain(front, false)
}

// metric is the name of a metric as people say it: its filter in brackets, if it has one.
func metric(key string) string {
	metric, filter, ok := strings.Cut(key, ",")
	if !ok || filter == "none" {
		return name(metric)
	}
	return name(metric + " (" + filter + ")")
}

// shown makes a text harmless and at most about most characters long: of a longer one the first three quarters of them
// and the last quarter, with a note between. Time is in most, not in the length of s.
func shown(s string, most int, lines bool) string {
	head, tail := s, ""
	if room := most * utf8.UTFMax; len(s) > 2*room { // far too long: do not look at all of it
		head, tail = s[:room], s[len(s)-room:]
	}
	front, rest := take(head, most*3/4)
	if tail == "" {
		if n := utf8.RuneCountInString(rest); n <= most-most*3/4 {
			return plain(front+rest, lines)
		}
		tail = rest
	}
	back := last(tail, most/4)
	left := len(s) - len(front) - len(back)
	return fmt.Sprintf("%s … [%s bytes left out] … %s", plain(front, lines), chart.Fixed(float64(left), 0), plain(back, lines))
}

// take splits a text after n characters.
func take(s string, n int) (front, rest string) {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return s[:at], s[at:]
}

// last is the last n characters of a text.
func last(s string, n int) string {
	at := len(s)
	for ; n > 0 && at > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(s[:at])
		at -= size
	}
	return s[at:]
}

// plain shows control characters and marks of direction by name, and what is no UTF-8 as U+FFFD.
func plain(s string, lines bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' && lines, r == '\t' && lines:
			b.WriteRune(r)
		case r == '\n':
			b.WriteRune('⏎')
		case r < 0x20:
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case r >= 0x80 && r < 0xa0, r == 0x061c, r == 0x200b, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e,
			r >= 0x2060 && r <= 0x206f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
			fmt.Fprintf(&b, "[U+%04X]", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func known(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

const dash = "–"

// percent writes a share.
func percent(v results.Float) string {
	if !known(float64(v)) {
		return dash
	}
	return chart.Fixed(100*float64(v), 1)
}

// measured writes a figure with its standard error; where all examples are alike, so that this is 0 and says nothing, with
// the bound of its interval, if it has one.
func measured(v, stdErr results.Float, i *results.Interval, share bool) string {
	text, unit := nats, ""
	if share {
		text, unit = percent, " %"
	}
	switch {
	case !results.Alike(stdErr):
		return text(v) + " ± " + text(stdErr) + unit
	case i == nil:
		return text(v) + unit + " ± " + dash
	case v == i[0]:
		return text(v) + unit + " (< " + text(i[1]) + unit + ")"
	case v == i[1]:
		return text(v) + unit + " (> " + text(i[0]) + unit + ")"
	}
	return text(v) + unit
}

// reach writes an interval.
func reach(i *results.Interval, share bool) string {
	switch {
	case i == nil:
		return dash
	case share:
		return percent(i[0]) + " to " + percent(i[1])
	}
	return nats(i[0]) + " to " + nats(i[1])
}

// between is the interval of a difference.
func between(m compare.Metric, share bool) string {
	switch {
	case !known(float64(m.Low)) || !known(float64(m.High)):
		return dash
	case share:
		return points(m.Low) + " to " + points(m.High)
	}
	return signed(m.Low) + " to " + signed(m.High)
}

// points writes a difference of shares.
func points(v results.Float) string {
	text := percent(v)
	if v > 0 && text != "0.0" {
		return "+" + text
	}
	return text
}

// nats writes a figure that is no share.
func nats(v results.Float) string {
	if !known(float64(v)) {
		return dash
	}
	return chart.Fixed(float64(v), 3)
}

// signed writes a difference of figures that are no shares.
func signed(v results.Float) string {
	text := nats(v)
	if v > 0 && text != "0.000" {
		return "+" + text
	}
	return text
}

// probability writes a p value with two digits.
func probability(v results.Float) string {
	switch p := float64(v); {
	case !known(p):
		return dash
	case p < 0.0001:
		return "< 0.0001"
	case p < 0.001:
		return chart.Fixed(p, 4)
	case p < 0.1:
		return chart.Fixed(p, 3)
	default:
		return chart.Fixed(p, 2)
	}
}
