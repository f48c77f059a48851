// Package shell is smelt's interactive shell, without the terminal and without
// the store: it takes text from a Reader, cuts it into commands and statements,
// and has an Engine run them.
//
//	Reader ──line or statement──> Shell ──script──> Engine ──> store, results
//	  ▲                             │
//	  └── Completer, Highlight      └── commands: \help \d \i \o \timing \q
//
// A statement ends with a semicolon and may take many lines. A line that starts
// with a backslash, outside a statement, is a command. Errors are told and the
// shell goes on.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"smelt/query/ast"
)

// ErrInterrupt is what a Reader returns when the user gave up the text being
// typed, by Ctrl-C.
var ErrInterrupt = errors.New("interrupted")

// Reader is where the shell's text comes from.
type Reader interface {
	// Read returns the next piece of text, without the newline at its end: a
	// line, or several that the user typed as one. pending says that it carries
	// on a statement. It returns io.EOF when there is no more, and ErrInterrupt
	// to throw away what is pending.
	Read(pending bool) (string, error)
}

// Script is text of statements to run.
type Script struct {
	Line int // of the text's first line in all that was read, from 1
	Text string
}

// Engine runs what was typed, and prints results.
type Engine interface {
	// Run runs the statements of a script, up to the first error.
	Run(ctx context.Context, s Script) error
	// RunFile runs the statements of a file, up to the first error.
	RunFile(ctx context.Context, path string) error
	// Redirect sends the results that follow to a file, or for "" back to where
	// they went first; a file is complete once results go elsewhere.
	Redirect(path string) error
	// SetTiming says whether to print how long each statement took.
	SetTiming(on bool) error
	// Say prints text for the user.
	Say(text string) error
	// Fail prints an error.
	Fail(err error)
}

// Shell is a shell over a store.
type Shell struct {
	Reader Reader
	Engine Engine
	// Interrupts, if set, brings the user's wish to stop the statement that
	// runs. One that comes between statements is lost, as it should be.
	Interrupts <-chan os.Signal

	timing bool
	failed bool
}

// Run reads and runs until the text or ctx ends, or the user quits. It returns
// whether all went well. When ctx ends, the Reader may still be waiting for text.
func (s *Shell) Run(ctx context.Context) (ok bool, err error) {
	var typed pending
	line := 1
	for ctx.Err() == nil {
		text, err := ReadContext(ctx, s.Reader, typed.any())
		if ctx.Err() != nil {
			break
		}
		if errors.Is(err, ErrInterrupt) {
			typed.take()
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		if err != nil { // the last statement may lack its semicolon
			s.statements(ctx, typed.take())
			break
		}
		finished := typed.add(text, line)
		line += 1 + strings.Count(text, "\n")
		if finished && s.finished(ctx, typed.take()) {
			break
		}
	}
	// Whatever happened before, what results were sent to is finished.
	s.check(s.Engine.Redirect(""))
	return !s.failed, nil
}

// pending is text that is not Finished, as lines come. The zero pending is none.
type pending struct {
	line   int // of the first
	lines  []string
	ending ast.Ending
}

// any reports whether there is text.
func (p *pending) any() bool { return len(p.lines) > 0 }

// add adds text that stands on a line, and reports whether all is Finished now.
func (p *pending) add(text string, line int) bool {
	first := !p.any()
	if first {
		p.line = line
	}
	p.lines = append(p.lines, text)
	p.ending.Add(text)
	return p.ending.Complete() || first && Finished(text)
}

// take returns the text, and leaves none.
func (p *pending) take() Script {
	text := Script{p.line, strings.Join(p.lines, "\n")}
	*p = pending{}
	return text
}

// ReadContext is the reader's Read, but does not wait for it when ctx ends. What is
// typed after that is lost.
func ReadContext(ctx context.Context, r Reader, pending bool) (string, error) {
	type piece struct {
		text string
		err  error
	}
	read := make(chan piece, 1)
	go func() {
		text, err := r.Read(pending)
		read <- piece{text, err}
	}()
	select {
	case p := <-read:
		return p.text, p.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// Finished reports whether text is all of a command or of a statement, so that
// Enter runs it rather than starting a new line.
func Finished(text string) bool {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || ast.Complete(text) {
		return true
	}
	_, isCommand := parseCommand(trimmed)
	return isCommand
}

// finished runs what Finished, and reports whether the user quits.
func (s *Shell) finished(ctx context.Context, text Script) (quit bool) {
	if c, isCommand := parseCommand(strings.TrimSpace(text.Text)); isCommand {
		return s.command(ctx, c, text.Line)
	}
	s.statements(ctx, text)
	return false
}

func (s *Shell) statements(ctx context.Context, text Script) {
	if strings.TrimSpace(text.Text) != "" {
		s.interruptible(ctx, func(ctx context.Context) error { return s.Engine.Run(ctx, text) })
	}
}

// interruptible runs fn with a context that an interrupt cancels.
func (s *Shell) interruptible(ctx context.Context, fn func(context.Context) error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	watched := make(chan struct{})
	select { // one from before is no wish to stop this
	case <-s.Interrupts:
	default:
	}
	go func() {
		defer close(watched)
		select {
		case <-s.Interrupts:
			cancel()
		case <-done:
		}
	}()
	err := fn(ctx)
	close(done)
	<-watched
	cancel()
	s.check(err)
}

// check prints an error, if there is one.
func (s *Shell) check(err error) {
	if err != nil {
		s.failed = true
		s.Engine.Fail(err)
	}
}

func (s *Shell) say(format string, args ...any) {
	s.check(s.Engine.Say(fmt.Sprintf(format, args...)))
}
