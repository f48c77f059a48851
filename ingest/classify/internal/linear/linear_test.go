package linear

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/db/row"
)

// anyText draws texts in which tokens of every kind meet.
var anyText = rapid.OneOf(
	rapid.String(),
	rapid.StringOfN(rapid.SampledFrom([]rune("aZbe dD09 \n\t(){};=.,\"é桶\x00\r")), 0, 200, -1),
	rapid.Custom(func(t *rapid.T) string {
		words := rapid.SliceOf(rapid.SampledFrom([]string{
			"the", "Incomprehensibilities", "wanted", "if", "(", "==", " ", "\n", "\n\n", "\n  ", "12", "123456", "don't", "straße",
		})).Draw(t, "words")
		return strings.Join(words, rapid.SampledFrom([]string{"", " "}).Draw(t, "between"))
	}),
)

var anyContent = rapid.Custom(func(t *rapid.T) row.Content {
	if rapid.Bool().Draw(t, "triple") {
		return row.Content{Instruction: anyText.Draw(t, "instruction"), Input: anyText.Draw(t, "input"), Output: anyText.Draw(t, "output")}
	}
	turn := rapid.Custom(func(t *rapid.T) row.Turn {
		role := rapid.SampledFrom([]row.Role{row.System, row.User, row.Assistant, row.Tool}).Draw(t, "role")
		return row.Turn{Role: role, Content: anyText.Draw(t, "content")}
	})
	return row.Content{Turns: rapid.SliceOfN(turn, 1, 5).Draw(t, "turns")}
})

// letters against one byte at a time.
func TestLetters(t *testing.T) {
	check := func(t require.TestingT, text string) {
		for pos := range len(text) {
			var want uint64
			n := 0
			for n < 8 && pos+n < len(text) && classes[text[pos+n]] == isLetter {
				want |= uint64(text[pos+n]|0x20) << (8 * n)
				n++
			}
			packed, size := letters(load(text, pos))
			require.Equal(t, n, size, "%q at %d", text, pos)
			require.Equal(t, want, packed, "%q at %d", text, pos)
		}
	}
	for b := range 256 {
		for at := range 9 {
			text := []byte("abcdefghij")
			text[at] = byte(b)
			check(t, string(text))
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, anyText.Draw(t, "text")) })
}

func TestClasses(t *testing.T) {
	for b := range 256 {
		want := isSymbol
		switch c := byte(b); {
		case c == '\n':
			want = isLine
		case c <= ' ' || c == 0x7F:
			want = isSpace
		case c >= '0' && c <= '9':
			want = isDigit
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= 0x80:
			want = isLetter
		}
		assert.Equal(t, want, int(classes[b]), "byte %02x", b)
	}
}

func TestDigits(t *testing.T) {
	for b := range 256 {
		for at := range 8 {
			text := []byte("01234567")
			text[at] = byte(b)
			want := 0
			for want < 8 && classes[text[want]] == isDigit {
				want++
			}
			assert.Equal(t, want, digits(load(string(text), 0)), "%q", text)
		}
	}
}

func TestSymbols(t *testing.T) {
	for text, want := range map[string]int{"(": 1, "()": 2, "();": 3, "====": 3, "=a=": 1, "= =": 1, "==a": 2, "=\n": 1, "=\x80=": 1} {
		assert.Equal(t, want, symbols(load(text, 0)), "%q", text)
	}
	for b := range 128 {
		want := none
		switch c := byte(b); c {
		case '"', '\'':
			want = Quotes
		case '.', '!', '?':
			want = Stops
		case '=':
			want = Equals
		}
		require.Equal(t, want, Counter(symbolCounters[b]), "%q", b)
	}
}

func TestTokens(t *testing.T) {
	features := func(text string) []uint32 {
		f, _ := Features(&row.Content{Instruction: text})
		return f
	}
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"Compare both", "compare  BOTH", true},
		{"12 apples", "34 apples", true},
		{"12 apples", "123 apples", false},
		{"12345", "123456789", true},
		{"a b", "b a", false},
		{"a\nb", "a b", false},
		{"a\nb", "a\n  b", false},
		{"a\n\nb", "a\n\n\n\nb", true},
		{"x == y", "x == Y", true},
		{"x == y", "x = y", false},
		{"internationalisation", "internationalization", false},
	} {
		assert.Equal(t, c.same, slices.Equal(features(c.a), features(c.b)), "%q and %q", c.a, c.b)
	}
	asked, _ := Features(&row.Content{Input: "word"})
	answered, _ := Features(&row.Content{Output: "word"})
	assert.Len(t, asked, 1)
	assert.NotEqual(t, asked, answered, "the sides' features differ")
	assert.ElementsMatch(t, append(asked, answered...), Phrase("word"))

	pair, _ := Features(&row.Content{Instruction: "two words"})
	assert.Len(t, pair, 3)
	assert.Contains(t, pair, Phrase("two words")[0])
}

