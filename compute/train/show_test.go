package train

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/tokenizer"
)

// testdata/show.txt is what people see of a few conversations: a line for each
// piece, L for learned and C for control.
func TestShow(t *testing.T) {
	var out strings.Builder
	for _, k := range []struct {
		kind, bos, eos string
		templates      []string
	}{
		{"gpt-2", "<|im_start|>", "<|im_end|>", append(chat.Builtins(), thinking)},
		{"llama-2", "<s>", "</s>", []string{"llama-2", "zephyr"}},
	} {
		for _, name := range k.templates {
			e := newEncoder(t, small(t, k.kind, k.bos, k.eos), name, EncoderOptions{})
			for _, c := range []chat.Conversation{
				turns("s", "Be brief.", "u", "Say <|im_end|> </s> größe 世界", "a", "hm/ 👩‍👩 no", "u", "c", "a", "\n d"),
				turns("a", "It was a dark night.\n"),
			} {
				got, err := e.Encode(c)
				require.NoError(t, err)
				for i, s := range got.Sequences {
					fmt.Fprintf(&out, "# %s, %.20s, sequence %d of %d tokens, %d targets\n", k.kind, name, i, len(s.Tokens), s.Learned())
					whole := ""
					for _, p := range e.Show(s) {
						flags := []byte("--")
						if p.Learned {
							flags[0] = 'L'
						}
						if p.Control {
							flags[1] = 'C'
						}
						fmt.Fprintf(&out, "%s %q\n", flags, p.Text)
						whole += p.Text
					}
					assert.Equal(t, string(e.tok.Decode(nil, s.Tokens, false)), whole, "the pieces are the text")
				}
			}
		}
	}
	const path = "testdata/show.txt"
	if *rewrite {
		require.NoError(t, os.MkdirAll("testdata", 0o777))
		require.NoError(t, os.WriteFile(path, []byte(out.String()), 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), out.String(), "go test -run TestShow -rewrite writes it anew")
}

// Tokens that end inside a character show what they are.
func TestShowCut(t *testing.T) {
	e := chatml(t, EncoderOptions{})
	ids := e.tok.Encode(nil, "a🧪", tokenizer.Options{})
	require.Greater(t, len(ids), 2)
	s := Sequence{Tokens: ids[:len(ids)-1], Learn: make([]bool, len(ids)-1)}
	s.Learn[len(s.Learn)-1] = true
	pieces := e.Show(s)
	assert.Equal(t, []Piece{{Text: "a"}, {Text: "\uFFFD", Learned: true}}, pieces)
	assert.Empty(t, e.Show(Sequence{}))
}
