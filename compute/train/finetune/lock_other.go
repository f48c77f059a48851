//go:build !unix

package finetune

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// lock takes a folder for this process until the lock is closed or the process is gone: a
// file that is open cannot be removed.
func lock(dir string) (io.Closer, error) {
	path := filepath.Join(dir, LockName)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) { // another one was faster
		err = fmt.Errorf("%s: %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}
