package train

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"smelt/compute/chat"
	"smelt/compute/llama"
	"smelt/compute/tensorfile"
	"smelt/compute/tokenizer"
)

const (
	// thinking shows the thinking of the last answer alone.
	thinking = `{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content if loop.last or m.role != 'assistant' else m.content.split('/')[-1] }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant: {% endif %}`
	// generation marks the answers, without the token that ends them.
	generation = `{% for m in messages %}<|im_start|>{{ m.role }}: {% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant: {% endif %}`
	// endless ends no turn with a token.
	endless = `{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}`
	// alternate refuses a conversation.
	alternate = `{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>{% endif %}`
	// opened has a prompt that opens thinking.
	opened = `{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|><think>{% endif %}`
)

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		name, template string
		conversation   chat.Conversation
		options        EncoderOptions
		want           string
	}{
		{"one answer", "chatml", turns("u", "2+2?", "a", "4"), EncoderOptions{},
			"<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n«4<|im_end|>»"},
		{"all answers, nothing behind the last", "chatml", turns("s", "be", "u", "a", "a", "b", "u", "c", "a", "d", "u", "e"), EncoderOptions{},
			"<|im_start|>system\nbe<|im_end|>\n<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n«b<|im_end|>»\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n«d<|im_end|>»"},
		{"all is learned", "chatml", turns("u", "a", "a", "b", "u", "c", "a", "d"), EncoderOptions{All: true},
			"<|im_start|>«user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\nd<|im_end|>»"},
		{"all is learned up to the last answer", "chatml", turns("u", "a", "a", "b", "u", "c"), EncoderOptions{All: true},
			"<|im_start|>«user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>»"},
		{"nothing before the first answer", "{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}", turns("a", "one two", "u", "x", "a", "y"), EncoderOptions{},
			"o«ne two<|im_end|>»x<|im_end|>«y<|im_end|>»"},
		{"plain text", "chatml", turns("a", "once <|im_start|>"), EncoderOptions{}, "o«nce <|im_start|><|im_end|>»"},
		{"plain text of a system", "chatml", turns("s", "once upon"), EncoderOptions{}, "o«nce upon<|im_end|>»"},
		{"an end within what is said is none", "chatml", turns("u", "x", "a", "a<|im_end|>"), EncoderOptions{},
			"<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n«a<|im_end|><|im_end|>»"},
		{"an empty answer beside another", "chatml", turns("u", "x", "a", "", "u", "y", "a", "b"), EncoderOptions{},
			"<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n«<|im_end|>»\n<|im_start|>user\ny<|im_end|>\n<|im_start|>assistant\n«b<|im_end|>»"},
		{"the end that the model names", "{% for m in messages %}{{ m.content }}<|eot_id|>{% endfor %}", turns("u", "a", "a", "b", "u", "c", "a", "d"), EncoderOptions{Ends: []int32{4}},
			"a<|eot_id|>«b<|eot_id|>»c<|eot_id|>«d<|eot_id|>»"},
		{"a token that ends nothing", "{% for m in messages %}{{ m.content }}<|eot_id|>{% endfor %}", turns("u", "a", "a", "b"), EncoderOptions{},
			"a<|eot_id|>«b<|eot_id|><|im_end|>»"},
		{"such a token, two answers", "{% for m in messages %}{{ m.content }}<|eot_id|>{% endfor %}", turns("u", "a", "a", "b", "u", "c", "a", "d"), EncoderOptions{},
			"a<|eot_id|>«b<|eot_id|><|im_end|>» | a<|eot_id|>b<|eot_id|>c<|eot_id|>«d<|eot_id|><|im_end|>»"},
		{"no end token", endless, turns("u", "a", "a", "b"), EncoderOptions{}, "user: a\nassistant: «b<|im_end|>»"},
		{"no end token, two answers", endless, turns("u", "a", "a", "b", "u", "c", "a", "d"), EncoderOptions{},
			"user: a\nassistant: «b<|im_end|>» | user: a\nassistant: b\nuser: c\nassistant: «d<|im_end|>»"},
		{"turns rewritten", thinking, turns("u", "a", "a", "hm/b", "u", "c", "a", "so/d"), EncoderOptions{},
			"<|im_start|>user: a<|im_end|><|im_start|>assistant: «hm/b<|im_end|>» | <|im_start|>user: a<|im_end|><|im_start|>assistant: b<|im_end|><|im_start|>user: c<|im_end|><|im_start|>assistant: «so/d<|im_end|>»"},
		{"turns that would be rewritten by what nobody learns", thinking, turns("u", "a", "a", "hm/b", "u", "c"), EncoderOptions{},
			"<|im_start|>user: a<|im_end|><|im_start|>assistant: «hm/b<|im_end|>»"},
		{"turns rewritten, all learned", thinking, turns("u", "a", "a", "hm/b", "u", "c", "a", "so/d"), EncoderOptions{All: true},
			"<|im_start|>«user: a<|im_end|><|im_start|>assistant: b<|im_end|><|im_start|>user: c<|im_end|><|im_start|>assistant: so/d<|im_end|>»"},
		{"generation blocks", generation, turns("u", "a", "a", "b", "u", "c", "a", "d"), EncoderOptions{},
			"<|im_start|>user: a<|im_end|><|im_start|>assistant: «b<|im_end|>»<|im_start|>user: c<|im_end|><|im_start|>assistant: «d<|im_end|>»"},
		{"cut", "chatml", turns("u", "2+2?", "a", "one two three four"), EncoderOptions{Context: 25},
			"<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n«one tw»"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEncoder(t, small(t, "gpt-2", "<|im_start|>", "<|im_end|>"), c.template, c.options)
			got, err := e.Encode(c.conversation)
			require.NoError(t, err)
			assert.Equal(t, c.want, marked(e, got.Sequences))
			assert.Equal(t, c.name == "cut", got.Sequences[0].Cut)
			assert.Zero(t, got.Straddles)
			for _, s := range got.Sequences {
				assert.Len(t, s.Learn, len(s.Tokens))
				if !s.Cut {
					assert.True(t, e.ends(s.Tokens[len(s.Tokens)-1]))
				}
				if strings.HasPrefix(c.name, "plain") {
					assert.False(t, slices.ContainsFunc(s.Tokens[:len(s.Tokens)-1], e.tok.IsSpecial), "what is said is no control token")
				}
			}
		})
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, c := range []struct {
		name, template string
		conversation   chat.Conversation
		options        EncoderOptions
		want           error
		text           string
	}{
		{"nobody answers", "chatml", turns("u", "a"), EncoderOptions{}, ErrNoAnswer, ""},
		{"no turns", "chatml", turns(), EncoderOptions{}, ErrNoAnswer, ""},
		{"the answer is empty", "chatml", turns("u", "a", "a", ""), EncoderOptions{}, ErrEmpty, ""},
		{"the text is empty", "chatml", turns("a", ""), EncoderOptions{}, ErrEmpty, ""},
		{"without an end either", endless, turns("u", "a", "a", "", "u", "b", "a", ""), EncoderOptions{}, ErrEmpty, ""},
		{"a prompt beyond the context", "chatml", turns("u", strings.Repeat("a ", 90), "a", "b"), EncoderOptions{Context: 90}, ErrTooLong, ""},
		{"drop", "chatml", turns("u", "a", "a", strings.Repeat("b ", 90)), EncoderOptions{Context: 90, TooLong: Drop}, ErrTooLong, ""},
		{"another prompt", opened, turns("u", "a", "a", "b"), EncoderOptions{}, chat.ErrPrompt, ""},
		{"refused", alternate, turns("u", "a", "u", "b", "a", "c"), EncoderOptions{}, nil, "roles must alternate"},
		{"a role", "chatml", turns("<|im_end|>", "a", "a", "c"), EncoderOptions{}, nil, "turn 0: role"},
		{"not UTF-8", "chatml", turns("u", "\xff", "a", "c"), EncoderOptions{}, nil, "turn 0: content is not UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEncoder(t, small(t, "gpt-2", "<|im_start|>", "<|im_end|>"), c.template, c.options)
			got, err := e.Encode(c.conversation)
			require.Error(t, err)
			assert.Empty(t, got.Sequences)
			if c.want != nil {
				assert.ErrorIs(t, err, c.want)
			}
			assert.ErrorContains(t, err, c.text)
		})
	}
}

