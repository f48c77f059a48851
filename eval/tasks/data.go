package tasks

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"smelt/compute/jsontext"
)

// File is a file that was read.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"` // of its bytes as they are stored, in hex
}

// ErrEmpty says that the data of a task is there and has no example of it.
var ErrEmpty = errors.New("no example of the task is in it")

// MissingError says that a task's data is not there.
type MissingError struct {
	Task   string
	File   string // the file's name, or a pattern of it
	Source string // where it comes from, or ""
}

// Error names the file and where to get it.
func (e *MissingError) Error() string {
	s := fmt.Sprintf("task %s: the data folder has no %s (nor one with .gz, .bz2 or .zst)", e.Task, e.File)
	if e.Source != "" {
		s += "; get it here: " + e.Source
	}
	return s
}

// maxFile bounds what a data file may hold once unpacked.
const maxFile = 4 << 30

// reader reads a task's splits, each once.
type reader struct {
	fsys  fs.FS
	task  *Task
	rows  map[string][]json.RawMessage
	files map[string]File
}

// read are the files read so far, by name.
func (r *reader) read() []File {
	var files []File
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		files = append(files, r.files[name])
	}
	return files
}

// split reads and prepares the rows of a split.
func (r *reader) split(split string) ([]json.RawMessage, error) {
	if rows, ok := r.rows[split]; ok {
		return rows, nil
	}
	t := r.task
	names := t.spec.DatasetKwargs.Files[split]
	if len(names) == 0 {
		return nil, fmt.Errorf("task %s: no file for the split %q: name one in dataset_kwargs.data_files", t.Name, split)
	}
	var all []json.RawMessage
	for _, pattern := range names {
		text, file, err := ReadFile(r.fsys, pattern)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &MissingError{t.Name, pattern, t.Source}
		}
		if err != nil {
			return nil, fmt.Errorf("task %s: %w", t.Name, err)
		}
		r.files[file.Name] = file
		rows, err := Rows(text)
		if err == nil {
			rows, err = t.prepare(rows)
		}
		if err != nil {
			return nil, fmt.Errorf("task %s: %s: %w", t.Name, file.Name, err)
		}
		all = append(all, rows...)
	}
	r.rows[split] = all
	return all, nil
}

// prepare keeps the rows that the task is about and makes them what its templates need.
func (t *Task) prepare(rows []json.RawMessage) ([]json.RawMessage, error) {
	var kept []json.RawMessage
	for i, row := range rows {
		ok, err := t.spec.wants(row)
		if err == nil && !ok {
			continue
		}
		if err == nil {
			row, err = preparers[t.spec.ProcessDocs](row)
		}
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", i+1, err)
		}
		if row != nil {
			kept = append(kept, row)
		}
	}
	return kept, nil
}

// wants says whether a row has the values that the task asks for.
func (s *spec) wants(row json.RawMessage) (bool, error) {
	if len(s.Where) == 0 {
		return true, nil
	}
	var fields map[string]any
	if err := json.Unmarshal(row, &fields); err != nil {
		return false, err
	}
	for name, want := range s.Where {
		if v, ok := fields[name]; !ok || fmt.Sprint(v) != want {
			return false, nil
		}
	}
	return true, nil
}

// ReadFile reads a file of the data, decompressed. name may be a pattern (fs.Glob), and the file may have .gz, .bz2 or
// .zst after it; of several that fit there is none to be preferred, which is an error. fs.ErrNotExist says that it is
// not there.
func ReadFile(data fs.FS, name string) ([]byte, File, error) {
	var found []string
	for _, end := range []string{"", ".gz", ".bz2", ".zst"} {
		names, err := fs.Glob(data, name+end)
		if err != nil {
			return nil, File{}, fmt.Errorf("the file name %q: %w", name, err)
		}
		found = append(found, names...)
	}
	switch slices.Sort(found); len(found) {
	case 0:
		return nil, File{}, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	case 1:
	default:
		return nil, File{}, fmt.Errorf("the data folder has several files for %s: %s; keep one", name, strings.Join(found, ", "))
	}
	raw, err := fs.ReadFile(data, found[0])
	if err != nil {
		return nil, File{}, err
	}
	sum := sha256.Sum256(raw)
	text, err := unpack(found[0], raw)
	if err != nil {
		return nil, File{}, fmt.Errorf("%s: %w", found[0], err)
	}
	return text, File{found[0], hex.EncodeToString(sum[:])}, nil
}

// unpack decompresses what its name says is compressed.
func unpack(name string, raw []byte) ([]byte, error) {
	var in io.Reader = bytes.NewReader(raw)
	switch path.Ext(name) {
	case ".gz":
		z, err := gzip.NewReader(in)
		if err != nil {
			return nil, err
		}
		in = z
	case ".bz2":
		in = bzip2.NewReader(in)
	case ".zst":
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		in = z
	default:
		return raw, nil
	}
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if len(text) > maxFile {
		return nil, errors.New("it is larger than 4 GiB unpacked")
	}
	return text, err
}

// Rows reads objects, one a line or all in one array.
func Rows(text []byte) ([]json.RawMessage, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var rows []json.RawMessage
	if array := bytes.TrimSpace(text); bytes.HasPrefix(array, []byte("[")) {
		if err := jsontext.Check(array); err != nil {
			return nil, err
		}
		for i, row := range jsontext.Elements(array, nil) {
			if jsontext.KindOf(row) != jsontext.KindObject {
				return nil, fmt.Errorf("row %d: it is no JSON object", i+1)
			}
			rows = append(rows, row)
		}
		return rows, nil
	}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := jsontext.Check(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if jsontext.KindOf(line) != jsontext.KindObject {
			return nil, fmt.Errorf("line %d: it is no JSON object", n)
		}
		rows = append(rows, line)
	}
	return rows, nil
}
