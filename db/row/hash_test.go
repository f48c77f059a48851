package row

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var anyHash = rapid.Custom(func(t *rapid.T) (h Hash) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), len(h), len(h)).Draw(t, "hash"))
	return h
})

func TestHashText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, other := anyHash.Draw(t, "h"), anyHash.Draw(t, "other")
		text := h.String()
		assert.Len(t, text, 64)
		assert.Equal(t, strings.ToLower(text), text)
		assert.Equal(t, h, mustParse(t, text))
		assert.Equal(t, h, mustParse(t, strings.ToUpper(text)))
		assert.Equal(t, cmp.Compare(text, other.String()), h.Compare(other))
		assert.Zero(t, h.Compare(h))

		encoded, err := json.Marshal(h)
		require.NoError(t, err)
		assert.Equal(t, `"`+text+`"`, string(encoded))
		var back Hash
		require.NoError(t, json.Unmarshal(encoded, &back))
		assert.Equal(t, h, back)
	})
}

func mustParse(t require.TestingT, text string) Hash {
	h, err := ParseHash(text)
	require.NoError(t, err)
	return h
}

func TestParseHashRefuses(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"", "64 hex digits, but this one has 0 bytes"},
		{strings.Repeat("a", 63), "has 63 bytes"},
		{strings.Repeat("a", 65), "has 65 bytes"},
		{strings.Repeat("a", 63) + "g", "is not a row hash of 64 hex digits"},
		{" " + strings.Repeat("a", 63), "is not a row hash"},
	} {
		_, err := ParseHash(c.text)
		require.ErrorContains(t, err, c.says, c.text)
		h := Hash{1}
		require.Error(t, h.UnmarshalText([]byte(c.text)))
		assert.Equal(t, Hash{1}, h, "left as it was")
	}
}

func TestHashH(t *testing.T) {
	h := mustParse(t, "0123456789abcdef"+strings.Repeat("f", 48))
	assert.Equal(t, uint64(0x0123456789abcde), h.H())
	h = mustParse(t, strings.Repeat("f", 64))
	assert.Equal(t, uint64(1<<60-1), h.H())
}

// A Hasher gives what Sum gives, whatever it hashed before.
func TestHasher(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var hasher Hasher
		for _, c := range rapid.SliceOfN(anyContent, 1, 8).Draw(t, "contents") {
			want := Hash(sha256.Sum256(AppendPayload(nil, &c)))
			assert.Equal(t, want, Sum(&c))
			assert.Equal(t, want, hasher.Sum(&c))
		}
	})
}

func TestHasherMemory(t *testing.T) {
	var hasher Hasher
	huge := Content{Output: strings.Repeat("x", 2*keepPayload)}
	assert.Equal(t, Sum(&huge), hasher.Sum(&huge))
	assert.LessOrEqual(t, cap(hasher.payload), keepPayload, "a huge row's buffer is let go")

	usual := Content{Instruction: "Say hi.", Output: strings.Repeat("hi ", 1000)}
	hasher.Sum(&usual)
	assert.Zero(t, testing.AllocsPerRun(100, func() { hasher.Sum(&usual) }))
	short := Content{Instruction: "Say hi.", Output: "hi"}
	assert.Zero(t, testing.AllocsPerRun(100, func() { Sum(&short) }))
}

// Identity is content alone: what moves between fields or forms is another row.
func TestSumTellsContentsApart(t *testing.T) {
	contents := []Content{
		{},
		{Instruction: "a"},
		{Input: "a"},
		{Output: "a"},
		{Instruction: "a\x1f"},
		{Instruction: "a", Input: "\x1f"},
		{Turns: []Turn{{User, "a"}}},
		{Turns: []Turn{{User, "a"}, {Assistant, ""}}},
		{Turns: []Turn{{Assistant, "a"}}},
		{Turns: []Turn{{User, "a\x1fassistant\x1e"}}},
		{Instruction: "user\x1ea"},
	}
	var seen []Hash
	for i := range contents {
		h := Sum(&contents[i])
		assert.False(t, slices.Contains(seen, h), "%+v", contents[i])
		seen = append(seen, h)
	}
	assert.Equal(t, Sum(&Content{Instruction: "a"}), Sum(&Content{Instruction: "a", Turns: nil}))
}

func BenchmarkSum(b *testing.B) {
	content := Content{
		Instruction: "Say what happens to the ore.",
		Output:      strings.Repeat("The ore is weighed before it is smelted.\n", 12),
	}
	size := int64(len(AppendPayload(nil, &content)))
	b.Run("Sum", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			Sum(&content)
		}
	})
	b.Run("Hasher", func(b *testing.B) {
		var hasher Hasher
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			hasher.Sum(&content)
		}
	})
}
