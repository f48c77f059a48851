package ngram_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/text"
	"smelt/compute/text/ngram"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew instead of comparing")

type item struct{ name, text string }

func sequence(items []item) iter.Seq2[ngram.Item, error] {
	return func(yield func(ngram.Item, error) bool) {
		for _, it := range items {
			if !yield(ngram.Item{Name: it.name, Text: []byte(it.text)}, nil) {
				return
			}
		}
	}
}

func build(t require.TestingT, opts ngram.Options, items ...item) *ngram.Matcher {
	m, err := ngram.Build(sequence(items), opts)
	require.NoError(t, err)
	return m
}

// span returns n words of a text in which all words differ.
func span(from, n int) string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("w%d", from+i)
	}
	return strings.Join(words, " ")
}

const clips = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May."

func TestMatch(t *testing.T) {
	m := build(t, ngram.Options{},
		item{"gsm8k", clips},
		item{"long", span(0, 40)},
		item{"copy", span(20, 13)},
		item{"eight", "Which planet is the largest in the system?"},
		item{"twelve", span(100, 12)},
		item{"short", "What is the capital of France?"},
	)
	for _, c := range []struct {
		name, text string
		want       []string // name: the words shared
	}{
		{"nothing", "An honest row that has nothing to do with any of the evaluations.", nil},
		{"empty", "", nil},
		{"verbatim", clips, []string{"gsm8k: Natalia sold clips to 48 of her friends in April, and then she"}},
		{"other case, punctuation and lines", strings.ToUpper(strings.ReplaceAll(clips, " ", "\n ")) + "!",
			[]string{"gsm8k: NATALIA\n SOLD\n CLIPS\n TO\n 48\n OF\n HER\n FRIENDS\n IN\n APRIL,\n AND\n THEN\n SHE"}},
		{"12 words are too few", "x " + span(3, 12) + " x", nil},
		{"13 words in the middle", "x " + span(3, 13) + " x", []string{"long: " + span(3, 13)}},
		{"the last 13", span(27, 13), []string{"long: " + span(27, 13)}},
		{"two names", span(0, 40), []string{"copy: " + span(20, 13), "long: " + span(0, 13)}},
		{"one word differs", span(3, 6) + " other " + span(10, 6), nil},
		{"a short item, whole", "Q: which planet is the LARGEST, in the system", []string{"eight: which planet is the LARGEST, in the system"}},
		{"at the very beginning", "which planet is the largest in the system", []string{"eight: which planet is the largest in the system"}},
		{"not quite whole", "planet is the largest in the system", nil},
		{"the tail of a short item is not enough", "x " + span(104, 8), nil},
		{"the tail at the beginning", span(104, 8), nil},
		{"twelve, whole", "x " + span(100, 12) + " x", []string{"twelve: " + span(100, 12)}},
		{"too short to look for", "What is the capital of France?", nil},
		{"far into a long text", strings.Repeat("filler words ", 500) + span(100, 12) + strings.Repeat(" more", 100),
			[]string{"twelve: " + span(100, 12)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, match := range m.Match([]byte(c.text)) {
				got = append(got, match.Name+": "+c.text[match.Start:match.End])
			}
			assert.Equal(t, c.want, got)
		})
	}
	assert.Equal(t, 13, m.N())
}

// boilerplate is items that begin alike and go on differently.
func boilerplate(n int) []item {
	items := make([]item, n)
	for i := range items {
		items[i] = item{"mmlu", span(0, 20) + " " + span(1000*(i+1), 15)}
	}
	return items
}

