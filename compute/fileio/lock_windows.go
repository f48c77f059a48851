package fileio

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Lock makes f this process's until Unlock or the end of the process. If somebody has it the error
// is ErrInUse; any other error says that the file system has no locks. What is locked is a byte that
// no file reaches, since locked ones cannot be read.
func Lock(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return ErrInUse
	}
	return err
}

// Unlock ends that; so does closing f.
func Unlock(f *os.File) {
	_ = windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
}

// RemoveLocked closes f and then removes it, which fails if another process has it by then: an open
// file cannot be removed.
func RemoveLocked(f *os.File, path string) {
	_ = f.Close()
	_ = os.Remove(path)
}
