package tokenizer_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"smelt/compute/tokenizer"
)

// TestGGUF writes the small tokenizers as GGUF metadata and reads these; some cannot be written.
func TestGGUF(t *testing.T) {
	texts := hostile(t)
	for kind, want := range map[string]string{
		"gpt-2": "", "smollm": "single_word, lstrip or rstrip", "trained": "", "llama-3": "", "qwen3.5": "", "scored": "",
		"qwen2": "single_word", "first": "single_word", "never": "", "gpt-2-unk": "model options", "gpt-2-lacking": "",
		"llama-2": "", "no-fallback": "model options", "lacking": "", "lacking-apart": "model options", "gemma": "",
	} {
		t.Run(kind, func(t *testing.T) {
			tok := small(t, kind)
			v, err := tok.GGUF()
			if err != nil {
				assert.True(t, errors.Is(err, tokenizer.ErrUnsupported))
				require.NotEmpty(t, want, "%v", err)
				require.ErrorContains(t, err, want)
				return
			}
			again, err := tokenizer.FromGGUF(v)
			require.NoError(t, err)
			assert.Equal(t, tok.Family(), again.Family())
			for _, text := range texts {
				for _, o := range []tokenizer.Options{{Special: true}, {Literal: true}} {
					require.Equal(t, tok.Encode(nil, text, o), again.Encode(nil, text, o), "%q", text)
				}
			}
		})
	}
}

// TestScores makes a tokenizer of a vocabulary with scores; what its ids must be is recorded as the kind scored.
func TestScores(t *testing.T) {
	want := small(t, "scored")
	v := &tokenizer.Vocabulary{Model: "llama", BOS: new(uint32), Unknown: new(uint32)}
	*v.BOS = 1
	for id := range int32(want.Size()) {
		s, _ := want.Token(id)
		kind, score := int32(tokenizer.TokenNormal), -float32(id)
		if want.IsSpecial(id) {
			kind = tokenizer.TokenControl
		}
		if strings.HasPrefix(s, "<") {
			score = 0
		}
		v.Tokens, v.Types, v.Scores = append(v.Tokens, s), append(v.Types, kind), append(v.Scores, score)
	}
	got, err := tokenizer.FromGGUF(v)
	require.NoError(t, err)
	merges := func(tok *tokenizer.Tokenizer) string {
		_, after, _ := strings.Cut(string(tok.JSON()), `"merges"`)
		return after
	}
	assert.Equal(t, merges(want), merges(got))
	for _, text := range hostile(t) {
		o := tokenizer.Options{Special: true}
		require.Equal(t, want.Encode(nil, text, o), got.Encode(nil, text, o), "%q", text)
	}
}

// A token that is found in normalised text, "▁</s>", cannot be written.
func TestGGUFNormalized(t *testing.T) {
	tok, err := tokenizer.Parse(edit(t, "llama-2", `"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false`,
		`"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":true`), nil)
	require.NoError(t, err)
	_, err = tok.GGUF()
	require.ErrorIs(t, err, tokenizer.ErrUnsupported)
	require.ErrorContains(t, err, `"</s>" that is normalized`)
}

func TestGGUFRefuses(t *testing.T) {
	good := func() *tokenizer.Vocabulary {
		v, err := small(t, "gpt-2").GGUF()
		require.NoError(t, err)
		return v
	}
	big := uint32(math.MaxUint32)
	for want, damage := range map[string]func(v *tokenizer.Vocabulary){
		`model "bert" is not supported`:           func(v *tokenizer.Vocabulary) { v.Model = "bert" },
		`pre "falcon" is not supported`:           func(v *tokenizer.Vocabulary) { v.Pre = "falcon" },
		"token_type has 1 values":                 func(v *tokenizer.Vocabulary) { v.Types = v.Types[:1] },
		"merges: 3: a text of merges has no":      func(v *tokenizer.Vocabulary) { v.Merges[3] = "ab" },
		"no space, or more than one":              func(v *tokenizer.Vocabulary) { v.Merges[3] = "a b c" },
		`"\x00" is no token`:                      func(v *tokenizer.Vocabulary) { v.Merges[3] = "\x00 a" },
		`"qq" is no token`:                        func(v *tokenizer.Vocabulary) { v.Merges[3] = "q q" },
		"tokens: 7 is not UTF-8":                  func(v *tokenizer.Vocabulary) { v.Tokens[7] = "\xff" },
		"has two ids, 7 and 9":                    func(v *tokenizer.Vocabulary) { v.Tokens[9] = v.Tokens[7] },
		"bos_token_id is 4294967295 with":         func(v *tokenizer.Vocabulary) { v.BOS = &big },
		"scores has 0 values for 700 tokens":      func(v *tokenizer.Vocabulary) { v.Model, v.Merges = "llama", nil },
		"add_space_prefix with the model gpt2 is": func(v *tokenizer.Vocabulary) { yes := true; v.AddSpacePrefix = &yes },
		"added token 0 is empty":                  func(v *tokenizer.Vocabulary) { v.Tokens[0] = "" },
		"scores: not a number": func(v *tokenizer.Vocabulary) {
			v.Model, v.Merges, v.Scores = "llama", nil, make([]float32, len(v.Tokens))
			v.Scores[5] = float32(math.NaN())
		},
		"unknown_token_id is 4294967295": func(v *tokenizer.Vocabulary) {
			v.Model, v.Scores, v.Unknown = "llama", make([]float32, len(v.Tokens)), &big
		},
	} {
		v := good()
		damage(v)
		_, err := tokenizer.FromGGUF(v)
		assert.ErrorContains(t, err, want)
	}
}

