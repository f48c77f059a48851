package tokenizer_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"smelt/compute/tokenizer"
)

// BenchmarkEncode encodes the texts of SMELT_TEXTS, a folder of plain text files, as documents of at most 64 KB
// with the tokenizers of SMELT_MODELS; without these, made-up texts with small made-up vocabularies.
func BenchmarkEncode(b *testing.B) {
	texts := map[string][]string{"hostile": {strings.Join(hostile(b), " ")}}
	if folder := os.Getenv("SMELT_TEXTS"); folder != "" {
		texts = map[string][]string{}
		names, _ := filepath.Glob(filepath.Join(folder, "*"))
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err != nil {
				b.Fatal(err)
			}
			s := strings.ToValidUTF8(string(raw), "")
			var pieces []string
			for len(s) > 1<<16 {
				cut := strings.LastIndexByte(s[:1<<16], '\n') + 1
				pieces, s = append(pieces, s[:cut]), s[cut:]
			}
			texts[filepath.Base(name)] = append(pieces, s)
		}
	}
	for family, tok := range tokenizers(b) {
		for name, pieces := range texts {
			b.Run(family+"/"+name, func(b *testing.B) {
				size := 0
				for _, s := range pieces {
					size += len(s)
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var ids []int32
				for b.Loop() {
					for _, s := range pieces {
						ids = tok.Encode(ids[:0], s, tokenizer.Options{})
					}
				}
			})
		}
	}
}

// BenchmarkParse reads tokenizer.json.
func BenchmarkParse(b *testing.B) {
	for family, tok := range tokenizers(b) {
		b.Run(family, func(b *testing.B) {
			raw := tok.JSON()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := tokenizer.Parse(raw, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func tokenizers(b *testing.B) map[string]*tokenizer.Tokenizer {
	found := map[string]*tokenizer.Tokenizer{}
	folder := "testdata/small"
	if models := os.Getenv("SMELT_MODELS"); models != "" {
		folder = filepath.Join(models, "tokenizers")
	}
	names, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		tok, err := tokenizer.Parse(raw, nil)
		if err != nil {
			b.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(name), ".json")] = tok
	}
	return found
}
