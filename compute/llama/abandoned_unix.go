//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package llama

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// holdRoom takes the lock of a room, or says that another process has it.
func holdRoom(room string) (letGo func(), err error) {
	f, err := os.OpenFile(filepath.Join(room, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}