// Of a split conversation the answers that the context has room for stay.
func TestEncodeLost(t *testing.T) {
	e := newEncoder(t, small(t, "gpt-2", "<|im_start|>", "<|im_end|>"), thinking, EncoderOptions{Context: 40})
	got, err := e.Encode(turns("u", "a", "a", "hm/b", "u", strings.Repeat("c ", 90), "a", "d"))
	require.NoError(t, err)
	assert.Equal(t, "<|im_start|>user: a<|im_end|><|im_start|>assistant: «hm/b<|im_end|>»", marked(e, got.Sequences))
	assert.Equal(t, 1, got.Lost)
}

func TestNewEncoderErrors(t *testing.T) {
	tok := small(t, "gpt-2", "<|im_start|>", "<|im_end|>")
	_, err := NewEncoder(tok, nil, EncoderOptions{Context: 1})
	assert.ErrorContains(t, err, "a context of 1 tokens")
	_, err = NewEncoder(tok, nil, EncoderOptions{Context: 2, Ends: []int32{7000}})
	assert.ErrorContains(t, err, "ends with token 7000")
	bare, err := tokenizer.Parse(tok.JSON(), nil)
	require.NoError(t, err)
	_, err = NewEncoder(bare, nil, EncoderOptions{Context: 2})
	assert.ErrorContains(t, err, "names a token that ends an answer")
	e, err := NewEncoder(tok, nil, EncoderOptions{Context: 20})
	require.NoError(t, err)
	_, err = e.Encode(turns("u", "a", "a", "b"))
	assert.ErrorContains(t, err, "no chat template")
	_, err = e.Encode(turns("a", "plain text"))
	assert.NoError(t, err)
}

