package text_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/text"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

// scan returns the words of s as they were written, and their hashes.
func scan(s string) (written []string, hashes []uint64) {
	for w := text.Scan([]byte(s)); w.Next(); {
		written = append(written, s[w.Start:w.End])
		hashes = append(hashes, w.Hash)
	}
	return written, hashes
}

func TestNormal(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"no word", " \t\r\n.,;!?'\"-_()[]{}<>$%&*+/=@#^~`|\\", ""},
		{"case, punctuation and space", "  The QUICK,\tbrown\r\n(fox)! ", "the quick brown fox"},
		{"digits", "3.14 and 1,000 or 2nd", "3 14 and 1 000 or 2nd"},
		{"operators need no spaces", "x=3*y_2", "x 3 y 2"},
		{"dashes", "state-of-the-art—really", "state of the art really"},
		{"apostrophes", "Don't I’d o'clock O'Neill's", "dont id oclock oneills"},
		{"quotes are no apostrophes", "'tis 'quoted' dogs' 5'10 a''b a' b", "tis quoted dogs 5 10 a b a b"},
		{"apostrophe before a word of its own", "a'深", "a 深"},
		{"accents", "ÉCOLE Straße ŁÓDŹ", "école straße łódź"},
		{"capital sharp s", "STRAẞE", "straße"},
		{"three sigmas", "ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"},
		{"iota is not its mark", "ΙΣ ι ᾳ", "ισ ι ᾳ"},
		{"Kelvin and long s", "\u212a ſo", "k so"},
		{"Cyrillic", "Съешь ЕЩЁ", "съешь ещё"},
		{"decomposed accents stay", "E\u0301cole", "e\u0301cole"},
		{"a mark alone is none", "\u0301 a", "a"},
		{"Hindi keeps its vowel signs", "नमस्ते दुनिया", "नमस्ते दुनिया"},
		{"Chinese", "深度学习,GPU加速", "深 度 学 习 gpu 加 速"},
		{"Japanese", "テストです", "テ ス ト で す"},
		{"kana with a combining mark", "か\u3099x", "か\u3099 x"},
		{"Thai", "ที่นี่", "ที่ นี่"},
		{"Korean has spaces", "안녕하세요 세계", "안녕하세요 세계"},
		{"soft hyphen and zero width", "co\u00adop\u200berate\u00ad \u200dx", "cooperate x"},
		{"zero width before a word of its own", "深\u200b度", "深 度"},
		{"byte order mark", "\ufeffword", "word"},
		{"emoji separate", "well👍done☃\ufe0f", "well done"},
		{"superscripts and fractions are numbers", "x² ½", "x² ½"},
		{"not UTF-8", "a\xffb\xe2\x80 c\xc3", "a b c"},
		{"replacement character", "a\ufffdb", "a b"},
		{"beyond the basic plane", "𐐀𐐨 𝐱 𠀀𠀁", "𐐨𐐨 𝐱 𠀀 𠀁"},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, string(text.AppendNormal(nil, []byte(c.text))))
		})
	}
}

func TestSpans(t *testing.T) {
	written, _ := scan("«Don't» co\u00adop\u00ad 深\u200b度 \xffé!")
	assert.Equal(t, []string{"Don't", "co\u00adop", "深", "度", "é"}, written)
}

// Characters fold to one that folds to itself and stays a letter, and letters that strings.EqualFold
// takes for one are one here.
func TestFoldEveryCharacter(t *testing.T) {
	for r := range rune(utf8.MaxRune + 1) {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) {
			continue
		}
		once := text.AppendNormal(nil, []byte(string(r)))
		require.Equal(t, 1, utf8.RuneCount(once), "%U", r)
		require.Equal(t, string(once), string(text.AppendNormal(nil, once)), "%U", r)
		if other := unicode.SimpleFold(r); other != r && !unicode.IsMark(other) {
			require.Equal(t, string(once), string(text.AppendNormal(nil, []byte(string(other)))), "%U and %U", r, other)
		}
		if r != 'İ' { // it is folded to i by lower-casing only
			require.True(t, strings.EqualFold(string(once), string(r)), "%U", r)
		}
	}
}

// naiveWords follows the package's documentation to the letter, character by character.
func naiveWords(s string) []string {
	unspaced := func(r rune) bool {
		return unicode.IsLetter(r) && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai,
			unicode.Lao, unicode.Khmer, unicode.Myanmar)
	}
	wordy := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }
	runes := []rune(s) // a byte that is not UTF-8 becomes U+FFFD, which is no letter
	var words []string
	for i := 0; i < len(runes); i++ {
		if !wordy(runes[i]) {
			continue
		}
		word := text.AppendNormal(nil, []byte(string(runes[i])))
		single := unspaced(runes[i])
		for ; i+1 < len(runes); i++ {
			r := runes[i+1]
			if unicode.Is(unicode.Cf, r) {
				continue
			}
			if (r == '\'' || r == '’') && !single && i+2 < len(runes) && unicode.IsLetter(runes[i+2]) && !unspaced(runes[i+2]) {
				continue
			}
			if unicode.IsMark(r) {
				word = utf8.AppendRune(word, r)
				continue
			}
			if single || !wordy(r) || unspaced(r) {
				break
			}
			word = append(word, text.AppendNormal(nil, []byte(string(r)))...)
		}
		words = append(words, string(word))
	}
	return words
}

