package jsontext

import (
	"encoding/binary"
	"math/bits"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Every byte at every place, before and after every other special one, against the plain definition.
func TestSpecialFindsTheFirst(t *testing.T) {
	first := func(word [8]byte) int {
		for i, c := range word {
			if isSpecial(c) {
				return i
			}
		}
		return 8
	}
	for a := range 256 {
		for b := range 256 {
			for place := range 7 {
				word := [8]byte{' ', '!', '#', '~', '[', ']', 'z', 0x7f}
				word[place], word[place+1] = byte(a), byte(b)
				got := bits.TrailingZeros64(special(binary.LittleEndian.Uint64(word[:]))) / 8
				require.Equal(t, first(word), got, "% x", word)
			}
		}
	}
}

func TestSkipPlainAtEveryLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SliceOfN(rapid.SampledFrom([]byte("abc !#[]~\x7f\"\\\n\x00\xc3")), 0, 40).Draw(t, "s")
		from := rapid.IntRange(0, len(s)).Draw(t, "from")
		want := from
		for want < len(s) && !isSpecial(s[want]) {
			want++
		}
		assert.Equal(t, want, skipPlain(s, from))
		assert.Equal(t, want, skipPlain(string(s), from))
	})
}

// runeLen must agree with unicode/utf8 on every sequence that could be taken for a character.
func TestRuneLenIsUTF8(t *testing.T) {
	check := func(s []byte) {
		want := 0
		if r, n := utf8.DecodeRune(s); n > 1 || (r != utf8.RuneError && s[0] >= utf8.RuneSelf) {
			want = n
		}
		if got := runeLen(s, 0); got != want {
			require.Equal(t, want, got, "% x", s)
		}
	}
	edges := []byte{0x00, 0x22, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xed, 0xff}
	for lead := 0x80; lead < 0x100; lead++ {
		check([]byte{byte(lead)})
		for second := range 256 {
			check([]byte{byte(lead), byte(second)})
			for third := range 256 {
				check([]byte{byte(lead), byte(second), byte(third)})
			}
			for _, third := range edges {
				for _, fourth := range edges {
					check([]byte{byte(lead), byte(second), third, fourth})
				}
			}
		}
	}
}

// The table must be empty again when the objects that filled it have closed, and forget what a refused
// text left in it.
func TestKeyTableEmpties(t *testing.T) {
	s := newScanner()
	nested := []byte(manyKeys(40, manyKeys(30, manyKeys(500, "0"))))
	for range 3 {
		require.Nil(t, s.scan(nested))
		assert.Zero(t, s.keys.used)
		assert.Empty(t, s.keys.keys)
		for _, slot := range s.keys.table {
			require.Zero(t, slot)
		}
		require.NotNil(t, s.scan(nested[:len(nested)-1]))
		require.NotZero(t, s.keys.used)
		s.open = s.open[:0]
		s.keys.reset()
	}
}

// manyKeys writes an object of n keys whose last value is given.
func manyKeys(n int, last string) string {
	src := []byte("{")
	for i := range n {
		src = AppendQuoted(src, string(rune('a'+i)))
		if i < n-1 {
			src = append(src, ":0,"...)
		}
	}
	return string(src) + ":" + last + "}"
}
