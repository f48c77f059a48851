package importer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"smelt/compute/jsontext"
	"smelt/ingest"
	"smelt/ingest/container"
)

// A book is a plain text, of Project Gutenberg's or any:
//
//	Title: Moby Dick;                                       ─┐
//	       or, The Whale                                     │ its header,
//	Author: Herman Melville                                  │ of maxHeader at most
//	*** START OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***  ─┘
//	Call me Ishmael. ...
//	*** END OF THE PROJECT GUTENBERG EBOOK MOBY DICK ***
//
// The text between the marks (all of it, where there are none) is cut by package
// container into passages of whole paragraphs: most of 200 to 400 words, fewer
// only where a book ends, and a part of a paragraph only of one longer than
// that. Each two in turn are a row:
//
//	{"instruction":"Continue this passage from TITLE by AUTHOR.","input":"...","output":"...",
//	 "_title":"TITLE","_author":"AUTHOR"}
//
// What the header does not give is left out of the instruction and the row. A
// text that is not UTF-8 is skipped where it is not, and so is one of a single
// paragraph.
const maxHeader = 64 << 10

func bookFiles(ctx context.Context, paths []string) ([]*File, error) {
	var files []*File
	for _, path := range paths {
		f, err := newFile([]string{path}, func(f *File, parts []ingest.Input) (io.ReadCloser, error) {
			return openBook(ctx, f, parts[0])
		})
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func openBook(ctx context.Context, f *File, in ingest.Input) (io.ReadCloser, error) {
	// JSON lines are a file's bytes as they are, unpacked.
	text, err := openPart(ctx, in, container.JSONL)
	if err != nil {
		return nil, err
	}
	book := &bookText{part: text}
	head := make([]byte, maxHeader)
	n, err := io.ReadFull(book, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, errors.Join(err, text.Close())
	}
	if first, _, _ := bytes.Cut(head[:n], []byte{'\n'}); len(first) > 0 && first[0] == '{' && jsontext.Check(first) == nil {
		return nil, errors.Join(errNoBook, text.Close())
	}
	book.head = head[:n]
	title, author := bookHeader(head[:n])
	passages, err := container.Open(ctx, book, container.Options{Format: container.Text})
	if err != nil {
		return nil, book.worded(err)
	}
	r := &records{
		lines:   newLines(bookPassages{passages, book}),
		convert: func(dst []byte, r *record) ([]byte, string) { return bookRow(dst, r, title, author) },
	}
	return &stream{fill: r.fill, counts: counts{file: f}, closers: []io.Closer{passages}}, nil
}

// bookText gives a text again whose beginning was read, and keeps the error that
// ends it: it knows the file, which who cuts the passages does not.
type bookText struct {
	*part
	head []byte
	err  error
}

func (b *bookText) Read(p []byte) (n int, err error) {
	if len(b.head) > 0 {
		n = copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	n, err = b.part.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func (b *bookText) worded(err error) error {
	if b.err != nil {
		return b.err
	}
	return err
}

// bookPassages is the passages of a text.
type bookPassages struct {
	io.Reader
	text *bookText
}

func (b bookPassages) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.text.worded(err)
	}
	return n, err
}

var errNoBook = errors.New("this is JSON lines, and a book is plain text; store records with: smelt ingest")

func bookRow(dst []byte, r *record, title, author string) ([]byte, string) {
	passage, _ := r.text("prompt")
	continuation, _ := r.text("completion")
	instruction := "Continue this passage"
	if title != "" {
		instruction += " from " + title
	}
	if author != "" {
		instruction += " by " + author
	}
	dst = member(dst, "instruction", fullStop(instruction))
	dst = member(dst, "input", passage)
	dst = member(dst, "output", continuation)
	if title != "" {
		dst = member(dst, "_title", title)
	}
	if author != "" {
		dst = member(dst, "_author", author)
	}
	return dst, ""
}

// bookHeader finds title and author in the beginning of a text. Without a START
// mark there is no header. A value goes on in the lines after it that begin with
// white space.
func bookHeader(head []byte) (title, author string) {
	var found [2]string
	into := -1
	for len(head) > 0 {
		line, rest, _ := bytes.Cut(head, []byte{'\n'})
		head = rest
		if container.BeginsGutenberg(line) {
			return oneLine(found[0]), oneLine(found[1])
		}
		text := strings.TrimPrefix(string(line), "\ufeff")
		if into >= 0 && strings.TrimSpace(text) != "" && (text[0] == ' ' || text[0] == '\t') {
			found[into] += " " + text
			continue
		}
		into = -1
		for i, name := range []string{"Title:", "Author:"} {
			if value, ok := strings.CutPrefix(text, name); ok && found[i] == "" {
				into, found[i] = i, value
			}
		}
	}
	return "", ""
}

// oneLine is a text with single spaces for all its white space.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
