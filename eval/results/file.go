package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"smelt/compute/fileio"
)

// FileName is what a file of results is called in the folder of an evaluation.
const FileName = "results.json"

// ErrFormat says that a file of results has a form that this program does not know.
var ErrFormat = errors.New("results of another format")

// Write writes r to a file, which is whole when it gets its name. One process writes a path
// at a time. The same results give the same bytes. Results that Read would refuse are an
// error.
func Write(path string, r *Results) error {
	if err := r.Check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	text, err := r.text()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return fileio.WriteAtomic(path, text)
}

// text is the file of r.
func (r *Results) text() ([]byte, error) {
	var compact bytes.Buffer
	e := json.NewEncoder(&compact)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, err
	}
	return append(layOut(bytes.TrimSpace(compact.Bytes())), '\n'), nil
}

// lines is how deep the file is laid out in lines.
const lines = 4

// layOut breaks compact JSON into indented lines down to a depth; what is deeper stays in
// one line.
func layOut(compact []byte) []byte {
	out := make([]byte, 0, len(compact)+len(compact)/16)
	newline := func(depth int) {
		out = append(out, '\n')
		for range depth {
			out = append(out, "  "...)
		}
	}
	depth, quoted := 0, false
	for i := 0; i < len(compact); i++ {
		c := compact[i]
		switch {
		case quoted:
			out = append(out, c)
			if c == '\\' {
				i++
				out = append(out, compact[i])
			}
			quoted = c != '"'
		case c == '{' || c == '[':
			out = append(out, c)
			if closing := compact[i+1]; closing == '}' || closing == ']' {
				out = append(out, closing)
				i++
				continue
			}
			if depth++; depth <= lines {
				newline(depth)
			}
		case c == '}' || c == ']':
			if depth--; depth < lines {
				newline(depth)
			}
			out = append(out, c)
		case c == ',':
			out = append(out, c)
			if depth <= lines {
				newline(depth)
			}
		case c == ':':
			out = append(out, c)
			if depth <= lines {
				out = append(out, ' ')
			}
		default:
			out = append(out, c)
			quoted = c == '"'
		}
	}
	return out
}

// Read reads a file of results, or that of a folder. A file of another format is ErrFormat.
// What it returns has passed Check.
func Read(path string) (*Results, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, FileName)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// parse reads the text of a file.
func parse(text []byte) (*Results, error) {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("no results of an evaluation: %w", err)
	}
	switch {
	case head.Format == nil:
		return nil, fmt.Errorf("%w: the file does not say which; give a %s that an evaluation wrote", ErrFormat, FileName)
	case *head.Format > Format:
		return nil, fmt.Errorf("%w: the file has %d, this program knows %d; use the program that wrote it, or a newer one", ErrFormat, *head.Format, Format)
	case *head.Format != Format:
		return nil, fmt.Errorf("%w: the file has %d, this program knows %d; evaluate again", ErrFormat, *head.Format, Format)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	r := &Results{}
	if err := d.Decode(r); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	r.SetIntervals() // a file may be older than they are
	return r, nil
}
