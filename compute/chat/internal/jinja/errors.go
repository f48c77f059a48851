package jinja

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a template, or with what it did. Line and Col
// count from 1; Col counts characters.
type Error struct {
	Line, Col int
	Msg       string
	Raised    bool // the template called raise_exception; Msg is what it said
}

func (e *Error) Error() string {
	if e.Raised {
		return fmt.Sprintf("template %d:%d: raised: %s", e.Line, e.Col, e.Msg)
	}
	return fmt.Sprintf("template %d:%d: %s", e.Line, e.Col, e.Msg)
}

// fail is an Error at byte offset pos of src.
func fail(src string, pos int, format string, a ...any) error {
	e := &Error{Msg: fmt.Sprintf(format, a...)}
	e.place(src, pos)
	return e
}

func (e *Error) place(src string, pos int) {
	before := src[:min(pos, len(src))]
	e.Line = 1 + strings.Count(before, "\n")
	e.Col = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

// raised is the error of raise_exception before its place is known.
type raised string

func (r raised) Error() string { return string(r) }
