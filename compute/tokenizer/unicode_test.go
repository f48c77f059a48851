package tokenizer

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// characters gives the texts of the function of that name in testdata/record.py.
func characters(yield func(string)) {
	for _, span := range [][2]rune{{0, 0xd800}, {0xe000, 0x20000}, {0xe0000, 0xe0200}} {
		for r := span[0]; r < span[1]; r++ {
			c := string(r)
			yield("a" + c + "b 1" + c + "2 '" + c + "a'r" + c + " " + c + "\n" + c + c)
		}
	}
	for _, alphabet := range []string{"a's \n1!\u3000", "'relLSſ "} {
		letters := []rune(alphabet)
		for n := 1; n <= 5; n++ {
			s := make([]rune, n)
			var rest func(i int)
			rest = func(i int) {
				if i == n {
					yield(string(s))
					return
				}
				for _, r := range letters {
					s[i] = r
					rest(i + 1)
				}
			}
			rest(0)
		}
	}
}

// TestSplits compares where words end, for every character and all short texts over small alphabets, with what
// testdata/record.py recorded.
func TestSplits(t *testing.T) {
	var want struct{ Splits map[string]string }
	raw, err := os.ReadFile("testdata/recorded.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &want))
	for how := splitGPT2; how <= splitQwen35; how++ {
		t.Run(familyOf(how), func(t *testing.T) {
			t.Parallel()
			h := sha256.New()
			var ends []byte
			p := newSplitter(how)
			characters(func(s string) {
				ends = append(ends[:0], '[')
				part := 0
				for i := 0; i < len(s); {
					var end int
					end, part = p.end(s, i, part)
					if i > 0 {
						ends = append(ends, ',')
					}
					ends = fmt.Append(ends, end)
					i = end
				}
				h.Write(append(ends, ']'))
			})
			assert.Equal(t, want.Splits[familyOf(how)], hex.EncodeToString(h.Sum(nil)))
		})
	}
}

// TestNormalForms compares the normal forms of characters alone and among marks, and of random runs of
// combining characters, with what testdata/record.py recorded.
func TestNormalForms(t *testing.T) {
	var want struct {
		NFC struct{ Pool, Hash string }
	}
	raw, err := os.ReadFile("testdata/recorded.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &want))
	h := sha256.New()
	e := &encoder{t: &Tokenizer{nfc: nfc()}}
	note := func(s string) {
		h.Write([]byte(e.compose(view{s: s}).s))
		h.Write([]byte{0})
	}
	for _, span := range [][2]rune{{0, 0xd800}, {0xe000, 0x30000}} {
		for r := span[0]; r < span[1]; r++ {
			c := string(r)
			for _, s := range []string{c, "a" + c + "\u0323\u0301", "a\u0327\u0334" + c + "\u0345", "\u1100" + c + "\u11a8"} {
				note(s)
			}
		}
	}
	rng := xorshift(7)
	pool, others := []rune(want.NFC.Pool), []rune("aoué\u05d0가\u1100")
	for range 20000 {
		var s []rune
		for range rng.below(40) {
			if rng.below(4) != 0 {
				s = append(s, pool[rng.below(len(pool))])
			} else {
				s = append(s, others[rng.below(len(others))])
			}
		}
		note(string(s))
	}
	assert.Equal(t, want.NFC.Hash, hex.EncodeToString(h.Sum(nil)))
}

// xorshift is Random of testdata/texts.py.
type xorshift uint64

func (x *xorshift) below(n int) int {
	v := uint64(*x)
	v ^= v >> 12
	v ^= v << 25
	v ^= v >> 27
	*x = xorshift(v)
	return int(v * 0x2545F4914F6CDD1D >> 32 & 0xFFFFFFFF % uint64(n))
}

// The recorded classes must agree with the standard library's on what its version of Unicode has: a class
// never changes once it is given.
func TestClasses(t *testing.T) {
	assigned := []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C}
	table := classes()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) || !unicode.In(r, assigned...) || unicode.Is(unicode.Cn, r) {
			continue
		}
		class := table.of(r)
		assert.Equal(t, unicode.Is(unicode.L, r), class&letter != 0, "%U", r)
		assert.Equal(t, unicode.Is(unicode.N, r), class&number != 0, "%U", r)
		assert.Equal(t, unicode.Is(unicode.N, r), class&numeric != 0, "%U", r)
		assert.Equal(t, unicode.Is(unicode.M, r), class&mark != 0, "%U", r)
		assert.Equal(t, unicode.Is(unicode.White_Space, r), class&space != 0, "%U", r)
	}
}

// badUTF8 must replace as the WHATWG decoder and Python do: the cases are those of the Unicode standard,
// tables 3-8 to 3-11, and a few more.
func TestRepair(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int // how many replacements
	}{
		{"\xc0\xaf\xe0\x80\xbf\xf0\x81\x82A", 8}, {"\xed\xa0\x80\xed\xbf\xbf\xed\xafA", 8},
		{"\xf4\x91\x92\x93\xffA\x80\xbfB", 7}, {"\xe1\x80\xe2\xf0\x91\x92\xf1\xbfA", 4},
		{"\xe2\x82", 1}, {"\xe2\x82\xe2", 2}, {"\xf0\x9f\x98", 1}, {"a\xffb", 1}, {"\xf0\x90\xe2\x82\xac", 1}, {"\xf5\x80", 2},
	} {
		e := &encoder{t: &Tokenizer{}, spans: true}
		v := e.repair(view{s: c.in})
		assert.Equal(t, c.want, strings.Count(v.s, "\ufffd"), "%q", c.in)
		assert.True(t, utf8.ValidString(v.s))
		require.Len(t, v.ends, len(v.s))
		assert.Equal(t, len(c.in), v.ends[len(v.s)-1])
	}
}
