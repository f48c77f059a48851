package scan

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// The definitions, a byte at a time, from which every tier is tested.

func plainStringEnd(src []byte) (n int, marks Marks) {
	for n < len(src) {
		switch c := src[n]; {
		case c < ' ' || c == '"':
			return n, marks
		case c == '\\':
			if n+1 == len(src) || !bytes.ContainsRune([]byte(`"\/bfnrt`), rune(src[n+1])) {
				return n, marks
			}
			marks |= Escape
			n++
		case c >= 0x80:
			marks |= NonASCII
		}
		n++
	}
	return n, marks
}

func plainUnescape(src []byte) (dst []byte, read int) {
	values := map[byte]byte{'"': '"', '\\': '\\', '/': '/', 'b': 8, 'f': 12, 'n': 10, 'r': 13, 't': 9}
	for read < len(src) {
		c := src[read]
		if c == '\\' {
			if read+1 == len(src) {
				break
			}
			value, ok := values[src[read+1]]
			if !ok {
				break
			}
			c = value
			read++
		}
		dst = append(dst, c)
		read++
	}
	return dst, read
}

func plainSeparator(src []byte) int {
	for i, c := range src {
		if c == 0x1b || c == 0x1e || c == 0x1f {
			return i
		}
	}
	return -1
}

// agree compares the operations of the active tier with the definitions.
func agree(t require.TestingT, src []byte) {
	n, marks := StringEnd(src)
	wantN, wantMarks := plainStringEnd(src)
	if n != wantN || marks != wantMarks {
		require.Failf(t, "StringEnd", "%s, %d bytes %q: %d %b, want %d %b", cpu.Active(), len(src), src, n, marks, wantN, wantMarks)
	}

	const guard = 0xa5
	room := bytes.Repeat([]byte{guard}, len(src)+80)
	written, read := Unescape(room[:len(src)], src)
	wantText, wantRead := plainUnescape(src)
	if read != wantRead || !bytes.Equal(wantText, room[:written]) {
		require.Failf(t, "Unescape", "%s, %q: %q of %d, want %q of %d", cpu.Active(), src, room[:written], read, wantText, wantRead)
	}
	for _, b := range room[len(src):] {
		if b != guard {
			require.Failf(t, "Unescape", "%s, %q: wrote beyond its destination", cpu.Active(), src)
		}
	}

	if got, want := IndexSeparator(src), plainSeparator(src); got != want {
		require.Failf(t, "IndexSeparator", "%s, %q: %d, want %d", cpu.Active(), src, got, want)
	}
	if got, want := ValidUTF8(src), utf8.Valid(src); got != want {
		require.Failf(t, "ValidUTF8", "%s, % x: %v, want %v", cpu.Active(), src, got, want)
	}
}

// inEachTier runs f once for every tier of this machine.
func inEachTier(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			defer restore()
			f(t)
		})
	}
}

// pieces are what texts are made of where the parts that matter are to be dense.
var pieces = []string{
	"a", "plain text, of some length", " ", "!", "#", "~", "\x7f", `\n`, `\"`, `\\`, `\/`, `\b`, `\f`, `\r`, `\t`, `\\\\`, `\`, `"`, "\x00",
	"\x1a", "\x1b", "\x1c", "\x1d", "\x1e", "\x1f", `\u00e9`, `\x`, "é", "߿", "ࠀ", "€", "\ud7ff", "中文", "\U00010000", "😀", "\U0010ffff",
	"\x80", "\xbf", "\xc0", "\xc1\x80", "\xc3", "\xe0\x80\x80", "\xe0\xa0", "\xed\xa0\x80", "\xef\xbf", "\xf0\x80\x80\x80", "\xf0\x90\x80",
	"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "1234567", "12345678901234567890123456789012345678901234567890",
}

func TestTiersAgree(t *testing.T) {
	piece := rapid.SampledFrom(pieces)
	valid := rapid.SampledFrom([]string{"a", "some ASCII between", `\n`, `\"`, `\\`, "é", "€", "中文", "😀", "\U0010ffff"})
	text := rapid.Custom(func(t *rapid.T) []byte {
		from := rapid.OneOf(rapid.Just(piece), rapid.Just(valid)).Draw(t, "kind")
		var b []byte
		for _, s := range rapid.SliceOfN(from, 0, 60).Draw(t, "pieces") {
			b = append(b, s...)
		}
		if rapid.IntRange(0, 3).Draw(t, "cut") == 0 && len(b) > 0 {
			b = b[rapid.IntRange(0, len(b)-1).Draw(t, "from"):]
		}
		return b
	})
	inEachTier(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { agree(t, text.Draw(t, "text")) })
	})
}

