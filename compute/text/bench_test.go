package text_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"smelt/compute/text"
)

// prose returns about n bytes of words of random lengths from letters, with punctuation now and then,
// so that no branch of the scanner can be learnt by heart.
func prose(n int, letters []rune) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for b.Len() < n {
		for range 1 + int(rng.ExpFloat64()*4) {
			b.WriteRune(letters[rng.IntN(len(letters))])
		}
		switch rng.IntN(12) {
		case 0:
			b.WriteString(", ")
		case 1:
			b.WriteString(".\n")
		default:
			b.WriteByte(' ')
		}
	}
	return b.Bytes()
}

func BenchmarkWords(b *testing.B) {
	for _, c := range []struct {
		name, letters string
	}{
		{"english", "etaoinshrdlucmfwypvbgkjqxzETAOIN0123456789"},
		{"russian", "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэф"},
		{"chinese", "的一是不了人我在有他这为之大来以个中上们"},
	} {
		b.Run(c.name, func(b *testing.B) {
			s := prose(1<<20, []rune(c.letters))
			b.SetBytes(int64(len(s)))
			b.ReportAllocs()
			var sum uint64
			for b.Loop() {
				for w := text.Scan(s); w.Next(); {
					sum += w.Hash
				}
			}
			if sum == 0 {
				b.Fatal("no words")
			}
		})
	}
}

func BenchmarkGrams(b *testing.B) {
	s := prose(1<<20, []rune("etaoinshrdlucmfwypvbgkjqxzETAOIN0123456789"))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		grams := text.NewGrams(13)
		for w := text.Scan(s); w.Next(); {
			grams.Push(w.Hash)
		}
	}
}

func BenchmarkAppendNormal(b *testing.B) {
	s := prose(1<<20, []rune("etaoinshrdlucmfwypvbgkjqxzETAOIN0123456789"))
	buf := make([]byte, 0, 2*len(s))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		buf = text.AppendNormal(buf[:0], s)
	}
}