func TestReport(t *testing.T) {
	var got bytes.Buffer
	say := func(title string, opts ngram.Options, items ...item) *ngram.Matcher {
		m := build(t, opts, items...)
		fmt.Fprintln(&got, title)
		for _, c := range m.Report() {
			fmt.Fprintf(&got, "  %+v\n", c)
		}
		return m
	}
	say("nothing", ngram.Options{})
	say("all kinds", ngram.Options{}, item{"b", "too short"}, item{"b", "..."}, item{"b", span(0, 9)}, item{"b", span(0, 14)},
		item{"b", strings.ToUpper(span(0, 14))}, item{"a", span(0, 14)}, item{"a", span(1, 14)}, item{"a", span(0, 9)}, item{"b", span(0, 9)})
	say("ten begin alike", ngram.Options{}, boilerplate(10)...)
	m := say("eleven begin alike", ngram.Options{}, boilerplate(11)...)
	assert.Nil(t, m.Match([]byte(span(0, 20))), "boilerplate")
	assert.NotNil(t, m.Match([]byte(span(5000, 15))), "what is an item's own")
	m = say("eleven, no limit", ngram.Options{MaxItems: -1}, boilerplate(11)...)
	assert.NotNil(t, m.Match([]byte(span(0, 20))))
	say("at most one", ngram.Options{MaxItems: 1}, item{"x", span(0, 14)}, item{"x", span(0, 15)}, item{"y", span(0, 16)}, item{"y", span(50, 13)})
	copies := slices.Repeat([]item{{"x", span(0, 20)}, {"y", span(0, 20)}}, 20)
	m = say("twenty copies under two names are one item", ngram.Options{}, copies...)
	assert.Len(t, m.Match([]byte(span(0, 20))), 2)
	say("words of one letter", ngram.Options{N: 2, MinWords: 1}, item{"x", "a"}, item{"x", "a b a b a"}, item{"x", ""})

	const file = "testdata/report.txt"
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

// naiveMatch follows the documentation with strings: the normalised words of the text between spaces
// must contain those of an n-gram or short item, and n-grams of too many items are none.
func naiveMatch(items []item, opts ngram.Options, s string) []string {
	normal := func(s string) string { return string(text.AppendNormal(nil, []byte(s))) }
	owners := map[string]map[string]bool{} // n-gram or short item: the items (normalised) that have it
	names := map[string]map[string]bool{}  // the same: the names of those
	for _, it := range items {
		words := strings.Fields(normal(it.text))
		if len(words) < opts.MinWords {
			continue
		}
		n := min(opts.N, len(words))
		for i := 0; i+n <= len(words); i++ {
			gram := strings.Join(words[i:i+n], " ")
			if owners[gram] == nil {
				owners[gram], names[gram] = map[string]bool{}, map[string]bool{}
			}
			owners[gram][normal(it.text)] = true
			names[gram][it.name] = true
		}
	}
	found := map[string]bool{}
	for gram := range owners {
		if len(owners[gram]) > opts.MaxItems || !strings.Contains(" "+normal(s)+" ", " "+gram+" ") {
			continue
		}
		for name := range names[gram] {
			found[name] = true
		}
	}
	var list []string
	for name := range found {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func checkMatch(t require.TestingT, items []item, opts ngram.Options, m *ngram.Matcher, s string) {
	var got []string
	for _, match := range m.Match([]byte(s)) {
		got = append(got, match.Name)
		words := strings.Fields(string(text.AppendNormal(nil, []byte(s[match.Start:match.End]))))
		require.LessOrEqual(t, opts.MinWords, len(words))
		require.LessOrEqual(t, len(words), opts.N)
	}
	require.Equal(t, naiveMatch(items, opts, s), got, "%q in %q", s, items)
}

func TestMatchNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "B", "c's", "d,", "é"}), 0, 12), func(w []string) string {
			return strings.Join(w, " ")
		})
		n := rapid.IntRange(2, 6).Draw(t, "n")
		opts := ngram.Options{N: n, MinWords: rapid.IntRange(1, n).Draw(t, "least"), MaxItems: rapid.IntRange(1, 4).Draw(t, "most")}
		items := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
			return item{rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "name"), words.Draw(t, "text")}
		}), 0, 10).Draw(t, "items")
		m := build(t, opts, items...)
		for _, s := range rapid.SliceOfN(words, 1, 4).Draw(t, "texts") {
			checkMatch(t, items, opts, m, s)
		}

		// The order of the items changes nothing.
		shuffled := rapid.Permutation(items).Draw(t, "shuffled")
		require.Equal(t, m.Report(), build(t, opts, shuffled...).Report())
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("a b c d e f", "x A, b c d!", uint8(3), uint8(2))
	f.Add("co\u00adop don't 深度学习", "coop dont 深 度", uint8(4), uint8(1))
	f.Add("a b", "\xff a b", uint8(5), uint8(2))
	f.Fuzz(func(t *testing.T, it, s string, n, least uint8) {
		opts := ngram.Options{N: 2 + int(n)%(text.MaxGram-1), MaxItems: 10}
		opts.MinWords = 1 + int(least)%opts.N
		items := []item{{"x", it}, {"y", it + " " + s}}
		checkMatch(t, items, opts, build(t, opts, items...), s)
	})
}

