package tokenizer

import (
	"fmt"
	"slices"
	"strconv"
)

// GGUF returns the metadata that a GGUF file holds of the tokenizer. It is an error if FromGGUF would not make
// a tokenizer of it that gives the same ids: the file names only whole families, and has no rules for how added tokens
// are found.
func (t *Tokenizer) GGUF() (*Vocabulary, error) {
	v := &Vocabulary{AddSpacePrefix: new(bool)}
	for id, s := range t.text {
		kind := int32(TokenNormal)
		switch flags := t.flags[id]; {
		case flags == 0:
			s, kind = "[PAD"+strconv.Itoa(id)+"]", TokenUnused // as llama.cpp's conversion names them
		case flags&(singleWord|leftStrip|rightStrip) != 0:
			return nil, fmt.Errorf("GGUF: added token %.80q with single_word, lstrip or rstrip is %w", s, ErrUnsupported)
		case flags&isNormalized != 0 && t.normalize(s) != s:
			return nil, fmt.Errorf("GGUF: added token %.80q that is normalized is %w", s, ErrUnsupported)
		case flags&isSpecial != 0 && int32(id) == t.unk:
			kind = TokenUnknown
		case flags&isSpecial != 0:
			kind = TokenControl
		case flags&isAdded != 0:
			kind = TokenUserDefined
		default:
			if _, ok := byteToken(s); ok && !t.byteLevel {
				kind = TokenByte
			}
		}
		v.Tokens, v.Types = append(v.Tokens, s), append(v.Types, kind)
	}
	if err := t.ggufAround(v); err != nil {
		return nil, err
	}
	if t.unk >= 0 {
		v.Unknown = ref(uint32(t.unk))
	}
	for _, p := range t.pairs {
		v.Merges = append(v.Merges, t.text[p[0]]+" "+t.text[p[1]])
	}
	if t.byteLevel {
		v.Model = "gpt2"
		for _, name := range []string{"gpt-2", "smollm", "llama-bpe", "smaug-bpe", "qwen2", "qwen35"} {
			if p := preByName[name]; p.split == t.split.how && p.ignoreMerges == t.ignoreMerges && p.nfc == (t.nfc != nil) {
				v.Pre = name
			}
		}
	} else {
		v.Model, v.Pre = "llama", "default"
		*v.AddSpacePrefix = t.prepend
		v.Scores = t.scores()
	}
	if err := t.checkGGUF(v); err != nil {
		return nil, err
	}
	return v, nil
}

// ggufAround says what goes before and after a text.
func (t *Tokenizer) ggufAround(v *Vocabulary) error {
	for _, around := range []struct {
		ids []int32
		end int32 // the token that begins or ends a sequence
		id  **uint32
		add **bool
	}{{t.prefix, t.bos, &v.BOS, &v.AddBOS}, {t.suffix, t.eos, &v.EOS, &v.AddEOS}} {
		id := around.end
		if id < 0 && len(around.ids) == 1 {
			id = around.ids[0]
		}
		if len(around.ids) > 0 && !slices.Equal(around.ids, []int32{id}) {
			return fmt.Errorf("GGUF: the tokens %d around a text are %w", around.ids, ErrUnsupported)
		}
		if id >= 0 {
			*around.id = ref(uint32(id))
		}
		*around.add = ref(len(around.ids) > 0)
	}
	return nil
}

// scores gives each token the rank of the first merge that makes it, negative, for readers that do not look at merges.
func (t *Tokenizer) scores() []float32 {
	scores := make([]float32, len(t.text))
	for rank := len(t.pairs) - 1; rank >= 0; rank-- {
		p := t.pairs[rank]
		scores[t.ids[t.text[p[0]]+t.text[p[1]]]] = -float32(rank)
	}
	return scores
}

// preparation is what decides ids besides the vocabulary and the merges.
type preparation struct {
	how                                                                      splitting
	first                                                                    metaspace
	byteLevel, nfc, prepend, escape, space, ignoreMerges, byteWords, fuseUnk bool
	unk                                                                      int32 // where bytes without a token become it
}

func (t *Tokenizer) preparation() preparation {
	p := preparation{
		how: t.split.how, first: t.metaspace, byteLevel: t.byteLevel, nfc: t.nfc != nil, prepend: t.prepend, escape: t.escape,
		space: t.addSpace, ignoreMerges: t.ignoreMerges, byteWords: t.byteWords, fuseUnk: t.fuseUnk && !t.byteLevel,
	}
	if p.first == metaspaceNever {
		p.first, p.escape = metaspaceNone, true
	}
	if t.byteLevel && slices.Contains(t.bytes[:], -1) {
		p.unk = t.unk
	}
	return p
}

// checkGGUF makes sure that v stands for t.
func (t *Tokenizer) checkGGUF(v *Vocabulary) error {
	u, err := FromGGUF(v)
	switch {
	case err != nil:
		return err
	case u.preparation() != t.preparation():
		return fmt.Errorf("GGUF: the normalizer, pre_tokenizer or model options of this tokenizer are %w", ErrUnsupported)
	case !slices.Equal(u.pairs, t.pairs):
		return fmt.Errorf("GGUF: these merges are %w", ErrUnsupported)
	}
	return nil
}

func ref[T any](v T) *T { return &v }
