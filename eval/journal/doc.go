// Package journal keeps the answers of a model as they come, so that an evaluation that was
// killed goes on where it was, and a second one of the same is instant.
//
//	requests ──▶ Journal.Wrap(model) ── those it does not know ──▶ model
//	                │    ▲                                            │
//	answers ◀───────┘    └──────────── each answer, appended ◀────────┘
//
// # The file
//
// It is text, a line an answer, in the order in which they came:
//
//	smelt answers 1
//	5f1c0e... 00c3a91e L g -12.59375
//	└ key ──┘ └ sum ─┘ │ │ └ the log-probability, with as many digits as all its bits take
//	                   │ └ g: greedy, c: the context was cut; - neither, and gc both
//	                   └ L
//	81aa37... 7be00d14 G s "5 + 4 = 9\nThe answer is 9"
//	                   │ │ └ the text, quoted as Go does it (bytes that are no UTF-8 survive)
//	                   │ └ why it ended: e the end of text, s a stop, l too long; and c: as above
//	                   └ G
//	0b6d11... 41f20c55 R 215.0625 209.75
//	                   │ │        └ the same without the tokens that end an answer
//	                   │ └ a row's loss, in nats
//	                   └ R
//
// The key is 32 hex digits: the first 16 bytes of SHA-256 over the identity, given by who opens
// the journal, and the request's key (tasks.Request.Key), or a row's (heldout.Row.Key). The identity names the model's bytes
// and all settings that change answers. A journal may hold the answers of several.
//
// The sum is the CRC-32C, in 8 hex digits, of the line without it (the key, and what follows
// the space after the sum). A line whose sum is wrong, or that cannot be read, is skipped and
// counted: its request is asked again. What follows the last line break is what a killed
// process was writing, and is cut off. A line is written as soon as its answer is there, so a
// killed process loses at most the answer it was about to write; what the machine loses when its
// power fails is found out by the sums.
package journal
