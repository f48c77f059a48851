package tokenizer

import (
	"errors"
	"sync"
)

// ErrUnsupported is wrapped by the errors of Parse and FromGGUF that are about a tokenizer this package cannot
// follow exactly, as against one that is damaged.
var ErrUnsupported = errors.New("not supported")

// Tokenizer turns text into ids and back. It does not change once made; all its methods may be called from
// any number of goroutines.
type Tokenizer struct {
	vocab
	model
	parts // as tokenizer.json writes them

	// What happens to text before the model, in this order.
	plain      matcher     // added tokens that are found in text as it is
	nfc        *normalForm // the normalizer is NFC
	prepend    bool        // the normalizer puts "▁" before text
	escape     bool        // and turns every " " into "▁"
	normalized matcher     // added tokens that are found in normalised text
	metaspace  metaspace
	addSpace   bool // ByteLevel's add_prefix_space
	split      splitter

	prefix, suffix []int32 // what the post-processor puts around a text
	bos, eos       int32   // or -1

	decoded    []string // what each id stands for in text
	stripSpace bool     // one space at the beginning of decoded text is left out

	free struct {
		sync.Mutex
		encoders []*encoder
		made     int
	}
}

// metaspace says how the pre-tokenizer of that name treats text. It differs from Prepend and Replace in that it
// puts no "▁" before text that begins with a space.
type metaspace uint8

const (
	metaspaceNone metaspace = iota
	metaspaceNever
	metaspaceFirst  // "▁" before the beginning of the text only
	metaspaceAlways // and after every added token
)

// parts are the components of tokenizer.json that are carried from reading to writing as JSON text.
type parts struct {
	family                                           string
	normalizer, preTokenizer, postProcessor, decoder string
}

// Options are how one text is encoded. The zero value gives the ids of the text alone.
type Options struct {
	// Special puts the tokens around the text that the tokenizer's post-processor, or its add_bos_token and
	// add_eos_token, ask for. It is Hugging Face's add_special_tokens.
	Special bool
	// Literal takes special tokens that are written in the text for ordinary text. Other added tokens are
	// still found: a vocabulary needs some of them, such as those for runs of spaces, to encode any text as
	// the model learnt it.
	Literal bool
	// LiteralIn does so in these ranges of bytes of the text only: from the first number up to the second. They follow
	// each other in the text. What people said in a chat is encoded so, for it could otherwise end its own turn; encoding
	// it by itself would give other ids where it meets the text around it.
	LiteralIn [][2]int
}

// Size returns the number of ids, which run from 0 to Size-1. Where the vocabulary has gaps, some have no token.
func (t *Tokenizer) Size() int { return len(t.text) }

// Family names the rules text is encoded by: gpt-2, smollm, llama-3, qwen2, qwen3.5 or sentencepiece.
func (t *Tokenizer) Family() string { return t.family }

// ID returns the id of a token as tokenizer.json writes it: "Ġthe", "▁the", "<0x0A>", "<|im_end|>".
func (t *Tokenizer) ID(token string) (id int32, ok bool) {
	id, ok = t.ids[token]
	return id, ok
}

// Token returns the token with that id as tokenizer.json writes it. Decode gives the text it stands for.
func (t *Tokenizer) Token(id int32) (token string, ok bool) {
	if !t.has(id) {
		return "", false
	}
	return t.text[id], true
}

// IsSpecial tells whether id is a special token: one that is no text, such as the end of a turn.
func (t *Tokenizer) IsSpecial(id int32) bool { return t.has(id) && t.flags[id]&isSpecial != 0 }

// BOS returns the token that begins a sequence, if the tokenizer is known to have one.
func (t *Tokenizer) BOS() (id int32, ok bool) { return t.bos, t.bos >= 0 }

// EOS returns the token that ends a sequence, if the tokenizer is known to have one.
func (t *Tokenizer) EOS() (id int32, ok bool) { return t.eos, t.eos >= 0 }

// Around returns how many tokens Options.Special puts before a text and after it.
func (t *Tokenizer) Around() (before, after int) { return len(t.prefix), len(t.suffix) }

// vocab is what tokens there are.
type vocab struct {
	text  []string // by id
	flags []uint8  // by id; 0 where there is no such token
	ids   map[string]int32
}

const (
	inModel   = 1 << iota // the model has it
	isAdded               // it is listed among the added tokens
	isSpecial             // and is special
	singleWord
	leftStrip
	rightStrip
	isNormalized
)

func (v *vocab) has(id int32) bool { return id >= 0 && int(id) < len(v.flags) && v.flags[id] != 0 }
