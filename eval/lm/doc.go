// Package lm answers the requests of tasks with a llama model.
//
//	requests ── encode ──▶ token sequences ── sort ──▶ tree ── run, deepest first ──▶ answers
//
// The answers are those that lm-evaluation-harness 0.4.13 gives with its model hf, one
// request at a time, and the same weights; the sources are its api/model.py and
// models/huggingface.py.
//
// # Tokens
//
// A text is encoded with the special tokens the tokenizer puts around it, unless it begins
// with the text of the token that begins a sequence. Special tokens written in a text are
// tokens, in a chat, too, as in the harness: evaluate no text that you do not trust with
// that.
//
// Of a log-likelihood, white space at the end of the context belongs to the continuation
// (Python's str.rstrip). The context's tokens are those of it alone, and the continuation's
// those of both texts together from as many on. An empty context is the token that begins a
// sequence, or that ends one where there is no such. Of more tokens than the model has
// positions the first are left out, and the answer says so (Cut); but what comes after a
// context must be whole.
//
// A chat is the context as what the user says, after a system turn if there is one and worked
// examples as turns; a template that fails on that is asked without the system turn, as in the
// harness.
//
// A text to go on with loses its first tokens where it leaves less room than MaxTokens.
// Where MaxTokens is as much as the model has positions, which the harness refuses, half of
// them are for the text.
//
// # Texts
//
// A generated text ends at a token that ends texts by the model's configuration, at that of
// its tokenizer, at a special token that is one of the stops, and at the first stop. Special
// tokens are left out of it. Tokenizers of the SentencePiece kind leave a space out at the
// beginning of what they decode: see [LeadingSpace].
//
// # Speed
//
// Token sequences form a tree. What several begin with is run once, at any depth, and so is
// a continuation that two share with another (truthfulqa's two forms). The tree is run from
// the deepest rows that are ready, in steps of as many rows as the model's products are
// fast with, of as many sequences as that takes: nothing is padded, few caches are alive,
// and a cache is given back when its last heir has it.
//
// The order in which requests are run, and which share rows, depend on what else is asked.
// So that answers do not, to the last bit, the model must have been opened with
// llama.Options.Invariant; without it they differ by rounding.
package lm
