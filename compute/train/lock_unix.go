//go:build unix

package train

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock makes f this process's until unlock, and reports whether no other one has it. A file
// system without locks takes none.
func lock(f *os.File) (free bool) {
	return !errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// unlock ends that before f is closed, as a child that was just forked has f too until it runs
// its own program.
func unlock(f *os.File) { _ = unix.Flock(int(f.Fd()), unix.LOCK_UN) }