// publicHash is the documented hash of a word.
func publicHash(word string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for padded := []byte(word); len(padded) > 0; padded = padded[8:] {
		for len(padded)%8 != 0 {
			padded = append(padded, 0)
		}
		h = mix(h ^ binary.LittleEndian.Uint64(padded))
	}
	return h
}

func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// checkText holds what is promised of any text.
func checkText(t require.TestingT, s string) {
	words := naiveWords(s)
	written, hashes := scan(s)
	require.Len(t, written, len(words), "%q", s)
	for i, word := range words {
		require.Equal(t, publicHash(word), hashes[i], "%q in %q", word, s)
		require.Equal(t, word, string(text.AppendNormal(nil, []byte(written[i]))), "a word alone, in %q", s)
	}
	normal := text.AppendNormal([]byte("> "), []byte(s))
	require.Equal(t, "> "+strings.Join(words, " "), string(normal))
	require.Equal(t, normal[2:], text.AppendNormal([]byte{}, normal[2:]), "the normal form of a normal form")
}

func TestWordsNaive(t *testing.T) {
	piece := rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9 '.,_-]{0,12}`),
		rapid.StringOfN(rapid.RuneFrom([]rune("aÉσΣſ'’\u00ad\u200b\u0301\u0345深かテที่ नम가½²٣👍\ufffd𐐀𠀀")), 0, 8, -1),
		rapid.String(),
		rapid.SampledFrom([]string{"\xff", "\xc3", "\xe2\x80", "\xed\xa0\x80", "\xf0\x9f"}),
	)
	rapid.Check(t, func(t *rapid.T) {
		checkText(t, strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "text"), ""))
	})
}

func FuzzWords(f *testing.F) {
	for _, s := range []string{"", "Don't panic: 42!", "深い か\u3099", "co\u00adop\xff\xe2\x80'x’é", "𐐀'𠀀\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkText(t, s) })
}

// The n-grams of random words, against the sum written out; for every n the ring allows.
func TestGramsNaive(t *testing.T) {
	const base = uint64(0x9e3779b97f4a7c15)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, text.MaxGram).Draw(t, "n")
		words := rapid.SliceOfN(rapid.Uint64(), 0, 200).Draw(t, "words")
		grams := text.NewGrams(n)
		for i := range words {
			var sum uint64
			for _, w := range words[max(0, i+1-n) : i+1] {
				sum = sum*base + w
			}
			hash, ok := grams.Push(words[i])
			require.Equal(t, i+1 >= n, ok)
			require.Equal(t, mix(sum), hash, "after %d words", i+1)
		}
	})
}

// Formulas are made of few short words, in all orders. Their n-grams must have different hashes.
func TestGramsOfShortWordsDiffer(t *testing.T) {
	words := strings.Fields("0 1 2 3 4 5 6 7 8 9 a b c x y z")
	seen := map[uint64]int{}
	for i := range 1 << 20 { // all n-grams of five of these
		grams := text.NewGrams(5)
		var hash uint64
		for k := range 5 {
			_, h := scan(words[i>>(4*k)&15])
			hash, _ = grams.Push(h[0])
		}
		if other, found := seen[hash]; found {
			t.Fatalf("5-grams %d and %d have the hash %x", other, i, hash)
		}
		seen[hash] = i
	}
}

func TestNewGramsHoldsN(t *testing.T) {
	for n, words := range map[int]int{-1: 1, 0: 1, 1: 1, 64: 64, 1000: 64} {
		grams := text.NewGrams(n)
		count := 0
		for ok := false; !ok; count++ {
			_, ok = grams.Push(7)
		}
		assert.Equal(t, words, count, "n = %d", n)
	}
}

// The hashes are frozen: what was marked or compared with them once must be found again. The numbers
// in testdata were checked with an independent program.
func TestGolden(t *testing.T) {
	var got bytes.Buffer
	for _, s := range []string{
		"The answer's 42!", "ΣΊΣΥΦΟΣ ſo \u212a", "深度学习 GPU", "नमस्ते",
		"Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May.",
	} {
		fmt.Fprintf(&got, "%+q\n", s)
		grams := text.NewGrams(5)
		for w := text.Scan([]byte(s)); w.Next(); {
			gram, ok := grams.Push(w.Hash)
			fmt.Fprintf(&got, "  %016x  %016x %-5v %+q\n", w.Hash, gram, ok, s[w.Start:w.End])
		}
	}
	const file = "testdata/hashes.txt"
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

func TestScanAllocatesNothing(t *testing.T) {
	s := []byte("Don't allocate: für Wörter, 深い か\u3099, ever.")
	buf := make([]byte, 0, 2*len(s))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		grams := text.NewGrams(3)
		for w := text.Scan(s); w.Next(); {
			grams.Push(w.Hash)
		}
		buf = text.AppendNormal(buf[:0], s)
	}))
}
