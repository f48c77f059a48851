package chart

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Interval is a measured share, and what covers the true one.
type Interval struct{ Value, Low, High float64 }

// Bar is a row of Bars.
type Bar struct {
	Name   string
	Note   string // below the name, as what was measured
	Value  Interval
	Before *Interval // the same of what Value is compared with, or nil
	Chance float64   // what guessing gives; NaN says nothing of it
}

// Bars are shares of 0 to 1, one a row, with their intervals: of one measurement, or each of two.
//
//	name  ████████████├──┤      43.1 %
//	note  ██████████├──┤  ┊     38.0 %     ┊ chance
type Bars struct {
	Page          string // see Canvas; "" stands alone
	Title         string
	Value, Before string // what is measured, for the legend; only used where a row has Before
	Rows          []Bar
}

// Measures of pictures of rows, in pixels.
const (
	rowsWidth  = 960.0
	rowsLeft   = 236.0 // of it 24 before names
	rowsEdge   = 24.0
	nameRoom   = rowsLeft - rowsEdge - 16
	textSize   = 12.0
	lineHeight = 17.0
)

// SVG draws the bars. A row whose value is not finite says so. It fails if w does.
func (b Bars) SVG(w io.Writer) error {
	paired, chance := false, false
	for _, r := range b.Rows {
		paired = paired || r.Before != nil
		chance = chance || finite(r.Chance)
	}
	high := 34.0
	if paired {
		high = 44
	}
	top := 52.0
	f := Frame{Left: rowsLeft, Top: top, Right: rowsWidth - 96, Bottom: top + high*float64(len(b.Rows))}
	s := Scale{Lo: 0, Hi: 1, From: f.Left, To: f.Right}
	c := Canvas{Page: b.Page, Style: RowStyleSheet()}
	ruler := NewRuler()
	c.Open(rowsWidth, f.Bottom+34, b.Title, b.describe())
	c.Text(rowsEdge, 20, "ink heading", "start", ruler.Fit(b.Title, 14*Bold, 420))
	b.legend(&c, ruler, paired, chance)
	axis := percents(s)
	f.Upright(&c, s, axis)
	for i, r := range b.Rows {
		b.row(&c, ruler, s, r, f.Top+high*float64(i), high)
	}
	for _, t := range axis {
		c.Text(s.At(t.Value), f.Bottom+18, "muted value", "middle", t.Label)
	}
	c.Close()
	_, err := w.Write(c.Bytes())
	return err
}

func (b *Bars) row(c *Canvas, ruler *Ruler, s Scale, r Bar, top, high float64) {
	tip := r.Name + ": " + told(r.Value)
	if r.Before != nil {
		tip += ", before " + told(*r.Before)
	}
	c.Group(tip, "", func() {
		named(c, ruler, r.Name, r.Note, top+high/2)
		y := top + high/2
		if r.Before != nil {
			bar(c, s, *r.Before, "before", y-9)
			y += 9
		}
		bar(c, s, r.Value, "after", y)
		if finite(r.Chance) {
			c.Line("chance", At(s.At(r.Chance), top+4), At(s.At(r.Chance), top+high-4))
		}
	})
}

// bar draws a bar around y, its interval, and its value behind the frame.
func bar(c *Canvas, s Scale, v Interval, class string, y float64) {
	ink := "ink value"
	if class == "before" {
		ink = "muted value"
	}
	if !finite(v.Value) {
		c.Text(s.To+10, y+4, ink, "start", "not known")
		return
	}
	c.Line("bar "+class, At(s.At(0), y), At(s.At(clip(v.Value)), y))
	whisker(c, s, v, "ends", y)
	c.Text(s.To+10, y+4, ink, "start", Fixed(100*v.Value, 1)+" %")
}

// whisker draws an interval as a line with ends.
func whisker(c *Canvas, s Scale, v Interval, class string, y float64) {
	if !finite(v.Low) || !finite(v.High) {
		return
	}
	low, high := s.At(max(min(v.Low, s.Hi), s.Lo)), s.At(max(min(v.High, s.Hi), s.Lo))
	c.Line(class, At(low, y), At(high, y))
	c.Line(class, At(low, y-4), At(low, y+4))
	c.Line(class, At(high, y-4), At(high, y+4))
}

// named writes a row's name, and a note below it, around y.
func named(c *Canvas, ruler *Ruler, name, note string, y float64) {
	if note == "" {
		c.Text(rowsEdge, y+4, "ink", "start", ruler.Fit(name, textSize, nameRoom))
		return
	}
	c.Text(rowsEdge, y-3, "ink", "start", ruler.Fit(name, textSize, nameRoom))
	c.Text(rowsEdge, y+12, "muted", "start", ruler.Fit(note, textSize, nameRoom))
}

func (b *Bars) legend(c *Canvas, ruler *Ruler, paired, chance bool) {
	x := rowsEdge
	entry := func(class, text string, room float64) {
		text = ruler.Fit(text, textSize, room)
		if class == "chance" {
			c.Line(class, At(x+9, 31), At(x+9, 43))
		} else {
			c.Line(class, At(x, 37), At(x+18, 37))
		}
		c.Text(x+24, 41, "ink", "start", text)
		x += 24 + ruler.Width(text, textSize) + 20
	}
	if paired {
		entry("bar before", b.Before, 260)
		entry("bar after", b.Value, 260)
	}
	if len(b.Rows) > 0 {
		entry("ends", "95 % interval", 120)
	}
	if chance {
		entry("chance", "chance", 80)
	}
}

// describe says in words what is drawn.
func (b *Bars) describe() string {
	var said []string
	for _, r := range b.Rows {
		text := r.Name + " " + told(r.Value)
		if r.Before != nil {
			text += ", before " + told(*r.Before)
		}
		said = append(said, text)
	}
	if len(said) == 0 {
		return "nothing was measured"
	}
	return strings.Join(said, "; ")
}

func told(v Interval) string {
	if !finite(v.Value) {
		return "not known"
	}
	if !finite(v.Low) || !finite(v.High) {
		return Fixed(100*v.Value, 1) + " %"
	}
	return fmt.Sprintf("%s %% (%s to %s)", Fixed(100*v.Value, 1), Fixed(100*v.Low, 1), Fixed(100*v.High, 1))
}

// percents are ticks of a scale of shares, in percent.
func percents(s Scale) []Tick {
	list := (Scale{Lo: 100 * s.Lo, Hi: 100 * s.Hi}).Ticks(6, false)
	for i := range list {
		list[i].Value /= 100
		list[i].Label += " %"
	}
	return list
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func clip(share float64) float64 { return max(0, min(1, share)) }
