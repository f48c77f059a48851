package scan

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"smelt/compute/kernel/cpu"
)

// benchTexts are the insides of strings as rows have them.
func benchTexts() map[string][]byte {
	prose := "Sunlight is made of all colours, and molecules of air scatter its short waves far more than its long ones. "
	code := `def count(text):\n    words = {}\n    for w in text.split(\" \"):\n        words[w] = words.get(w, 0) + 1\n    return words\n`
	texts := map[string][]byte{
		"prose": []byte(strings.Repeat(prose, 40)),
		"code":  []byte(strings.Repeat(code, 30)),
		"greek": []byte(strings.Repeat("Το φως του ήλιου αποτελείται από όλα τα χρώματα. ", 50)),
		"cjk":   []byte(strings.Repeat("阳光由各种颜色组成，空气分子对短波的散射远强于长波。", 60)),
	}
	for _, n := range []int{10, 40, 150, 600} {
		texts["prose"+strconv.Itoa(n)] = texts["prose"][:n]
	}
	return texts
}

func benchmark(b *testing.B, names string, f func(src []byte)) {
	texts := benchTexts()
	for _, name := range strings.Fields(names) {
		src := texts[name]
		for len(src) > 0 && !utf8.Valid(src) {
			src = src[:len(src)-1]
		}
		for _, tier := range cpu.Tiers() {
			if tier == cpu.AVX512BF16 {
				continue // runs what AVX512 does
			}
			b.Run(name+"/"+tier.String(), func(b *testing.B) {
				restore, err := cpu.Use(tier)
				require.NoError(b, err)
				defer restore()
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					f(src)
				}
			})
		}
	}
}

func BenchmarkStringEnd(b *testing.B) {
	benchmark(b, "prose10 prose40 prose150 prose600 prose code cjk", func(src []byte) { StringEnd(src) })
}

func BenchmarkUnescape(b *testing.B) {
	dst := make([]byte, 1<<16)
	benchmark(b, "prose10 prose40 prose150 prose600 prose code", func(src []byte) { Unescape(dst, src) })
}

func BenchmarkIndexSeparator(b *testing.B) {
	benchmark(b, "prose10 prose40 prose150 prose600 prose", func(src []byte) { IndexSeparator(src) })
}

func BenchmarkValidUTF8(b *testing.B) {
	benchmark(b, "prose10 prose40 prose150 prose600 prose greek cjk", func(src []byte) { ValidUTF8(src) })
}
