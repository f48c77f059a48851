package train

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
	"smelt/compute/tokenizer"
)

// small is a tokenizer of the tests of package tokenizer, with the tokens that
// begin and end a text.
func small(t testing.TB, kind, bos, eos string) *tokenizer.Tokenizer {
	t.Helper()
	raw, err := os.ReadFile("../tokenizer/testdata/small/" + kind + ".json")
	require.NoError(t, err)
	tok, err := tokenizer.Parse(raw, fmt.Appendf(nil, `{"bos_token":%q,"eos_token":%q}`, bos, eos))
	require.NoError(t, err)
	return tok
}

func template(t testing.TB, source string) *chat.Template {
	t.Helper()
	x, err := chat.Builtin(source)
	if err != nil {
		x, err = chat.Parse(source)
	}
	require.NoError(t, err)
	return x
}

func newEncoder(t testing.TB, tok *tokenizer.Tokenizer, source string, o EncoderOptions) *Encoder {
	t.Helper()
	if o.Context == 0 {
		o.Context = 1000
	}
	e, err := NewEncoder(tok, template(t, source), o)
	require.NoError(t, err)
	return e
}

// chatml is the encoder of most tests.
func chatml(t testing.TB, o EncoderOptions) *Encoder {
	return newEncoder(t, small(t, "gpt-2", "<|im_start|>", "<|im_end|>"), "chatml", o)
}

// turns are role and content in turn; a role may be short.
func turns(texts ...string) chat.Conversation {
	var c chat.Conversation
	for i := 0; i < len(texts); i += 2 {
		role := chat.Role(texts[i])
		for _, r := range []chat.Role{chat.System, chat.User, chat.Assistant, chat.Tool} {
			if texts[i] == string(r[:1]) {
				role = r
			}
		}
		c.Turns = append(c.Turns, chat.Turn{Role: role, Content: texts[i+1]})
	}
	return c
}

// marked is the text of sequences, what is learned in «», control tokens as they are.
func marked(e *Encoder, sequences []Sequence) string {
	var out strings.Builder
	for i, s := range sequences {
		if i > 0 {
			out.WriteString(" | ")
		}
		open := false
		for _, p := range e.Show(s) {
			if p.Learned != open {
				open = !open
				out.WriteString(map[bool]string{true: "«", false: "»"}[open])
			}
			out.WriteString(p.Text)
		}
		if open {
			out.WriteString("»")
		}
	}
	return out.String()
}
