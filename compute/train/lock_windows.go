package train

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lock makes f this process's until it is closed, and reports whether no other one has it. What is
// locked is a byte that no file reaches, since locked ones cannot be read.
func lock(f *os.File) (free bool) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{OffsetHigh: 1 << 30})
	return !errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

// unlock does nothing: closing f does it.
func unlock(*os.File) {}
