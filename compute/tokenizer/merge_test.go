package tokenizer

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mergeNaive is the definition: of all merges that two neighbours have, the one of the lowest rank, the leftmost of
// those, until there is none.
func mergeNaive(m *merges, ids []int32) []int32 {
	ids = slices.Clone(ids)
	for {
		best := -1
		for i := range len(ids) - 1 {
			r := m.rank(ids[i], ids[i+1])
			if r != noRank && (best < 0 || r < m.rank(ids[best], ids[best+1])) {
				best = i
			}
		}
		if best < 0 {
			return ids
		}
		ids[best] = m.place(pairOf(ids[best], ids[best+1])).id
		ids = slices.Delete(ids, best+1, best+2)
	}
}

// The two ways to merge must do what the definition does, with random merges over few symbols: chains, cycles of
// lengths, and pairs of equal symbols among them.
func TestMerge(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		symbols := int32(2 + rng.IntN(4))
		count := rng.IntN(40)
		m := newMerges(count)
		for rank := range count {
			made := symbols + int32(rank)
			left, right := rng.Int32N(made), rng.Int32N(made)
			if m.rank(left, right) == noRank {
				m.set(left, right, uint32(rank), made)
			}
		}
		for _, n := range []int{0, 1, 2, 3, shortWord - 1, shortWord, shortWord + 1, 100, 500} {
			ids := make([]int32, n)
			syms := make([]symbol, n)
			for i := range ids {
				ids[i] = rng.Int32N(symbols)
				syms[i] = symbol{id: ids[i], end: int32(i + 1)}
			}
			want := mergeNaive(m, ids)
			check := func(got []symbol) {
				require.Len(t, got, len(want))
				for i, s := range got {
					assert.Equal(t, want[i], s.id)
				}
				if n > 0 {
					assert.Equal(t, int32(n), got[len(got)-1].end)
				}
			}
			check(m.mergeShort(slices.Clone(syms)))
			if n > 0 {
				left, _ := m.mergeLong(slices.Clone(syms), nil)
				check(left)
			}
		}
	}
}

func testTokenizer(t testing.TB, kind string) *Tokenizer {
	t.Helper()
	raw, err := os.ReadFile("testdata/small/" + kind + ".json")
	require.NoError(t, err)
	tok, err := Parse(raw, nil)
	require.NoError(t, err)
	return tok
}

// Where text of SentencePiece is cut into words must not change its ids, and cutting must be at work.
func TestCuts(t *testing.T) {
	for _, kind := range []string{"llama-2", "llama-2-flags", "first", "always", "never", "gemma", "scored"} {
		cut, whole := testTokenizer(t, kind), testTokenizer(t, kind)
		require.NotNil(t, cut.cuts, kind)
		whole.cuts = nil
		rng := rand.New(rand.NewPCG(3, 4))
		words := []string{" ", "  ", "▁", "the", "quick brown", "don't", "\n", "é", "你好", "👩", "<0x0A>", "I'VE", "=", "123"}
		pieces := 0
		for range 2000 {
			var b strings.Builder
			for range rng.IntN(30) {
				b.WriteString(words[rng.IntN(len(words))])
			}
			assert.Equal(t, whole.Encode(nil, b.String(), Options{}), cut.Encode(nil, b.String(), Options{}), "%q", b.String())
			for i := 0; i < b.Len(); pieces++ {
				i = cut.cuts.end(b.String(), i)
			}
		}
		assert.Greater(t, pieces, 20000, kind)
	}
	for _, kind := range []string{"lacking", "lacking-apart", "no-fallback", "gpt-2"} {
		assert.Nil(t, testTokenizer(t, kind).cuts, kind)
	}
}

// A word of 256 KB must not take quadratic time: it would be minutes.
func TestLongWord(t *testing.T) {
	for _, kind := range []string{"llama-3", "llama-2", "no-fallback", "qwen2"} {
		tok := testTokenizer(t, kind)
		for _, s := range []string{"a", "ab", " ", "=", "\u0301", "\xff", "你", "<|im_start|"} {
			text := strings.Repeat(s, 1<<18/len(s))
			ids, ends := tok.EncodeSpans(nil, nil, text, Options{})
			assert.NotEmpty(t, ids, "%s: %q", kind, s)
			if tok.unk < 0 {
				assert.Equal(t, len(text), ends[len(ends)-1], "%s: %q", kind, s)
			}
		}
		for _, e := range tok.free.encoders {
			assert.LessOrEqual(t, cap(e.syms)*24+cap(e.heap)*8, 3<<20, "scratch space of a long word is kept")
		}
	}
}

// A word in the cache has the ids it had before, whatever other words come to its place.
func TestCache(t *testing.T) {
	tok := testTokenizer(t, "gpt-2")
	plain := testTokenizer(t, "gpt-2")
	plain.free.made = maxEncoders // no encoder has a cache
	rng := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		var b strings.Builder
		for range 20000 {
			b.WriteByte(' ')
			for range 1 + rng.IntN(26) {
				b.WriteByte(byte('a' + rng.IntN(4)))
			}
		}
		ids, ends := tok.EncodeSpans(nil, nil, b.String(), Options{})
		wantIDs, wantEnds := plain.EncodeSpans(nil, nil, b.String(), Options{})
		require.True(t, slices.Equal(wantIDs, ids) && slices.Equal(wantEnds, ends))
	}
	assert.Empty(t, plain.free.encoders)
}
