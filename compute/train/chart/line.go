package chart

import "math"

// Point is a value at a training step. A value that is not finite is a gap.
type Point struct {
	Step  int64
	Value float64
}

// pixel is a place in the picture.
type pixel struct{ x, y float64 }

// column is the points of a line that fall into one column of pixels: of these the first, the lowest, the
// highest and the last decide what is seen (Jugel et al. 2014, "M4: a visualization-oriented time series
// data aggregation").
type column struct {
	at     float64
	broken bool // a gap comes before it
	points [4]pixel
	index  [4]int // of the points: first, lowest, highest, last
}

// trace returns the paths of a line: strokes, and the points that stand alone. They have at most four
// points a column of pixels, however many there are. A gap within a column is not seen. Points must be
// in the order of their steps.
func trace(points []Point, x, y scale) (strokes, alone []byte) {
	var c column
	open := false // c holds points
	gap := true
	var run []pixel
	end := func() {
		strokes, alone = appendRun(strokes, alone, run)
		run = run[:0]
	}
	flush := func() {
		if !open {
			return
		}
		if c.broken {
			end()
		}
		run = c.appendTo(run)
		open = false
	}
	for i, p := range points {
		if !y.has(p.Value) {
			gap = true
			continue
		}
		at := pixel{x.at(float64(p.Step)), y.at(p.Value)}
		if n := math.Floor(at.x); !open || n != c.at {
			flush()
			c = column{at: n, broken: gap, points: [4]pixel{at, at, at, at}, index: [4]int{i, i, i, i}}
			open = true
		}
		gap = false
		if at.y > c.points[1].y {
			c.points[1], c.index[1] = at, i
		}
		if at.y < c.points[2].y {
			c.points[2], c.index[2] = at, i
		}
		c.points[3], c.index[3] = at, i
	}
	flush()
	end()
	return strokes, alone
}

// appendTo appends the points that decide, each once, in their order.
func (c *column) appendTo(run []pixel) []pixel {
	a, b := 1, 2
	if c.index[a] > c.index[b] {
		a, b = b, a
	}
	last := -1
	for _, k := range []int{0, a, b, 3} {
		if c.index[k] != last {
			run = append(run, c.points[k])
			last = c.index[k]
		}
	}
	return run
}

func appendRun(strokes, alone []byte, run []pixel) ([]byte, []byte) {
	if len(run) == 1 {
		return strokes, appendDot(alone, run[0])
	}
	for i, p := range run {
		command := byte('L')
		if i == 0 {
			command = 'M'
		}
		strokes = appendPair(append(strokes, command), p)
	}
	return strokes, alone
}

// appendDot appends a stroke that round ends make a dot.
func appendDot(path []byte, p pixel) []byte {
	return append(appendPair(append(path, 'M'), p), "h.01"...)
}

// smooth returns an exponential moving average of the values whose weights add up to those of window
// points, corrected for its start as Adam's are (Kingma & Ba 2014, section 3). Gaps stay gaps.
func smooth(points []Point, window int) []Point {
	keep := 1 - 2/(float64(window)+1)
	mean, weight := 0.0, 0.0
	out := make([]Point, len(points))
	for i, p := range points {
		out[i] = p
		if math.IsNaN(p.Value) || math.IsInf(p.Value, 0) {
			continue
		}
		mean = float64(keep*mean) + float64((1-keep)*p.Value)
		weight = float64(keep*weight) + (1 - keep)
		out[i].Value = mean / weight
	}
	return out
}
