package scan

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A page that may be used between two that may not: a read or write before the
// beginning or after the end of a slice laid against either ends the test.
func TestNothingOutsideIsTouched(t *testing.T) {
	size := os.Getpagesize()
	guarded := func() []byte {
		pages, err := unix.Mmap(-1, 0, 3*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, unix.Munmap(pages)) })
		require.NoError(t, unix.Mprotect(pages[:size], unix.PROT_NONE))
		require.NoError(t, unix.Mprotect(pages[2*size:], unix.PROT_NONE))
		return pages[size : 2*size]
	}
	text, room := guarded(), guarded()
	inEachTier(t, func(t *testing.T) {
		for _, content := range []string{"a", "é", `\n`, `\\`, `a\`, "\xf0\x9f\x98\x80"} {
			for n := range 257 {
				for _, src := range [][]byte{text[:n], text[size-n:]} {
					for i := range src {
						src[i] = content[i%len(content)]
					}
					wantN, wantMarks := plainStringEnd(src)
					gotN, gotMarks := StringEnd(src)
					require.Equal(t, wantN, gotN)
					require.Equal(t, wantMarks, gotMarks)
					require.Equal(t, plainSeparator(src), IndexSeparator(src))
					ValidUTF8(src)
					want, wantRead := plainUnescape(src)
					for _, dst := range [][]byte{room[:n], room[size-n:]} {
						written, read := Unescape(dst, src)
						require.Equal(t, wantRead, read)
						require.Equal(t, string(want), string(dst[:written]))
					}
				}
			}
		}
	})
}
