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

// CheckOutput is CheckFile for a path and for its manifest, so that a long draw
// does not end in a refusal.
func (q *Query) CheckOutput(path string, force bool) (string, error) {
	path, _, err := checkOutput(path, q.db.Dir(), force)
	return path, err
}

func checkOutput(path, store string, force bool) (file, manifest string, err error) {
	if file, err = CheckFile(path, store, force); err == nil {
		manifest, err = CheckFile(ManifestPath(file), store, force)
	}
	return file, manifest, err
}

// CheckFile refuses a path that exists, unless force is set; that error wraps
// ErrOutputExists. Whatever force says, it refuses what is no regular file, what
// lies in the directory store or in another store, and a directory that is not there. It returns the
// file to write: path, or for a symbolic link what it stands for, so that this
// is replaced and not the link.
func CheckFile(path, store string, force bool) (string, error) {
	info, err := os.Stat(path)
	exists := err == nil
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("%s is a link to a file that is not there; give that file's name", path)
		}
	case err != nil:
		return "", err
	case info.IsDir():
		return "", fmt.Errorf("%s %w, as a directory; give the name of a file", path, ErrOutputExists)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file; write to standard output and redirect instead", path)
	}
	file := path
	if link, err := os.Lstat(path); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if file, err = filepath.EvalSymlinks(path); err != nil {
			return "", err
		}
	}
	if err := checkFolder(file, store); err != nil {
		return "", err
	}
	if exists && !force {
		return "", fmt.Errorf("%s %w; give another name, or --force to replace it", path, ErrOutputExists)
	}
	return file, nil
}

// checkFolder refuses a path whose directory is not there, or is the store's or
// another's or below one.
func checkFolder(path, store string) error {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s cannot be written: there is no directory %s; make it first", path, dir)
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s cannot be written: %s is not a directory", path, dir)
	}
	inside, err := os.Stat(store)
	if err != nil {
		return err
	}
	for {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, inside) {
			return inStore(path, store)
		}
		if db.IsStore(dir) {
			return inStore(path, dir)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}

func inStore(path, store string) error {
	return fmt.Errorf("%s lies in the store %s, which holds nothing but its own files; write elsewhere", path, store)
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
	// Progress, if set, is told of the steps done and their total, every 1,000
	// and at the end; done only grows. Each row is two steps, as it is gathered
	// from the store and as it is written. CSV takes twice as many, because its
	// header is made of all rows.
	Progress func(done, total int64)
}

// steps counts for WriteOptions.Progress.
type steps struct {
	done, total int64
	tell        func(done, total int64)
}

func (s *steps) step() {
	s.done++
	if s.tell != nil && (s.done%1000 == 0 || s.done == s.total) {
		s.tell(s.done, s.total)
	}
}

// Write writes the rows to w and returns their number and the bytes written.
func (s *Sample) Write(ctx context.Context, w io.Writer, opt WriteOptions) (rows, size int64, err error) {
	out := &countingWriter{w: w}
	buf := bufio.NewWriterSize(out, 256<<10)
	write := writeLine(buf)
	count := &steps{total: 2 * int64(len(s.picks)), tell: opt.Progress}
	if opt.Format == CSV {
		count.total *= 2
		if write, err = s.writeCSV(ctx, buf, count); err != nil {
			return 0, 0, err
		}
	}
	for record, err := range s.rows(ctx, len(s.picks), windowBytes, count.step) {
		if err == nil {
			err = write(record)
		}
		if err != nil {
			return rows, out.size, err
		}
		rows++
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
func (s *Sample) writeCSV(ctx context.Context, w io.Writer, count *steps) (func(record []byte) error, error) {
	column := map[string]int{}
	var header []string
	var fields []jsontext.Field
	for record, err := range s.rows(ctx, len(s.picks), windowBytes, count.step) {
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

// WriteFile writes the rows to path and the manifest beside it, and then keeps
// the sample if its statement says so. What path may be is CheckOutput's to say.
// Both files are complete when they appear under their names; on any error,
// cancelling included, neither is changed and no temporary file is left, unless
// the error says that only keeping failed.
func (s *Sample) WriteFile(ctx context.Context, path string, opt WriteOptions) (w Written, err error) {
	path, manifestPath, err := checkOutput(path, s.db.Dir(), opt.Force)
	if err != nil {
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
	w = Written{filepath.Base(path), rows, size, hex.EncodeToString(sum.Sum(nil)), manifestPath}
	manifest, err := s.manifest(w)
	if err != nil {
		return w, err
	}
	// The manifest first: a file under its final name always has one.
	if err := db.WriteFileAtomic(w.Manifest, manifest); err != nil {
		return w, err
	}
	if err := f.Commit(); err != nil {
		return w, err
	}
	if err := s.Keep(ctx); err != nil {
		return w, fmt.Errorf("%s is written, but the sample is not kept: %w", path, err)
	}
	return w, nil
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
