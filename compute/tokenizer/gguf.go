package tokenizer

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Vocabulary is what the metadata of a GGUF file says of its tokenizer: the values of the keys tokenizer.ggml.*.
// A key that the file lacks is nil, or empty.
type Vocabulary struct {
	Model  string    // model: "gpt2" is a byte-level tokenizer, "llama" SentencePiece's
	Pre    string    // pre: how a byte-level one splits text
	Tokens []string  // tokens, by id
	Scores []float32 // scores, by id: without merges, "llama" merges what gives the token of the highest score first
	Types  []int32   // token_type, by id: the Token constants
	Merges []string  // merges: "left right", by rank; files of the model "llama" made from tokenizer.json have them, too

	BOS, EOS, Unknown              *uint32 // bos_token_id, eos_token_id, unknown_token_id
	AddBOS, AddEOS, AddSpacePrefix *bool   // add_bos_token, add_eos_token, add_space_prefix
}

// The kinds of tokens in Vocabulary.Types (llama_token_type of llama.cpp).
const (
	TokenNormal      = 1
	TokenUnknown     = 2
	TokenControl     = 3
	TokenUserDefined = 4
	TokenUnused      = 5
	TokenByte        = 6
)

// pre is what a value of tokenizer.ggml.pre stands for in the tokenizer.json of the models it was made for.
type pre struct {
	split        splitting
	nfc          bool
	ignoreMerges bool
	addBOS       bool
}

var preByName = map[string]pre{
	"gpt-2":     {split: splitGPT2},
	"smollm":    {split: splitDigits},
	"starcoder": {split: splitDigits},
	"llama-bpe": {split: splitLlama3, ignoreMerges: true, addBOS: true},
	"llama3":    {split: splitLlama3, ignoreMerges: true, addBOS: true},
	"llama-v3":  {split: splitLlama3, ignoreMerges: true, addBOS: true},
	"smaug-bpe": {split: splitLlama3},
	"qwen2":     {split: splitQwen2, nfc: true},
	"qwen35":    {split: splitQwen35, nfc: true},
}

// FromGGUF makes the tokenizer of a GGUF file. It gives the ids of the Hugging Face tokenizer that the file was
// made from, even where llama.cpp's differ, as they do for normalisation and in some white space. The file does
// not say which added tokens strip the white space around them; none do.
func FromGGUF(v *Vocabulary) (*Tokenizer, error) {
	t, err := fromGGUF(v)
	if err != nil {
		return nil, fmt.Errorf("tokenizer.ggml: %w", err)
	}
	return t, nil
}

