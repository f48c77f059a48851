// Package tokenizer turns text into token ids and back, with the ids that Hugging Face `tokenizers` gives.
//
// It reads tokenizer.json (Parse) or what a GGUF file says of its vocabulary (FromGGUF), trains a tokenizer
// (Train), and knows two kinds of model, both byte-pair encodings:
//
//	byte-level          text ── split by a regular expression ──> words ── bytes, merged by rank ──> ids
//	  gpt-2             GPT-2 and its kin
//	  smollm            the same, every digit a word of its own: SmolLM2, StarCoder
//	  llama-3           numbers by three digits, a word in the vocabulary is a token without merging
//	  qwen2, qwen3.5    numbers by single digits, after normalisation to NFC
//
//	sentencepiece       text ── " " becomes "▁" ──> one word ── characters, merged by rank ──> ids
//	                    Llama-2, TinyLlama, Mistral; a character without a token becomes its bytes <0x00>..<0xFF>
//
// What a text goes through, in this order (the names are tokenizer.json's):
//
//	"Hi  <|im_end|>\n"
//	 bytes that are not UTF-8   become U+FFFD, one for each maximal subpart, as Python's errors="replace" has it
//	 added tokens               not normalized: found leftmost, longest first     "Hi  " 2 "\n"
//	 normalizer                 NFC, or Prepend and Replace
//	 added tokens               normalized: found in the normalised text
//	 pre_tokenizer              words                                             "Hi" "  " 2 "\n"
//	 model                      ids                                               26843, 256, 2, 198
//	 post_processor             the tokens around the text, if Options.Special
//
// A tokenizer.json with anything else (another component, regular expression, or option such as dropout) is
// an error that names it. Ids are never guessed.
//
// # Differences from Hugging Face
//
// Truncation and padding settings are read past: they say how a run uses a tokenizer, not what the ids of a
// text are. A tokenizer.json whose added tokens would get other ids than the file gives them, which that library
// only warns of, is an error. So are duplicate keys in the JSON. No merge makes a special token of text, so that
// Options.Literal keeps what it promises whatever the vocabulary. Decode gives the exact bytes of the tokens; the library
// replaces what is not UTF-8, as Decoder does.
//
// # Unicode
//
// Which characters are letters, numbers and white space, and what NFC does, are recorded from tokenizers 0.23.3
// (tables.go): Unicode 16 in its regular expressions, 17 where single digits are split, and older tables in its
// NFC. Ids therefore do not change with the Go release.
//
// # Time and space
//
// Encoding takes time in proportion to n log w, for n bytes of text and the longest word w. A Tokenizer
// is safe for concurrent use. It holds a cache of words of 512 KB for each of at most 32 texts encoded at
// once, made when first needed, and does not grow otherwise. Encoding allocates nothing when dst is large enough, save
// for scratch space beyond what the texts before needed; scratch space above 1 MB is let go of at once.
package tokenizer
