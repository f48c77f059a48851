package measure

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDistinct(t *testing.T) {
	texts := []string{"The cat, the dog.", "the CAT sat"}
	for n, want := range map[int]Ratio{
		1: {4, 7}, // the cat dog sat
		2: {4, 5}, // the-cat cat-the the-dog cat-sat; the-cat twice
		3: {3, 3}, // none crosses from one text to the next
		4: {1, 1}, 5: {}, 0: {}, -1: {}, 65: {},
	} {
		assert.Equal(t, want, Distinct(texts, n), "n = %d", n)
	}
	assert.True(t, math.IsNaN(Ratio{}.Value()))
	assert.Equal(t, 0.8, Distinct(texts, 2).Value())
	assert.Equal(t, Ratio{3, 5}, Ratio{1, 2}.Plus(Ratio{2, 3}))
}

func TestRepetition(t *testing.T) {
	const s = "a b a b a b" // pairs ab ba ab ba ab; threes aba bab aba bab; fours abab baba abab
	assert.Equal(t, Ratio{4, 6}, Repetition(s, 1))
	assert.Equal(t, Ratio{3, 5}, Repetition(s, 2))
	assert.Equal(t, Ratio{2, 4}, Repetition(s, 3))
	assert.Equal(t, Ratio{1, 3}, Repetition(s, 4))
	assert.InDelta(t, 2.0/5*2/4*2/3, Diversity(s), 1e-15)
	assert.Equal(t, 1.0, Diversity("one two three four"))
	assert.True(t, math.IsNaN(Diversity("one two three")))
}

func TestMATTR(t *testing.T) {
	assert.InDelta(t, (2.0/3+3.0/3+2.0/3)/3, MATTR("a b a c a", 3), 1e-15)
	assert.InDelta(t, 3.0/5, MATTR("a b a c a", 50), 1e-15) // the whole
	assert.Equal(t, 1.0, MATTR("a a a", 1))
	assert.True(t, math.IsNaN(MATTR("", 5)) && math.IsNaN(MATTR("a", 0)))
}

func TestMATTRIsTheMeanOfWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d"}), 1, 60).Draw(t, "words")
		window := rapid.IntRange(1, 70).Draw(t, "window")
		held, sum, windows := min(window, len(list)), 0.0, 0
		for i := 0; i+held <= len(list); i++ {
			types := map[string]bool{}
			for _, w := range list[i : i+held] {
				types[w] = true
			}
			sum += float64(len(types)) / float64(held)
			windows++
		}
		if got := MATTR(strings.Join(list, " "), window); math.Abs(got-sum/float64(windows)) > 1e-12 {
			t.Fatalf("%v, want %v", got, sum/float64(windows))
		}
	})
}

func TestCompressionRatio(t *testing.T) {
	assert.True(t, math.IsNaN(CompressionRatio(nil)))
	same := make([]string, 50)
	different := make([]string, 50)
	for i := range same {
		same[i] = "The old fox sleeps near the quiet river."
		different[i] = strings.Repeat(string(rune('a'+i%26))+string(rune('a'+i/2)), 3) + " " + strings.Repeat(string(rune('A'+i)), i%5)
	}
	assert.Greater(t, CompressionRatio(same), 15.0)
	assert.Less(t, CompressionRatio(different), CompressionRatio(same)/3)
	assert.Less(t, CompressionRatio([]string{""}), 0.1, "one byte, and the headers")
}

func TestSelfBLEUAsRecorded(t *testing.T) {
	var recorded struct {
		Cases []struct {
			Texts    []string
			SelfBLEU float64 `json:"self_bleu"`
		}
	}
	data, err := os.ReadFile("testdata/selfbleu.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &recorded))
	require.Len(t, recorded.Cases, 6)
	for i, c := range recorded.Cases {
		assert.InDelta(t, c.SelfBLEU, SelfBLEU(c.Texts), 1e-12, "case %d", i)
	}
}

func TestSelfBLEU(t *testing.T) {
	assert.True(t, math.IsNaN(SelfBLEU(nil)) && math.IsNaN(SelfBLEU([]string{"one"})))
	assert.InDelta(t, 1.0, SelfBLEU([]string{"the small fox runs over hills", "The small fox runs over hills!"}), 1e-12)
	assert.Equal(t, 0.0, SelfBLEU([]string{"one two three four five", "six seven eight nine ten"}))
	assert.Equal(t, 0.0, SelfBLEU([]string{"", ""}))
}

// The table of the two highest counts must say what comparing each text with all the others does.
func TestSelfBLEUComparesAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOfN(rapid.StringMatching(`([abc] ){0,12}`), 2, 7).Draw(t, "texts")
		sum := 0.0
		for i := range texts {
			sum += bleuOf(texts, i)
		}
		if want, got := sum/float64(len(texts)), SelfBLEU(texts); math.Abs(want-got) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
		// Sums differ by the order of the texts, the figure by rounding at most.
		other := append(append([]string{}, texts[1:]...), texts[0])
		if a, b := SelfBLEU(texts), SelfBLEU(other); math.Abs(a-b) > 1e-12 {
			t.Fatalf("%v, in another order %v", a, b)
		}
	})
}

func bleuOf(texts []string, i int) float64 {
	hypothesis := strings.Fields(texts[i])
	var matches [bleuOrder]int
	nearest := -1
	for j := range texts {
		length := len(strings.Fields(texts[j]))
		away, best := abs(length-len(hypothesis)), abs(nearest-len(hypothesis))
		if j != i && (nearest < 0 || away < best || away == best && length < nearest) {
			nearest = length
		}
	}
	for n := 1; n <= bleuOrder; n++ {
		for gram, count := range plainGrams(texts[i], n) {
			most := 0
			for j := range texts {
				if j != i {
					most = max(most, plainGrams(texts[j], n)[gram])
				}
			}
			matches[n-1] += min(count, most)
		}
	}
	return bleu(matches, len(hypothesis), nearest)
}

func plainGrams(s string, n int) map[string]int {
	counts := map[string]int{}
	w := strings.Fields(s)
	for i := 0; i+n <= len(w); i++ {
		counts[strings.Join(w[i:i+n], " ")]++
	}
	return counts
}

func abs(x int) int { return max(x, -x) }
