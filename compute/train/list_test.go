package train

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/chat"
)

// contents numbers hashes as a map would, also those that want one place.
func TestContents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var c contents
		want := map[[16]byte]uint32{}
		for _, x := range rapid.SliceOfN(rapid.Uint16Range(0, 900), 0, 2000).Draw(r, "hashes") {
			hash := [16]byte{byte(x % 4), 3: byte(x % 2), 14: byte(x >> 8), 15: byte(x)}
			number, ok := want[hash]
			if !ok {
				number = uint32(len(want))
				want[hash] = number
			}
			got, known := c.number(hash)
			require.Equal(r, ok, known)
			require.Equal(r, number, got)
		}
		require.Equal(r, len(want), c.hashes.n)
	})
}

// A list is what was added, over the borders of its parts.
func TestList(t *testing.T) {
	var l list[int]
	for i := range 2*listPart + 3 {
		l.add(i)
	}
	require.Len(t, l.parts, 3)
	for i := range l.n {
		require.Equal(t, i, *l.at(i))
	}
}

// Conversations that differ in anything have different hashes, and equal ones the same.
func TestContentHash(t *testing.T) {
	with := func(change func(*chat.Example)) chat.Example {
		e := chat.Example{Conversation: turns("u", "ab", "a", "c"), Bucket: "x"}
		change(&e)
		return e
	}
	all := []chat.Example{
		with(func(*chat.Example) {}),
		with(func(e *chat.Example) { e.Bucket = "y" }),
		with(func(e *chat.Example) { e.Bucket, e.Turns[0].Role = "", "xuser" }),
		with(func(e *chat.Example) { e.Tools = []byte("[]") }),
		with(func(e *chat.Example) { e.Tools = []byte{} }),
		with(func(e *chat.Example) { e.Turns[0].Extra = []byte("{}") }),
		with(func(e *chat.Example) { e.Turns[1].Extra = []byte("{}") }),
		with(func(e *chat.Example) { e.Turns[0].Role = chat.System }),
		with(func(e *chat.Example) { e.Turns[0].Content, e.Turns[1].Content = "a", "bc" }),
		with(func(e *chat.Example) { e.Turns = e.Turns[:1] }),
	}
	seen := map[[16]byte]int{}
	var h contentHash
	for i := range all {
		sum := h.of(&all[i])
		assert.NotContains(t, seen, sum, "%d", i)
		seen[sum] = i
		assert.Equal(t, sum, new(contentHash).of(&all[i]))
	}
}
