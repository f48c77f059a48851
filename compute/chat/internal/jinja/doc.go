// Package jinja renders the Jinja templates that models come with.
//
// It has the language of jinja2 3.1 as transformers sets it up for chat
// templates (trim_blocks, lstrip_blocks, break and continue, {% generation %},
// its tojson, raise_exception, strftime_now, an immutable sandbox), less what
// needs other templates or escaping: include, import, extends, block, autoescape.
// CompileStrict reads the templates of evaluation tasks, which keep their white
// space and may not use what is undefined.
// Values behave as Python's do, down to how they print and which operations fail.
// What differs: map, select and other generators make lists, upper and
// lower map single characters (upper of "ß" is "ß"), integers beyond int64 are
// passed through but not calculated with, and a few rare filters are absent, with
// an error that names them when they are reached.
//
// The Go library for this, gonja v2.9.1, parses 54 of 70 templates of current
// models and gives jinja2's text in 589 of 1005 renderings, hands Go values to
// templates by reflection and knows no limits; and strings that know where they
// come from (see text) could not be added from the outside.
//
//	source ── lex ──▶ tokens ── parser ──▶ tree ── renderer ──▶ builder
//	                                        Template   Values     Output
//
// # Limits
//
// Work is counted, in units of a byte of text made: an evaluation is costNode, an
// element of a list costItem, a filter as many as it reads and makes. When a fixed
// sum and a share for each byte of input are spent, rendering ends in an error.
// That bounds time to a second or two and memory to a few hundred megabytes,
// whatever the template says. Nesting of source, calls and values is bounded, too.
package jinja
