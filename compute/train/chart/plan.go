package chart

import (
	"fmt"
)

// Measures of a picture, in pixels.
const (
	pictureWidth = 960
	leftMargin   = 72
	rightMargin  = 24
	plotTop      = 118
	plotHeight   = 360
	stripHeight  = 52
	stripGap     = 40 // between the plot and the strip, where the strip's title is

	textSize   = 12
	lineHeight = 17
	nameWidth  = 170 // of a name beside a line's end, at most
	valueWidth = 46
	leadWidth  = 18
	sample     = 18 // length of a line's sample

	mostLabels = 40
)

// ending is what stands beside the end of a line.
type ending struct {
	Series
	class string
	value string
	at    pixel // where the line ends, if it has a finite value
	known bool
}

// plan is where everything goes.
type plan struct {
	*Loss
	c       canvas
	ruler   *ruler
	plot    frame
	strip   frame // of the learning rate, if there is one
	x, y    scale
	rate    scale
	beyond  int
	endings []ending
	hidden  int // lines without a label
	height  float64
}

func (l *Loss) plan() *plan {
	p := &plan{Loss: l, ruler: newRuler()}
	for i, s := range l.Validation {
		class := "main second"
		if i > 0 {
			class += fmt.Sprintf(" d%d", (i-1)%(len(dashes)-1)+1)
		}
		p.endings = append(p.endings, ending{Series: s, class: class})
	}
	for i, s := range l.Buckets {
		p.endings = append(p.endings, ending{Series: s, class: lineClass(i)})
	}
	names := 0.0
	for _, e := range p.endings {
		names = max(names, min(p.ruler.width(e.name(), textSize), nameWidth))
	}
	right := float64(pictureWidth - rightMargin)
	if len(p.endings) > 0 {
		right -= leadWidth + sample + 6 + valueWidth + 6 + names
	}
	labels := float64(min(len(p.endings), mostLabels) + 1)
	p.plot = frame{leftMargin, plotTop, right, plotTop + max(plotHeight, labels*lineHeight)}
	p.height = p.plot.bottom
	if len(l.LearningRate) > 0 {
		p.strip = frame{leftMargin, p.height + stripGap, right, p.height + stripGap + stripHeight}
		p.height = p.strip.bottom
	}
	p.height += footHeight + 10

	lo, hi := l.steps()
	p.x = scale{lo: lo, hi: hi, from: p.plot.left, to: p.plot.right}
	p.y, p.beyond = l.losses()
	p.y.from, p.y.to = p.plot.bottom, p.plot.top
	for i := range p.endings {
		p.endings[i].find(p.x, p.y)
	}
	p.hidden = max(0, len(p.endings)-mostLabels)
	return p
}

// find looks up the last value of a line.
func (e *ending) find(x, y scale) {
	e.value = "none"
	for i := len(e.Points) - 1; i >= 0; i-- {
		if q := e.Points[i]; y.has(q.Value) {
			e.at, e.known = pixel{x.at(float64(q.Step)), y.at(q.Value)}, true
			e.value = short(q.Value)
			return
		}
	}
}

func (p *plan) draw() {
	summary := p.summary(p.beyond)
	title := p.Title
	if title == "" {
		title = "Training loss"
	}
	c := &p.c
	c.open(pictureWidth, p.height, title, summary)
	c.clip("plot", frame{p.plot.left, p.plot.top, p.plot.right + 3, p.plot.bottom})
	c.group(title, "", func() {
		c.text(24, 34, "ink title", "start", p.ruler.fit(title, 18*bold, pictureWidth-48))
	})
	c.text(24, 57, "muted", "start", p.ruler.fit(summary, textSize, pictureWidth-48))
	p.legend()

	steps := p.x.ticks(8, true)
	most := 8
	if p.LogY {
		most = 12
	}
	p.plot.across(c, p.y, p.y.ticks(most, false))
	p.plot.upright(c, p.x, steps)
	axis := "loss, nats a token"
	if p.LogY {
		axis += ", logarithmic"
	}
	c.text(24, plotTop-12, "muted", "start", axis)
	c.group("", "plot", p.training)
	for _, e := range reversed(p.endings) {
		p.series(e)
	}
	p.labels()
	foot := p.plot
	if len(p.LearningRate) > 0 {
		p.rates(steps)
		foot = p.strip
	}
	foot.foot(c, p.x, steps, "step")
	c.close()
}