func fromGGUF(v *Vocabulary) (*Tokenizer, error) {
	if len(v.Tokens) > math.MaxInt32/2 {
		return nil, fmt.Errorf("tokens: %d are too many", len(v.Tokens))
	}
	if len(v.Types) != len(v.Tokens) && len(v.Types) != 0 {
		return nil, fmt.Errorf("token_type has %d values for %d tokens", len(v.Types), len(v.Tokens))
	}
	b := newBuilder()
	t := b.t
	for id, s := range v.Tokens {
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("tokens: %d is not UTF-8", id)
		}
		b.token(id, []byte(s))
	}
	if err := b.seal(); err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	for _, id := range []struct {
		key  string
		from *uint32
		to   *int32
	}{{"bos_token_id", v.BOS, &t.bos}, {"eos_token_id", v.EOS, &t.eos}} {
		if id.from == nil {
			continue
		}
		if *id.from >= uint32(len(v.Tokens)) {
			return nil, fmt.Errorf("%s is %d with %d tokens", id.key, *id.from, len(v.Tokens))
		}
		*id.to = int32(*id.from)
	}
	var addBOS bool
	var err error
	switch v.Model {
	case "gpt2":
		addBOS, err = b.ggufByteLevel(v)
	case "llama":
		addBOS, err = true, b.ggufSentencePiece(v)
	default:
		err = fmt.Errorf("model %.80q is %w: gpt2 and llama are", v.Model, ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	for id, kind := range v.Types {
		a := added{id: id, content: v.Tokens[id]}
		switch kind {
		case TokenControl, TokenUnknown:
			a.flags = isSpecial
		case TokenUserDefined:
		default:
			continue
		}
		if err := b.addToken(a); err != nil {
			return nil, err
		}
	}
	if v.AddBOS != nil {
		addBOS = *v.AddBOS
	}
	t.wrap(addBOS, v.AddEOS != nil && *v.AddEOS)
	return b.finish()
}

// ggufByteLevel reads a vocabulary of the model gpt2.
func (b *builder) ggufByteLevel(v *Vocabulary) (addBOS bool, err error) {
	t := b.t
	p, ok := preByName[v.Pre]
	if !ok {
		return false, fmt.Errorf("pre %.80q is %w", v.Pre, ErrUnsupported)
	}
	if v.AddSpacePrefix != nil && *v.AddSpacePrefix {
		return false, fmt.Errorf("add_space_prefix with the model gpt2 is %w", ErrUnsupported)
	}
	t.byteLevel, t.ignoreMerges = true, p.ignoreMerges
	t.useSplit(p.split)
	t.normalizer = "null"
	if p.nfc {
		t.nfc, t.normalizer = nfc(), `{"type": "NFC"}`
	}
	t.decoder = byteLevelJSON
	return p.addBOS, b.ggufMerges(v)
}

func (b *builder) ggufMerges(v *Vocabulary) error {
	for i, s := range v.Merges {
		left, right, err := splitMerge([]byte(s))
		if err == nil {
			err = b.merge(left, right)
		}
		if err != nil {
			return fmt.Errorf("merges: %d: %w", i, err)
		}
	}
	return nil
}

// useSplit sets how a byte-level tokenizer splits text.
func (t *Tokenizer) useSplit(how splitting) {
	t.split, t.family = newSplitter(how), familyOf(how)
	switch how {
	case splitNone:
		t.preTokenizer = "null"
	case splitGPT2:
		t.preTokenizer = byteLevelJSON
	case splitDigits:
		t.preTokenizer = digitsJSON
	default:
		for regex, h := range splitByRegex {
			if h == how {
				t.preTokenizer = splitJSON(regex)
			}
		}
	}
}

// ggufSentencePiece reads a vocabulary of the model llama, as transformers converts Llama-2's.
func (b *builder) ggufSentencePiece(v *Vocabulary) error {
	t := b.t
	t.useSplit(splitNone)
	t.escape = true
	t.normalizer, t.decoder = escapeJSON, `{"type": "Sequence", "decoders": [`+blanksJSON+`]}`
	if v.AddSpacePrefix == nil || *v.AddSpacePrefix {
		t.prepend, t.stripSpace = true, true
		t.normalizer = `{"type": "Sequence", "normalizers": [` + prependJSON + `, ` + escapeJSON + `]}`
		t.decoder = `{"type": "Sequence", "decoders": [` + blanksJSON + `, ` + stripJSON + `]}`
	}
	b.decode = decodeBlanks
	t.byteWords, t.fuseUnk = true, true
	switch {
	case v.Unknown == nil:
	case *v.Unknown >= uint32(len(v.Tokens)):
		return fmt.Errorf("unknown_token_id is %d with %d tokens", *v.Unknown, len(v.Tokens))
	default:
		b.unk = v.Tokens[*v.Unknown]
	}
	if len(v.Merges) > 0 { // the scores may all be 0 then
		return b.ggufMerges(v)
	}
	if len(v.Scores) != len(v.Tokens) {
		return fmt.Errorf("scores has %d values for %d tokens", len(v.Scores), len(v.Tokens))
	}
	return b.mergesOfScores(v)
}

// mergesOfScores finds the merges of a vocabulary that has scores only: every two tokens that make a third, by
// the third one's score, then by the length of the left and of the right one in characters, all falling;
// those alike in that in the order of the third's id, then of the left and the right one's. This is generate_merges
// of transformers' convert_slow_tokenizer.py.
func (b *builder) mergesOfScores(v *Vocabulary) error {
	type merge struct {
		score       float32
		lens        [2]int32
		left, right int32
		made        int32
	}
	t := b.t
	var merges []merge
	for id, s := range t.text {
		if len(s) > maxPiece {
			return fmt.Errorf("tokens: %d has %d bytes: more than %d are %w", id, len(s), maxPiece, ErrUnsupported)
		}
		if v.Scores[id] != v.Scores[id] {
			return errors.New("scores: not a number")
		}
		first := len(merges)
		n, k := int32(utf8.RuneCountInString(s)), int32(0)
		for i := range s {
			if i > 0 {
				left, ok := t.ids[s[:i]]
				right, ok2 := t.ids[s[i:]]
				if ok && ok2 {
					merges = append(merges, merge{v.Scores[id], [2]int32{k, n - k}, left, right, int32(id)})
				}
			}
			k++
		}
		slices.SortFunc(merges[first:], func(a, b merge) int {
			return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.right, b.right))
		})
	}
	slices.SortStableFunc(merges, func(a, b merge) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.lens[0], a.lens[0]), cmp.Compare(b.lens[1], a.lens[1]))
	})
	for _, m := range merges {
		b.mergeIDs(m.left, m.right, m.made)
	}
	return nil
}

// maxPiece is how long a token of SentencePiece may be, in bytes; looking for its parts takes quadratic time.
const maxPiece = 256
