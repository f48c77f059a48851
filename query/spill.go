package query

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// spillFile is a temporary file, appended to and read back.
type spillFile struct {
	f    *os.File
	w    *bufio.Writer
	size int64
}

func newSpillFile(dir string) (*spillFile, error) {
	f, err := os.CreateTemp(dir, ".spill-*")
	if err != nil {
		return nil, spillError(err)
	}
	// Where the system allows it the file has no name from here on, so that
	// nothing is left of it however the process ends.
	_ = os.Remove(f.Name())
	return &spillFile{f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (s *spillFile) append(b []byte) (offset int64, err error) {
	offset = s.size
	_, err = s.w.Write(b)
	s.size += int64(len(b))
	return offset, spillError(err)
}

func (s *spillFile) readAt(b []byte, offset int64) error {
	if err := s.w.Flush(); err != nil {
		return spillError(err)
	}
	_, err := s.f.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return spillError(err)
}

func (s *spillFile) Close() error {
	err := s.f.Close()
	if rm := os.Remove(s.f.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	return spillError(err)
}

// spillError names what failed in place of a file that nobody can see.
func spillError(err error) error {
	if err == nil {
		return nil
	}
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("temporary file in the store: %w", err)
}