// training draws the single steps and the smoothed line over them.
func (p *plan) training() {
	strokes, alone := trace(p.Train, p.x, p.y)
	p.c.path("raw first", string(strokes))
	p.c.path("rawdot first", string(alone))
	strokes, alone = trace(p.Smoothed, p.x, p.y)
	p.c.path("main first", string(strokes))
	p.c.path("dot first", string(alone))
}

// series draws a line of validation or of a bucket.
func (p *plan) series(e ending) {
	p.c.group(e.Name+" "+e.value, "plot", func() {
		strokes, alone := trace(e.Points, p.x, p.y)
		p.c.path(e.class, string(strokes))
		if validation := len(e.class) > 4 && e.class[:4] == "main"; validation && len(e.Points) <= 60 {
			alone = alone[:0]
			for _, q := range e.Points {
				if p.y.has(q.Value) {
					alone = appendDot(alone, pixel{p.x.at(float64(q.Step)), p.y.at(q.Value)})
				}
			}
		}
		p.c.path(e.shade()+" dot", string(alone))
	})
}

func (e *ending) name() string {
	if e.Name == "" {
		return "(no name)"
	}
	return e.Name
}

// shade returns the class of a line's colour alone.
func (e *ending) shade() string {
	var kind, shade string
	_, _ = fmt.Sscan(e.class, &kind, &shade)
	return shade
}

// labels names the lines beside their ends, the value first, so that values stand in a column.
func (p *plan) labels() {
	shown := p.endings[:len(p.endings)-p.hidden]
	places := make([]float64, len(shown))
	for i, e := range shown {
		places[i] = p.plot.bottom // a line without a value goes last
		if e.known {
			places[i] = max(min(e.at.y, p.plot.bottom), p.plot.top)
		}
	}
	bottom := p.plot.bottom
	if p.hidden > 0 {
		bottom -= lineHeight
	}
	x := p.plot.right + leadWidth
	name := x + sample + 6 + valueWidth + 6
	for i, y := range spread(places, lineHeight, p.plot.top, bottom) {
		e := shown[i]
		if e.known {
			p.c.line("lead", e.at, pixel{x - 3, y})
		}
		p.c.line(e.class, pixel{x, y}, pixel{x + sample, y})
		p.c.text(name-6, y+4, "ink value", "end", e.value)
		p.c.group(e.Name, "", func() {
			p.c.text(name, y+4, "ink", "start", p.ruler.fit(e.name(), textSize, nameWidth))
		})
	}
	if p.hidden > 0 {
		p.c.text(name, p.plot.bottom+4, "muted", "start", fmt.Sprintf("and %d more", p.hidden))
	}
}

// legend says what kinds of line there are.
func (p *plan) legend() {
	x := 24.0
	smoothed := "training, smoothed"
	if len(p.Train) == 0 {
		smoothed = "training"
	}
	for _, entry := range []struct {
		class, text string
		dot, shown  bool
	}{
		{"raw first", "training, each step", false, len(p.Train) > 0},
		{"main first", smoothed, false, len(p.Smoothed) > 0},
		{"main second", "validation", true, len(p.Validation) > 0},
		{"line s0", "each bucket", false, len(p.Buckets) > 0},
	} {
		if !entry.shown {
			continue
		}
		const y = 76
		p.c.line(entry.class, pixel{x, y}, pixel{x + 22, y})
		if entry.dot {
			p.c.path("second dot", string(appendDot(nil, pixel{x + 11, y})))
		}
		p.c.text(x+28, y+4, "ink", "start", entry.text)
		x += 28 + p.ruler.width(entry.text, textSize) + 18
	}
}

// rates draws the learning rate in a strip below the plot, from 0 to its largest.
func (p *plan) rates(steps []tick) {
	top := 0.0
	for _, q := range p.LearningRate {
		if p.rate.has(q.Value) {
			top = max(top, q.Value)
		}
	}
	if top == 0 {
		top = 1
	}
	p.rate = scale{lo: 0, hi: top, from: p.strip.bottom, to: p.strip.top}
	p.strip.across(&p.c, p.rate, []tick{{0, "0"}, {top, power(top)}})
	p.strip.upright(&p.c, p.x, steps)
	p.c.text(24, p.strip.top-12, "muted", "start", "learning rate")
	strokes, alone := trace(p.LearningRate, p.x, p.rate)
	p.c.path("thin", string(strokes))
	p.c.path("thin dot", string(alone))
}

// reversed gives what is listed first the last word, since what is drawn last lies on top.
func reversed(list []ending) func(yield func(int, ending) bool) {
	return func(yield func(int, ending) bool) {
		for i := len(list) - 1; i >= 0; i-- {
			if !yield(i, list[i]) {
				return
			}
		}
	}
}
