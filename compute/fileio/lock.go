package fileio

import (
	"errors"
	"fmt"
	"os"
)

// ErrInUse says that another process has a lock, or this one by another opening of the file.
var ErrInUse = errors.New("another process has it")

// LockFile takes a file that is there for its lock alone, until release or the end of the process.
// Errors are those of OpenLocked. The file is made, and release removes it; what a killed process
// leaves is free.
func LockFile(path string) (release func(), err error) {
	f, err := OpenLocked(path)
	if err != nil {
		return nil, err
	}
	return func() { RemoveLocked(f, path) }, nil
}

// OpenLocked opens a file to read and write it, and makes it if it is not there, with its lock, which
// ends with Unlock, RemoveLocked or the process. If somebody has it, the error is ErrInUse. On a file
// system without locks everybody gets it.
func OpenLocked(path string) (*os.File, error) {
	const tries = 100 // more than processes that come and go in this moment
	for range tries {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		if err := Lock(f); errors.Is(err, ErrInUse) {
			return nil, errors.Join(fmt.Errorf("%s: %w", path, ErrInUse), f.Close())
		}
		if isNamed(f, path) {
			return f, nil
		}
		// Who had it has removed it in between, and another process may have made it anew.
		Unlock(f)
		_ = f.Close()
	}
	return nil, fmt.Errorf("%s: %w", path, ErrInUse)
}

// isNamed reports whether path names f.
func isNamed(f *os.File, path string) bool {
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(opened, named)
}
