package main

import (
	"errors"
	"fmt"

	"smelt/query/ast"
)

// script is text of statements, and where it stands.
type script struct {
	name string // of the file; "" for what was typed, which needs no telling
	line int    // of the file on which the text starts, from 1
	text string
}

// each calls run for every statement of the script, in order, with its text. It
// stops at the first error, which says where in the file it is; a mistake in the
// grammar is found before any statement is run.
func (s script) each(run func(src string, st ast.Statement) error) error {
	statements, err := ast.ParseAll(s.text)
	if err != nil {
		return s.locate(err, ast.Span{End: len(s.text)})
	}
	for _, st := range statements {
		span := st.Pos()
		if err := run(s.text[span.Start:span.End], st); err != nil {
			return s.locate(err, span)
		}
	}
	return nil
}

// locate says where an error of the statement at span is. If it is about words
// of the statement, it becomes one about these words of the script.
func (s script) locate(err error, span ast.Span) error {
	at := span.Start
	var words *ast.Error
	if errors.As(err, &words) {
		moved := *words
		moved.Source = s.text
		moved.Start += span.Start
		moved.End += span.Start
		at, err = moved.Start, &moved
	}
	if s.name == "" {
		return err
	}
	line, column := ast.NewError(s.text, ast.Span{Start: at, End: at}, "", "").Position()
	return &placedError{s.name, s.line + line - 1, column, err}
}

// placedError is an error in a statement of a file. Lines and columns count
// from 1, columns in characters.
type placedError struct {
	name         string
	line, column int
	err          error
}

func (e *placedError) Error() string { return e.place() + ": " + e.err.Error() }

func (e *placedError) Unwrap() error { return e.err }

func (e *placedError) place() string { return fmt.Sprintf("%s:%d:%d", e.name, e.line, e.column) }

// positionText is how the detail of an error in the words begins.
func positionText(e *ast.Error) string {
	line, column := e.Position()
	return fmt.Sprintf("line %d, column %d: ", line, column)
}
