//go:build unix

package fileio

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Lock makes f this process's until Unlock or the end of the process. If somebody has it the error
// is ErrInUse; any other error says that the file system has no locks. Who does not ask for the lock
// can read and write as ever.
func Lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	}
	return err
}

// Unlock ends that before f is closed, as a child that was just forked has f too until it runs
// its own program.
func Unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// RemoveLocked removes f, and then lets go of it: later it could be another process's.
func RemoveLocked(f *os.File, path string) {
	_ = os.Remove(path)
	Unlock(f)
	_ = f.Close()
}
