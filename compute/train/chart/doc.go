// Package chart draws what a run measured, as SVG that stands alone: no script, no font and no picture
// is fetched, and in a dark browser it is dark.
//
//	┌ title ─────────────────────────────────────┐
//	│ summary: steps, tokens, first → last       │
//	│ legend                                     │
//	│ 2.5 ┤╲                                     │
//	│ 2.0 ┤ ╲.__.--.___           ── 1.61 maths  │  labels stand beside the lines' ends,
//	│ 1.5 ┤            ‾‾--.___   ── 1.48 code   │  moved apart no more than needed
//	│     └┬─────┬─────┬─────┬─                  │
//	│ lr   │⌒‾‾--..__  │     │                   │
//	│      0    100   200   300                  │
//	└────────────────────────────────────────────┘
//
// A picture is built from parts that know nothing of what is drawn: a scale maps values to pixels and
// names ticks at 1, 2 or 5 times a power of ten; a frame draws axes and grid; a line is thinned to the
// four points a pixel column that decide how it looks; labels are spread along a margin.
//
// The same input gives the same bytes. Colours are told apart by people who do not tell red from green;
// beyond six lines dashes differ as well, and labels are in the colour of text with a sample of the line.
package chart