func TestCounters(t *testing.T) {
	count := func(text string) counts {
		var c counts
		var b batch
		s := scan{text: text}
		for s.fill(&b, &c) > 0 {
		}
		return c
	}
	for _, c := range []struct {
		text string
		want map[Counter]uint32
	}{
		{"", map[Counter]uint32{}},
		{"Roses are red,\nviolets too", map[Counter]uint32{tokens: 7, Symbols: 1, Capital: 1, Lines: 1, Commas: 1}},
		{"a\n  b\n\n12", map[Counter]uint32{tokens: 5, Lines: 2, Indented: 1, Blank: 1, Bare: 2, Numbers: 1}},
		{"\"Yes!\" she shouted. x = 1", map[Counter]uint32{tokens: 9, Quotes: 1, Stops: 2, Capital: 1, Past: 1, Symbols: 4, Equals: 1, Numbers: 1}},
		{"incomprehensible red", map[Counter]uint32{tokens: 2, Long: 1}},
	} {
		var want counts
		for k, n := range c.want {
			want[k] = n
		}
		got := count(c.text)
		got[none] = 0
		assert.Equal(t, want, got, "%q", c.text)
	}
}

func TestLevel(t *testing.T) {
	assert.Equal(t, 0, level(0, 10))
	assert.Equal(t, 0, level(1, 200))
	assert.Equal(t, 1, level(1, 128))
	assert.Equal(t, 2, level(1, 64))
	assert.Equal(t, 8, level(10, 10))
	assert.Equal(t, 8, level(1, 1))
}

// anyWeights has a feature in every slot that the text can fill.
func anyWeights(content *row.Content, seed uint64) *Weights {
	rng := rand.New(rand.NewPCG(seed, 0))
	w := new(Weights)
	features, _ := Features(content)
	for _, f := range features {
		if slot, ok := Slot(f); ok && rng.IntN(4) > 0 {
			w.Features[slot] = f
			for i := range w.Slot[slot] {
				w.Slot[slot][i] = rng.NormFloat64()
			}
		}
	}
	for k := range w.Shape {
		for i := range w.Shape[k] {
			w.Shape[k][i] = rng.NormFloat64() / 8
		}
	}
	for i := range w.Bias {
		w.Bias[i] = rng.NormFloat64() / 8
	}
	return w
}

// Evidence is what the weights say in floating point, but for their rounding.
func TestEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := anyContent.Draw(t, "content")
		w := anyWeights(&content, rapid.Uint64().Draw(t, "seed"))
		m, err := Encode(w)
		require.NoError(t, err)
		require.NoError(t, m.Check())

		features, shapes := Features(&content)
		var sums, want [Buckets]float64
		found := 0
		for _, f := range features {
			if slot, ok := Slot(f); ok && w.Features[slot] == f {
				found++
				for i := range sums {
					sums[i] += w.Slot[slot][i]
				}
			}
		}
		for i := range want {
			want[i] = w.Bias[i] + sums[i]/Norm(found)
			for _, k := range shapes {
				want[i] += w.Shape[k][i]
			}
		}
		got, some := m.Evidence(&content)
		assert.Equal(t, len(features) > 0, some)
		for i := range got {
			assert.InDelta(t, want[i], float64(got[i])/256, 0.2+0.02*float64(found))
		}
	})
}

// A text repeated is the same evidence from its features, however often.
func TestEvidenceOfLongText(t *testing.T) {
	text := strings.Repeat("every word of this is here ", 400)
	content := row.Content{Instruction: text, Input: text, Output: text}
	w := anyWeights(&content, 1)
	for slot := range w.Slot {
		for i := range w.Slot[slot] {
			w.Slot[slot][i] = float64(2*(i%2) - 1) // all at the ends of their range
		}
	}
	w.Shape, w.Bias = [Shapes][Buckets]float64{}, [Buckets]float64{}
	m, err := Encode(w)
	require.NoError(t, err)
	got, _ := m.Evidence(&content)
	features, _ := Features(&content)
	found := 0
	for _, f := range features {
		if slot, ok := Slot(f); ok && w.Features[slot] == f {
			found++
		}
	}
	want := float64(found) / Norm(found) * 256
	for i := range got {
		assert.InDelta(t, math.Copysign(want, float64(2*(i%2)-1)), float64(got[i]), want/50)
	}
}

