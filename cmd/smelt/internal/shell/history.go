package shell

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxHistory is how many entries a History keeps.
const maxHistory = 1000

// History is what was typed before, oldest first, each text once: typing it again
// moves it to the end. It is kept in a file that only its owner may read, one
// JSON string a line, since an entry may have several lines. A line that cannot
// be read is passed over.
type History struct {
	path    string // "" keeps it in memory only
	entries []string
}

// OpenHistory reads the history from path, which need not be there yet. On an
// error the History works, but is in memory only.
func OpenHistory(path string) (*History, error) {
	h := &History{}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return h, err
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, len(data)+1)
	for lines.Scan() {
		var entry string
		if json.Unmarshal(lines.Bytes(), &entry) == nil {
			h.add(entry)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return h, err
	}
	h.path = path
	return h, h.rewrite()
}

// add puts an entry at the end and takes out its earlier self, and what is too
// much.
func (h *History) add(entry string) {
	h.entries = slices.DeleteFunc(h.entries, func(e string) bool { return e == entry })
	h.entries = append(h.entries, entry)
	h.entries = slices.Delete(h.entries, 0, max(0, len(h.entries)-maxHistory))
}

// rewrite writes the file anew, without what was typed twice or is too old.
func (h *History) rewrite() error {
	var b []byte
	for _, e := range h.entries {
		b = append(b, encodeEntry(e)...)
	}
	f, err := os.CreateTemp(filepath.Dir(h.path), ".history") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), h.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func encodeEntry(entry string) []byte {
	line, _ := json.Marshal(entry) // a string always has a JSON form
	return append(line, '\n')
}

// Write adds an entry. The file grows by a line: another shell may be writing to
// it too.
func (h *History) Write(entry string) (n int, err error) {
	h.add(entry)
	if h.path == "" {
		return len(h.entries), nil
	}
	f, err := os.OpenFile(h.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return len(h.entries), err
	}
	_, err = f.Write(encodeEntry(entry))
	return len(h.entries), errors.Join(err, f.Close())
}

// GetLine returns the entry at position i, from 0.
func (h *History) GetLine(i int) (string, error) {
	if i < 0 || i >= len(h.entries) {
		return "", fmt.Errorf("history has no entry %d", i)
	}
	return h.entries[i], nil
}

// Len is the number of entries.
func (h *History) Len() int { return len(h.entries) }

// Dump returns all entries, oldest first.
func (h *History) Dump() any { return slices.Clone(h.entries) }
