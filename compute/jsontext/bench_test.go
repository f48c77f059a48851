package jsontext_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"smelt/compute/jsontext"
)

// benchRows are rows as they come: what dominates differs, and so does the speed.
func benchRows() []struct {
	name string
	row  []byte
} {
	alpaca := `{"instruction": "Explain why the sky appears blue during the day and red at sunset.", ` +
		`"input": "", "output": "Sunlight is made of all colours. As it passes through the atmosphere, ` +
		`molecules of air scatter its short waves, blue and violet, far more than its long ones, a process ` +
		`called \"Rayleigh scattering\".\n\nAt sunset the light has a longer way to go. Most of the blue is ` +
		`scattered out of it before it arrives, and what is left for us to see is orange and red.\n\n` +
		`1. Short waves scatter more.\n2. A longer path takes more of them away.\n3. Dust and smoke add to ` +
		`the effect, which is why sunsets after a fire or an eruption can be so vivid.", ` +
		`"_bucket": "instruction", "_source": "bench", "_verified": true, "_severity": 0}`
	code := `{"instruction": "Write a function that counts words.", "output": "` +
		strings.Repeat(`def count(text):\n    words = {}\n    for w in text.split(\" \"):\n\t\twords[w] = words.get(w, 0) + 1\n    return words\n\n`, 6) +
		`", "_bucket": "code"}`
	chinese := `{"instruction": "请解释为什么天空是蓝色的。", "output": "` +
		strings.Repeat("阳光由各种颜色组成，空气分子对短波的散射远强于长波。", 12) + `"}`
	var chat strings.Builder
	chat.WriteString(`{"messages": [`)
	for i := range 8 {
		if i > 0 {
			chat.WriteString(", ")
		}
		chat.WriteString(`{"role": "user", "content": "What is ` + strconv.Itoa(i) +
			` plus one?", "tool_calls": [{"name": "add", "arguments": {"a": ` + strconv.Itoa(i) + `, "b": 1}}]}`)
	}
	chat.WriteString(`], "_bucket": "tool_use"}`)
	return []struct {
		name string
		row  []byte
	}{
		{"alpaca", []byte(alpaca)},
		{"code", []byte(code)},
		{"chinese", []byte(chinese)},
		{"chat", []byte(chat.String())},
	}
}

func BenchmarkObject(b *testing.B) {
	for _, r := range benchRows() {
		b.Run(r.name, func(b *testing.B) {
			var fields []jsontext.Field
			b.SetBytes(int64(len(r.row)))
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if fields, err = jsontext.Object(r.row, fields[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMembers(b *testing.B) {
	for _, r := range benchRows() {
		b.Run(r.name, func(b *testing.B) {
			var fields []jsontext.Field
			b.SetBytes(int64(len(r.row)))
			b.ReportAllocs()
			for b.Loop() {
				fields = jsontext.Members(r.row, fields[:0])
			}
		})
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	for _, r := range benchRows() {
		b.Run(r.name, func(b *testing.B) {
			var dst []byte
			b.SetBytes(int64(len(r.row)))
			b.ReportAllocs()
			for b.Loop() {
				dst = jsontext.AppendCanonical(dst[:0], r.row)
			}
		})
	}
}

// BenchmarkAppendQuoted quotes the text of each row as one string.
func BenchmarkAppendQuoted(b *testing.B) {
	for _, r := range benchRows() {
		b.Run(r.name, func(b *testing.B) {
			text := string(r.row)
			var dst []byte
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				dst = jsontext.AppendQuoted(dst[:0], text)
			}
		})
	}
}

func BenchmarkAppendUnquoted(b *testing.B) {
	for _, r := range benchRows() {
		b.Run(r.name, func(b *testing.B) {
			raw := jsontext.AppendQuoted(nil, r.row)
			var dst []byte
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				dst = jsontext.AppendUnquoted(dst[:0], raw)
			}
		})
	}
}

// BenchmarkManyKeys reads one object of many keys: the time a key must not grow with their number.
func BenchmarkManyKeys(b *testing.B) {
	for _, n := range []int{8, 24, 1_000, 1_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var src bytes.Buffer
			for i := range n {
				src.WriteString(`,"key` + strconv.Itoa(i) + `":0`)
			}
			src.WriteByte('}')
			src.Bytes()[0] = '{'
			b.ReportAllocs()
			for b.Loop() {
				if err := jsontext.Check(src.Bytes()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/key")
		})
	}
}

func BenchmarkCanonicalNumber(b *testing.B) {
	for _, raw := range []string{"7", "-12.5", "0.1234567890123456", "12345678901234567891"} {
		b.Run(raw, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = jsontext.AppendCanonicalNumber(dst[:0], []byte(raw))
			}
		})
	}
}
