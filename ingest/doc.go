// Package ingest brings records into the store: it decodes files and streams,
// recognises the shape of each record, brings it to its normal form, labels it
// and writes segments.
//
//	bytes ──container──▶ content ──lines──▶ record ──shape──▶ row.Content ──▶ row_hash ─┐
//	                              one JSON     │                                        ├─▶ segment
//	                              object each  └────label────▶ record + metadata ───────┘
//
// # Content
//
// A file's content is what package container makes of its bytes: unpacked, and
// converted to JSON lines if it is an array, a table, Parquet or prose. It is
// UTF-8, with or without a byte order mark, one JSON object a line. A line ends
// at a line feed, a carriage return before it is white space, the last one may
// end with the file, and lines of white space are passed over. Lines are
// numbered from 1 and counted whatever they hold; of a converted file, the n-th
// line is its n-th element or record, and places within it are places in the
// line that it became.
//
// What is stored of a line is its bytes, less the white space around the
// object, plus the labels it lacked, before the closing brace. Nothing else is
// changed, so that every record comes back as it was.
//
// # Shapes
//
// A shape is recognised by the fields that are there (null counts as absent),
// in this order:
//
//	messages       messages[{role, content}]            OpenAI, with tool calls
//	sharegpt       conversations[{from, value}]
//	alpaca         instruction, [input | context], output | response
//	prompt         prompt, completion | response
//	query          query, response
//	problem        problem, solution
//	question       [system_prompt], question, answer | response      no choices
//
//	choices        question, choices, answer | answerKey | response
//	truthfulqa     question, mc1_targets | mc2_targets
//	pubmedqa       question, [context.contexts], long_answer | final_decision
//	               QUESTION, [CONTEXTS], LONG_ANSWER | final_decision
//	bfcl           question[[{role, content}]], function, [ground_truth]
//	preference     chosen, rejected, [prompt | question, [system]]
//	chat           [system], chat                       with <functioncall>
//	oasst          prompt{text, role, replies[...]}     or the record itself
//	versions       instruction_v1, output_v1, instruction_v2, ...
//	humaneval      prompt, canonical_solution
//	mbpp           text | prompt, [test_list], code
//	apibench       code, api_call
//	story          prompt, story
//	article        article, abstract
//	title          title, text
//	text           text                                 to be continued
//
// Of fields side by side the first that is there counts, and the other is an
// extra field like any. Texts are strings, taken as they are, neither trimmed
// nor normalised; parts that were cut out of a transcript lose the layout around
// them. Nothing is put in that the record does not say. A system prompt with
// something in it makes a conversation of three turns; an empty one leaves a
// triple. In a list of turns, a user's and then an assistant's, alone, are a
// triple too, and anything else is a conversation. What the shapes with more to
// them do is said at the functions that read them: readTurn (tool calls),
// multipleChoice, truthfulQA, functionQuestion, preference, chat, messageTree,
// versions, apiBench.
//
// A record of no known shape is rejected rather than guessed at, because what
// its content is taken to be is its identity for good.
//
// # Maps
//
// Options.Map says where the parts of the content stand in records of another
// shape: output=data.answer.text. Parts it does not name are found as above.
// A record read by a map gets it as a field,
//
//	"_map":{"instruction":"q","output":"data.answer.text"}
//
// and whatever has a _map is read by it, at its first ingest, by RowHash, and
// after it was written to a file and ingested again. So a record alone still
// says what its content is. _map is the one field beginning with '_' that must
// stay as it is; for the same reason paths do not lead into metadata.
//
// # Labels
//
// Fields that begin with '_' are metadata and indexed. A row's bucket is its
// _bucket, else Options.Bucket, else what Options.Rule or Options.Classify finds,
// else the line is rejected; _bucket_origin says which, "given", "flag", "rule" or
// "classifier", and _bucket_score what the classifier's score was. Labels and Options.Source are
// added to records that do not have the field, a field that is null being
// there. From then on they are part of the row, which the bucket of an option
// or the classifier and the file name that stands for a missing source are not:
// these are indexed only.
//
// # Rejects
//
// A line that cannot become a row is a reject: it is counted, kept in the store
// with its number, place, reason and up to 64 KiB of text, and written to a
// rejects file when the file it is from has been read to its end, or to where
// it is damaged. It never ends an ingest.
//
// # The same file again
//
// A file is what it contains. The ledger in the store has, for each, the digest
// of its first bytes, how far it was read, and the digest of all up to there.
// An input with the same first bytes as an entry is read once for its digest:
//
//	nothing known          stream it, entry and rows in the same commits
//	the entry's part       take up after the last line committed
//	all of it              try the rejected lines again, skip the rest
//
// So a copy under another name, compressed or piped in, adds nothing, nor do the
// same records in another container if they come to the same lines; a file
// whose ingest was killed is completed; and lines rejected for want of a bucket
// are taken in when one is given.
//
// # Invariants
//
//   - Rows, their order and addresses follow from the inputs and the options
//     other than Threads alone.
//   - The rows in the store are those of a prefix of the lines that its ledger
//     says were read, at any moment, crash or not.
//   - The hash stored with a row is RowHash of its record.
package ingest
