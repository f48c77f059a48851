package query

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"smelt/compute/jsontext"
	"smelt/db"
)

// ErrOutputExists says that a file to be written is there already.
var ErrOutputExists = errors.New("already exists")

// Written says what WriteFile wrote. It is part of the manifest.
type Written struct {
	File     string `json:"file"` // base name
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
	SHA256   string `json:"sha256"`
	Manifest string `json:"-"` // path of the manifest
}

// ManifestPath is where the manifest of a sample written to path goes.
func ManifestPath(path string) string { return path + ".manifest.json" }

// CheckOutput refuses a path that exists, or whose manifest does, unless force
// is set: so that a long draw does not end in a refusal. It wraps
// ErrOutputExists. A directory is refused even then.
func CheckOutput(path string, force bool) error {
	for _, p := range []string{path, ManifestPath(path)} {
		info, err := os.Lstat(p)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case info.IsDir():
			return fmt.Errorf("%s %w, as a directory; give the name of a file", p, ErrOutputExists)
		case !force:
			return fmt.Errorf("%s %w; give another name, or --force to replace it", p, ErrOutputExists)
		}
	}
	return nil
}

// Format is how rows are written.
type Format uint8

const (
	// JSONL is one JSON object a line.
	JSONL Format = iota
	// CSV has a header of every field that any row has (RFC 4180). Text stands
	// as it is, other values as JSON; what a row lacks is empty.
	CSV
)

// WriteOptions of Write and WriteFile.
type WriteOptions struct {
	Format Format
	Force  bool // WriteFile: replace what is there
	// Progress, if set, is told the number of rows written every 1,000 and at
	// the end.
	Progress func(rows int64)
}

// Write writes the rows to w and returns their number and the bytes written.
func (s *Sample) Write(ctx context.Context, w io.Writer, opt WriteOptions) (rows, size int64, err error) {
	out := &countingWriter{w: w}
	buf := bufio.NewWriterSize(out, 256<<10)
	write := writeLine(buf)
	if opt.Format == CSV {
		if write, err = s.writeCSV(ctx, buf); err != nil {
			return 0, 0, err
		}
	}
	for record, err := range s.Rows(ctx) {
		if err == nil {
			err = write(record)
		}
		if err != nil {
			return rows, out.size, err
		}
		if rows++; opt.Progress != nil && rows%1000 == 0 {
			opt.Progress(rows)
		}
	}
	if opt.Progress != nil {
		opt.Progress(rows)
	}
	err = buf.Flush()
	return rows, out.size, err
}

type countingWriter struct {
	w    io.Writer
	size int64
}

func (c *countingWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.size += int64(n)
	return n, err
}

func writeLine(w *bufio.Writer) func(record []byte) error {
	return func(record []byte) error {
		// A bufio.Writer keeps its first error and returns it from then on.
		_, _ = w.Write(record)
		return w.WriteByte('\n')
	}
}

// writeCSV writes the header, for which it reads every row once, and returns
// what writes a row.
func (s *Sample) writeCSV(ctx context.Context, w io.Writer) (func(record []byte) error, error) {
	column := map[string]int{}
	var header []string
	var fields []jsontext.Field
	for record, err := range s.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		fields = jsontext.Members(record, fields[:0])
		for _, f := range fields {
			if _, known := column[string(f.Key)]; !known {
				column[string(f.Key)] = len(header)
				header = append(header, string(f.Key))
			}
		}
	}
	out := csv.NewWriter(w)
	if len(header) > 0 {
		if err := out.Write(header); err != nil {
			return nil, err
		}
		out.Flush()
	}
	cells := make([]string, len(header))
	return func(record []byte) error {
		clear(cells)
		fields = jsontext.Members(record, fields[:0])
		for _, f := range fields {
			text := string(f.Value)
			if f.Kind == jsontext.String {
				text = string(jsontext.AppendUnquoted(nil, f.Value))
			}
			cells[column[string(f.Key)]] = text
		}
		if len(cells) == 1 && cells[0] == "" {
			// Unquoted it is a blank line, which readers of CSV skip.
			_, err := io.WriteString(w, "\"\"\n")
			return err
		}
		// Flushed row by row, so that a failure stops the reading of rows.
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}, nil
}

// WriteFile writes the rows to path and the manifest beside it. Both
// are complete when they appear under their names; on any error, cancelling
// included, neither is changed and no temporary file is left.
func (s *Sample) WriteFile(ctx context.Context, path string, opt WriteOptions) (w Written, err error) {
	if err := CheckOutput(path, opt.Force); err != nil {
		return w, err
	}
	f, err := db.CreateAtomic(path)
	if err != nil {
		return w, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Abort())
		}
	}()
	sum := sha256.New()
	rows, size, err := s.Write(ctx, io.MultiWriter(f, sum), opt)
	if err == nil {
		err = f.Sync() // a full disk shows here at the latest
	}
	if err != nil {
		return w, err
	}
	w = Written{filepath.Base(path), rows, size, hex.EncodeToString(sum.Sum(nil)), ManifestPath(path)}
	manifest, err := s.manifest(w)
	if err != nil {
		return w, err
	}
	// The manifest first: a file under its final name always has one.
	if err := db.WriteFileAtomic(w.Manifest, manifest); err != nil {
		return w, err
	}
	return w, f.Commit()
}

// manifest is the report, and what was written, as JSON for people: a < in the
// statement stays one.
func (s *Sample) manifest(w Written) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(struct {
		Output Written `json:"output"`
		Report
	}{w, s.Report})
	return text.Bytes(), err
}