// Many distinct features do not overflow the lanes they are summed in.
func TestManyFeatures(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		text.WriteString(string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + ";")
	}
	content := row.Content{Instruction: text.String(), Output: text.String()}
	w := anyWeights(&content, 1)
	found := 0
	for slot, f := range w.Features {
		if f != 0 {
			found++
		}
		for i := range w.Slot[slot] {
			w.Slot[slot][i] = 0
			if f != 0 {
				w.Slot[slot][i] = 127
			}
		}
	}
	require.Greater(t, found, 600)
	w.Shape, w.Bias = [Shapes][Buckets]float64{}, [Buckets]float64{}
	m, err := Encode(w)
	require.NoError(t, err)
	got, _ := m.Evidence(&content)
	for i := range got {
		assert.InEpsilon(t, 127*256*float64(found)/Norm(found), float64(got[i]), 0.01)
	}
}

func TestChoose(t *testing.T) {
	best, share := Choose([Buckets]int32{})
	assert.Equal(t, 0, best, "the first of equal ones")
	assert.Equal(t, 1.0/Buckets, share)
	best, share = Choose([Buckets]int32{3: math.MaxInt32 / 2, 5: math.MinInt32 / 2})
	assert.Equal(t, 3, best)
	assert.Equal(t, 1.0, share)
	rapid.Check(t, func(t *rapid.T) {
		var evidence [Buckets]int32
		sum, top := 0.0, math.Inf(-1)
		for i := range evidence {
			evidence[i] = rapid.Int32Range(-4000, 4000).Draw(t, "evidence")
			top = max(top, float64(evidence[i]))
		}
		for _, e := range evidence {
			sum += math.Exp((float64(e) - top) / 256)
		}
		best, share := Choose(evidence)
		assert.Equal(t, top, float64(evidence[best]))
		assert.InDelta(t, 1/sum, share, 0.006)
		assert.Zero(t, math.Mod(share*1024, 1))
	})
}

// What lies beyond the bytes that are read does not count; what lies within does.
func TestHowMuchIsRead(t *testing.T) {
	filler := func(n int) string { return strings.Repeat("a ", n/2) }
	reads := func(c row.Content) bool {
		features, _ := Features(&c)
		word := Phrase("needle")
		return slices.Contains(features, word[0]) || slices.Contains(features, word[1])
	}
	assert.True(t, reads(row.Content{Instruction: filler(maxAsked-10) + "needle"}))
	assert.False(t, reads(row.Content{Instruction: filler(maxAsked) + "needle"}))
	assert.False(t, reads(row.Content{Instruction: filler(maxAsked), Input: "needle"}))
	assert.True(t, reads(row.Content{Instruction: "Short.", Input: filler(900) + "needle"}))
	assert.True(t, reads(row.Content{Output: filler(100_000) + "needle"}), "the end of an answer")
	assert.False(t, reads(row.Content{Output: filler(5000) + "needle " + filler(1000)}))
	assert.True(t, reads(row.Content{Turns: []row.Turn{{Role: row.System, Content: filler(100_000)}, {Role: row.User, Content: "needle"}}}))
	assert.True(t, reads(row.Content{Turns: []row.Turn{{Role: row.User, Content: filler(100_000)}, {Role: row.Assistant, Content: "needle"}}}))
	assert.False(t, reads(row.Content{Turns: []row.Turn{{Role: row.User, Content: filler(maxTurn) + "needle"}}}))
	many := slices.Repeat([]row.Turn{{Role: row.User, Content: filler(100)}}, 1000)
	assert.False(t, reads(row.Content{Turns: append(many, row.Turn{Role: row.User, Content: "needle"})}))
}

func TestCheck(t *testing.T) {
	require.ErrorContains(t, Model("smc1").Check(), "train them again")
	m, err := Encode(new(Weights))
	require.NoError(t, err)
	require.NoError(t, m.Check())
	m[3]++
	require.ErrorContains(t, m.Check(), "another version")
	w := new(Weights)
	w.Bias[1] = math.NaN()
	_, err = Encode(w)
	require.ErrorContains(t, err, "did not converge")
}
