package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// canvas is an SVG document being written. Classes are those of the style sheet.
type canvas struct {
	b bytes.Buffer
}

// number writes a coordinate to a tenth of a pixel.
func number(v float64) string {
	return string(appendNumber(nil, v))
}

func appendNumber(b []byte, v float64) []byte {
	v = max(min(math.Round(v*10)/10, 99999), -99999) // beyond is not seen
	return strconv.AppendFloat(b, v+0, 'f', -1, 64)  // +0 makes -0 0
}

func appendPair(b []byte, p pixel) []byte {
	return appendNumber(append(appendNumber(b, p.x), ' '), p.y)
}

// escape makes a text fit for XML: what XML has no form for becomes U+FFFD.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

func (c *canvas) open(width, height float64, title, description string) {
	fmt.Fprintf(&c.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="title desc">
<title id="title">%[3]s</title>
<desc id="desc">%[4]s</desc>
<style>
%[5]s</style>
<rect class="paper" width="%[1]s" height="%[2]s"/>
`, number(width), number(height), escape(title), escape(description), styleSheet())
}

func (c *canvas) close() { c.b.WriteString("</svg>\n") }

// text writes at a place, which is on the base line at the start, middle or end of the text.
func (c *canvas) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(&c.b, `<text class="%s" x="%s" y="%s"`, class, number(x), number(y))
	if anchor != "start" {
		fmt.Fprintf(&c.b, ` text-anchor="%s"`, anchor)
	}
	fmt.Fprintf(&c.b, ">%s</text>\n", escape(s))
}

func (c *canvas) path(class, d string) {
	if d != "" {
		fmt.Fprintf(&c.b, "<path class=\"%s\" d=\"%s\"/>\n", class, d)
	}
}

func (c *canvas) line(class string, a, b pixel) {
	c.path(class, string(appendPair(append(appendPair([]byte{'M'}, a), 'L'), b)))
}

// group writes what draw draws as one thing with a tooltip, cut off at clip if that is not empty.
func (c *canvas) group(tooltip, clip string, draw func()) {
	c.b.WriteString("<g")
	if clip != "" {
		fmt.Fprintf(&c.b, ` clip-path="url(#%s)"`, clip)
	}
	c.b.WriteString(">\n")
	if tooltip != "" {
		fmt.Fprintf(&c.b, "<title>%s</title>\n", escape(tooltip))
	}
	draw()
	c.b.WriteString("</g>\n")
}

// clip names a rectangle for group.
func (c *canvas) clip(name string, f frame) {
	fmt.Fprintf(&c.b, "<clipPath id=\"%s\"><rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"/></clipPath>\n",
		name, number(f.left), number(f.top), number(f.right-f.left), number(f.bottom-f.top))
}