// readGGUF reads the tokenizer of a real GGUF file. It trusts the file.
func readGGUF(t testing.TB, path string) *tokenizer.Vocabulary {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, 32<<20))
	require.NoError(t, err)
	u32 := func() uint32 { v := binary.LittleEndian.Uint32(data); data = data[4:]; return v }
	u64 := func() uint64 { v := binary.LittleEndian.Uint64(data); data = data[8:]; return v }
	str := func() string { n := u64(); s := string(data[:n]); data = data[n:]; return s }
	sizes := map[uint32]int{0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
	var value func(kind uint32) any
	value = func(kind uint32) any {
		switch kind {
		case 8:
			return str()
		case 9:
			kind, n := u32(), u64()
			list := make([]any, n)
			for i := range list {
				list[i] = value(kind)
			}
			return list
		case 4, 5:
			return u32()
		case 6:
			return math.Float32frombits(u32())
		case 7:
			b := data[0] != 0
			data = data[1:]
			return b
		}
		data = data[sizes[kind]:]
		return nil
	}
	u64() // magic and version
	u64() // tensors
	all := map[string]any{}
	for range u64() {
		key := str()
		all[strings.TrimPrefix(key, "tokenizer.ggml.")] = value(u32())
	}
	v := &tokenizer.Vocabulary{Model: all["model"].(string)}
	v.Pre, _ = all["pre"].(string)
	raw, err := json.Marshal(map[string]any{
		"Tokens": all["tokens"], "Scores": all["scores"], "Types": all["token_type"], "Merges": all["merges"],
		"BOS": all["bos_token_id"], "EOS": all["eos_token_id"], "Unknown": all["unknown_token_id"],
		"AddBOS": all["add_bos_token"], "AddEOS": all["add_eos_token"], "AddSpacePrefix": all["add_space_prefix"],
	})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, v))
	return v
}

// TestRealGGUF compares the tokenizers of real GGUF files with those of the tokenizer.json files made of them. SMELT_MODELS
// has the GGUF files below vocabularies, and the others below tokenizers.
func TestRealGGUF(t *testing.T) {
	models := os.Getenv("SMELT_MODELS")
	if models == "" {
		t.Skip("SMELT_MODELS does not name the folder of models")
	}
	for family, file := range map[string]string{
		"gpt-2": "ggml-vocab-gpt-2.gguf", "llama-3": "ggml-vocab-llama-bpe.gguf", "qwen2": "ggml-vocab-qwen2.gguf",
		"qwen3.5": "ggml-vocab-qwen35.gguf", "llama-2": "ggml-vocab-llama-spm.gguf", "smollm2": "SmolLM2-135M-Instruct.Q4_1.gguf",
	} {
		t.Run(family, func(t *testing.T) {
			want, err := tokenizer.Parse(tokenizerFile(t, models, family), nil)
			require.NoError(t, err)
			v := readGGUF(t, filepath.Join(models, "vocabularies", file))
			got, err := tokenizer.FromGGUF(v)
			require.NoError(t, err)
			again, err := got.GGUF()
			require.NoError(t, err)
			third, err := tokenizer.FromGGUF(again)
			require.NoError(t, err)
			for _, text := range hostile(t) {
				for _, o := range []tokenizer.Options{{Special: true}, {Literal: true}} {
					ids := want.Encode(nil, text, o)
					require.Equal(t, ids, got.Encode(nil, text, o), "%q", text)
					require.Equal(t, ids, third.Encode(nil, text, o), "%q", text)
				}
			}
			merges := func(tok *tokenizer.Tokenizer) int { return strings.Count(string(tok.JSON()), "\n      [") }
			assert.Equal(t, merges(want), merges(got))
		})
	}
}
