package row

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/kernel/cpu"
)

// The vectors are made by query/rank/testdata/vectors.py, without this package.
func TestVectorPayloads(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "query", "rank", "testdata", "vectors.json"))
	require.NoError(t, err)
	var vectors struct {
		Version  int
		Payloads []struct {
			Name    string
			Content Content
			Payload string
			RowHash Hash `json:"row_hash"`
			H       uint64
		}
	}
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.Equal(t, 1, vectors.Version)
	require.NotEmpty(t, vectors.Payloads)
	var hasher Hasher
	for _, v := range vectors.Payloads {
		payload := AppendPayload(nil, &v.Content)
		assert.Equal(t, v.Payload, hex.EncodeToString(payload), v.Name)
		assert.Equal(t, v.RowHash, Sum(&v.Content), v.Name)
		assert.Equal(t, v.RowHash, hasher.Sum(&v.Content), v.Name)
		assert.Equal(t, v.H, v.RowHash.H(), v.Name)
		assertDecodes(t, &v.Content, payload)
	}
}

// Every byte value at every place of short texts, in every tier: three of them
// become two bytes.
func TestEscapedBytes(t *testing.T) {
	inEachTier(t, func(t *testing.T) {
		for size := range 70 {
			text := bytes.Repeat([]byte{0xFF}, size)
			for at := range text {
				for b := range 256 {
					text[at] = byte(b)
					as := string(text[at : at+1])
					switch b {
					case 0x1B:
						as = "\x1b0"
					case 0x1E:
						as = "\x1b1"
					case 0x1F:
						as = "\x1b2"
					}
					want := string(text[:at]) + as + string(text[at+1:])
					if got := appendEscaped(nil, string(text)); want != string(got) {
						require.Equal(t, want, string(got), "byte %02x at %d of %d", b, at, size)
					}
				}
				text[at] = 0xFF
			}
		}
	})
}

// inEachTier runs f once for every tier of this machine.
func inEachTier(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	for _, tier := range cpu.Tiers() {
		t.Run(tier.String(), func(t *testing.T) {
			restore, err := cpu.Use(tier)
			require.NoError(t, err)
			defer restore()
			f(t)
		})
	}
}

// What the other tests hold, they hold in every tier: row_hash is the same
// everywhere.
func TestEachTier(t *testing.T) {
	inEachTier(t, func(t *testing.T) {
		t.Run("vectors", TestVectorPayloads)
		t.Run("escape", TestEscapeIsThreeReplacements)
		t.Run("decode", TestPayloadDecodes)
	})
}

// anyText draws texts in which the bytes that matter, and their neighbours in
// value, are common.
var anyText = rapid.OneOf(
	rapid.String(),
	rapid.StringOfN(rapid.SampledFrom([]rune("\x1a\x1b\x1c\x1d\x1e\x1f 0123aé\x00\u009b\U0001F69E")), 0, 40, -1),
)

func TestEscapeIsThreeReplacements(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, text := anyText.Draw(t, "before"), anyText.Draw(t, "text")
		want := strings.ReplaceAll(text, "\x1b", "\x1b0")
		want = strings.ReplaceAll(want, "\x1e", "\x1b1")
		want = strings.ReplaceAll(want, "\x1f", "\x1b2")
		assert.Equal(t, before+want, string(appendEscaped([]byte(before), text)))
	})
}

var anyContent = rapid.Custom(func(t *rapid.T) Content {
	if rapid.Bool().Draw(t, "triple") {
		return Content{
			Instruction: anyText.Draw(t, "instruction"),
			Input:       anyText.Draw(t, "input"),
			Output:      anyText.Draw(t, "output"),
		}
	}
	turn := rapid.Custom(func(t *rapid.T) Turn {
		return Turn{rapid.SampledFrom([]Role{System, User, Assistant, Tool}).Draw(t, "role"), anyText.Draw(t, "text")}
	})
	return Content{Turns: rapid.SliceOfN(turn, 1, 6).Draw(t, "turns")}
})

func TestPayloadDecodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyContent.Draw(t, "content")
		assertDecodes(t, &c, AppendPayload(nil, &c))
	})
}

