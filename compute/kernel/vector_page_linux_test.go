package kernel

import (
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pages returns numbers that fill the memory between two pages nobody may touch: a
// read or write before the first or after the last of them ends the test.
func pages(t *testing.T) []float32 {
	t.Helper()
	const inside = 2
	size := os.Getpagesize()
	all, err := unix.Mmap(-1, 0, (inside+2)*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(all)) })
	require.NoError(t, unix.Mprotect(all[:size], unix.PROT_NONE))
	require.NoError(t, unix.Mprotect(all[(inside+1)*size:], unix.PROT_NONE))
	return unsafe.Slice((*float32)(unsafe.Pointer(&all[size])), inside*size/4)
}

func TestNothingOutsideIsTouched(t *testing.T) {
	rooms := make([][]float32, 6)
	for i := range rooms {
		rooms[i] = pages(t)
	}
	words := unsafe.Slice((*uint16)(unsafe.Pointer(&rooms[0][0])), 2*len(rooms[0]))
	vectorTiers(t, func(t *testing.T) {
		for n := range 135 {
			for _, op := range vectorOps {
				for _, end := range []bool{false, true} {
					var a [][]float32
					for i, length := range op.lengths(n) {
						part := rooms[i][:length:length]
						if end {
							part = rooms[i][len(rooms[i])-length:]
						}
						a = append(a, part)
					}
					op.run(a)
				}
			}
			for _, f := range formats {
				f.to(words[:n], rooms[1][:n])
				f.from(rooms[1][:n], words[:n])
				f.to(words[len(words)-n:], rooms[1][len(rooms[1])-n:])
				f.from(rooms[1][len(rooms[1])-n:], words[len(words)-n:])
			}
		}
	})
}