// Thousands of n-grams, so that the table grows: all are found, and no text of other words is.
func TestManyItems(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var items []item
	for i := range 3000 {
		items = append(items, item{fmt.Sprintf("set%d", i%ngram.MaxNames), span(100*i, 8+rng.IntN(30))})
	}
	m := build(t, ngram.Options{}, items...)
	var wg sync.WaitGroup
	for part := range 4 { // at the same time: a Matcher does not change
		wg.Go(func() {
			for i := part; i < len(items); i += 4 {
				found := m.Match([]byte("Q: " + items[i].text))
				if assert.Len(t, found, 1) {
					assert.Equal(t, items[i].name, found[0].Name)
				}
				assert.Nil(t, m.Match([]byte(span(1_000_000+100*i, 60))))
			}
		})
	}
	wg.Wait()
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		opts ngram.Options
		want string
	}{
		{ngram.Options{N: 1}, "n-grams of 1 words: give 2 to 64 (13 is usual)"},
		{ngram.Options{N: 65}, "n-grams of 65 words: give 2 to 64 (13 is usual)"},
		{ngram.Options{N: 5, MinWords: 6}, "items of 6 words or more as a whole: give 1 to 5, the words of an n-gram"},
		{ngram.Options{MinWords: -1}, "items of -1 words or more as a whole: give 1 to 13, the words of an n-gram"},
	} {
		_, err := ngram.Build(sequence(nil), c.opts)
		assert.EqualError(t, err, c.want)
	}
	var items []item
	for i := range ngram.MaxNames + 1 {
		items = append(items, item{fmt.Sprint("set", i), clips})
	}
	_, err := ngram.Build(sequence(items), ngram.Options{})
	assert.EqualError(t, err, `evaluation items of more than 64 names ("set64" is one too many): look for them in several runs`)

	broken := errors.New("line 7 is no JSON")
	_, err = ngram.Build(func(yield func(ngram.Item, error) bool) { yield(ngram.Item{}, broken) }, ngram.Options{})
	assert.ErrorIs(t, err, broken)
}

func TestMatchAllocatesNothingForCleanText(t *testing.T) {
	m := build(t, ngram.Options{}, item{"a", clips}, item{"b", span(0, 10)})
	s := []byte(strings.Repeat("Honest words, don't they go on and on? ", 50))
	assert.Zero(t, testing.AllocsPerRun(100, func() { m.Match(s) }))
}

func BenchmarkMatch(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	prose := func(n int) []byte {
		var b bytes.Buffer
		for b.Len() < n {
			for range 1 + int(rng.ExpFloat64()*4) {
				b.WriteByte("etaoinshrdlucmfwypvbgkjqxz"[rng.IntN(26)])
			}
			b.WriteByte(' ')
		}
		return b.Bytes()
	}
	s := prose(1 << 20)
	for _, items := range []int{1000, 20_000} {
		var list []item
		for i := range items {
			list = append(list, item{"set", string(prose(40 + i%2*300))})
		}
		m := build(b, ngram.Options{}, list...)
		for _, size := range []int{500, 1 << 20} {
			b.Run(fmt.Sprintf("items=%d/bytes=%d", items, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				at := 0
				for b.Loop() {
					m.Match(s[at : at+size])
					if at += size; at+size > len(s) {
						at = 0
					}
				}
			})
		}
	}
}
