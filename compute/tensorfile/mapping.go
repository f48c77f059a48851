package tensorfile

import (
	"fmt"
	"math"
	"os"
)

// Advice is what a caller is about to do with mapped pages.
type Advice uint8

// The kinds of advice. On Windows they do nothing.
const (
	WillNeed   Advice = iota // will be read soon: begin to read the file
	Sequential               // will be read from beginning to end
	DontNeed                 // will not be read again soon: take the pages out of the process
)

// mapping is a file in memory, read-only. The system's calls are used as they are, by way of
// golang.org/x/sys, which the project has anyway: they are few lines, and the packages that wrap them
// give no advice to the kernel.
type mapping struct {
	path string
	data []byte // nil once closed
}

// mapFile maps the whole file; the file itself need not stay open.
func mapFile(path string) (*mapping, error) {
	if _, err := statRegular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	switch {
	case size == 0: // which no system maps
		return nil, malformed(path, "header", 0, "the file is empty")
	case size > math.MaxInt:
		return nil, fmt.Errorf("%s: %d bytes are more than this machine can address", path, size)
	}
	data, err := mmap(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("%s: mapping into memory: %w", path, err)
	}
	return &mapping{path: path, data: data}, nil
}

// statRegular is os.Stat for a file that can be opened without waiting for its other end, as a pipe
// cannot.
func statRegular(path string) (os.FileInfo, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", path)
	}
	return info, err
}

func (m *mapping) close() error {
	data := m.data
	m.data = nil
	if data == nil {
		return nil
	}
	if err := munmap(data); err != nil {
		return fmt.Errorf("%s: %w", m.path, err)
	}
	return nil
}

// advise advises on the pages that have the bytes from lo to hi.
func (m *mapping) advise(lo, hi int, a Advice) {
	if m.data == nil || lo == hi {
		return
	}
	lo -= lo % os.Getpagesize()
	madvise(m.data[lo:hi], a)
}
