package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// AtomicFile is a file being written under a temporary name beside its final
// one, so that the final name never holds half of it. End it with Commit or
// Abort; Abort after Commit does nothing.
type AtomicFile struct {
	*os.File
	path string
	done bool
}

// CreateAtomic starts writing the file that Commit will name path.
func CreateAtomic(path string) (*AtomicFile, error) {
	name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, err
	}
	return &AtomicFile{File: f, path: path}, nil
}

// Commit makes the file durable and gives it its name, replacing what had it.
// On an error nothing is left under the temporary name.
func (f *AtomicFile) Commit() error {
	if err := f.Sync(); err != nil {
		return errors.Join(err, f.Abort())
	}
	f.done = true
	err := f.Close()
	if err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, removeIfThere(f.Name()))
	}
	return nil
}

// Abort removes what was written.
func (f *AtomicFile) Abort() error {
	if f.done {
		return nil
	}
	f.done = true
	return errors.Join(f.Close(), removeIfThere(f.Name()))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// WriteFileAtomic writes data to path, whole or not at all.
func WriteFileAtomic(path string, data []byte) error {
	f, err := CreateAtomic(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		return errors.Join(err, f.Abort())
	}
	return f.Commit()
}