// Every length to 256, at every offset from a 64-byte boundary that can matter,
// with each kind of byte that stops something at each place.
func TestEveryLengthAndPlace(t *testing.T) {
	if testing.Short() {
		t.Skip("a second for each tier")
	}
	specials := []string{`"`, `\`, `\n`, `\\`, `\u0041`, "\x00", "\x1f", "\x1b", "é", "\xff", "\xe4\xb8\xad", "\xf0\x9f\x98", "\xed\xa0\x80"}
	inEachTier(t, func(t *testing.T) {
		page := make([]byte, 64+256)
		for size := range 257 {
			for offset := 0; offset < 64; offset += 1 + size%7 {
				src := page[offset : offset+size : offset+size]
				fill(src)
				agree(t, src)
			}
			src := page[:size:size]
			for at := range size {
				for _, s := range specials {
					fill(src)
					copy(src[at:], s)
					agree(t, src)
				}
			}
		}
	})
}

func fill(src []byte) {
	for i := range src {
		src[i] = 'a' + byte(i%26)
	}
}

// Runs of backslashes across the ends of blocks: every length from every place,
// and what follows them.
func TestBackslashRuns(t *testing.T) {
	inEachTier(t, func(t *testing.T) {
		for from := range 130 {
			for run := range 140 {
				for _, after := range []string{"", `"`, "n", "u", "x and more text than one block can hold, so that the search goes on after it"} {
					src := bytes.Repeat([]byte{'a'}, from)
					src = append(src, bytes.Repeat([]byte{'\\'}, run)...)
					agree(t, append(src, after...))
				}
			}
		}
	})
}

// Each two runs near the end of a block: carries of one must not reach the other.
func TestPairsOfBackslashRuns(t *testing.T) {
	inEachTier(t, func(t *testing.T) {
		for _, size := range []int{32, 64} {
			for bits := range 1 << 10 {
				src := bytes.Repeat([]byte{'n'}, 2*size)
				for i := range 10 {
					if bits>>i&1 == 1 {
						src[size-7+i] = '\\'
					}
				}
				agree(t, src)
			}
		}
	})
}

// All characters, packed and shifted against the blocks.
func TestAllCharacters(t *testing.T) {
	var all []byte
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			all = utf8.AppendRune(all, r)
		}
	}
	inEachTier(t, func(t *testing.T) {
		for shift := range 5 {
			src := append(bytes.Repeat([]byte{'a'}, shift), all...)
			assert.True(t, ValidUTF8(src), shift)
			assert.False(t, ValidUTF8(src[:len(src)-1]), shift)
			assert.False(t, ValidUTF8(append(src, 0x80)), shift)
		}
	})
}

// Every sequence of a lead and up to three bytes that is on the edge of something,
// ending at, before and after the end of a block.
func TestSequencesAtBlockEnds(t *testing.T) {
	edges := []byte{0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xff}
	var sequences [][]byte
	for lead := 0x7f; lead < 0x100; lead++ {
		for _, second := range edges {
			sequences = append(sequences, []byte{byte(lead), second})
			for _, third := range edges {
				sequences = append(sequences, []byte{byte(lead), second, third}, []byte{byte(lead), second, third, 0x80})
			}
		}
	}
	inEachTier(t, func(t *testing.T) {
		for _, end := range []int{35, 36, 64, 66, 96, 128, 129} {
			for _, total := range []int{end, end + 1, end + 40, end + 70} {
				src := make([]byte, total)
				for _, s := range sequences {
					fill(src)
					copy(src[end-len(s):], s)
					if got, want := ValidUTF8(src), utf8.Valid(src); got != want {
						require.Equal(t, want, got, "% x, ending at %d of %d", s, end, total)
					}
				}
			}
		}
	})
}

func TestUnescapeNeedsRoom(t *testing.T) {
	assert.Panics(t, func() { Unescape(make([]byte, 3), []byte("four")) })
}

func TestNothingIsAllocated(t *testing.T) {
	src := bytes.Repeat([]byte(`Gold \"melts\" at 1064 °C.\n`), 10)
	dst := make([]byte, len(src))
	inEachTier(t, func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() {
			StringEnd(src)
			Unescape(dst, src)
			IndexSeparator(src)
			ValidUTF8(src)
		}))
	})
}
