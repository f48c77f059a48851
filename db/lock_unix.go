//go:build unix

package db

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// whileUnused calls fn while no process has Badger's files in dir open; it
// returns ErrInUse if one has. It takes the lock that Badger itself takes.
func whileUnused(dir string, fn func() error) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close() // which unlocks
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		return ErrInUse
	} else if err != nil {
		return err
	}
	return fn()
}
