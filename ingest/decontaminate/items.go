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
// ingest reads will do. Every string of a record is an item, however deep: the
// question, the answer, each choice. A file without any is an error.
func Items(ctx context.Context, name string, in ingest.Input) iter.Seq2[ngram.Item, error] {
	return func(yield func(ngram.Item, error) bool) {
		found := false
		err := eachRecord(ctx, in, func(record []byte) error {
			return eachText(record, func(text []byte) error {
				found = true
				if !yield(ngram.Item{Name: name, Text: text}, nil) {
					return errStop
				}
				return nil
			})
		})
		if err == nil && !found {
			err = errors.New("the file holds no items: no record has a text")
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(ngram.Item{}, fmt.Errorf("%s: %w", in.Name, err))
		}
	}
}

// errStop says that the consumer wants no more.
var errStop = errors.New("stop")

// eachText calls fn for the strings of a JSON value, in order, but empty ones.
func eachText(value []byte, fn func(text []byte) error) error {
	switch jsontext.KindOf(value) {
	case jsontext.String:
		if text := jsontext.AppendUnquoted(nil, value); len(text) > 0 {
			return fn(text)
		}
	case jsontext.Array:
		for _, element := range jsontext.Elements(value, nil) {
			if err := eachText(element, fn); err != nil {
				return err
			}
		}
	case jsontext.KindObject:
		for _, member := range jsontext.Members(value, nil) {
			if err := eachText(member.Value, fn); err != nil {
				return err
			}
		}
	}
	return nil
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
	return nil
}
