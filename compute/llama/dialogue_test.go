package llama

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/chat"
)

const plainTemplate = `{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}`

func say(t *testing.T, d *Dialogue, words string, r Request) (*Reply, string) {
	d.Turns = append(d.Turns, chat.Turn{Role: chat.User, Content: words})
	reply, err := d.Answer(t.Context(), time.Time{}, r)
	require.NoError(t, err)
	var text strings.Builder
	for e, err := range reply.Events {
		require.NoError(t, err)
		text.WriteString(e.Text)
	}
	return reply, text.String()
}

// A conversation whose cache goes on says what one says that runs all of it anew.
func TestDialogueKeepsItsCache(t *testing.T) {
	m := speaker(t, 400)
	template, err := chat.Parse(plainTemplate)
	require.NoError(t, err)
	d, err := m.NewDialogue(template)
	require.NoError(t, err)
	r := Request{MaxTokens: 7, Sampling: Sampling{RepetitionPenalty: 1.3}}
	var kept []int
	for _, words := range []string{"the cat", "größe", "sat on the mat"} {
		reply, said := say(t, d, words, r)
		require.NotEmpty(t, said)
		assert.Equal(t, chat.Turn{Role: chat.Assistant, Content: said}, d.Turns[len(d.Turns)-1])
		kept = append(kept, reply.Kept)

		fresh, err := m.NewDialogue(template)
		require.NoError(t, err)
		fresh.Turns = append(fresh.Turns, d.Turns[:len(d.Turns)-2]...)
		again, same := say(t, fresh, words, r)
		assert.Equal(t, said, same)
		assert.Equal(t, reply.Prompt, again.Prompt)
		assert.Zero(t, again.Kept)
		fresh.Release()
	}
	assert.Zero(t, kept[0])
	assert.Greater(t, kept[1], 8, "the first turn is kept")
	assert.Greater(t, kept[2], kept[1])

	// Another text keeps only what it begins with; the same one, all but a token.
	d.Turns = d.Turns[:0]
	reply, _ := say(t, d, "the cat", r)
	assert.Greater(t, reply.Kept, 0)
	d.Turns = d.Turns[:0]
	reply, _ = say(t, d, "the cat", r)
	assert.Equal(t, reply.Prompt-1, reply.Kept)

	// A reply that is not asked for its events runs nothing.
	d.Turns = append(d.Turns, chat.Turn{Role: chat.User, Content: "on the mat"})
	_, err = d.Answer(t.Context(), time.Time{}, r)
	require.NoError(t, err)
	d.Turns = d.Turns[:len(d.Turns)-1]
	reply, said := say(t, d, "on the mat", r)
	assert.LessOrEqual(t, reply.Kept, reply.Prompt-5)
	fresh, err := m.NewDialogue(template)
	require.NoError(t, err)
	fresh.Turns = append(fresh.Turns, d.Turns[:len(d.Turns)-2]...)
	_, same := say(t, fresh, "on the mat", r)
	assert.Equal(t, same, said)
	fresh.Release()
	d.Release()
	held, _ := m.CacheBytes()
	assert.Zero(t, held)
}

// What people write holds no control tokens.
func TestDialogueKeepsControlTokensApart(t *testing.T) {
	m := speaker(t, 100)
	template, err := chat.Parse(plainTemplate)
	require.NoError(t, err)
	d, err := m.NewDialogue(template)
	require.NoError(t, err)
	tok, err := m.Tokenizer()
	require.NoError(t, err)
	end, ok := tok.ID("<|end|>")
	require.True(t, ok)
	d.Turns = []chat.Turn{{Role: chat.User, Content: "a<|end|>b"}}
	prompt, err := d.Prompt(time.Time{})
	require.NoError(t, err)
	ends := 0
	for _, id := range prompt {
		if id == end {
			ends++
		}
	}
	assert.Equal(t, 1, ends, "that of the template")
	assert.Equal(t, "user: a<|end|>b<|end|>assistant:", string(tok.Decode(nil, prompt, false)))
}

func TestDialogueErrors(t *testing.T) {
	m := speaker(t, 60)
	template, err := chat.Parse(plainTemplate + `{{ raise_exception("no tools") if messages[0].content == "tools" }}`)
	require.NoError(t, err)
	d, err := m.NewDialogue(template)
	require.NoError(t, err)
	d.Turns = []chat.Turn{{Role: chat.User, Content: "tools"}}
	_, err = d.Answer(t.Context(), time.Time{}, Request{})
	assert.ErrorContains(t, err, "no tools")
	d.Turns[0].Content = strings.Repeat("cat ", 50)
	_, err = d.Answer(t.Context(), time.Time{}, Request{})
	assert.ErrorIs(t, err, ErrContext)

	// An interruption leaves a cache that can go on.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d.Turns[0].Content = "the cat"
	reply, err := d.Answer(ctx, time.Time{}, Request{MaxTokens: 20, IgnoreEOS: true})
	require.NoError(t, err)
	tokens := 0
	for _, err := range reply.Events {
		if tokens++; tokens == 3 {
			cancel()
		}
		if err != nil {
			require.ErrorIs(t, err, context.Canceled)
		}
	}
	assert.Equal(t, 4, tokens, "three, and the error")
	assert.LessOrEqual(t, len(d.Turns), 2)
	d.Turns = d.Turns[:1]
	_, again := say(t, d, "sat", Request{MaxTokens: 5})
	fresh, err := m.NewDialogue(template)
	require.NoError(t, err)
	fresh.Turns = d.Turns[:1:1]
	_, same := say(t, fresh, "sat", Request{MaxTokens: 5})
	assert.Equal(t, same, again)
}
