//go:build unix

package tensorfile

import (
	"os"

	"golang.org/x/sys/unix"
)

func mmap(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
}

func munmap(data []byte) error { return unix.Munmap(data) }

// madvise drops errors: a kernel that will not take a hint still does the work.
func madvise(data []byte, a Advice) {
	switch a {
	case WillNeed:
		_ = unix.Madvise(data, unix.MADV_WILLNEED)
	case Sequential:
		_ = unix.Madvise(data, unix.MADV_SEQUENTIAL)
	case DontNeed:
		_ = unix.Madvise(data, unix.MADV_DONTNEED)
	}
}