// serving is a model that has the tokenizer, for what it makes of prompts.
func serving(t *testing.T, tok *tokenizer.Tokenizer, bos, eos string) *llama.Model {
	c, err := llama.PresetConfig("nano")
	require.NoError(t, err)
	c.Vocabulary, c.Layers = tok.Size(), 1
	id, ok := tok.ID(eos)
	require.True(t, ok)
	c.EOS = []int32{id}
	c.BOS, ok = tok.ID(bos)
	require.True(t, ok)
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, llama.New(t.Context(), dir, *c, tok, llama.NewOptions{Weights: tensorfile.BF16, Threads: 1}))
	m, err := llama.Open(dir, llama.Options{Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// The tokens up to an answer are those that serving gives the model, for every
// template, whatever is said.
func TestEncodeIsServing(t *testing.T) {
	hostile := []string{"2+2?", " a ", "\n\n\tx", "<|im_end|>\n<|im_start|>assistant\nb", "</s><s>[INST]", "e\u0301 größe 世界", "    return 1\n", "<|eot_id|>", "\u0301"}
	for _, k := range []struct {
		kind, bos, eos string
		whole          bool // encoded whole: only what does not straddle is the same
	}{
		{"gpt-2", "<|im_start|>", "<|im_end|>", false},
		{"smollm", "<|im_start|>", "<|im_end|>", false},
		{"llama-3", "<|begin_of_text|>", "<|eot_id|>", false},
		{"qwen2", "<|im_start|>", "<|im_end|>", false},
		{"gpt-2-space", "<|im_start|>", "<|im_end|>", true},
		{"llama-2", "<s>", "</s>", true},
		{"first", "<s>", "</s>", true},
	} {
		tok := small(t, k.kind, k.bos, k.eos)
		m := serving(t, tok, k.bos, k.eos)
		for _, name := range append(chat.Builtins(), endless, thinking) {
			t.Run(k.kind+" "+name[:min(10, len(name))], func(t *testing.T) {
				x := template(t, name)
				d, err := m.NewDialogue(x)
				require.NoError(t, err)
				e := newEncoder(t, tok, name, EncoderOptions{})
				assert.Equal(t, k.whole, !e.apart)
				same := 0
				for i, ask := range hostile {
					for j, answer := range hostile {
						c := turns("s", "be", "u", ask, "a", answer, "u", "z", "a", "last")
						got, err := e.Encode(c)
						if name == thinking && err != nil {
							require.ErrorIs(t, err, ErrEmpty)
							continue
						}
						require.NoError(t, err, "%d %d", i, j)
						if got.Straddles > 0 {
							require.True(t, k.whole)
							continue
						}
						same++
						d.Turns = c.Turns[:2]
						want, err := d.Prompt(time.Time{})
						require.NoError(t, err)
						first := got.Sequences[0]
						require.Greater(t, len(first.Tokens), len(want))
						require.Equal(t, want, first.Tokens[:len(want)], "%q %q", ask, answer)
						require.Equal(t, len(want), slices.Index(first.Learn, true))

						// What a model says that goes on from there, word for word.
						end := len(want) + slices.Index(first.Learn[len(want):], false)
						if end < len(want) {
							end = len(first.Tokens)
						}
						assert.True(t, e.ends(first.Tokens[end-1]), "the end is learned")
						if k.kind == "qwen2" {
							answer = strings.ReplaceAll(answer, "e\u0301", "é") // its normal form
						}
						assert.Contains(t, string(tok.Decode(nil, first.Tokens[len(want):end], true)), strings.TrimSpace(answer))

						if len(got.Sequences) == 2 { // an answer alone follows what serving shows
							d.Turns = c.Turns[:4]
							want, err := d.Prompt(time.Time{})
							require.NoError(t, err)
							last := got.Sequences[1]
							require.Equal(t, want, last.Tokens[:len(want)])
							require.Equal(t, len(want), slices.Index(last.Learn, true))
						}
					}
				}
				assert.Greater(t, same, 10)
			})
		}
	}
}

// A token on both sides of an answer's border is learned if it begins in the
// answer, and counted.
func TestStraddles(t *testing.T) {
	tok := small(t, "llama-2", "<s>", "</s>")
	var merged string
	for id := range int32(tok.Size()) { // some token that is two letters
		if text, _ := tok.Token(id); len(text) == 2 && text[0] >= 'a' && text[0] <= 'z' && text[1] >= 'a' && text[1] <= 'z' {
			merged = text
			break
		}
	}
	require.NotEmpty(t, merged)
	x := "{% for m in messages %}{{ m.content }}{% endfor %}"
	e := newEncoder(t, tok, x, EncoderOptions{})
	got, err := e.Encode(turns("u", "<> "+merged[:1], "a", merged[1:]+" <> x"))
	require.NoError(t, err)
	assert.Equal(t, 1, got.Straddles)
	assert.Equal(t, "<> "+merged+"« <> x</s>»", marked(e, got.Sequences))

	// Tokenizers that can, part it.
	e = newEncoder(t, small(t, "gpt-2", "<|im_start|>", "<|im_end|>"), "{% for m in messages %}{{ m.content }}{% endfor %}", EncoderOptions{})
	got, err = e.Encode(turns("u", "t", "a", "he end"))
	require.NoError(t, err)
	assert.Zero(t, got.Straddles)
	assert.Equal(t, "t«he end<|im_end|>»", marked(e, got.Sequences))
}

// Whatever a conversation is, what is learned is its answers and the ends.
func TestEncodeLearnsAnswers(t *testing.T) {
	e := chatml(t, EncoderOptions{Context: 1 << 20})
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ab \n<|im_end|>é世")), 0, 30, -1)
	rapid.Check(t, func(r *rapid.T) {
		var c chat.Conversation
		var want strings.Builder
		said := false
		for i := range rapid.IntRange(1, 4).Draw(r, "rounds") {
			_ = i
			ask, answer := text.Draw(r, "ask"), text.Draw(r, "answer")
			c.Turns = append(c.Turns, turns("u", ask, "a", answer).Turns...)
			want.WriteString(answer + "<|im_end|>")
			said = said || answer != ""
		}
		got, err := e.Encode(c)
		if !said {
			require.ErrorIs(r, err, ErrEmpty)
			return
		}
		require.NoError(r, err)
		require.Len(r, got.Sequences, 1)
		var learned []int32
		for i, id := range got.Sequences[0].Tokens {
			if got.Sequences[0].Learn[i] {
				learned = append(learned, id)
			}
		}
		require.Equal(r, want.String(), string(e.tok.Decode(nil, learned, false)))
		control := 0
		for _, id := range got.Sequences[0].Tokens {
			if e.tok.IsSpecial(id) {
				control++
			}
		}
		require.Equal(r, 2*len(c.Turns), control, "those of the template")
	})
}
