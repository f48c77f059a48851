package decontaminate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"smelt/compute/jsontext"
	"smelt/compute/text/ngram"
	"smelt/ingest"
	"smelt/ingest/container"
)

// Items yields the evaluation items of a file under a name. Any file that
// ingest reads will do. Of a record of a known shape each text is an item (the
// question, the answer); of another, each text at its top level.
func Items(ctx context.Context, name string, in ingest.Input) iter.Seq2[ngram.Item, error] {
	return func(yield func(ngram.Item, error) bool) {
		err := eachRecord(ctx, in, func(record []byte) error {
			for _, text := range texts(record) {
				if text != "" && !yield(ngram.Item{Name: name, Text: []byte(text)}, nil) {
					return errStop
				}
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(ngram.Item{}, fmt.Errorf("%s: %w", in.Name, err))
		}
	}
}

// errStop says that the consumer wants no more.
var errStop = errors.New("stop")

// texts lists what a record says.
func texts(record []byte) []string {
	if c, _, err := ingest.Normalise(record); err == nil {
		out := []string{c.Instruction, c.Input, c.Output}
		for _, t := range c.Turns {
			out = append(out, t.Content)
		}
		return out
	}
	var out []string
	for _, f := range jsontext.Members(record, nil) {
		if f.Kind == jsontext.String {
			out = append(out, string(jsontext.AppendUnquoted(nil, f.Value)))
		}
	}
	return out
}

// maxItem is the longest record of an evaluation.
const maxItem = 64 << 20

// eachRecord calls fn for every record of a file; a line that is not a JSON
// object is an error, because items that are passed over would be missed.
func eachRecord(ctx context.Context, in ingest.Input, fn func(record []byte) error) (err error) {
	file, err := in.Open()
	if err != nil {
		return err
	}
	r, err := container.Open(ctx, file, container.Options{Name: in.Name})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<20), maxItem)
	number := 0
	for lines.Scan() {
		number++
		if err := ctx.Err(); err != nil {
			return err
		}
		line := bytes.TrimSpace(lines.Bytes())
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if _, reason, refused := container.Refusal(line); refused {
			return fmt.Errorf("record %d: %s", number, reason)
		}
		if len(line) == 0 {
			continue
		}
		if _, err := jsontext.Object(line, nil); err != nil {
			return fmt.Errorf("record %d: %w", number, err)
		}
		if err := fn(line); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if number == 0 {
		return errors.New("the file holds no items")
	}
	return nil
}
