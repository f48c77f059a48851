// Package train teaches a model from examples.
//
// # From examples to blocks
//
// An Encoder makes tokens of conversations, Build keeps them in a file and packs
// them into blocks, and a Dataset reads block after block:
//
//	examples   chat.Example   system, user, assistant, user, assistant         bucket code
//	Encoder    Sequence       tokens   1 9 4 2 1 7 5 5 3 2 1 9 8 2 1 7 6 2
//	                          learned                ─────           ───       the answers, with the token that ends each
//	Dataset    blocks         ┌──────────────┬──────────┬──────────────────┐
//	                        0 │ a            │ b        │ d                │  at most BlockTokens, nothing pads them
//	                          ├──────────────┴────────┬─┴──────────────────┘
//	                        1 │ c                     │
//	                          └───────────────────────┘
//
// In a block no sequence sees another, so it matters for speed alone which ones
// share it. That is decided by first fit in the order in which the examples come,
// and blocks are trained in the order in which they were begun: see Build.
//
// The text of a conversation is what the model's template makes of it, and its
// tokens are those that serving gives the model: up to where an answer begins the
// tokens are those of llama.Dialogue's Prompt. The rules are said at Encoder.
package train
