package chart

// frame is a rectangle that values are drawn in.
type frame struct{ left, top, right, bottom float64 }

// across draws a grid line at each tick of a vertical scale, and names it to the left.
func (f frame) across(c *canvas, s scale, list []tick) {
	for _, t := range list {
		y := s.at(t.value)
		c.line("grid", pixel{f.left, y}, pixel{f.right, y})
		c.text(f.left-8, y+4, "muted value", "end", t.label)
	}
}

// upright draws a grid line at each tick of a horizontal scale.
func (f frame) upright(c *canvas, s scale, list []tick) {
	for _, t := range list {
		c.line("grid", pixel{s.at(t.value), f.top}, pixel{s.at(t.value), f.bottom})
	}
}

// foot draws the horizontal axis, names its ticks below it, and it below them.
func (f frame) foot(c *canvas, s scale, list []tick, title string) {
	c.line("axis", pixel{f.left, f.bottom}, pixel{f.right, f.bottom})
	for _, t := range list {
		x := s.at(t.value)
		c.line("axis", pixel{x, f.bottom}, pixel{x, f.bottom + 4})
		c.text(x, f.bottom+18, "muted value", "middle", t.label)
	}
	c.text((f.left+f.right)/2, f.bottom+footHeight-4, "muted", "middle", title)
}

// footHeight is what foot draws below the frame.
const footHeight = 42