func FuzzPayload(f *testing.F) {
	f.Add("a", "b", "c", []byte{1, 2})
	f.Add("", "", "", []byte{0, 1, 2, 3})
	f.Add("\x1b", "\x1e", "\x1f", []byte{3, 3, 3})
	f.Add("a\x1fb", "\x1b2", "user\x1ea", []byte{1})
	f.Add("12345678\x1e", "1234567\x1f", "\x1b0\x1b1", []byte{2, 1, 2, 1, 2, 1, 2})
	f.Add("\x00é\xff", "\x9b\x9e\x9f", "😀", []byte{1, 0})
	f.Fuzz(func(t *testing.T, x, y, z string, roles []byte) {
		texts := [3]string{x, y, z}
		contents := []Content{
			{Instruction: x, Input: y, Output: z},
			{Instruction: z, Input: x, Output: y},
			{Instruction: x + y, Output: z},
			{Instruction: string(AppendPayload(nil, &Content{Instruction: x, Input: y, Output: z}))},
		}
		if len(roles) > 0 {
			var turns []Turn
			for i, r := range roles {
				turns = append(turns, Turn{[]Role{System, User, Assistant, Tool}[r%4], texts[i%3]})
			}
			contents = append(contents, Content{Turns: turns}, Content{Turns: append([]Turn{{User, x}}, turns...)})
		}
		payloads := make([][]byte, len(contents))
		for i := range contents {
			payloads[i] = AppendPayload(nil, &contents[i])
			assertDecodes(t, &contents[i], payloads[i])
			for j := range i {
				same := assert.ObjectsAreEqual(contents[i], contents[j])
				assert.Equal(t, same, bytes.Equal(payloads[i], payloads[j]), "%q and %q", contents[i], contents[j])
			}
		}
	})
}

// assertDecodes checks that a payload leads back to the content it was made of.
func assertDecodes(t require.TestingT, want *Content, payload []byte) {
	got, err := decodePayload(payload)
	require.NoError(t, err)
	assert.Equal(t, *want, got)
}

// decodePayload is the inverse of AppendPayload. Nothing but the proof that
// there is one needs it.
func decodePayload(payload []byte) (Content, error) {
	parts := bytes.Split(payload, []byte{fieldBreak})
	var texts []string
	var turns []Turn
	for _, part := range parts {
		role, escaped, isTurn := bytes.Cut(part, []byte{roleEnd})
		if !isTurn {
			escaped = part
		}
		text, err := unescape(escaped)
		if err != nil {
			return Content{}, err
		}
		if isTurn {
			turns = append(turns, Turn{Role(role), text})
		} else {
			texts = append(texts, text)
		}
	}
	switch {
	case len(texts) == 0:
		return Content{Turns: turns}, nil
	case len(texts) == 3 && turns == nil:
		return Content{Instruction: texts[0], Input: texts[1], Output: texts[2]}, nil
	}
	return Content{}, fmt.Errorf("%d turns among %d fields", len(turns), len(parts))
}

func unescape(escaped []byte) (string, error) {
	var text []byte
	for i := 0; i < len(escaped); i++ {
		b := escaped[i]
		if b == escape {
			i++
			if i == len(escaped) || escaped[i] < '0' || escaped[i] > '2' {
				return "", fmt.Errorf("byte 1B at %d escapes nothing", i-1)
			}
			b = "\x1b\x1e\x1f"[escaped[i]-'0']
		}
		text = append(text, b)
	}
	return string(text), nil
}

func BenchmarkAppendPayload(b *testing.B) {
	for _, c := range []struct{ name, output string }{
		{"plain", strings.Repeat("The ore is weighed before it is smelted.\n", 12)},
		{"escaped", strings.Repeat("The ore is weighed before it is smelted.\x1f", 12)},
	} {
		b.Run(c.name, func(b *testing.B) {
			content := Content{Instruction: "Say what happens to the ore.", Output: c.output}
			payload := AppendPayload(nil, &content)
			b.SetBytes(int64(len(payload)))
			for b.Loop() {
				payload = AppendPayload(payload[:0], &content)
			}
		})
	}
}
