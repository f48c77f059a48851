package chart

import (
	"io"
	"math"
	"strings"
)

// The signs of a Difference.
const (
	Better = "better"
	Worse  = "worse"
)

// Difference is a row of Differences.
type Difference struct {
	Name  string
	Note  string   // below the name
	Value Interval // in shares: 0.01 is a point
	Sign  string   // Better, Worse, or anything else: neither was shown
	Said  string   // beside the row, as the verdict
}

// Differences are a forest plot: one difference a row with its interval, around a line at 0.
//
//	name         ├──●──┤          +3.2    better
//	note    ├────○────┤ ┆         −0.4    no difference shown
type Differences struct {
	Page        string // see Canvas; "" stands alone
	Title       string
	Left, Right string // what the sides of 0 mean
	Rows        []Difference
}

// SVG draws the differences. A row whose value is not finite says so. It fails if w does.
func (d Differences) SVG(w io.Writer) error {
	const high, top = 36.0, 56.0
	reach := 0.01
	for _, r := range d.Rows {
		for _, v := range []float64{r.Value.Value, r.Value.Low, r.Value.High} {
			if finite(v) {
				reach = max(reach, math.Abs(v))
			}
		}
	}
	reach = min(reach*1.08, 1)
	f := Frame{Left: rowsLeft, Top: top, Right: rowsWidth - 262, Bottom: top + high*float64(len(d.Rows))}
	s := Scale{Lo: -reach, Hi: reach, From: f.Left, To: f.Right}
	c := Canvas{Page: d.Page, Style: RowStyleSheet()}
	ruler := NewRuler()
	c.Open(rowsWidth, f.Bottom+40, d.Title, d.describe())
	c.Text(rowsEdge, 20, "ink heading", "start", ruler.Fit(d.Title, 14*Bold, rowsWidth-2*rowsEdge))
	zero := s.At(0)
	c.Text(zero-12, 44, "muted", "end", "← "+ruler.Fit(d.Left, textSize, zero-f.Left-30))
	c.Text(zero+12, 44, "muted", "start", ruler.Fit(d.Right, textSize, f.Right-zero-30)+" →")
	axis := (Scale{Lo: -100 * reach, Hi: 100 * reach}).Ticks(7, false)
	for i := range axis {
		axis[i].Value /= 100
		if axis[i].Value > 0 {
			axis[i].Label = "+" + axis[i].Label
		}
	}
	f.Upright(&c, s, axis)
	c.Line("zero", At(zero, f.Top), At(zero, f.Bottom))
	for i, r := range d.Rows {
		y := f.Top + high*(float64(i)+0.5)
		c.Group(r.Name+": "+points(r.Value)+", "+r.Said, "", func() {
			named(&c, ruler, r.Name, r.Note, y)
			d.row(&c, ruler, s, r, y)
		})
	}
	for _, t := range axis {
		c.Text(s.At(t.Value), f.Bottom+16, "muted value", "middle", t.Label)
	}
	c.Text(zero, f.Bottom+32, "muted", "middle", "difference in points, with its 95 % interval")
	c.Close()
	_, err := w.Write(c.Bytes())
	return err
}

func (d *Differences) row(c *Canvas, ruler *Ruler, s Scale, r Difference, y float64) {
	class := "unsure"
	if r.Sign == Better || r.Sign == Worse {
		class = r.Sign
	}
	if finite(r.Value.Value) {
		whisker(c, s, r.Value, "range "+class, y)
		at := At(s.At(max(min(r.Value.Value, s.Hi), s.Lo)), y)
		c.Path("mark "+class, string(append(AppendPair([]byte{'M'}, at), "h.01"...)))
		if class == "unsure" { // hollow, so that it is no matter of colour
			c.Path("hole", string(append(AppendPair([]byte{'M'}, at), "h.01"...)))
		}
		c.Text(s.To+62, y+4, "ink value", "end", signed(r.Value.Value))
	} else {
		c.Text(s.To+62, y+4, "muted", "end", "not known")
	}
	c.Text(s.To+76, y+4, "said "+class, "start", ruler.Fit(r.Said, textSize*Bold, 176))
}

func (d *Differences) describe() string {
	var said []string
	for _, r := range d.Rows {
		said = append(said, r.Name+" "+points(r.Value)+", "+r.Said)
	}
	if len(said) == 0 {
		return "nothing was compared"
	}
	return strings.Join(said, "; ")
}

// signed writes a difference of shares in points.
func signed(v float64) string {
	text := Fixed(100*v, 1)
	if v > 0 && text != "0.0" {
		text = "+" + text
	}
	return text
}

func points(v Interval) string {
	if !finite(v.Value) {
		return "not known"
	}
	if !finite(v.Low) || !finite(v.High) {
		return signed(v.Value) + " points"
	}
	return signed(v.Value) + " points (" + signed(v.Low) + " to " + signed(v.High) + ")"
}
