package container

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type continuation struct{ Prompt, Completion string }

func continuations(t require.TestingT, lines string) (out []continuation) {
	for line := range strings.Lines(lines) {
		var c continuation
		require.NoError(t, json.Unmarshal([]byte(line), &c))
		out = append(out, c)
	}
	return out
}

// words is a paragraph of n words in sentences of ten.
func words(from, n int) string {
	var b strings.Builder
	for i := from; i < from+n; i++ {
		if i > from {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "w%d", i)
		if i%10 == 9 {
			b.WriteByte('.')
		}
	}
	return b.String()
}

func TestText(t *testing.T) {
	text := Options{Format: Text}
	assert.Empty(t, linesOf(t, "", text))
	assert.Empty(t, linesOf(t, " \r\n\n\t\n", text))
	assert.Equal(t, `{"prompt":"one\ntwo"}`+"\x00"+oneBlock+"\n", linesOf(t, "\n one\r\ntwo\n\n"[2:], text))
	assert.Equal(t, "{\"prompt\":\"one\",\"completion\":\"two\"}\n", linesOf(t, "one\r\n\r\n\r\ntwo", text))

	// 150 and 100 make a part of 250; so do 120, which 300 more would take
	// beyond 400, and 300; a last paragraph joins what is before it.
	got := continuations(t, linesOf(t, strings.Join([]string{
		words(0, 150), words(200, 100), words(300, 120), words(500, 300), words(1000, 250), words(1300, 60),
	}, "\n\n"), text))
	require.Len(t, got, 2)
	assert.Equal(t, words(0, 150)+"\n\n"+words(200, 100), got[0].Prompt)
	assert.Equal(t, words(300, 120), got[0].Completion)
	assert.Equal(t, words(500, 300), got[1].Prompt)
	assert.Equal(t, words(1000, 250)+"\n\n"+words(1300, 60), got[1].Completion)

	// What remains is cut in its middle.
	got = continuations(t, linesOf(t, strings.Join([]string{words(0, 60), words(100, 60), words(200, 50), words(300, 70), words(400, 5)}, "\n\n"), text))
	require.Len(t, got, 1)
	assert.Equal(t, words(0, 60)+"\n\n"+words(100, 60), got[0].Prompt)

	// A long paragraph is cut after a sentence, and goes on where it was cut.
	got = continuations(t, linesOf(t, words(0, 1000), text))
	require.Len(t, got, 1)
	assert.Equal(t, words(0, 400), got[0].Prompt)
	assert.Equal(t, words(400, 600), got[0].Completion)

	// So is one without blanks, and between characters if there are no sentences.
	for _, sentence := range []string{strings.Repeat("字", 49) + "。", strings.Repeat("字", 50)} {
		got = continuations(t, linesOf(t, strings.Repeat(sentence, 200), text))
		require.Len(t, got, 3)
		all := ""
		for _, c := range got {
			all += c.Prompt + c.Completion
			assert.Less(t, len(c.Completion), 2*partMost*wordBytes)
			assert.Zero(t, len(c.Prompt)%len(sentence)*strings.Count(sentence, "。"))
		}
		assert.Equal(t, strings.Repeat(sentence, 200), all)
	}

	assert.Contains(t, linesOf(t, "caf\xe9\n\nau lait", text), `{"prompt":"caf�","completion":"au lait"}`+"\x00"+notUTF8)
}

func TestGutenberg(t *testing.T) {
	for _, c := range []struct{ start, end string }{
		{"*** START OF THE PROJECT GUTENBERG EBOOK X ***", "*** END OF THE PROJECT GUTENBERG EBOOK X ***"},
		{"***START OF THIS PROJECT GUTENBERG EBOOK X***", "***END OF THIS PROJECT GUTENBERG EBOOK X***"},
	} {
		got := linesOf(t, "Header\n\n"+c.start+"\n\none\n\n***\n\ntwo\n"+c.end+"\nlicence\n\n"+strings.Repeat("more\n\n", 50_000), Options{Name: "x.txt"})
		assert.Equal(t, []continuation{{"one", "***\n\ntwo"}}, continuations(t, got))
	}
	got := linesOf(t, "one\n\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n\ntwo", Options{Name: "x.txt"})
	assert.Contains(t, got, "two", "without a beginning there is no end")
}

// Whatever the text is, no word of it is lost, and the parts are about as long
// as they should be.
func TestTextKeepsWords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		total := 0
		long := rapid.Bool().Draw(t, "long")
		for range rapid.IntRange(2, 40).Draw(t, "paragraphs") {
			n := rapid.OneOf(rapid.IntRange(1, 80), rapid.IntRange(100, 1500)).Draw(t, "words")
			p := words(total, n)
			if rapid.Bool().Draw(t, "wrapped") {
				p = strings.ReplaceAll(p, "5 ", "5\n")
			}
			if long {
				p = strings.ReplaceAll(p, "7 ", strings.Repeat("7", 300)+" ")
			}
			b.WriteString(p + rapid.SampledFrom([]string{"\n\n", "\r\n\r\n", "\n \n\n"}).Draw(t, "break"))
			total += n
		}
		lines, _, err := readAll(strings.NewReader(b.String()), Options{Format: Text})
		require.NoError(t, err)
		again, _, err := readAll(iotest.HalfReader(strings.NewReader(b.String())), Options{Format: Text})
		require.NoError(t, err)
		require.Equal(t, lines, again)
		var all strings.Builder
		got := continuations(t, lines)
		for i, c := range got {
			all.WriteString(c.Prompt + " " + c.Completion + " ")
			for _, part := range []string{c.Prompt, c.Completion} {
				n := len(strings.Fields(part))
				require.Positive(t, n)
				require.LessOrEqual(t, n, partMost+partLeast+partMost)
				if i < len(got)-2 && !long {
					require.Less(t, n, partLeast+partMost)
					require.GreaterOrEqual(t, n, partLeast)
				}
			}
		}
		require.Equal(t, strings.Fields(b.String()), strings.Fields(all.String()))
	})
}
